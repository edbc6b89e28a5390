"""Regions are described in words."""

import random
from datetime import UTC, datetime

import pytest
from support.random_policies import a_policy, a_policy_with

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel, Signal
from hitl_orchestrator.policies.analysis.check import check
from hitl_orchestrator.policies.analysis.describe import describe, describe_context, describe_facts
from hitl_orchestrator.policies.analysis.findings import FindingKind
from hitl_orchestrator.policies.analysis.regions import regions
from hitl_orchestrator.policies.engine.partition import FactSpace

MANY = [f"n{number}" for number in range(20_000)]


def fields(**conditions):
    """Return the description of the first region of a rule, beside a rule with more conditions."""
    more = {
        "min_confidence": 0.6,
        "max_confidence": 0.9,
        "domain": ["payments", "support"],
        "task_type": "refund",
        "metadata": {"amount": {"ge": 100, "lt": 5000}, "country": {"in": ["AT", "DE"]}, "vip": {"eq": True}},
        "time": {"days": ["monday", "tuesday", "wednesday", "thursday", "friday"], "begins": "08:00", "ends": "17:00"},
        "signals": ["risky", "unusual"],
    }
    policy = a_policy_with([("human_review", conditions), ("escalate", more)])
    space = FactSpace([policy])
    return " | ".join(describe(box, space) for box in regions(policy.rules[0], policy, space))


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({}, "every case"),
        ({"risk_level": "high"}, "high risk"),
        ({"risk_level": ["low", "high"], "domain": "payments"}, "low or high risk in payments"),
        ({"not": {"domain": "payments"}}, "every case outside payments"),
        ({"not": {"task_type": "refund"}}, "every case of a type other than refund"),
        (
            {"risk_level": "medium", "min_confidence": 0.6, "max_confidence": 0.9},
            "medium risk with a confidence of 0.6 to below 0.9",
        ),
        ({"max_confidence": 0.6}, "every case with a confidence below 0.6"),
        ({"min_confidence": 0.9}, "every case with a confidence of 0.9 or above"),
        ({"min_confidence": 1.0}, "every case with a confidence of 1"),
        ({"min_confidence": 0.0}, "every case with a confidence"),
        ({"not": {"min_confidence": 0.6}}, "every case without a confidence or with one below 0.6"),
        ({"signals": "risky"}, "every case with the signal risky"),
        ({"signals": ["risky", "unusual"]}, "every case with the signal unusual or risky"),
        ({"signals": {"all": ["risky", "unusual"]}}, "every case with the signals unusual and risky"),
        ({"signals": {"none": ["risky", "unusual"]}}, "every case without the signal unusual or risky"),
        ({"metadata": {"amount": {"exists": False}}}, "every case where amount is missing"),
        ({"metadata": {"amount": {"exists": True}}}, "every case where amount is present"),
        (
            {"metadata": {"amount": {"exists": True, "gt": 5000}}},
            "every case where amount is of another type or above 5000",
        ),
        (
            {"metadata": {"amount": {"gt": 100, "le": 5000}}},
            "every case where amount is missing or of another type or above 100 and at most 5000",
        ),
        (
            {"metadata": {"country": {"ne": "DE"}}},
            "every case where country is missing or of another type or a text other than DE",
        ),
        ({"metadata": {"vip": {"eq": True}}}, "every case where vip is missing or of another type or true"),
        ({"time": {"days": ["saturday", "sunday"]}}, "every case on saturday or sunday or at no known time"),
        (
            {
                "time": {
                    "days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                    "begins": "08:00",
                    "ends": "17:00",
                }
            },
            "every case on monday to friday 08:00 to 17:00 or at no known time",
        ),
    ],
)
def test_a_region_is_described_in_words(conditions, words):
    assert fields(**conditions).replace(", ", " or ") == words


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"domain": MANY}, "any case outside n0, n1, n10 or 19,997 more"),
        ({"task_type": MANY[:13]}, "any case of a type other than n0, n1, n10 or 10 more"),
        ({"metadata": {"country": {"in": MANY}}}, "any case where country is a text other than n0, n1, n10 or "),
    ],
)
def test_long_lists_are_shortened_and_located_fast(conditions, words):
    found = check(a_policy_with([("human_review", conditions)]))
    (gap,) = [one for one in found if one.kind is FindingKind.GAP]
    assert gap.sentence.startswith(f"no rule matches {words}")
    assert len(gap.sentence) < 200


def test_different_regions_have_different_descriptions():
    dice = random.Random(1)
    for seed in range(10):
        policy = a_policy(seed, most=4)
        space = FactSpace([policy])
        boxes_at_random = {tuple(dice.randint(1, full) for full in space.full) for _ in range(20)}
        assert len({describe(box, space) for box in boxes_at_random}) == len(boxes_at_random)


def test_the_context_leaves_out_risk_and_confidence():
    policy = a_policy_with([("escalate", {"risk_level": "high", "domain": "payments", "min_confidence": 0.5})])
    space = FactSpace([policy])
    assert describe_context(regions(policy.rules[0], policy, space)[0], space) == "every case in payments"


def test_a_single_case_is_described_with_all_its_facts():
    facts = Facts(
        RiskLevel.MEDIUM,
        "payments",
        "refund",
        0.75,
        frozenset({Signal.RISKY}),
        metadata={"amount": 5000.0, "vip": True},
        received=datetime(2025, 1, 6, 8, 30, tzinfo=UTC),
    )
    assert describe_facts(facts) == (
        "medium risk with a confidence of 0.75 in payments of type refund with the signal risky "
        "where amount is 5000 and vip is true on Monday 2025-01-06 08:30 UTC"
    )
    assert describe_facts(Facts(RiskLevel.LOW, "any", "any", None)) == "low risk without a confidence"
    assert describe_facts(Facts(RiskLevel.LOW, "any", "any", None, has_proposal=False)) == "low risk without a proposal"

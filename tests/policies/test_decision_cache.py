"""Cached decisions equal new ones, and invalid facts are refused however often they come."""

import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import MappingProxyType

import pytest
from support.random_facts import facts_at_random
from support.random_policies import a_policy, a_policy_with

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import compile_policy
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.explanation.explain import explain


@pytest.mark.parametrize("seed", range(10))
def test_a_decision_is_the_same_the_second_time_and_in_another_order(seed):
    policy, dice = a_policy(seed, most=10), random.Random(seed)
    many = [facts_at_random(dice) for _ in range(100)]
    warm = compile_policy(policy)
    first = [warm.decide(one) for one in many]

    assert [warm.decide(one) for one in many] == first
    assert [compile_policy(policy).decide(one) for one in many[:10]] == first[:10]


class Moment(datetime):
    """A time as other libraries have it."""


def test_facts_in_other_types_get_the_same_decision():
    policy = a_policy(4, most=20)
    zone = timezone(timedelta(hours=1))
    plain = Facts(
        RiskLevel.LOW, "payments", "refund", 1.0, metadata={"amount": 100}, received=datetime(2025, 1, 6, tzinfo=zone)
    )
    decide = compile_policy(policy).decide
    other = [
        replace(plain, metadata=MappingProxyType(plain.metadata)),
        replace(plain, received=Moment(2025, 1, 6, tzinfo=zone)),
        replace(plain, confidence=1),
        replace(plain, domain=type("Name", (str,), {})("payments")),
    ]

    assert {decide(one).rule_id for one in [*other, plain, *other]} == {decide(plain).rule_id}


SIMPLE = a_policy_with([("auto_approve", {"min_confidence": 0.5}), ("escalate", {"risk_level": "high"})])


@pytest.mark.parametrize("confidence", [float("nan"), -0.0001, 1.0000001, True, "0.5"])
def test_an_invalid_confidence_is_refused_every_time(confidence):
    decide = compile_policy(SIMPLE).decide
    for given in (None, 0.0, 0.5, 1.0):
        decide(Facts(RiskLevel.LOW, "d", "t", given))

    for _ in range(2):
        with pytest.raises(InvalidInput, match="confidence"):
            decide(Facts(RiskLevel.LOW, "d", "t", confidence))


def test_without_a_proposal_nothing_goes_ahead_after_a_case_that_did():
    decide = compile_policy(SIMPLE).decide
    proposed = Facts(RiskLevel.LOW, "d", "t", 0.9)

    for _ in range(2):
        assert decide(proposed).rule_id == "r1"
        assert decide(replace(proposed, has_proposal=False)).rule_id == "fallback"
        assert decide(replace(proposed, confidence=None)).rule_id == "fallback"


def test_without_a_proposal_there_is_no_confidence():
    unsure = {"not": {"min_confidence": 0.8}}
    policy = a_policy_with([("escalate", {"min_confidence": 0.8}), ("human_review", unsure)])
    given = Facts(RiskLevel.LOW, "d", "t", 0.9, has_proposal=False)
    warm = compile_policy(policy)
    space = FactSpace([policy])

    for facts in (given, replace(given, confidence=None), replace(given, confidence=1)):
        assert compile_policy(policy).decide(facts).rule_id == warm.decide(facts).rule_id == "r2"
        assert space.locate(facts) == space.locate(given)
        assert explain(policy, facts).decision.rule_id == "r2"
        assert "there is no confidence" in explain(policy, facts).lines[0]


@pytest.mark.parametrize("confidence", [float("nan"), 1.5, -1.0])
def test_an_invalid_confidence_is_refused_without_a_proposal_too(confidence):
    decide = compile_policy(SIMPLE).decide
    given = Facts(RiskLevel.LOW, "d", "t", None, has_proposal=False)

    for _ in range(2):
        assert decide(given).rule_id == "fallback"
        with pytest.raises(InvalidInput, match="confidence"):
            decide(replace(given, confidence=confidence))

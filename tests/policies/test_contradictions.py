"""Contradictory conditions are reported in rules for people too, which match where a fact is unknown."""

import pytest
from support.random_policies import a_policy_with

from hitl_orchestrator.policies import check
from hitl_orchestrator.policies.analysis.findings import FindingKind, Severity

SWAPPED = {"gt": 1000, "lt": 100}


def report(fields, action="escalate"):
    return [
        (one.severity, one.sentence)
        for one in check(a_policy_with([(action, fields)]))
        if one.kind is FindingKind.CONTRADICTION
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"metadata": {"amount": SWAPPED}},
            "it matches only where amount is missing or of another type; gt and lt of amount contradict each other",
        ),
        (
            {"metadata": {"country": {"eq": "AT", "ne": "AT"}}, "risk_level": "high"},
            "it matches only for high risk where country is missing or of another type; "
            "eq and ne of country contradict each other",
        ),
        (
            {"metadata": {"amount": SWAPPED | {"exists": True, "ge": 0}}},
            "it matches only where amount is of another type; gt and lt of amount contradict each other",
        ),
        (
            {"metadata": {"country": {"in": ["AT", "DE"], "eq": "FR"}, "vip": {"eq": True}}},
            "it matches only where country is missing or of another type and vip is missing or of another type or true"
            "; eq and in of country contradict each other",
        ),
        (
            {"metadata": {"amount": {"gt": 1000}}, "not": {"metadata": {"amount": {"gt": 100}}}},
            "it matches only where amount is missing or of another type; metadata and not cannot hold together",
        ),
        (
            {"all": [{"time": {"days": "monday"}}, {"time": {"days": "sunday"}}]},
            "it matches only at no known time; all contradicts itself",
        ),
    ],
)
@pytest.mark.parametrize("action", ["human_review", "escalate"])
def test_a_rule_for_people_that_catches_only_what_is_unknown_is_a_warning(action, fields, sentence):
    assert report(fields, action) == [(Severity.WARNING, sentence)]


def test_the_same_in_a_rule_that_approves_is_an_error():
    sentence = "it can never match: gt and lt of amount contradict each other"

    assert report({"metadata": {"amount": SWAPPED}}, "auto_approve") == [(Severity.ERROR, sentence)]


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"amount": {"exists": False}}},
        {"not": {"metadata": {"amount": {"exists": True}}}},
        {"any": [{"metadata": {"amount": SWAPPED}}, {"risk_level": "low"}]},
        {"not": {"min_confidence": 0.0}},
        {"metadata": {"amount": {"gt": 100, "lt": 1000}}},
    ],
)
def test_conditions_that_can_certainly_hold_are_no_contradiction(fields):
    assert report(fields) == []

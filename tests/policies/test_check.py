from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.words import Action, RiskLevel, Signal
from hitl_orchestrator.policies import Conditions, Policy, Rule, check, compile_policy, read_policy
from hitl_orchestrator.policies.check import Severity, representatives

DATA = files("hitl_orchestrator.data")
SURE = {"min_confidence": 0.8}


def a_rule(rule_id, action="human_review", priority=1, role=None, **said):
    conditions = Conditions(**said)
    return Rule(rule_id=rule_id, priority=priority, conditions=conditions, action=action, assigned_human_role=role)


TWO_ROLES = RoleChain(roles=("domain_reviewer", "senior_manager"))


def findings(*rules):
    """Return what is found about single rules, as (severity, rule, sentence)."""
    policy = Policy(policy_id="p", rules=rules)
    return [(one.severity, one.rule_id, one.sentence) for one in check(policy, TWO_ROLES) if one.rule_id]


@pytest.mark.parametrize("name", ["routing_policy.json", "default_policy_v1.json"])
def test_the_policies_we_ship_are_beyond_reproach(name):
    assert check(read_policy(DATA.joinpath(name).read_text("utf-8"), name)) == []


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({}, {"risk_level": "low"}),
        ({"risk_level": ["low", "high"]}, {"risk_level": "low", "domain": "x"}),
        ({"risk_level": ["low", "medium", "high"]}, {}),
        ({"domain": ["x", "y"]}, {"domain": "y"}),
        ({"task_type": "x"}, {"task_type": "x", "signals": "risky"}),
        ({"signals": ["risky", "unusual"]}, {"signals": "unusual"}),
        ({"min_confidence": 0.5}, {"min_confidence": 0.5}),
        ({"min_confidence": 0.5, "max_confidence": 0.9}, {"min_confidence": 0.6, "max_confidence": 0.9}),
        ({"max_confidence": 0.9}, {"max_confidence": 0.8}),
    ],
)
def test_a_rule_that_an_earlier_one_hides_is_named_with_the_one_that_hides_it(wide, narrow):
    found = findings(a_rule("wide", priority=1, **wide), a_rule("narrow", priority=2, **narrow))

    assert found == [
        (
            Severity.WARNING,
            "narrow",
            "it never decides a case: wide is tried before it, holds wherever it would, and says human_review",
        )
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"risk_level": "low"}, {}),
        ({"domain": "x"}, {"domain": ["x", "y"]}),
        ({"signals": "risky"}, {"signals": ["risky", "unusual"]}),
        ({"min_confidence": 0.0}, {}),
        ({"min_confidence": 0.5}, {"min_confidence": 0.4}),
        ({"max_confidence": 1.0}, {"min_confidence": 0.5}),
        ({"max_confidence": 0.5}, {"max_confidence": 0.6}),
    ],
)
def test_a_rule_that_still_decides_something_is_not_called_hidden(first, second):
    assert findings(a_rule("first", priority=1, **first), a_rule("second", priority=2, **second)) == []


def test_a_hidden_rule_that_is_stricter_than_the_one_that_hides_it_is_an_error():
    found = findings(
        a_rule("lax", "auto_approve", 1, risk_level="low", **SURE),
        a_rule("strict", "escalate", 2, risk_level="low", min_confidence=0.9),
    )

    assert found == [
        (
            Severity.ERROR,
            "strict",
            "it never decides a case that has a proposal: lax is tried before it, holds wherever it would, "
            "and says auto_approve",
        )
    ]


def test_an_approval_that_needs_a_confidence_hides_no_rule_that_needs_none():
    found = findings(a_rule("lax", "auto_approve", 1, risk_level="low"), a_rule("rest", "human_review", 2))

    assert [rule_id for _, rule_id, _ in found] == ["lax"]


def test_rules_of_equal_priority_that_disagree_are_named():
    found = findings(a_rule("one", domain="x"), a_rule("other", "escalate", risk_level="low"))

    assert found == [
        (
            Severity.WARNING,
            "other",
            "it has the same priority 1 as one, both can hold for one case, and they ask for different things; "
            "one wins only because it stands first in the file",
        )
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (a_rule("one", risk_level="low"), a_rule("other", "escalate", risk_level="high")),
        (a_rule("one", max_confidence=0.5), a_rule("other", "escalate", min_confidence=0.5)),
        (a_rule("one", domain="x"), a_rule("other", domain=["x", "y"])),
    ],
)
def test_rules_of_equal_priority_that_cannot_meet_or_agree_are_left_alone(one, other):
    assert findings(one, other) == []


def test_a_meeting_that_an_earlier_rule_takes_away_is_no_contradiction():
    found = findings(
        a_rule("before", priority=0, domain="x", risk_level="low"),
        a_rule("one", domain="x"),
        a_rule("other", "escalate", risk_level="low"),
    )

    assert found == []


@pytest.mark.parametrize("said", [{}, {"max_confidence": 0.5}, {"min_confidence": 0.0}])
def test_an_approval_at_any_confidence_is_named(said):
    found = findings(a_rule("lax", "auto_approve", risk_level="low", **said))

    assert found == [(Severity.WARNING, "lax", "it approves even at a confidence of 0; give it a min_confidence")]


def test_an_approval_of_high_risk_is_named():
    found = findings(a_rule("lax", "auto_approve", **SURE))

    assert found == [(Severity.WARNING, "lax", "it lets high-risk tasks go ahead without a person")]


def test_an_approval_that_high_risk_never_reaches_is_left_alone():
    assert findings(a_rule("high", "escalate", risk_level="high"), a_rule("sure", "auto_approve", 2, **SURE)) == []


def test_a_role_outside_the_chain_is_an_error_with_a_guess():
    found = findings(a_rule("r", role="senor_manager"))

    assert found == [
        (
            Severity.ERROR,
            "r",
            "it asks 'senor_manager', who is not in the chain of escalation domain_reviewer, senior_manager; "
            "did you mean 'senior_manager'?",
        )
    ]


def test_a_risk_level_that_no_rule_is_about_is_noted():
    found = check(Policy(policy_id="p", rules=(a_rule("r", risk_level=["low", "high"]),)))

    assert [(one.severity, one.rule_id, one.sentence) for one in found] == [
        (Severity.NOTE, None, "no rule is about medium risk: a person decides all such cases, as the fallback")
    ]


def test_a_policy_without_rules_is_noted_once():
    found = check(Policy(policy_id="p", rules=()))

    assert [(one.severity, one.sentence) for one in found] == [
        (Severity.NOTE, "there is no rule: a person decides every case")
    ]


def test_a_very_large_policy_is_checked_in_bounded_time():
    rules = [
        a_rule(f"r{n}", domain=[f"d{n}", f"e{n}"], task_type=f"t{n}", signals=list(Signal), min_confidence=n / 100)
        for n in range(50)
    ]

    assert findings(*rules) == []


WORDS = st.lists(st.sampled_from(RiskLevel), min_size=1, unique=True)


@given(
    st.lists(
        st.tuples(st.sampled_from(Action), st.integers(0, 2), WORDS, st.sampled_from([None, 0.5, 0.8])), max_size=6
    )
)
def test_a_rule_called_hidden_decides_no_case(drawn):
    rules = [
        a_rule(f"r{n}", action, priority, risk_level=risks, **({} if bound is None else {"min_confidence": bound}))
        for n, (action, priority, risks, bound) in enumerate(drawn)
    ]
    policy = Policy(policy_id="p", rules=tuple(rules))
    deciding = {compile_policy(policy).decide(facts).rule_id for facts in representatives(policy)}

    hidden = {one.rule_id for one in check(policy) if "never decides" in one.sentence}

    assert hidden.isdisjoint(deciding)

from importlib.resources import files
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_policies import a_policy_with

from hitl_orchestrator.domain.enums import Action, RiskLevel, Signal
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.policies import Conditions, Policy, PolicyStack, Rule, check, compile_policy, read_policy
from hitl_orchestrator.policies.analysis import decision_diagram
from hitl_orchestrator.policies.analysis.findings import FindingKind, Severity
from hitl_orchestrator.policies.engine.partition import FactSpace

DATA = files("hitl_orchestrator.data")
SURE = {"min_confidence": 0.8}


def a_rule(rule_id, action="human_review", priority=1, role=None, **fields):
    conditions = Conditions(**fields)
    return Rule(rule_id=rule_id, priority=priority, conditions=conditions, action=action, assigned_human_role=role)


TWO_ROLES = RoleChain(roles=("domain_reviewer", "senior_manager"))


def findings(*rules):
    """Return what is found about single rules, but for monotonicity, as (severity, rule, sentence)."""
    policy = Policy(policy_id="p", rules=rules)
    kinds = {FindingKind.MONOTONICITY, FindingKind.MISSING_CONFIDENCE}
    return [
        (one.severity, one.rule_id, one.sentence)
        for one in check(policy, TWO_ROLES)
        if one.rule_id and one.kind not in kinds
    ]


def lenient(*rules):
    """Return what is found about riskier tasks and lower confidences, as (severity, rule, others, sentence)."""
    found = check(Policy(policy_id="p", rules=rules), TWO_ROLES)
    kinds = {FindingKind.MONOTONICITY, FindingKind.MISSING_CONFIDENCE}
    return [(one.severity, one.rule_id, one.rules, one.sentence) for one in found if one.kind in kinds]


def shipped(name):
    return read_policy(DATA.joinpath(name).read_text("utf-8"), name)


def test_the_canonical_policy_treats_a_medium_risk_more_leniently_than_a_low_one():
    (found,) = [one for one in check(shipped("routing_policy.json")) if one.severity is not Severity.NOTE]

    assert (found.kind, found.severity, found.rule_id, found.rules) == (
        FindingKind.MONOTONICITY,
        Severity.WARNING,
        "rule_002",
        ("rule_005",),
    )
    assert found.sentence == (
        "medium risk with a confidence of 0.75 to below 0.8 is approved automatically by rule_002, "
        "while the same at low risk goes to a person by rule_005"
    )
    assert [(one["risk_level"], one["confidence_score"]) for one in found.examples] == [("medium", 0.75), ("low", 0.75)]


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("routing_policy.json", ["medium risk without a confidence or with one below 0.6"]),
        (
            "default_policy_v1.json",
            [
                f"{risk} risk without a confidence or with one below {bound}"
                for risk, bound in (("low", 0.8), ("medium", 0.7))
            ],
        ),
    ],
)
def test_the_policies_we_ship_name_what_only_the_fallback_decides(name, left):
    found = [one.sentence for one in check(shipped(name)) if one.kind is FindingKind.GAP]

    assert found == [f"no rule matches {where}: the fallback sends such cases to a person" for where in left]


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
            "it never decides a case: wide comes before it, matches every case that it matches, "
            "and answers human_review",
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
            "it never decides a case: lax comes before it, matches every case that it matches, "
            "and answers auto_approve",
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
            "it has the same priority 1 as one, both can match one case, and their answers differ; "
            "one wins only because it comes first in the file",
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


@pytest.mark.parametrize("fields", [{}, {"max_confidence": 0.5}, {"min_confidence": 0.0}])
def test_an_approval_at_any_confidence_is_named(fields):
    found = findings(a_rule("lax", "auto_approve", risk_level="low", **fields))

    assert found == [(Severity.WARNING, "lax", "it approves even at a confidence of 0; add a min_confidence")]


def test_an_approval_of_high_risk_is_named():
    found = findings(a_rule("lax", "auto_approve", **SURE))

    assert found == [(Severity.WARNING, "lax", "it approves high-risk tasks without a person")]


def test_an_approval_that_high_risk_never_reaches_is_left_alone():
    assert findings(a_rule("high", "escalate", risk_level="high"), a_rule("sure", "auto_approve", 2, **SURE)) == []


def test_a_role_outside_the_chain_is_an_error_with_a_guess():
    found = findings(a_rule("r", role="senor_manager"))

    assert found == [
        (
            Severity.ERROR,
            "r",
            "the assigned role 'senor_manager' is not in the role chain domain_reviewer, senior_manager; "
            "did you mean 'senior_manager'?",
        )
    ]


def test_a_risk_level_that_no_rule_is_about_is_noted():
    found = check(Policy(policy_id="p", rules=(a_rule("r", risk_level=["low", "high"]),)))

    assert [(one.severity, one.rule_id, one.sentence) for one in found] == [
        (Severity.NOTE, None, "no rule matches medium risk: the fallback sends such cases to a person")
    ]


def test_a_policy_without_rules_is_noted_once():
    found = check(Policy(policy_id="p", rules=()))

    assert [(one.severity, one.sentence) for one in found] == [
        (Severity.NOTE, "the policy has no rules: a person decides every case")
    ]


def test_a_very_large_policy_is_checked_in_bounded_time():
    rules = [
        a_rule(f"r{n}", domain=[f"d{n}", f"e{n}"], task_type=f"t{n}", signals=list(Signal), min_confidence=n / 100)
        for n in range(50)
    ]

    assert findings(*rules) == []


def test_rules_that_hide_one_only_together_are_all_named():
    found = findings(
        a_rule("sure", "auto_approve", 1, risk_level="low", min_confidence=0.8),
        a_rule("unsure", "human_review", 2, risk_level="low", max_confidence=0.8),
        a_rule("never", "escalate", 3, risk_level="low", min_confidence=0.5),
    )

    assert found == [
        (
            Severity.ERROR,
            "never",
            "it never decides a case: earlier rules decide every case that it matches: "
            "sure answers auto_approve and unsure answers human_review",
        )
    ]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"all": [{"min_confidence": 0.8}, {"max_confidence": 0.5}]}, "all contradicts itself"),
        ({"risk_level": "low", "not": {"risk_level": ["low", "medium"]}}, "risk_level and not cannot hold together"),
        ({"signals": {"any": "risky", "none": "risky"}, "domain": "x"}, "signals contradicts itself"),
        ({"min_confidence": 0.8, "any": [{"max_confidence": 0.5}]}, "min_confidence and any cannot hold together"),
    ],
)
def test_conditions_that_contradict_each_other_are_an_error(fields, why):
    assert findings(a_rule("r", **fields)) == [(Severity.ERROR, "r", f"it can never match: {why}")]


def test_a_comparison_that_contradicts_itself_is_an_error():
    policy = a_policy_with([("auto_approve", {"metadata": {"amount": {"gt": 5000, "lt": 100}}})])

    assert [one.sentence for one in check(policy) if one.kind is FindingKind.CONTRADICTION] == [
        "it can never match: gt and lt of amount contradict each other"
    ]


def test_an_approval_where_there_is_no_confidence_can_never_hold():
    assert findings(a_rule("r", "auto_approve", **{"not": {"min_confidence": 0.0}})) == [
        (
            Severity.ERROR,
            "r",
            "it can never match: not contradicts itself for a proposal with a confidence, which auto_approve needs",
        )
    ]


def test_a_lower_confidence_that_is_treated_more_leniently_is_named():
    found = lenient(a_rule("odd", max_confidence=0.3), a_rule("strict", "escalate", 2))

    assert found == [
        (
            Severity.WARNING,
            "odd",
            ("strict",),
            "every case with a confidence below 0.3 goes to a person by odd, "
            "while the same at a confidence of 0.3 or above is escalated by strict",
        )
    ]


def test_a_missing_confidence_that_is_treated_more_leniently_is_noted():
    found = lenient(a_rule("low", "escalate", max_confidence=0.3), a_rule("rest", "escalate", 2, min_confidence=0.3))

    assert found == [
        (
            Severity.NOTE,
            "low",
            (),
            "every case without a proposal goes to a person, as no rule matches, "
            "while the same at a confidence below 0.3 is escalated by low",
        )
    ]


def test_the_layers_of_a_stack_are_looked_at_one_by_one_and_silence_is_no_gap():
    organization = Policy(policy_id="p", rules=(a_rule("all"),))
    layer = Policy(
        policy_id="l", rules=(a_rule("sure", "escalate", domain="x"), a_rule("never", priority=2, domain="y"))
    )
    found = check(PolicyStack.of(organization, domains={"x": layer}))

    assert [(one.layer, one.rule_id, one.sentence) for one in found] == [
        (
            "domain x",
            "never",
            "it can never match: the layer answers only tasks of the domain x, and domain names another",
        )
    ]


def test_a_policy_too_complex_to_analyze_is_reported_as_unchecked_with_correct_findings(monkeypatch):
    monkeypatch.setattr(decision_diagram, "MOST_NODES", 0)
    rules = (a_rule("wide"), a_rule("narrow", priority=2, risk_level="low", min_confidence=0.5))

    assert [(one.kind, one.rule_id) for one in check(Policy(policy_id="p", rules=rules))] == [
        (FindingKind.UNREACHABLE, "narrow"),
        (FindingKind.UNCHECKED, None),
    ]


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
    space = FactSpace([policy])
    cells = product(*(range(axis.size) for axis in space.axes))
    deciding = {compile_policy(policy).decide(space.facts(cell)).rule_id for cell in cells}

    hidden = {one.rule_id for one in check(policy) if "never decides" in one.sentence}

    assert hidden == {rule.rule_id for rule in rules} - deciding

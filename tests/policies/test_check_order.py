"""Findings about the order of rules: overtaken rules, missing facts, numbers, bounds, roles and deadlines."""

import random

import pytest
from support.random_policies import a_policy, a_policy_with

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.policies import check, compile_policy
from hitl_orchestrator.policies.analysis.checks.layer_analysis import LayerAnalysis
from hitl_orchestrator.policies.analysis.checks.profiles import profiles
from hitl_orchestrator.policies.analysis.findings import FindingKind, Severity
from hitl_orchestrator.policies.language.model import ORGANIZATION

SURE = {"min_confidence": 0.9, "risk_level": ["low", "medium"]}


def amount(**comparison):
    return {"metadata": {"amount": comparison}}


def found(rules, *kinds):
    """Return the rule, the others and the sentence of each finding of these kinds."""
    return [(one.rule_id, one.rules, one.sentence) for one in check(a_policy_with(rules)) if one.kind in kinds]


def test_an_approval_that_takes_cases_of_a_later_stricter_rule_is_named():
    rules = [
        ("auto_approve", SURE | amount(lt=100)),
        ("human_review", {"metadata": {"country": {"eq": "DE"}}}),
        ("human_review", {}),
    ]

    assert found(rules, FindingKind.OVERTAKES) == [
        ("r1", ("r2",), "it approves cases that r2 (human_review) names further down")
    ]


@pytest.mark.parametrize(
    "rules",
    [
        [("auto_approve", SURE | amount(lt=100)), ("human_review", amount(lt=500)), ("human_review", {})],
        [("auto_approve", SURE | amount(lt=100)), ("escalate", amount(ge=100)), ("human_review", {})],
        [("human_review", amount(lt=100)), ("escalate", {"metadata": {"country": {"eq": "DE"}}})],
        [
            ("auto_approve", SURE | {"metadata": {"country": {"in": ["DE", "AT"]}}}),
            ("human_review", {"any": [{"metadata": {"country": {"eq": name}}} for name in ("DE", "AT", "FR")]}),
        ],
    ],
)
def test_an_exception_or_a_later_rule_for_other_cases_is_no_finding(rules):
    assert found(rules, FindingKind.OVERTAKES) == []


def test_a_table_that_treats_a_missing_number_as_a_small_one_is_named():
    table = [
        ("auto_approve", SURE | amount(le=100)),
        ("human_review", amount(le=5000)),
        ("escalate", amount(gt=5000)),
    ]

    (finding,) = [one for one in check(a_policy_with(table)) if one.kind is FindingKind.LENIENT_UNKNOWN]
    assert (finding.severity, finding.rule_id, finding.rules) == (Severity.WARNING, "r3", ("r2",))
    assert finding.sentence == (
        "where amount is missing, a case goes to a person by r2 that it would escalate at some value"
    )
    assert "amount" not in finding.examples[0]["metadata"]


def test_a_rule_that_demands_a_fact_is_avoided_on_purpose_and_that_is_noted():
    rules = [("escalate", amount(exists=True, gt=100)), ("auto_approve", SURE)]

    (finding,) = [one for one in check(a_policy_with(rules)) if one.kind is FindingKind.LENIENT_UNKNOWN]
    assert (finding.severity, finding.rule_id, finding.rules) == (Severity.NOTE, "r1", ("r2",))


def test_a_rule_that_decides_where_its_fact_is_missing_is_noted():
    rules = [("escalate", amount(gt=100)), ("human_review", amount(gt=10)), ("escalate", amount(exists=True, lt=0))]

    assert found(rules, FindingKind.MISSING_FACT) == [
        ("r1", (), "it also decides cases without amount"),
    ]


def test_a_number_that_is_asked_more_about_than_larger_and_smaller_ones_is_named():
    rules = [
        ("escalate", amount(gt=5000), {"assigned_human_role": "senior_manager"}),
        ("escalate", amount(gt=100), {"assigned_human_role": "senior_manager", "approvals": 2}),
        ("auto_approve", SURE | amount(ge=0)),
        ("human_review", {}),
    ]

    assert [(rule, others) for rule, others, _ in found(rules, FindingKind.NUMBER_ORDER)] == [("r2", ("r1",))]


def test_both_ends_of_a_scale_may_be_asked_more_about():
    rules = [
        ("escalate", amount(lt=100)),
        ("human_review", amount(gt=5000)),
        ("auto_approve", SURE | amount(ge=100, le=5000)),
        ("human_review", {}),
    ]

    assert found(rules, FindingKind.NUMBER_ORDER, FindingKind.UNREACHED_BOUND) == []


def test_a_bound_that_another_rule_reaches_first_is_named():
    rules = [("escalate", amount(gt=1000)), ("auto_approve", SURE | amount(gt=0, le=50_000)), ("human_review", {})]

    assert [(rule, others) for rule, others, _ in found(rules, FindingKind.UNREACHED_BOUND)] == [("r2", ("r1",))]


@pytest.mark.parametrize("end", [{"lt": 1000}, {"le": 1000}])
def test_a_bound_at_which_another_rule_takes_over_is_no_finding(end):
    rules = [("escalate", amount(ge=1000)), ("human_review", amount(ge=50, **end)), ("auto_approve", SURE)]

    assert found(rules, FindingKind.UNREACHED_BOUND) == []


def test_a_riskier_case_that_fewer_reviewers_or_a_lower_role_decide_is_named():
    rules = [
        ("escalate", {"risk_level": "low"}, {"approvals": 2}),
        ("escalate", {"risk_level": "medium"}, {"approvals": 1}),
        ("escalate", {"risk_level": "high"}, {"assigned_human_role": "compliance_officer"}),
    ]

    assert found(rules, FindingKind.MONOTONICITY) == [
        (
            "r2",
            ("r1",),
            "medium risk is escalated by r2 with 1 approval of the role senior_manager, while the same at low risk is "
            "escalated by r1 with 2 approvals of the role senior_manager",
        )
    ]


def test_a_riskier_case_that_may_wait_longer_is_noted():
    rules = [
        ("human_review", {"risk_level": "low"}, {"respond_within": "PT4H"}),
        ("human_review", {"risk_level": "medium"}, {"respond_within": "P1DT2H"}),
        ("escalate", {"risk_level": "high"}),
    ]

    assert [one for *_, one in found(rules, FindingKind.DEADLINE)] == [
        "medium risk goes to a person by r2 within 1 day and 2 hours, while the same at low risk goes to a person by "
        "r1 within 4 hours",
        "high risk is escalated by r3 without a deadline, while the same at medium risk goes to a person by r2 within "
        "1 day and 2 hours",
    ]


@pytest.mark.parametrize("seed", range(20))
def test_the_profiles_along_a_fact_are_the_answers_of_the_policy(seed):
    policy, dice = a_policy(seed, most=8), random.Random(seed)
    layer, compiled = LayerAnalysis(policy, ORGANIZATION), compile_policy(policy)
    for axis in range(len(layer.space.axes)):
        listed = profiles(layer, axis)
        for profile, region in dice.sample(sorted(listed.items()), min(5, len(listed))):
            facts = layer.space.sample(region)
            for step, index in enumerate(profile):
                moved = layer.space.axes[axis].place(facts, step)
                if layer.space.locate(moved)[axis] == step:
                    rule = compiled.decide(moved).rule_id
                    assert rule == ("fallback" if index < 0 else layer.rules[index].rule_id)


@pytest.mark.parametrize("seed", range(40))
def test_the_examples_of_findings_are_decided_as_the_findings_state(seed):
    policy = a_policy(seed, most=8)
    compiled, actions = compile_policy(policy), {rule.rule_id: rule.action for rule in policy.rules}
    for one in check(policy):
        decided = [compiled.decide(Facts.from_json(example)).rule_id for example in one.examples]
        if one.kind is FindingKind.OVERTAKES:
            assert decided == [one.rule_id]
            assert all(actions[other] is not Action.AUTO_APPROVE for other in one.rules)
        elif one.kind is FindingKind.LENIENT_UNKNOWN:
            assert tuple(decided) == (one.rules or ("fallback",))
        elif one.kind is FindingKind.NUMBER_ORDER:
            assert (decided[1], decided[0]) == (one.rule_id, *(one.rules or ("fallback",)))

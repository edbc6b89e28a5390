"""What tests have tried of a policy, and the cases beside its bounds."""

import pytest
from support.random_policies import a_policy, a_policy_with, a_stack

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.policies.language.model import PolicyStack
from hitl_orchestrator.policies.testing.boundaries import boundary_cases
from hitl_orchestrator.policies.testing.coverage import Side, bounds_of, coverage
from hitl_orchestrator.services.config_files import load_policy

CANONICAL = load_policy(None, DEFAULT_CHAIN)


def low(confidence):
    return Facts(RiskLevel.LOW, "any", "any", confidence)


def test_without_tests_everything_is_missing():
    found = coverage(CANONICAL, [])

    assert (found.rules, len(found.missing_rules), found.values, found.percent) == (5, 5, 9, 0)


def test_a_bound_is_tried_near_it_and_not_far_from_it():
    missing = {
        one.rule_id: sides for one, sides in coverage(CANONICAL, [low(0.795), low(0.8), low(0.95)]).missing_values
    }

    assert missing["rule_004"] == (Side.ABOVE,)


def test_a_bound_is_tried_only_where_it_matters():
    high = Facts(RiskLevel.HIGH, "any", "any", 0.8)

    assert {one.rule_id: sides for one, sides in coverage(CANONICAL, [high]).missing_values}["rule_004"] == tuple(Side)


def test_the_cases_beside_the_bounds_try_all_of_them():
    found = coverage(CANONICAL, [facts for _, facts in boundary_cases(CANONICAL)])

    assert (found.missing_values, found.missing_rules) == ((), ())


@pytest.mark.parametrize("seed", range(12))
def test_policies_of_the_whole_language_agree(seed):
    policy = a_policy(seed, most=8)

    found = coverage(policy, [facts for _, facts in boundary_cases(policy)])

    assert found.missing_values == ()


def test_a_bound_that_can_never_matter_is_out_of_reach_and_does_not_count():
    policy = a_policy_with(
        [("escalate", {"risk_level": "low"}), ("human_review", {"risk_level": "low", "min_confidence": 0.5})]
    )
    found = coverage(policy, [low(0.5), Facts(RiskLevel.LOW, "x", "y", 0.1)])

    assert [bound.name for bound in found.unreachable] == ["r2: confidence_score 0.5"]
    assert (found.values, found.missing_rules) == (0, ("r2",))


def test_amounts_are_tried_at_the_next_integer_or_halfway_to_the_next_bound():
    policy = a_policy_with([("escalate", {"metadata": {"amount": {"gt": 10, "lt": 10.5}}})])

    assert [[value for _, value in bound.tries] for bound in bounds_of(policy)] == [
        [10.395, 10.5, 10.605],
        [9, 10, 10.25],
    ]


def test_confidences_stay_between_nothing_and_one():
    policy = a_policy_with([("human_review", {"min_confidence": 0.0}), ("escalate", {"max_confidence": 1.0})])

    assert [[side for side, _ in bound.tries] for bound in bounds_of(policy)] == [
        [Side.AT, Side.ABOVE],
        [Side.BELOW, Side.AT],
    ]


def test_a_layer_is_tried_by_the_cases_that_it_concerns():
    fields = [("escalate", {"max_confidence": 0.3})]
    layer = a_policy_with(fields).model_copy(update={"policy_id": "layer"})
    base = a_policy_with([("auto_approve", {"min_confidence": 0.5})])
    renamed = layer.model_copy(
        update={"rules": tuple(rule.model_copy(update={"rule_id": "of_payments"}) for rule in layer.rules)}
    )
    stack = PolicyStack.of(base, domains={"payments": renamed})
    cases = [facts for _, facts in boundary_cases(stack)]

    assert coverage(stack, cases).missing_values == ()
    assert {one.rule_id for one, _ in coverage(stack, [low(0.3), low(0.29), low(0.31)]).missing_values} == {
        "r1",
        "of_payments",
    }


@pytest.mark.parametrize("seed", range(12))
def test_the_cases_beside_the_bounds_of_layers_try_all_of_them_where_each_layer_is_asked(seed):
    stack = a_stack(seed, users=("ann", "bob", "carl"))

    assert coverage(stack, [facts for _, facts in boundary_cases(stack)]).missing_values == ()


def test_a_bound_that_matters_only_where_its_layer_is_not_asked_is_out_of_reach():
    elsewhere = a_policy_with([("human_review", {"domain": "support", "min_confidence": 0.5})], policy_id="l")
    stack = PolicyStack.of(a_policy_with([]), domains={"payments": elsewhere})

    assert [bound.name for bound in coverage(stack, []).unreachable] == ["r1: confidence_score 0.5"]
    assert list(boundary_cases(stack)) == []

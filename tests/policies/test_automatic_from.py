"""The lowest confidence from which a policy approves automatically, against its decisions of many facts."""

import random
from dataclasses import replace

import pytest
from support.random_facts import facts_at_random
from support.random_policies import STACK, a_policy, a_policy_with

from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.policies import read_policy
from hitl_orchestrator.policies.analysis.automatic_from import automatic_from
from hitl_orchestrator.policies.engine.compiled import decide


@pytest.mark.parametrize("seed", range(25))
def test_nothing_is_approved_below_the_bound(seed):
    policy, dice = a_policy(seed, most=12), random.Random(seed)
    bounds = {found.risk: found for found in automatic_from(policy)}

    for _ in range(60):
        facts = replace(facts_at_random(dice), has_proposal=True)
        if facts.confidence is None:
            continue
        bound = bounds[facts.risk_level]
        if decide(policy, facts).action is Action.AUTO_APPROVE:
            assert bound.confidence is not None
            assert facts.confidence >= bound.confidence


def test_a_bound_names_its_rule_or_says_that_it_is_for_some_cases_only():
    policy = a_policy_with(
        [
            ("escalate", {"risk_level": "high"}),
            ("auto_approve", {"risk_level": "medium", "min_confidence": 0.9, "domain": "payments"}),
            ("auto_approve", {"risk_level": "low", "min_confidence": 0.8}),
        ]
    )
    low, medium, high = automatic_from(policy)

    assert (low.risk, low.confidence, low.label) == (RiskLevel.LOW, 0.8, "by r3")
    assert (medium.confidence, medium.rule_id, medium.label) == (0.9, "r2", "in some cases")
    assert (high.confidence, high.rule_id, high.label) == (None, None, "")


def test_the_bounds_of_a_policy_in_layers_are_those_of_the_organization():
    assert [found[1:] for found in automatic_from(read_policy(STACK, "stack.yaml"))] == [(0.7, "org_go", True)] * 3

"""The cells, the boxes of rules and the diagram say what the engine says, of every fact."""

import random

import pytest
from support.random_facts import facts_at_random
from support.random_policies import a_policy, a_policy_with

from hitl_orchestrator.domain.decision import FALLBACK
from hitl_orchestrator.policies import compile_policy
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, diagram_of
from hitl_orchestrator.policies.engine.partition import FactSpace


def named(policy, place):
    return FALLBACK if place == FALLBACK_INDEX else policy.by_priority[place].rule_id


def check_agreement(seed, cases):
    policy, dice = a_policy(seed, most=12), random.Random(seed)
    compiled, diagram = compile_policy(policy), diagram_of(policy)
    for _ in range(cases):
        facts = facts_at_random(dice)
        cell = diagram.space.locate(facts)
        alike = diagram.space.facts(cell)
        decision = compiled.decide(facts)
        assert named(policy, diagram.at(cell)) == decision.rule_id, (seed, facts)
        assert diagram.space.locate(alike) == cell, (seed, facts)
        assert compiled.decide(alike) == decision, (seed, facts)


@pytest.mark.parametrize("seed", range(60))
def test_engine_and_diagram_agree_on_any_policy_and_any_facts(seed):
    check_agreement(seed, 150)


@pytest.mark.soak
def test_engine_and_diagram_agree_on_thousands_of_policies():
    for seed in range(60, 2_060):
        check_agreement(seed, 150)


def test_the_regions_of_a_diagram_are_disjoint_and_complete():
    for seed in range(20):
        diagram, dice = diagram_of(a_policy(seed, most=8)), random.Random(seed)
        regions = list(diagram.regions(lambda _: True))
        for _ in range(30):
            cell = diagram.space.locate(facts_at_random(dice))
            inside = [
                one for one in regions if all(mask >> step & 1 for mask, step in zip(one.region, cell, strict=True))
            ]
            assert [one.label for one in inside] == [diagram.at(cell)]


def test_a_space_has_an_axis_for_each_fact_that_is_asked_about():
    policy = a_policy_with(
        [
            ("escalate", {"metadata": {"amount": {"gt": 100}}, "time": {"days": "sunday"}}),
            ("human_review", {"signals": {"all": ["risky", "unusual"]}, "not": {"domain": "payments"}}),
        ]
    )
    axes = {axis.name: axis.size for axis in FactSpace([policy]).axes}
    assert axes == {"domain": 2, "time": 3, "metadata.amount": 5, "signals": 4, "risk_level": 3, "confidence": 3}

"""The engine and its diagrams agree with an evaluation that was written from the reference alone."""

import random
from dataclasses import replace

import pytest
from support.naive_evaluation import deciding_rule
from support.random_facts import facts_at_random
from support.random_policies import a_raw_policy

from hitl_orchestrator.policies import compile_policy
from hitl_orchestrator.policies.analysis.decision_diagram import FALLBACK_INDEX, diagram_of
from hitl_orchestrator.policies.language.model import policy_of


def assert_agreement(seed, cases):
    raw, dice = a_raw_policy(seed, most=12), random.Random(seed)
    policy = policy_of(raw)
    compiled, diagram = compile_policy(policy), diagram_of(policy)
    for _ in range(cases):
        facts = facts_at_random(dice)
        facts = facts if facts.has_proposal else replace(facts, confidence=None)
        wanted, place = deciding_rule(raw, facts), diagram.at(diagram.space.locate(facts))
        assert compiled.decide(facts).rule_id == wanted, (seed, facts)
        assert (wanted if place == FALLBACK_INDEX else policy.by_priority[place].rule_id) == wanted, (seed, facts)


@pytest.mark.parametrize("seed", range(60))
def test_engine_and_diagram_agree_with_a_naive_evaluation(seed):
    assert_agreement(seed, 120)


@pytest.mark.soak
def test_engine_and_diagram_agree_with_a_naive_evaluation_on_two_thousand_policies():
    for seed in range(60, 2_060):
        assert_agreement(seed, 120)

"""With all kinds of conditions together, whatever analyzes a policy agrees with an evaluation of single cases.

The evaluation is one that was written from the reference alone (see `support.naive_evaluation`).
"""

import random
from dataclasses import replace

import pytest
from support.naive_evaluation import deciding_rule
from support.policy_mutations import a_mutation
from support.random_facts import facts_at_random
from support.random_policies import a_raw_policy

from hitl_orchestrator.domain.decision import FALLBACK, Facts
from hitl_orchestrator.policies import Severity, boundary_cases, check, compare, compile_policy, nearest_changes
from hitl_orchestrator.policies.analysis.findings import FindingKind
from hitl_orchestrator.policies.language.model import policy_of

CASES = 80


class Case:
    """A random policy of all kinds, as JSON and as a policy, with random facts and the rules that decide them."""

    def __init__(self, seed):
        self.seed, self.dice = seed, random.Random(seed)
        self.raw = a_raw_policy(seed, most=8)
        self.policy = policy_of(self.raw)
        self.actions = {rule["rule_id"]: rule["action"] for rule in self.raw["rules"]} | {FALLBACK: "human_review"}
        drawn = [facts_at_random(self.dice) for _ in range(CASES)]
        self.facts = [facts if facts.has_proposal else replace(facts, confidence=None) for facts in drawn]
        self.rules = [self.rule(facts) for facts in self.facts]

    def rule(self, facts):
        return deciding_rule(self.raw, facts)


def agree(seed):
    """Assert that all analyses of a random policy agree with the evaluation."""
    case = Case(seed)
    compiled = compile_policy(case.policy)
    assert [compiled.decide(facts).rule_id for facts in case.facts] == case.rules, seed
    the_check_agrees(case)
    the_difference_agrees(case)
    the_nearest_changes_agree(case, compiled)
    the_boundary_cases_agree(case, compiled)


def the_check_agrees(case):
    findings = check(case.policy)
    never = {
        one.rule_id
        for one in findings
        if one.kind is FindingKind.UNREACHABLE
        or (one.kind is FindingKind.CONTRADICTION and one.severity is Severity.ERROR)
    }
    assert not never & set(case.rules), case.seed
    if FALLBACK in case.rules:
        assert any(one.kind is FindingKind.GAP for one in findings), case.seed
    for one in findings:
        decided = [case.rule(Facts.from_json(example)) for example in one.examples]
        if one.kind is FindingKind.GAP:
            assert set(decided) <= {FALLBACK}, (case.seed, one.sentence)
        elif one.kind in {FindingKind.APPROVES_TOO_MUCH, FindingKind.OVERTAKES}:
            assert decided == [one.rule_id], (case.seed, one.sentence)
        elif one.kind is FindingKind.CONFLICT:
            assert (decided,) == (list(one.rules),), (case.seed, one.sentence)
        elif one.kind in {FindingKind.MONOTONICITY, FindingKind.NUMBER_ORDER, FindingKind.MISSING_CONFIDENCE}:
            # Of a rule and the fallback, the finding names the rule alone, whichever side it is on.
            assert set(decided) - {FALLBACK} == {one.rule_id, *one.rules}, (case.seed, one.sentence)


def the_difference_agrees(case):
    changed, what = a_mutation(case.policy, case.dice)
    raw = changed.model_dump(mode="json", exclude_defaults=True)
    comparison = compare(case.policy, changed)
    actions = {rule.rule_id: rule.action for rule in changed.rules} | {FALLBACK: "human_review"}
    for facts, rule in zip(case.facts, case.rules, strict=True):
        if case.actions[rule] != actions[deciding_rule(raw, facts)]:
            assert comparison.differences or comparison.unchecked, (case.seed, what, facts)
    for one in comparison.differences:
        decided = case.rule(one.example), deciding_rule(raw, one.example)
        assert decided == (one.before.rule_id, one.after.rule_id), (case.seed, what, one.sentence)


def the_nearest_changes_agree(case, compiled):
    for facts in case.facts[:4]:
        for one in nearest_changes(compiled, facts):
            assert case.actions[case.rule(one.facts)] == one.action, (case.seed, one.sentence)


def the_boundary_cases_agree(case, compiled):
    for name, facts in boundary_cases(case.policy):
        assert compiled.decide(facts).rule_id == case.rule(facts), (case.seed, name)


@pytest.mark.parametrize("seed", range(24))
def test_all_analyses_agree_with_a_naive_evaluation(seed):
    agree(seed)


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_all_analyses_agree_with_a_naive_evaluation_on_two_thousand_policies():
    for seed in range(24, 2_024):
        agree(seed)

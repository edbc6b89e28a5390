"""Tests that are written at the boundaries of a policy notice small changes of it."""

import random

import pytest
from support.policy_mutations import a_mutation
from support.random_policies import a_policy, a_policy_with
from support.realistic_policies import REALISTIC, realistic

from hitl_orchestrator.policies import Severity, boundary_cases, check, compare, compile_policy
from hitl_orchestrator.policies.testing.test_tables import answer_fields

NAMED = ("action", "role", "rule")


def answers(policy, cases):
    """Return what written tests expect: everything for the first test of a rule, else the action, role and rule."""
    compiled, seen, listed = compile_policy(policy), set(), []
    for _, facts in cases:
        fields = answer_fields(compiled.decide(facts))
        whole = fields["rule"] not in seen
        seen.add(fields["rule"])
        listed.append((whole, fields))
    return listed


def notices(policy, changed, cases):
    compiled = compile_policy(changed)
    for (whole, expected), (_, facts) in zip(answers(policy, cases), cases, strict=True):
        actual = answer_fields(compiled.decide(facts))
        if any(actual[name] != value for name, value in expected.items() if whole or name in NAMED):
            return True
    return False


def share_noticed(policies, number, seed):
    """Return the share of random changes of answers that the tests notice, and the changes that they do not."""
    dice, noticed, missed = random.Random(seed), 0, []
    for policy in policies:
        cases = list(boundary_cases(policy))
        for _ in range(number):
            changed, what = a_mutation(policy, dice)
            if notices(policy, changed, cases):
                noticed += 1
            elif compare(policy, changed).differences:
                missed.append((policy.policy_id, what))
    return noticed / (noticed + len(missed)), missed


@pytest.mark.parametrize("name", REALISTIC)
def test_boundary_tests_of_realistic_policies_notice_small_changes(name):
    share, missed = share_noticed([realistic(name)], 60, 7)

    print(f"{name}: {share:.1%} of the changes are noticed")  # noqa: T201 - the measured share
    assert share >= 0.98, missed


def sound(seeds):
    policies = [a_policy(seed, most=8) for seed in seeds]
    return [each for each in policies if all(one.severity is not Severity.ERROR for one in check(each))]


def test_boundary_tests_of_random_policies_notice_small_changes():
    share, missed = share_noticed(sound(range(40)), 20, 3)

    print(f"{share:.1%} of the changes are noticed")  # noqa: T201 - the measured share
    assert share >= 0.97, missed


@pytest.mark.parametrize("seed", range(25))
def test_every_rule_that_decides_has_a_case(seed):
    policy = a_policy(seed, most=10)
    compiled = compile_policy(policy)
    decided = {compiled.decide(facts).rule_id for _, facts in boundary_cases(policy)}
    never = {one.rule_id for one in check(policy) if one.kind in {"unreachable", "contradiction"}}

    assert {rule.rule_id for rule in policy.rules} - decided <= never


def cases_of(*rules):
    return dict(boundary_cases(a_policy_with(rules)))


def test_a_number_is_tried_at_its_bound_and_close_to_it_on_both_sides():
    facts = cases_of(("escalate", {"metadata": {"amount": {"gt": 500}}}), ("human_review", {}))

    assert all(each in [one.metadata.get("amount") for one in facts.values()] for each in (499, 500, 501))


def test_a_confidence_is_tried_at_its_bound_and_just_below():
    facts = cases_of(("auto_approve", {"min_confidence": 0.8}), ("human_review", {}))

    assert {None, 0.79, 0.8} <= {one.confidence for one in facts.values()}
    assert False in {one.has_proposal for one in facts.values()}


def test_named_words_one_other_and_a_missing_or_mistyped_fact_are_tried():
    facts = cases_of(("escalate", {"metadata": {"country": {"in": ["DE", "AT"]}}}), ("human_review", {}))

    countries = [one.metadata.get("country") for one in facts.values()]
    assert all(one in countries for one in ("DE", "AT", "other", None))
    assert {} in countries


def test_a_time_window_is_tried_at_both_ends():
    facts = cases_of(
        ("escalate", {"time": {"days": "monday", "begins": "08:00", "ends": "17:30"}}), ("human_review", {})
    )

    assert {"Mon 07:59", "Mon 08:00", "Mon 17:29", "Mon 17:30"} <= {
        f"{one.received:%a %H:%M}" for one in facts.values() if one.received
    }


def test_the_order_of_two_rules_that_match_one_case_is_tried():
    facts = cases_of(("human_review", {"domain": "payments"}), ("escalate", {"task_type": "refund"}))

    assert ("payments", "refund") in {(one.domain, one.task_type) for one in facts.values()}

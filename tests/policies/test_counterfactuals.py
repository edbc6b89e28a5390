"""The nearest changes that would alter an outcome are verified, minimal and complete, held against brute force."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from itertools import combinations

import pytest
from support.random_policies import DOMAINS, TASK_TYPES, a_policy, a_policy_with

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel, Signal
from hitl_orchestrator.policies import PolicyStack, compile_policy, read_policy
from hitl_orchestrator.policies.explanation.counterfactuals import changes_to_approval, nearest_changes

KINDS = ("risk_level", "domain", "task_type", "confidence", "signals", "all", "any", "not")
SETS = [
    frozenset(one for one, raised in zip((Signal.RISKY, Signal.UNUSUAL, Signal.AMBIGUOUS), bits, strict=True) if raised)
    for bits in [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
]
VALUES = {
    "risk_level": [{"risk_level": level} for level in RiskLevel],
    "domain": [{"domain": word} for word in (*DOMAINS, "elsewhere")],
    "task_type": [{"task_type": word} for word in (*TASK_TYPES, "something")],
    "confidence": [
        {"confidence": None, "has_proposal": False},
        *({"confidence": one, "has_proposal": True} for one in (None, 0.0, 0.29, 0.3, 0.31, 0.5, 0.51, 0.8, 0.81, 1.0)),
    ],
    "signals": [{"signals": one} for one in SETS],
}


def canonical():
    name = "routing_policy.json"
    return read_policy(files("hitl_orchestrator.data").joinpath(name).read_text("utf-8"), name)


def report(policy, risk="medium", confidence=0.62, **more):
    facts = Facts(RiskLevel(risk), "payments", "refund", confidence, **more)
    return [one.sentence for one in nearest_changes(compile_policy(policy), facts)]


def test_the_nearest_changes_of_a_canonical_case():
    assert report(canonical()) == [
        "would be approved automatically at a confidence of 0.75 or above",
        "would be escalated if the risk were high",
    ]
    assert report(canonical(), "high", 0.5) == [
        "would be approved automatically if the risk were medium and at a confidence of 0.75 or above",
        "would go to a person if the risk were low or medium",
    ]


def test_changes_of_metadata_signals_domains_and_times_are_described_in_words():
    policy = a_policy_with(
        [
            ("escalate", {"metadata": {"amount": {"exists": True, "gt": 5000}}}),
            ("human_review", {"signals": ["risky"]}),
            ("escalate", {"domain": "support", "time": {"days": "sunday"}}),
            ("auto_approve", {"min_confidence": 0.8}),
        ]
    )

    assert report(policy, confidence=0.9, signals=frozenset({Signal.RISKY}), metadata={"amount": 10}) == [
        "would be approved automatically without the signal risky",
        "would be escalated if amount were above 5000",
        "would be escalated if it were in support and without the signal risky",
    ]
    assert "would be escalated if it were in support and on sunday" in report(
        policy, metadata={"amount": 10}, received=datetime(2025, 1, 6, 12, tzinfo=UTC)
    )


def test_the_domain_that_has_a_layer_can_be_the_nearest_change():
    layer = a_policy_with([("escalate", {})], policy_id="l")
    stack = PolicyStack.of(canonical(), domains={"support": layer})

    assert "would be escalated if it were in support" in report(stack, confidence=0.9)


def test_changes_to_approval_are_returned_without_the_verb():
    facts = Facts(RiskLevel.MEDIUM, "payments", "refund", 0.62)

    assert changes_to_approval(compile_policy(canonical()), facts) == ("at a confidence of 0.75 or above",)
    assert changes_to_approval(compile_policy(canonical()), replace(facts, confidence=0.8)) == ()


def check_against_brute_force(seed):
    dice = random.Random(seed)
    compiled = compile_policy(a_policy(seed, most=10, kinds=KINDS))
    given = Facts(RiskLevel.LOW, "", "", None)
    for choice in (dice.choice(values) for values in VALUES.values()):
        given = replace(given, **choice)
    before = compiled.decide(given).action
    found = {action: set() for action in Action}
    for one in nearest_changes(compiled, given):
        decided = compiled.decide(one.facts)
        assert decided.action is one.action is not before
        assert differing(one.facts, given) == set(one.changed)
        found[one.action].add(frozenset(one.changed))
    for action in set(Action) - {before}:
        assert found[action] == wanted(compiled, given, action), (seed, action)


def differing(one, other):
    names = {name for name in VALUES if getattr(one, name) != getattr(other, name)}
    return names | ({"confidence"} if one.has_proposal != other.has_proposal else set())


def wanted(compiled, given, action):
    """Return every minimal set of up to two facts, or of as few more as lead to the action."""
    found = set()
    for number in range(1, len(VALUES) + 1):
        if number > 2 and found:
            break
        for names in combinations(VALUES, number):
            fewer = any(one < set(names) for one in found)
            if not fewer and any(compiled.decide(facts).action is action for facts in moved(given, names)):
                found.add(frozenset(names))
    return found


def moved(given, names):
    if not names:
        yield given
        return
    for value in VALUES[names[0]]:
        yield from moved(replace(given, **value), names[1:])


@pytest.mark.parametrize("seed", range(20))
def test_the_sets_of_facts_to_change_are_those_that_brute_force_finds(seed):
    check_against_brute_force(seed)


@pytest.mark.parametrize("seed", range(20))
def test_no_nearer_value_of_a_changed_confidence_or_risk_suffices(seed):
    dice = random.Random(seed)
    compiled = compile_policy(a_policy(seed, most=10, kinds=KINDS))
    given = Facts(dice.choice(list(RiskLevel)), "payments", "refund", dice.choice((0.1, 0.4, 0.6, 0.9)))
    for one in nearest_changes(compiled, given):
        if "confidence" in one.changed and one.facts.confidence is not None:
            low, high = sorted((given.confidence, one.facts.confidence))
            between = [low + (high - low) * part / 40 for part in range(1, 40)]
            # A lower stretch is shown by its lower end: what it shares with the stretch of the change is no nearer.
            nearer = between if one.facts.confidence > given.confidence else [c for c in between if c >= end(one)]
            assert all(compiled.decide(replace(one.facts, confidence=c)).action is not one.action for c in nearer)
        if "risk_level" in one.changed:
            ranks = [list(RiskLevel).index(facts.risk_level) for facts in (given, one.facts)]
            nearer = list(RiskLevel)[min(ranks) + 1 : max(ranks)]
            assert all(compiled.decide(replace(one.facts, risk_level=r)).action is not one.action for r in nearer)


def end(change):
    return next((bound for bound in (0.3, 0.5, 0.8) if bound > change.facts.confidence), 1.1)


@pytest.mark.soak
def test_the_sets_of_facts_to_change_on_two_thousand_policies():
    for seed in range(2_000):
        check_against_brute_force(seed)

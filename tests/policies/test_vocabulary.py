"""A closed vocabulary: the domains and task types that exist, and what happens to any other word."""

import json
import random

import pytest
from support.builders import a_task, an_output
from support.random_facts import facts_at_random
from support.random_policies import DOMAINS, TASK_TYPES, VOCABULARY
from support.random_policies import a_policy as random_policy

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import POLICY_CHANGE, POLICY_DOMAIN, Action, RiskLevel
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import check, compare, compile_policy, explain, policy_hash, read_policy
from hitl_orchestrator.policies.analysis.decision_diagram import deciding, rule_regions
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.language.model import policy_of

WORDS = {"domains": ["payments", "customer_support"], "task_types": ["refund", "answer"]}


def a_policy(*rules, vocabulary=WORDS, **parts):
    listed = [
        {"rule_id": f"r{number}", "priority": number, "action": action, "conditions": conditions}
        for number, (action, conditions) in enumerate(rules, start=1)
    ]
    closed = {} if vocabulary is None else {"vocabulary": vocabulary}
    return {"policy_id": "p", "rules": listed} | closed | parts


GO = ("auto_approve", {"min_confidence": 0.5})


def read(*rules, **parts):
    return read_policy(json.dumps(a_policy(*rules, **parts)), "p.json")


def problems(*rules, **parts):
    with pytest.raises(InvalidInput) as refused:
        read(*rules, **parts)
    return refused.value.problems


def decided(policy, domain="payments", task_type="refund"):
    return compile_policy(policy).decide(Facts(RiskLevel.LOW, domain, task_type, 0.9))


def test_a_task_with_a_word_that_does_not_exist_never_goes_ahead():
    policy = read(GO)

    assert decided(policy).action is Action.AUTO_APPROVE
    unknown = decided(policy, domain="paymnets", task_type="gift")
    assert (unknown.action, unknown.rule_id) == (Action.HUMAN_REVIEW, "fallback")
    assert unknown.reason == (
        "no rule matches, so a person decides; the domain 'paymnets' is not in the vocabulary; "
        "did you mean 'payments'?; the task type 'gift' is not in the vocabulary"
    )


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"domain": "payments"},
        {"not": {"domain": "payments"}},
        {"any": [{"task_type": "gone"}, {}]},
        {"not": {"task_type": "answer"}},
    ],
)
def test_no_rule_approves_a_word_that_does_not_exist_whatever_its_conditions(conditions):
    if "any" in conditions:
        conditions = {"any": [{"task_type": "answer"}, {"domain": ["payments", "customer_support"]}]}
    policy = read(("auto_approve", {"min_confidence": 0.5} | conditions))

    assert decided(policy, domain="elsewhere").action is not Action.AUTO_APPROVE
    assert decided(policy, task_type="other").action is not Action.AUTO_APPROVE


def test_a_rule_that_asks_a_person_also_takes_a_word_that_does_not_exist():
    policy = read(("escalate", {"domain": "payments"}), GO)

    assert decided(policy, domain="elsewhere").rule_id == "r1"
    assert decided(policy, domain="customer_support").rule_id == "r2"
    assert decided(policy, domain=POLICY_DOMAIN, task_type=POLICY_CHANGE).rule_id == "fallback"


def test_without_a_vocabulary_every_word_may_be_one():
    policy = read(("escalate", {"domain": "payments"}), GO, vocabulary=None)

    assert decided(policy, domain="elsewhere").rule_id == "r2"


def test_one_of_the_two_may_stay_open():
    policy = read(GO, vocabulary={"domains": ["payments"]})

    assert decided(policy, task_type="anything").rule_id == "r1"
    assert decided(policy, domain="anything").rule_id == "fallback"


@pytest.mark.parametrize(
    ("rules", "parts", "problem"),
    [
        (
            [("escalate", {"domain": "Payments"})],
            {},
            "rules[0].conditions.domain: \"Payments\": it is not in the vocabulary; did you mean 'payments'?",
        ),
        (
            [("escalate", {"any": [{"task_type": ["refund", "refnud"]}]})],
            {},
            'rules[0].conditions.any[0].task_type: "refnud"',
        ),
        ([], {"vocabulary": {"domains": ["a", "a"]}}, "vocabulary.domains"),
        (
            [],
            {"vocabulary": {"domains": ["pay desk", "pay_desk"]}},
            "'pay_desk' is spelled like 'pay desk'; keep one",
        ),
        ([], {"vocabulary": {"domains": []}}, "an empty vocabulary has no word"),
        ([], {"vocabulary": {}}, "it closes nothing; add domains or task_types"),
        (
            [],
            {"domains": {"paymnets": a_policy(vocabulary=None)}},
            "domains.paymnets: \"paymnets\": it is not in the vocabulary; did you mean 'payments'?",
        ),
        (
            [],
            {"domains": {"payments": a_policy(("escalate", {"task_type": "gift"}), vocabulary=None)}},
            'domains.payments.rules[0].conditions.task_type: "gift"',
        ),
        ([], {"users": {"ann": a_policy()}}, "the layer 'ann' has a vocabulary; only the organization closes"),
    ],
)
def test_a_word_outside_the_vocabulary_is_refused_when_the_policy_is_loaded(rules, parts, problem):
    found = problems(*rules, **parts)

    assert len(found) == 1
    assert problem in found[0]


def test_the_layers_of_a_policy_know_its_vocabulary():
    layer = a_policy(("auto_approve", {"min_confidence": 0.1}), vocabulary=None)
    layer["rules"][0]["rule_id"] = "own"
    policy = read(GO, users={"ann": layer})

    alone = policy.users["ann"]
    assert decided(alone, domain="elsewhere").rule_id == "fallback"
    again = policy_of(json.loads(policy.model_dump_json()))
    assert (again, policy_hash(again)) == (policy, policy_hash(policy))
    assert decided(again.users["ann"], domain="elsewhere").rule_id == "fallback"


@pytest.mark.parametrize(
    "word",
    ["Payments", "payments ", "PAYMENTS", "pаyments", "customer support", "customer-support", "Customer_Support"],  # noqa: RUF001
)
def test_a_word_that_only_looks_like_one_is_refused_at_submission_with_the_word_meant(word):
    with Orchestrator.open("memory://", policy=a_policy(GO)) as hitl:
        meant = "payments" if "customer" not in word.lower() else "customer_support"
        with pytest.raises(
            InvalidInput, match=f"task 'task-1': domain: .* is not in the vocabulary of the policy; write '{meant}'"
        ):
            hitl.submit(a_task(domain=word, task_type="refund"), an_output())
        assert list(hitl.inbox()) == []


def test_another_unknown_word_is_accepted_and_a_person_decides():
    with Orchestrator.open("memory://", policy=a_policy(GO)) as hitl:
        case = hitl.submit(a_task(domain="gifts", task_type="refund"), an_output())

        assert case.status == "waiting"
        assert "the domain 'gifts' is not in the vocabulary" in hitl.inbox()[0].reason
        assert (
            hitl.submit(a_task("task-2", domain="payments", task_type="refund"), an_output("task-2")).status
            == "approved"
        )


def test_a_change_of_the_policy_is_decided_as_without_a_vocabulary():
    with Orchestrator.open("memory://", policy=a_policy(GO, ("escalate", {"domain": "payments"}))) as hitl:
        looser = a_policy(("auto_approve", {}), vocabulary=None)
        change = hitl.policy.activate(looser, reviewer="compliance_officer", reason="open again")

        assert not change.in_force
        assert change.case.record is None


def test_closing_the_vocabulary_is_stricter_and_opening_it_looser():
    opened, closed = read(GO, vocabulary=None), read(GO)

    assert not compare(opened, closed).may_loosen
    assert compare(opened, closed).differences
    assert compare(closed, opened).may_loosen
    assert compare(closed, read(GO, vocabulary={**WORDS, "domains": [*WORDS["domains"], "gifts"]})).may_loosen


def test_a_word_that_does_not_exist_is_described_as_unknown():
    policy = read(("escalate", {"domain": "payments"}), GO)

    (gap,) = [each.sentence for each in check(policy) if each.kind == "gap" and "unknown type" in each.sentence]
    assert "in customer_support" in gap
    closing = compare(read(GO, vocabulary=None), read(GO, vocabulary={"domains": ["payments"]}))
    assert "with an unknown domain" in closing.differences[0].sentence


def test_check_and_explain_know_the_vocabulary():
    policy = read(
        ("auto_approve", {"min_confidence": 0}), ("human_review", {"domain": ["payments", "customer_support"]})
    )

    assert not [finding for finding in check(policy) if "any" in finding.sentence and "outside" in finding.sentence]
    explained = explain(policy, Facts(RiskLevel.LOW, "elsewhere", "refund", 0.9))
    assert "the domain is not in the vocabulary" in {rule.why for rule in explained.rules}


@pytest.mark.parametrize("seed", range(60))
def test_a_random_policy_decides_alike_with_a_vocabulary_but_for_words_that_do_not_exist(seed):
    raw = random_policy(seed, most=8).model_dump(mode="json", exclude_defaults=True)
    opened, closed = policy_of(raw), policy_of(raw | {"vocabulary": VOCABULARY})
    compiled, space = compile_policy(closed), FactSpace([closed])
    diagram, dice = deciding(space, [rule_regions(closed, space)]), random.Random(seed)

    for facts in (facts_at_random(dice) for _ in range(200)):
        decision = compiled.decide(facts)
        (index,) = diagram.at(space.locate(compiled.normalized(facts)))
        assert decision.rule_id == ("fallback" if index < 0 else closed.by_priority[index].rule_id)
        if facts.domain in DOMAINS and facts.task_type in TASK_TYPES:
            assert decision.rule_id == compile_policy(opened).decide(facts).rule_id
        else:
            assert decision.action is not Action.AUTO_APPROVE
    assert Action.AUTO_APPROVE not in {each.after.action for each in compare(opened, closed).differences}

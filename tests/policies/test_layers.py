"""Layers: each answers by itself, the strictest answer wins, and none can loosen what another asks."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from support.random_facts import facts_at_random
from support.random_policies import STACK, a_policy

from hitl_orchestrator.domain.decision import Facts, LayerAnswer
from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import Policy, PolicyStack, compile_policy, decide, explain, policy_hash, read_policy
from hitl_orchestrator.policies.language.model import policy_of


def the_stack() -> PolicyStack:
    stack = read_policy(STACK, "acme.yaml")
    assert isinstance(stack, PolicyStack)
    return stack


def some_facts(domain="support", task_type="answer", confidence=0.9, **metadata):
    return Facts(
        RiskLevel.LOW, domain, task_type, confidence, metadata=metadata, received=datetime(2025, 1, 6, tzinfo=UTC)
    )


def test_where_no_layer_has_a_say_the_organization_decides():
    decision = decide(the_stack(), some_facts())
    assert (decision.action, decision.rule_id, decision.spot_check) == (Action.AUTO_APPROVE, "org_go", 0.1)
    assert decision.layers == (LayerAnswer(layer="organization", rule_id="org_go", action=Action.AUTO_APPROVE),)


def test_a_domain_can_tighten_and_the_decision_names_every_layer():
    decision = decide(the_stack(), some_facts("payments", amount=9000, requested_by="ann"))
    assert (decision.action, decision.rule_id) == (Action.ESCALATE, "pay_big")
    assert decision.reason == "domain payments: pay_big matches: amount is above 5000"
    assert [(one.layer, one.rule_id) for one in decision.layers] == [
        ("organization", "org_go"),
        ("domain payments", "pay_big"),
        ("user ann", "ann_trusts"),
    ]


def test_a_layer_without_a_matching_rule_is_silent():
    decision = decide(the_stack(), some_facts("payments", amount=10))
    assert (decision.action, decision.layers[1].rule_id, decision.layers[1].action) == (Action.AUTO_APPROVE, None, None)


def test_a_user_can_ask_to_be_asked_and_never_wave_through():
    assert decide(the_stack(), some_facts(task_type="refund", requested_by=["bob", "ann"])).rule_id == "ann_refunds"
    unsure = decide(the_stack(), some_facts(confidence=0.2, requested_by="ann"))
    assert (unsure.action, unsure.rule_id) == (Action.HUMAN_REVIEW, "fallback")


def test_the_requirements_of_both_layers_are_combined():
    decision = decide(the_stack(), some_facts("payments", "refund", amount=9000, requested_by="ann"))
    assert (decision.action, decision.rule_id, decision.requirements.approvals) == (Action.ESCALATE, "pay_big", 2)
    assert decision.message == "Ask for the invoice.\nAnn wants to know."
    assert decision.respond_within is not None


@pytest.mark.parametrize("seed", range(25))
def test_no_layer_ever_makes_an_answer_more_lenient(seed):
    dice = random.Random(seed)
    alone, layers = a_policy(seed, most=6), []
    for number in range(3):
        other = a_policy(1000 + 3 * seed + number, most=6).model_dump(mode="json", by_alias=True)
        for rule in other["rules"]:
            rule["rule_id"] = f"l{number}_{rule['rule_id']}"
        layers.append(Policy.model_validate(other))
    users = {"ann": layers[1], "bob": layers[2]}
    stack = compile_policy(PolicyStack.of(alone, domains={"payments": layers[0]}, users=users))
    own = compile_policy(alone)
    for _ in range(60):
        facts = facts_at_random(dice)
        facts.metadata["requested_by"] = dice.choice(("ann", "bob", ["ann", "bob"], "zoe", 3))
        decision, before = stack.decide(facts), own.decide(facts)
        concerned = [decide(layer.policy, facts) for _, layer in stack.layers_for(facts)]
        fields = [before, *(one for one in concerned if one.rule_id != "fallback")]
        assert decision.action.strictness == max(one.action.strictness for one in fields)
        assert decision.rule_id in {one.rule_id for one in fields}
        assert len(decision.layers) == 1 + len(concerned)


def both(one, other):
    """Return what a rule of an organization and one of a domain ask together, both being about every case."""
    rules = ({"rule_id": name, "priority": 1, "conditions": {}} | fields for name, fields in (("o", one), ("d", other)))
    organization, domain = ({"policy_id": "p", "rules": [rule]} for rule in rules)
    return decide(policy_of(organization | {"domains": {"payments": domain}}), some_facts("payments"))


def test_a_layer_that_escalates_lowers_neither_the_role_nor_the_approvals():
    careful = {"action": "human_review", "assigned_human_role": "compliance_officer", "approvals": 2, "blind": True}

    decision = both(careful, {"action": "escalate"})

    assert (decision.action, decision.rule_id) == (Action.ESCALATE, "d")
    assert (decision.assigned_human_role, decision.requirements.approvals) == ("compliance_officer", 2)
    assert decision.requirements.blind


def test_no_answer_of_two_layers_is_due_later_than_either_wants_it():
    working = {"action": "human_review", "respond_within": "P2D", "business_hours": True, "remind_before": "P1D"}

    soon = both(working, {"action": "human_review", "respond_within": "PT10H", "remind_before": "PT1H"})

    assert (soon.respond_within, soon.requirements.business_hours) == (timedelta(hours=10), False)
    assert soon.requirements.remind_before == timedelta(hours=1)
    assert both(working, {"action": "human_review", "respond_within": "PT4H"}).requirements.remind_before is None
    assert both(working, {"action": "escalate"}).requirements.business_hours


@pytest.mark.parametrize("strange", [5, True, {"name": "ann"}, [{"a": 1}], [["ann"]], ["bob", 3]])
def test_an_unreadable_requester_is_answered_by_every_user_layer(strange):
    decision = decide(the_stack(), some_facts(task_type="refund", requested_by=strange))

    assert (decision.action, decision.rule_id) == (Action.HUMAN_REVIEW, "ann_refunds")


@pytest.mark.parametrize("given", [{}, {"requested_by": None}, {"requested_by": []}, {"requested_by": "zoe"}])
def test_where_no_user_of_ours_asked_no_user_layer_has_a_say(given):
    assert decide(the_stack(), some_facts(task_type="refund", **given)).action is Action.AUTO_APPROVE


def test_an_explanation_tells_the_rules_of_every_layer_concerned():
    report = explain(the_stack(), some_facts("payments", amount=9000))
    assert [(line.layer, line.rule_id, str(line.result)) for line in report.rules] == [
        ("organization", "org_go", "decides"),
        ("domain payments", "pay_big", "decides"),
    ]


def test_rule_ids_are_unique_in_all_layers_and_layers_have_none_themselves():
    one = the_stack().domains["payments"]
    with pytest.raises(ValidationError, match="'pay_big' of layer 'ann' is also in another layer"):
        PolicyStack.of(one, users={"ann": one})
    with pytest.raises(InvalidInput, match=r"domains.payments.domains: unknown field"):
        read_policy(STACK.replace("    policy_id: acme_payments", "    policy_id: p\n    domains: {}"), "acme.yaml")


def test_a_problem_in_a_layer_is_reported_with_its_path():
    with pytest.raises(InvalidInput, match=r"users.ann.rules\[0\].conditions.task_typ: unknown field; did you mean"):
        read_policy(STACK.replace("{task_type: refund}", "{task_typ: refund}"), "acme.yaml")
    with pytest.raises(InvalidInput, match=r"domains.payments.rules\[0\].conditions.metadata.amount.eq: .*as a number"):
        read_policy(STACK.replace("{gt: 5000}", "{eq: many}"), "a.yaml")


def test_the_hash_of_a_stack_is_that_of_all_layers():
    stack = the_stack()
    assert policy_hash(stack) == policy_hash(read_policy(STACK, "acme.yml"))
    assert policy_hash(stack) != policy_hash(read_policy(STACK.replace("5000", "5001"), "acme.yaml"))

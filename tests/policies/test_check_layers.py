"""A layer is checked where it is asked, and nowhere else."""

from itertools import product

import pytest

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.policies import Conditions, Policy, PolicyStack, Rule, check, decide
from hitl_orchestrator.policies.analysis.findings import FindingKind
from hitl_orchestrator.policies.analysis.layer_scope import scope_of
from hitl_orchestrator.policies.engine.axes.base import steps_of
from hitl_orchestrator.policies.engine.partition import FactSpace


def a_rule(rule_id, action="human_review", priority=1, **fields):
    return Rule(rule_id=rule_id, priority=priority, conditions=Conditions(**fields), action=action)


def of_layer(*rules, **kind):
    """Return what is found about a layer of these rules, under an organization that asks always."""
    organization = Policy(policy_id="p", rules=(a_rule("all"),))
    layer = Policy(policy_id="l", rules=rules, metadata={"requested_by": "text"})
    (name,) = kind.values()
    return check(PolicyStack.of(organization, **{f"{next(iter(kind))}s": {name: layer}}))


def test_a_layer_is_not_blamed_for_cases_that_it_is_never_asked_about():
    high = {"risk_level": "high"}
    elsewhere = a_rule("lenient", "auto_approve", min_confidence=0.5, domain="support", **high)
    by_bob = a_rule("lenient", "auto_approve", min_confidence=0.5, metadata={"requested_by": {"eq": "bob"}}, **high)

    for rule, kind in ((elsewhere, {"domain": "payments"}), (by_bob, {"user": "ann"})):
        found = of_layer(rule, a_rule("strict", "escalate", 2), **kind)
        assert [(one.rule_id, one.kind) for one in found] == [("lenient", FindingKind.CONTRADICTION)]


def test_a_rule_of_a_user_that_asks_for_another_user_never_holds():
    (found,) = of_layer(
        a_rule("bobs", "auto_approve", min_confidence=0.5, metadata={"requested_by": {"eq": "bob"}}), user="ann"
    )
    assert found.sentence == (
        "it can never match: the layer answers only tasks that ann requests, "
        "and metadata.requested_by names another user"
    )


def test_a_user_layer_answers_tasks_that_its_user_requests_with_others():
    assert of_layer(a_rule("bobs", "escalate", metadata={"requested_by": {"eq": "bob"}}), user="ann") == []
    facts = Facts(RiskLevel.LOW, "any", "any", None, metadata={"requested_by": ["bob", "ann"]})
    layer = Policy(
        policy_id="l",
        metadata={"requested_by": "text"},
        rules=(a_rule("bobs", "escalate", metadata={"requested_by": {"eq": "bob"}}),),
    )
    organization = Policy(policy_id="p", rules=(a_rule("all"),))
    assert decide(PolicyStack.of(organization, users={"ann": layer}), facts).rule_id == "bobs"


@pytest.mark.parametrize(
    ("kind", "field", "own"), [("domain", "domain", "payments"), ("user", "metadata", {"requested_by": "ann"})]
)
def test_findings_of_a_layer_describe_its_own_cases(kind, field, own):
    lenient = a_rule("lenient", "auto_approve", risk_level="high", min_confidence=0.5)
    name = own if kind == "domain" else "ann"
    found = of_layer(lenient, a_rule("strict", "escalate", 2, **{field: spelled(own)}), **{kind: name})
    risk = next(one for one in found if one.kind is FindingKind.MONOTONICITY)

    assert risk.layer == f"{kind} {name}"
    assert risk.sentence.startswith("high risk with a confidence of 0.5 or above is approved automatically")
    assert [one[field] for one in risk.examples] == [own, own]


def spelled(own):
    return own if isinstance(own, str) else {name: {"eq": value} for name, value in own.items()}


def test_a_user_layer_answers_where_the_requester_is_unreadable():
    rule = a_rule("numbered", "escalate", metadata={"requested_by": {"gt": 5}})
    layer = Policy(policy_id="l", metadata={"requested_by": "number"}, rules=(rule,))
    stack = PolicyStack.of(Policy(policy_id="p", rules=(a_rule("all"),)), users={"ann": layer})
    facts = Facts(RiskLevel.LOW, "any", "any", None, metadata={"requested_by": 7})

    assert decide(stack, facts).rule_id == "numbered"
    assert FactSpace([layer]).locate(facts) in cells_asked("user ann", FactSpace([layer]))


def cells_asked(layer, space):
    return set(product(*map(steps_of, scope_of(layer, space))))

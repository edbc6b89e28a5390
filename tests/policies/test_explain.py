import pytest
from support.builders import a_lot

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.policies import Conditions, Policy, Rule, compile_policy, decide, explain, policy_hash
from hitl_orchestrator.policies.explanation.counterfactuals import changes_to_approval, nearest_changes
from hitl_orchestrator.policies.explanation.explain import RuleResult
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry


def a_policy():
    return Policy(
        policy_id="p",
        rules=(
            Rule(rule_id="late", priority=9, conditions=Conditions(), action="human_review"),
            Rule(rule_id="sure", priority=2, conditions=Conditions(min_confidence=0.8), action="auto_approve"),
            Rule(
                rule_id="risky",
                priority=1,
                conditions=Conditions(risk_level="high", domain="payments"),
                action="escalate",
            ),
        ),
    )


def some_facts(confidence=0.9):
    return Facts(RiskLevel.LOW, "payments", "refund", confidence)


def test_every_rule_is_explained_in_the_order_it_is_tried():
    explanation = explain(a_policy(), some_facts())

    assert [(rule.rule_id, rule.result) for rule in explanation.rules] == [
        ("risky", RuleResult.FAILS),
        ("sure", RuleResult.DECIDES),
        ("late", RuleResult.TOO_LATE),
    ]


def test_every_condition_tells_whether_it_held():
    risky = explain(a_policy(), some_facts()).rules[0]

    assert risky.conditions == ((False, "the risk is not high"), (True, "the domain is payments"))
    assert risky.why == "the risk is not high"


def test_the_decision_explained_is_the_decision_taken():
    assert explain(a_policy(), some_facts()).decision == decide(a_policy(), some_facts())


def test_the_lines_read_as_sentences():
    assert explain(a_policy(), some_facts(None)).lines == (
        "risky does not match: the risk is not high",
        "sure does not match: there is no confidence and auto_approve needs a confidence, and there is none",
        "late decides: it has no conditions",
        "human_review by domain_reviewer: late matches: it has no conditions",
    )


def test_the_fallback_is_explained_too():
    explanation = explain(Policy(policy_id="p", rules=()), some_facts())

    assert explanation.rules == ()
    assert explanation.lines == ("human_review by domain_reviewer: no rule matches, so a person decides",)


A_CHANGE = Facts(RiskLevel.LOW, "policy", "policy_change", 0.9)
TOP = Policy(
    policy_id="top",
    rules=(
        Rule(
            rule_id="top",
            priority=1,
            conditions=Conditions(task_type="policy_change"),
            action="escalate",
            assigned_human_role="compliance_officer",
        ),
    ),
)


def test_a_change_of_the_policy_is_explained_by_what_is_built_in_and_no_rule_that_does_not_name_it():
    report = explain(a_policy(), A_CHANGE)

    assert [(line.layer, line.rule_id, line.result) for line in report.rules] == [
        ("built in", "policy_change", RuleResult.DECIDES),
        ("organization", "risky", RuleResult.FAILS),
        ("organization", "sure", RuleResult.FAILS),
        ("organization", "late", RuleResult.FAILS),
    ]
    assert "does not name the task type policy_change" in report.rules[2].why
    assert report.lines[0].endswith("such a change needs the approval of a second person, whatever the policies decide")
    assert report.lines[-1].startswith("escalate by senior_manager: policy_change, which is built in, matches: ")


@pytest.mark.parametrize("policy", [a_policy(), TOP], ids=["less", "more"])
def test_it_is_explained_as_it_is_decided_and_nothing_of_its_facts_would_alter_that(policy):
    rulebook = PolicyRegistry(policy, DEFAULT_CHAIN, {}.__getitem__, a_lot)

    assert explain(policy, A_CHANGE).decision == rulebook.decide(policy_hash(policy), A_CHANGE)
    assert nearest_changes(compile_policy(policy), A_CHANGE) == ()
    assert changes_to_approval(compile_policy(policy), A_CHANGE) == ()

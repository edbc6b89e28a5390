from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.words import RiskLevel
from hitl_orchestrator.policies import Conditions, Policy, Rule, decide, explain
from hitl_orchestrator.policies.explain import Standing


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

    assert [(rule.rule_id, rule.standing) for rule in explanation.rules] == [
        ("risky", Standing.FAILS),
        ("sure", Standing.DECIDES),
        ("late", Standing.TOO_LATE),
    ]


def test_every_condition_tells_whether_it_held():
    risky = explain(a_policy(), some_facts()).rules[0]

    assert risky.conditions == ((False, "the risk is not high"), (True, "the domain is payments"))
    assert risky.why == "the risk is not high"


def test_the_decision_explained_is_the_decision_taken():
    assert explain(a_policy(), some_facts()).decision == decide(a_policy(), some_facts())


def test_the_lines_read_as_sentences():
    assert explain(a_policy(), some_facts(None)).lines == (
        "risky does not hold: the risk is not high",
        "sure does not hold: there is no confidence and auto_approve needs a confidence, and there is none",
        "late decides: it asks for nothing",
        "human_review by domain_reviewer: late holds: it asks for nothing",
    )


def test_the_fallback_is_explained_too():
    explanation = explain(Policy(policy_id="p", rules=()), some_facts())

    assert explanation.rules == ()
    assert explanation.lines == ("human_review by domain_reviewer: no rule holds, so a person decides",)

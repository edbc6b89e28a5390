import pytest
from support.builders import NINE, an_output

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.enums import HumanDecision, QualityCheckKind
from hitl_orchestrator.insights.feedback import Feedback, feedback_of


def a_record(decision="approve", **fields):
    human_decision = HumanDecision(decision) if decision else None
    values = {
        "log_id": "log_case-1",
        "task_id": "task-1",
        "case_id": "case-1",
        "risk_level": "low",
        "confidence_score": 0.5,
        "routing_decision": "human_review",
        "human_involved": human_decision is not None,
        "human_decision": human_decision,
        "final_decision": human_decision.final if human_decision else "rejected",
        "decision_source": "human" if human_decision else "timeout",
        "latency_seconds": 1,
        "timestamp": NINE,
        "policy_id": "p",
        "policy_hash": "a" * 64,
        "rule_id": "r1",
        "reason": "r1 holds",
        "proposed_output": an_output().agent_output,
        "final_output": None,
        "review_probability": 1,
    }
    return AuditRecord(**values | fields)


@pytest.mark.parametrize(
    ("decision", "correct", "override", "error"),
    [
        ("approve", True, False, None),
        ("reject", False, False, "agent_error"),
        ("modify", False, True, "agent_error"),
        ("override", False, True, "agent_error"),
    ],
)
def test_feedback_states_correctness_and_error_type(decision, correct, override, error):
    record = a_record(decision, reason_code="agent_error", human_feedback="The amount is net")

    assert feedback_of(record) == Feedback(
        feedback_id="fb_case-1",
        task_id="task-1",
        agent_correct=correct,
        human_override=override,
        error_type=error,
        notes="The amount is net",
        timestamp=NINE,
    )


def test_an_error_without_a_reason_code_has_no_type():
    assert feedback_of(a_record("reject")).error_type is None


def test_the_reason_replaces_missing_feedback():
    assert feedback_of(a_record("override", human_reason="customer is a test account")).notes == (
        "customer is a test account"
    )


@pytest.mark.parametrize("kind", QualityCheckKind)
def test_quality_checks_give_no_feedback(kind):
    assert feedback_of(a_record(quality_check=kind)) is None


@pytest.mark.parametrize("source", ["agent", "timeout", "submitter", "resubmission"])
def test_cases_without_a_human_decision_give_no_feedback(source):
    assert feedback_of(a_record(None, decision_source=source)) is None

import pytest
from support.builders import NINE, an_output

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.enums import HumanDecision, QualityCheckKind
from hitl_orchestrator.insights.feedback import Feedback, feedback_of


def a_record(decision="approve", **fields):
    said = HumanDecision(decision) if decision else None
    told = {
        "log_id": "log_case-1",
        "task_id": "task-1",
        "case_id": "case-1",
        "risk_level": "low",
        "confidence_score": 0.5,
        "routing_decision": "human_review",
        "human_involved": said is not None,
        "human_decision": said,
        "final_decision": said.final if said else "rejected",
        "decision_source": "human" if said else "timeout",
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
    return AuditRecord(**told | fields)


@pytest.mark.parametrize(
    ("decision", "correct", "override", "error"),
    [
        ("approve", True, False, None),
        ("reject", False, False, "agent_error"),
        ("modify", False, True, "agent_error"),
        ("override", False, True, "agent_error"),
    ],
)
def test_an_agent_learns_whether_it_was_right_and_why_not(decision, correct, override, error):
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


def test_the_reason_stands_in_where_there_is_no_feedback():
    assert feedback_of(a_record("override", human_reason="customer is a test account")).notes == (
        "customer is a test account"
    )


@pytest.mark.parametrize("kind", QualityCheckKind)
def test_nothing_is_learned_from_a_probe(kind):
    assert feedback_of(a_record(quality_check=kind)) is None


@pytest.mark.parametrize("source", ["agent", "timeout", "submitter", "resubmission"])
def test_nothing_is_learned_where_no_person_decided(source):
    assert feedback_of(a_record(None, decision_source=source)) is None

"""The attributes of spans: what a case, a node or a decision adds to them."""

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import Classification, RoutingDecision, Score
from hitl_orchestrator.domain.enums import DecisionSource
from hitl_orchestrator.domain.review import RecordedDecision
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.telemetry import Span

__all__ = ["note_case", "note_step", "note_submission", "note_verdict"]

_VERDICT = "human_review"


def note_submission(span: Span, case: Case) -> None:
    """Add a case as it was submitted and left: its task, and the agent and the model that the output names."""
    note_case(span, case)
    task, output = case.submission.task, case.submission.output
    risk = None if task.risk_level is None else task.risk_level.value
    span.note(hitl_domain=task.domain, hitl_risk_level=risk)
    span.content(hitl_task_description=task.task_description, hitl_task_metadata=task.metadata or None)
    if output is None:
        return
    stated = output.agent_output.model_extra or {}
    agent, model = (stated.get(name) for name in ("agent_id", "model"))
    span.note(
        gen_ai_agent_id=agent if isinstance(agent, str) else None,
        gen_ai_request_model=model if isinstance(model, str) else None,
        hitl_confidence=output.confidence_score,
    )
    span.content(hitl_proposal=output.agent_output)


def note_case(span: Span, case: Case) -> None:
    """Add the case as the call has left it."""
    span.note(
        gen_ai_conversation_id=case.case_id,
        hitl_case_id=case.case_id,
        hitl_task_id=case.task_id,
        hitl_task_type=case.submission.task.task_type,
        hitl_status=case.status,
        hitl_rule_id=case.rule_id,
        hitl_waiting_for=case.waiting_for,
    )


def note_step(span: Span, value: Value | None) -> None:
    """Add what a node has computed."""
    if isinstance(value, Classification):
        span.note(hitl_risk_level=value.risk_level.value, hitl_has_proposal=value.output is not None)
        span.content(hitl_classifier_error=value.error)
    elif isinstance(value, Score):
        span.note(hitl_confidence=value.confidence, hitl_signals=tuple(each.value for each in value.signals))
    elif isinstance(value, RoutingDecision):
        span.note(
            hitl_action=value.action.value,
            hitl_rule_id=value.rule_id,
            hitl_role=value.assigned_human_role,
            hitl_policy_hash=value.policy_hash,
        )
        span.content(hitl_reason=value.reason)


def note_verdict(span: Span, verdict: RecordedDecision | None) -> None:
    """Add the verdict of a person on the proposal: 1 if they let it through as it is, 0 if not; none if passed up."""
    if verdict is None or verdict.source is not DecisionSource.HUMAN:
        return
    decision, spec = verdict.review.human_decision, verdict.review.human_decision.spec
    value = None if spec.escalates else float(spec.approves_proposal)
    span.note(hitl_role=verdict.role, hitl_decision=decision.value)
    span.evaluation(_VERDICT, decision.value, value, verdict.review.stated_reason)

"""What an audit record holds beside the decision: under which versions, who decided, and what they had before them."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hitl_orchestrator.domain.audit import Vote
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Routing
from hitl_orchestrator.domain.enums import Authentication, DecisionSource
from hitl_orchestrator.domain.review import RecordedDecision, StoredReview
from hitl_orchestrator.domain.value import Label

SAID_BY_THE_AGENT = ("agent_id", "model", "model_version", "prompt_version")
"""The free fields of an output that become fields of the record, where they are short names."""

_A_NAME: TypeAdapter[str] = TypeAdapter(Label)


def of_case(submission: Submission, routing: Routing) -> dict[str, Any]:
    """Return what came in, when, and under which versions of everything that had a part in it."""
    extra = (routing.output.agent_output.model_extra or {}) if routing.output else {}
    return {
        "task_type": submission.task.task_type,
        "domain": submission.task.domain,
        "received_at": submission.received_at,
        "graph_version": submission.graph_version,
        "software_version": software_version(),
        "confidence_source": routing.score.source,
        "submitted_by": submission.submitted_by,
        "supersedes": submission.supersedes,
        "approvals_needed": routing.decision.requirements.approvals,
        **_quality_check_fields(submission),
        **{field: _name(extra.get(field)) for field in SAID_BY_THE_AGENT},
    }


def of_review(row: StoredReview, verdict: RecordedDecision) -> dict[str, Any]:
    """Return who decided, by what right, and what they had before them, as it stood at that time."""
    # Nobody timed a decision of the past, and the review of a replay was opened long after it.
    timed = verdict.authenticated is not Authentication.RECORDED
    seconds = (verdict.decided_at - row.opened_at).total_seconds()
    return {
        "escalations": row.shown.escalations,
        "review_id": row.review_id,
        "assigned_human_role": row.role,
        "shown_digest": row.digest,
        "options_offered": verdict.options_offered,
        "reviewer_roles": verdict.roles_held,
        "reviewer_domains": verdict.domains_held,
        "authenticated": verdict.authenticated,
        "channel": verdict.channel,
        "human_reason": verdict.review.reason,
        "confidence_assessment": verdict.review.confidence_assessment,
        "review_opened_at": row.opened_at,
        "review_seconds": max(0.0, seconds) if timed else None,
        "first_viewed_at": verdict.first_viewed_at,
        "seconds_looked_at": _seconds_since(verdict.first_viewed_at, verdict),
        "reason_code": verdict.review.reason_code,
        "own_label": verdict.own_label,
    }


def votes(rows: Iterable[StoredReview]) -> tuple[Vote, ...]:
    """Return every answer of a person in these reviews, in order."""
    return tuple(
        Vote(
            review_id=row.review_id,
            reviewer_id=row.verdict.review.reviewer_id,
            person=row.verdict.person,
            role=row.verdict.role,
            human_decision=row.verdict.review.human_decision,
            at=row.verdict.decided_at,
        )
        for row in rows
        if row.verdict is not None and row.verdict.source is DecisionSource.HUMAN
    )


def _quality_check_fields(submission: Submission) -> dict[str, Any]:
    quality_check = submission.quality_check
    return (
        {}
        if quality_check is None
        else {
            "quality_check": quality_check.kind,
            "quality_check_expected": quality_check.expected,
            "quality_check_of": quality_check.of,
        }
    )


def _seconds_since(at: datetime | None, verdict: RecordedDecision) -> float | None:
    return None if at is None else max(0.0, (verdict.decided_at - at).total_seconds())


@cache
def software_version() -> str:
    """Return the version of this package that runs."""
    return version("hitl-orchestrator")


def _name(given: Any) -> str | None:
    """Return a short name as it was given; None where it is none. The output keeps what was given, whatever it is."""
    try:
        return _A_NAME.validate_python(given, strict=True)
    except ValidationError:
        return None

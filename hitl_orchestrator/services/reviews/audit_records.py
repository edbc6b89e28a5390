"""Build the audit record of a case from its submission, its routing and its decision."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any

from hitl_orchestrator.domain.audit import AuditRecord, Vote
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Routing
from hitl_orchestrator.domain.enums import Authentication, DecisionSource, FinalDecision
from hitl_orchestrator.domain.input.json_patch import json_patch
from hitl_orchestrator.domain.review import RecordedDecision, Review, StoredReview
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.value import canonical_json, short_name
from hitl_orchestrator.errors import IncompleteOutcome
from hitl_orchestrator.ledger.events.outcomes import AGENT_FIELDS

__all__ = ["by_agent", "by_person", "software_version"]


def by_agent(submission: Submission, routing: Routing, now: datetime, *, drawn: bool) -> AuditRecord:
    """Return the record of a case that was approved automatically, and `drawn` for a spot check or not.

    A replayed case was decided at the task's own time plus the seconds that the run took.

    Raises:
        IncompleteOutcome: no rule approved it, or there is no proposal.
    """
    if routing.decision.needs_human or routing.output is None:
        raise IncompleteOutcome(submission.case_id, "no rule approves it automatically")
    started = submission.made_at
    decided_at = started + (now - submission.received_at) if submission.replayed else now
    return AuditRecord(
        **_common(submission, routing, decided_at),
        human_involved=False,
        final_decision=FinalDecision.APPROVED,
        decision_source=DecisionSource.AGENT,
        final_output=None if _carries_nothing_out(submission) else routing.output.agent_output,
        label_changed=False,
        review_probability=0.0 if submission.replayed else routing.decision.review_probability,
        drawn=drawn,
    )


def by_person(
    submission: Submission, row: StoredReview, before: Sequence[StoredReview] = (), chance: float = 1.0
) -> AuditRecord:
    """Return the record of a case that ended in a review: by a decision, a deadline or a withdrawal.

    `before` are the answered reviews before the settling one: votes and escalations. `chance` is the probability
    that a case like it is reviewed.

    Raises:
        IncompleteOutcome: the review is open, was escalated, or was one vote of several.
    """
    verdict = row.verdict
    final = None if verdict is None else verdict.final
    if verdict is None or final is None:
        raise IncompleteOutcome(submission.case_id, f"review {row.review_id!r} has no final decision")
    routing = row.shown.routing
    fields = {
        **_common(submission, routing, verdict.decided_at),
        **of_review(row, verdict),
        "final_decision": final,
        "decision_source": verdict.source,
        "votes": votes([*before, row]),
        "unchecked": _unchecked([*before, row]),
    }
    if verdict.source is not DecisionSource.HUMAN:
        undecided = {"human_involved": False, "final_output": None, "review_probability": chance}
        return AuditRecord(**fields | undecided | _reason_without_reviewer(verdict))
    output = _output_after(verdict.review, routing)
    return AuditRecord(
        **fields,
        human_involved=True,
        reviewer_id=verdict.review.reviewer_id,
        human_role=verdict.role,
        human_decision=verdict.review.human_decision,
        human_feedback=verdict.review.human_feedback or verdict.review.reason,
        final_output=None if _carries_nothing_out(submission) else output,
        label_changed=_changes_label(routing, output),
        output_patch=_patch(routing, verdict.review),
        review_probability=chance,
    )


def _reason_without_reviewer(verdict: RecordedDecision) -> dict[str, Any]:
    """Return why a case ended without a reviewer; for a missed deadline the source is reason enough."""
    return {"human_reason": "" if verdict.source is DecisionSource.TIMEOUT else verdict.review.reason}


def _patch(routing: Routing, review: Review) -> tuple[dict[str, Any], ...] | None:
    """Return the JSON Patch from the proposal to the edited output, where both exist."""
    if review.modified_output is None or routing.output is None:
        return None
    proposed, final = routing.output.agent_output, review.modified_output
    return json_patch(proposed.model_dump(mode="json"), final.model_dump(mode="json"))


def _changes_label(routing: Routing, output: Proposal | None) -> bool | None:
    """Return whether a decision changed the label; None where it left no output, or there was no proposal."""
    if routing.output is None or output is None:
        return None
    return output.predicted_label != routing.output.agent_output.predicted_label


def _output_after(review: Review, routing: Routing) -> Proposal | None:
    """Return the output to carry out. An override without an output leaves none."""
    if review.human_decision.spec.approves_proposal:
        return None if routing.output is None else routing.output.agent_output
    return review.modified_output


def _common(submission: Submission, routing: Routing, decided_at: datetime) -> dict[str, Any]:
    task, decision = submission.task, routing.decision
    proposal = None if routing.output is None else routing.output.agent_output
    return {
        **of_case(submission, routing),
        "log_id": f"log_{submission.case_id}",
        "replayed": submission.replayed,
        "task_id": task.task_id,
        "case_id": submission.case_id,
        "risk_level": routing.risk_level,
        "confidence_score": routing.score.confidence,
        "signals": routing.score.signals,
        "unreadable": routing.score.unreadable,
        "raised": routing.score.raised,
        "reviewed": routing.score.reviewed,
        "routing_decision": decision.action,
        "rule_id": decision.rule_id,
        "reason": decision.reason,
        "policy_id": decision.policy_id,
        "policy_hash": decision.policy_hash,
        "proposed_output": proposal,
        "shown_length": 0 if proposal is None else len(canonical_json(proposal.model_dump(mode="json"))),
        "latency_seconds": max(0.0, (decided_at - submission.made_at).total_seconds()),
        "timestamp": decided_at,
    }


def of_case(submission: Submission, routing: Routing) -> dict[str, Any]:
    """Return the submission, its times, and the versions of the software, the graph and the policy."""
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
        "classifier_error": routing.error,
        "approvals_needed": routing.decision.requirements.approvals,
        **_quality_check_fields(submission),
        # The output itself still holds what is no short name.
        **{field: short_name(extra.get(field)) for field in AGENT_FIELDS},
    }


def of_review(row: StoredReview, verdict: RecordedDecision) -> dict[str, Any]:
    """Return the reviewer, their role and rights, and the content that the review showed at that time."""
    # A recorded decision has no measured duration: its review was opened long after it.
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
        "due_at": row.due_at,
        "review_seconds": max(0.0, seconds) if timed else None,
        "first_viewed_at": verdict.first_viewed_at,
        "seconds_looked_at": _seconds_since(verdict.first_viewed_at, verdict),
        "reason_code": verdict.review.reason_code,
        "own_label": verdict.own_label,
    }


def votes(rows: Iterable[StoredReview]) -> tuple[Vote, ...]:
    """Return the decisions of reviewers in these reviews, in order."""
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


def _unchecked(rows: Sequence[StoredReview]) -> tuple[str, ...]:
    """Return the rules that could not be checked for the records of the past among the decisions."""
    named = (rule for row in rows if row.verdict is not None for rule in row.verdict.unchecked)
    return tuple(dict.fromkeys(named))


def _carries_nothing_out(submission: Submission) -> bool:
    """Whether a case measures a reviewer, or repeats a record of the past."""
    return submission.quality_check is not None or submission.replayed


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
    """Return the installed version of this package."""
    return version("hitl-orchestrator")

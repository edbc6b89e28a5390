"""Build the view of one case for a reviewer, from the tables, the policy and earlier decisions."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import FALLBACK, RoutingDecision
from hitl_orchestrator.domain.enums import (
    EXECUTION_CHECK,
    GOVERNED_CHANGES,
    POLICY_CHANGE,
    ActorKind,
    EventKind,
    HumanDecision,
)
from hitl_orchestrator.domain.lifecycle import state_of
from hitl_orchestrator.domain.review import Reviewer, StoredReview
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, ReplayedCase, RequestRejected
from hitl_orchestrator.ledger.events.builders import check_open
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.nodes.ports import Outputs
from hitl_orchestrator.policies.engine.builtin_rules import as_reviewed
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.review.call_forms import output_schema
from hitl_orchestrator.review.decision_checks import options
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.rights import Rights
from hitl_orchestrator.review.view import AGENT_FIELDS, CaseView, Choice, HistoryItem, Masking, SimilarCase, masking
from hitl_orchestrator.services.acting import Acting, CaseKey
from hitl_orchestrator.services.case_reader import CaseReader, Clock, not_waiting, open_review_of
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.claims import CLAIM_SECONDS
from hitl_orchestrator.services.reviews.first_view import FirstView, first_view
from hitl_orchestrator.services.reviews.inbox import asked_about
from hitl_orchestrator.services.reviews.rejected_attempts import actor_of
from hitl_orchestrator.services.reviews.requirements import facts_of, storable_text

__all__ = ["CaseViewer", "CaseViews"]

MIN_DECIDED = 20
"""The number of decided cases of a kind from which their rate is shown."""

HIDDEN = "hidden until you have committed your own label"
_BANDS = 10
_LOWEST_OF_BAND = tuple(band / _BANDS for band in range(_BANDS))
_NOT_SHOWN = (EventKind.VIEWED, EventKind.REFUSED, EventKind.ALARM, EventKind.LABELED)


class CaseViews:
    """Shows cases to reviewers, and takes their own labels."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        people: People,
        reader: CaseReader,
        access: ReviewAccess,
        viewer: "CaseViewer",
        clock: Clock,
    ) -> None:
        self._ledger, self._people, self._clock = ledger, people, clock
        self._reader, self._access, self._viewer = reader, access, viewer

    def view(self, key: CaseKey, acting: Acting) -> CaseView:
        """Return the case as its reviewer sees it: its open review, or else the last one."""
        case = self._reader.get(key)
        if not case.reviews:
            raise not_waiting(case)
        row = case.open_review or case.reviews[-1]
        reviewer = None if acting.reviewer is None else self._people.named(acting.reviewer)
        if reviewer is not None and row.verdict is None and not row.shown.replayed:
            self._ledger.view(row, actor_of(reviewer, acting), self._clock())
            if row.claimed_by == reviewer.reviewer_id:
                self._ledger.renew(row, reviewer.reviewer_id, CLAIM_SECONDS)
        return self._view(case, row, reviewer)

    def label(self, key: CaseKey, label: str, acting: Acting) -> CaseView:
        """Commit the reviewer's own label before they see the agent's answer, and return the full view."""
        case = self._reader.waiting(key)
        row, reviewer = open_review_of(case), self._people.named(acting.reviewer_id)
        if not label.strip():
            raise InvalidInput([f"label {key.text!r}: it is empty; state the answer that you think is right"])
        label = storable_text(label, row.review_id)
        self._access.rights(row, case).role_for(reviewer)
        self._ledger.label(row, actor_of(reviewer, acting), self._clock(), label)
        return self._view(self._reader.case(case.case_id), row, reviewer)

    def _view(self, case: Case, row: StoredReview, reviewer: Reviewer | None) -> CaseView:
        rights = self._access.rights(row, case)
        events = list(self._ledger.events(case.case_id))
        viewed = FirstView() if reviewer is None else first_view(self._ledger, row, reviewer, events)
        return self._viewer.view(case, rights, events, reviewer, viewed)


class CaseViewer:
    """Builds views from a ledger, the policies in force and the output schemas."""

    def __init__(self, ledger: Ledger, registry: PolicyRegistry, outputs: Outputs | None) -> None:
        self._ledger, self._registry, self._outputs = ledger, registry, outputs

    def view(
        self, case: Case, rights: Rights, events: Sequence[Event], reviewer: Reviewer | None, viewed: FirstView
    ) -> CaseView:
        """Return the view of a review for a reviewer, or for readers without a name."""
        row, now = rights.row, self._ledger.now()
        mask = masking(case, blind=rights.requirements.blind, label=viewed.label)
        schema = None if self._outputs is None else self._outputs.of(row.shown.task.task_type)
        form = case.submission.call
        return CaseView(
            case_id=case.case_id,
            task_id=case.task_id,
            review_id=row.review_id,
            digest=row.digest,
            state=state_of(row, now).value,
            task=row.shown.task,
            hidden=AGENT_FIELDS if mask.agent else (),
            own_label=viewed.label,
            **(_WITHOUT_AGENT if mask.agent else self._agent_fields(row)),
            risk_level=row.shown.routing.risk_level,
            action=row.shown.routing.decision.action,
            rule_id=_shown(row).rule_id,
            message=row.shown.routing.decision.message or "",
            asked_about=asked_about(self._ledger, row.shown.task),
            role=rights.needed,
            missing_role=None if row.role in rights.people.chain.roles else row.role,
            requirements=rights.requirements,
            votes_given=len(rights.votes),
            passed_up_because=row.shown.passed_up_because,
            history=tuple(_history(events, mask, reviewer)),
            opened_at=row.opened_at,
            due_at=row.due_at,
            overdue=row.due_at is not None and row.due_at <= now,
            claimed_by=row.claimed_by,
            claimed_until=row.claimed_until,
            delegated_by=row.delegated_by,
            choices=tuple(_choices(rights, reviewer)),
            reason_codes=rights.people.reason_codes,
            output_schema=schema or (None if form is None else output_schema(form)),
            may_decide=() if row.shown.replayed else tuple(each.reviewer_id for each in rights.seem_able()),
            why_not="" if reviewer is None else _why_not(rights, reviewer, now),
        )

    def _agent_fields(self, row: StoredReview) -> dict[str, Any]:
        """Return the fields that show the proposal of the agent and its confidence."""
        from hitl_orchestrator.policies.explanation.counterfactuals import changes_to_approval  # noqa: PLC0415 - slow

        routing, task = row.shown.routing, row.shown.task
        policy = self._registry.policy(routing.decision.policy_hash)
        confidence = routing.score.confidence
        # A case held by chance and a spot check need no change to be approved: others that no rule matches show none.
        is_shown = row.verdict is not None or _shown(row).rule_id != FALLBACK
        return {
            "proposal": routing.output and routing.output.agent_output,
            "classifier_error": routing.error,
            "confidence": confidence,
            "confidence_means": self.confidence_meaning(task.task_type, confidence),
            "confidence_parts": routing.score.parts,
            "signals": routing.score.signals,
            "raised": routing.score.raised,
            "unreadable": routing.score.unreadable,
            "reason": _shown(row).reason,
            "would_go_through": changes_to_approval(policy, facts_of(task, routing)) if is_shown else (),
            "similar": tuple(self._similar(row)),
        }

    def confidence_meaning(self, task_type: str, confidence: float | None) -> str:
        """Return how often reviewers upheld outputs of this type with a similar confidence."""
        if confidence is None:
            return "the agent states no confidence"
        band = min(bisect_right(_LOWEST_OF_BAND, confidence) - 1, _BANDS - 1)
        lowest, highest = _LOWEST_OF_BAND[band], (band + 1) / _BANDS if band + 1 < _BANDS else 1.0000001
        decided, upheld = self._ledger.upheld(task_type, lowest, highest)
        between = f"confidence {lowest:.1f} to {min(highest, 1.0):.1f}"
        if decided < MIN_DECIDED:
            return (
                f"not enough data yet: reviewers decided {decided} of this type at {between}, {MIN_DECIDED} are needed"
            )
        return f"of {decided} outputs of this type at {between} that reviewers decided, {upheld} were upheld"

    def _similar(self, row: StoredReview) -> Iterator[SimilarCase]:
        for other in self._ledger.similar(row.shown.task.task_type, row.domain, row.case_id):
            if other.verdict is None or other.verdict.final is None:
                continue
            yield SimilarCase(
                task_id=other.shown.task.task_id,
                confidence=other.shown.routing.score.confidence,
                final_decision=other.verdict.final,
                decided_by=other.verdict.review.reviewer_id or other.verdict.role,
                decided_at=other.verdict.decided_at,
            )


_WITHOUT_AGENT: dict[str, Any] = {
    "proposal": None,
    "confidence": None,
    "confidence_means": HIDDEN,
    "confidence_parts": (),
    "signals": (),
    "raised": (),
    "unreadable": (),
    "reason": HIDDEN,
}


def _shown(row: StoredReview) -> RoutingDecision:
    """Return the decision that sent a review, while it is open without what would tell that a rule approves it."""
    decision = row.shown.routing.decision
    return decision if row.verdict is not None else as_reviewed(decision)


def _why_not(rights: Rights, reviewer: Reviewer, now: datetime) -> str:
    """Return why this reviewer may not decide now, with the remedy; empty where they may."""
    if rights.row.shown.replayed:
        return str(ReplayedCase(rights.row.case_id, "decided"))
    try:
        rights.role_for(reviewer)
        if rights.row.verdict is None:
            holder = reviewer.reviewer_id if rights.void_claim(now) else rights.row.claimed_by
            check_open(rights.row.model_copy(update={"claimed_by": holder}), reviewer.reviewer_id, now)
    except RequestRejected as rejection:
        return str(rejection)
    return "" if rights.row.verdict is None else "this review is decided; 'hitl show' shows the decision"


def _choices(rights: Rights, reviewer: Reviewer | None) -> Iterator[Choice]:
    row, chain = rights.row, rights.people.chain
    if row.verdict is not None or row.shown.replayed:
        return
    try:
        role = rights.needed if reviewer is None else rights.role_for(reviewer)
    except NotAuthorized:
        role = rights.needed
    above = chain.above(chain.higher(row.role, role))
    for word in options(row, role, chain):
        effect = _effect(word, row.shown.task.task_type)
        changed = "policy" if row.shown.task.task_type == POLICY_CHANGE else "list of people"
        yield Choice(decision=word, does=effect.format(above=above, changed=changed) + _quorum_note(rights, word))


def _effect(word: HumanDecision, task_type: str) -> str:
    """Return the effect of a decision on a task of this type, in words."""
    if task_type == EXECUTION_CHECK:
        return word.spec.effect_on_check
    return word.spec.effect_on_change if task_type in GOVERNED_CHANGES else word.spec.effect


def _quorum_note(rights: Rights, word: HumanDecision) -> str:
    needed = rights.requirements.approvals
    return "" if needed == 1 or word.spec.escalates else f", once {needed} reviewers agree"


def _history(events: Sequence[Event], mask: Masking, reviewer: Reviewer | None) -> Iterator[HistoryItem]:
    """Yield the history of a case, without the votes of others in the same round: votes stay independent.

    The submitter is not named while the purpose is hidden: a spot check has none.
    """
    for event in events:
        if event.kind in _NOT_SHOWN:
            continue
        who = event.actor.id or (event.actor.roles[0] if event.actor.roles else event.actor.kind.value)
        if mask.purpose and event.kind is EventKind.SUBMITTED:
            who = ActorKind.AGENT.value
        yield HistoryItem(at=event.at, who=who, what=_describe(event, mask, reviewer))


def _describe(event: Event, mask: Masking, reviewer: Reviewer | None) -> str:
    answer = event.body.get("verdict", {}).get("review", {})
    if event.kind is EventKind.VOTED:
        mine = reviewer is not None and event.actor.id == reviewer.reviewer_id
        secret = event.body.get("review_id") in mask.votes and not mine
        return "voted" if secret else f"voted {answer.get('human_decision')}"
    text = {
        EventKind.DECIDED: f"decided {answer.get('human_decision')}",
        EventKind.ESCALATED: f"escalated: {answer.get('reason') or answer.get('human_feedback')}",
        EventKind.DELEGATED: f"delegated to {event.body.get('to')}",
        EventKind.REMINDED: f"reminded {', '.join(event.body.get('to', ()))}",
        EventKind.REVIEW_OPENED: f"asked {event.body.get('role')}",
    }
    return text.get(event.kind, event.kind.value.replace("_", " "))

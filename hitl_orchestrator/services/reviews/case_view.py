"""One case as its reviewer sees it: put together from the tables, the policy and what was decided before."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import floor
from typing import Any

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import POLICY_CHANGE, EventKind, HumanDecision
from hitl_orchestrator.domain.review import Reviewer, StoredReview
from hitl_orchestrator.errors import NotAuthorized, RequestRejected
from hitl_orchestrator.ledger.events.builders import check_open
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.nodes.ports import Outputs
from hitl_orchestrator.policies.explanation.counterfactuals import changes_to_approval
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.review.authority import options
from hitl_orchestrator.review.lifecycle import state_of
from hitl_orchestrator.review.rights import Rights
from hitl_orchestrator.review.view import CaseView, Choice, HistoryItem, SimilarCase
from hitl_orchestrator.services.reviews.inbox import facts_of
from hitl_orchestrator.services.reviews.team import Looked

ENOUGH = 20
"""So many decided cases of a kind say something about the next one."""

HIDDEN = "hidden until you have committed your own label"
_BANDS = 10
_QUIET = (EventKind.VIEWED, EventKind.REFUSED, EventKind.ALARM, EventKind.LABELED)


class CaseViewer:
    """Puts views together, from a ledger, the policies in force and what outputs must look like."""

    def __init__(self, ledger: Ledger, rulebook: PolicyRegistry, outputs: Outputs | None) -> None:
        self._ledger, self._rulebook, self._outputs = ledger, rulebook, outputs

    def view(
        self, case: Case, rights: Rights, events: Sequence[Event], reviewer: Reviewer | None, looked: Looked
    ) -> CaseView:
        """Return what a reviewer sees of a review, or anybody where none is named."""
        row, now = rights.row, self._ledger.now()
        hidden = rights.asking.blind and row.verdict is None and not looked.label
        schema = None if self._outputs is None else self._outputs.of(row.shown.task.task_type)
        return CaseView(
            case_id=case.case_id,
            task_id=case.task_id,
            review_id=row.review_id,
            digest=row.digest,
            state=state_of(row, now).value,
            task=row.shown.task,
            hidden=hidden,
            own_label=looked.label,
            **(_NOTHING_OF_THE_AGENT if hidden else self._of_the_agent(row)),
            risk_level=row.shown.routing.risk_level,
            action=row.shown.routing.decision.action,
            rule_id=row.shown.routing.decision.rule_id,
            message=row.shown.routing.decision.message or "",
            role=rights.needed,
            asking=rights.asking,
            votes_given=len(rights.given),
            passed_up_because=row.shown.passed_up_because,
            history=tuple(_history(events, rights, reviewer)),
            opened_at=row.opened_at,
            due_at=row.due_at,
            overdue=row.due_at is not None and row.due_at <= now,
            claimed_by=row.claimed_by,
            claimed_until=row.claimed_until,
            delegated_by=row.delegated_by,
            choices=tuple(_choices(rights, reviewer)),
            reason_codes=rights.people.reason_codes,
            output_schema=schema,
            may_decide=tuple(one.reviewer_id for one in rights.able()),
            why_not="" if reviewer is None else _why_not(rights, reviewer, now),
        )

    def _of_the_agent(self, row: StoredReview) -> dict[str, Any]:
        """Return all that tells what the agent says, and how sure it is."""
        routing, task = row.shown.routing, row.shown.task
        policy = self._rulebook.policy(routing.decision.policy_hash)
        confidence = routing.score.confidence
        return {
            "proposal": routing.output and routing.output.agent_output,
            "confidence": confidence,
            "confidence_means": self.what_it_means(task.task_type, confidence),
            "signals": routing.score.signals,
            "reason": routing.decision.reason,
            "would_go_through": changes_to_approval(policy, facts_of(task, routing)),
            "similar": tuple(self._similar(row)),
        }

    def what_it_means(self, task_type: str, confidence: float | None) -> str:
        """Return how outputs of a type with about this confidence fared when people decided them."""
        if confidence is None:
            return "the agent states no confidence"
        band = min(floor(confidence * _BANDS), _BANDS - 1)
        lowest, highest = band / _BANDS, (band + 1) / _BANDS if band + 1 < _BANDS else 1.0000001
        decided, upheld = self._ledger.upheld(task_type, lowest, highest)
        between = f"confidence {lowest:.1f} to {min(highest, 1.0):.1f}"
        if decided < ENOUGH:
            return f"not enough data yet: people decided {decided} of this type at {between}, {ENOUGH} are needed"
        return f"of {decided} outputs of this type at {between} that people decided, {upheld} were upheld"

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


_NOTHING_OF_THE_AGENT: dict[str, Any] = {
    "proposal": None,
    "confidence": None,
    "confidence_means": HIDDEN,
    "signals": (),
    "reason": HIDDEN,
}


def _why_not(rights: Rights, reviewer: Reviewer, now: datetime) -> str:
    """Return why this reviewer may not answer now, and what would help; empty where they may."""
    try:
        rights.role_for(reviewer)
        if rights.row.verdict is None:
            check_open(rights.row, reviewer.reviewer_id, now)
    except RequestRejected as refusal:
        return str(refusal)
    return "" if rights.row.verdict is None else "this review is answered; 'hitl show' tells how"


def _choices(rights: Rights, reviewer: Reviewer | None) -> Iterator[Choice]:
    row, chain = rights.row, rights.people.chain
    if row.verdict is not None:
        return
    try:
        role = rights.needed if reviewer is None else rights.role_for(reviewer)
    except NotAuthorized:
        role = rights.needed
    above = chain.above(chain.higher(row.role, role))
    for word in options(row, role, chain):
        does = _DOES_TO_A_POLICY if row.shown.task.task_type == POLICY_CHANGE else _DOES
        yield Choice(decision=word, does=does[word].format(above=above) + _together(rights, word))


_DOES = {
    HumanDecision.APPROVE: "the proposal is carried out exactly as it stands",
    HumanDecision.REJECT: "nothing is carried out",
    HumanDecision.MODIFY: "your edited output is carried out instead",
    HumanDecision.OVERRIDE: "your own output is carried out, or nothing where you give none; say why",
    HumanDecision.ESCALATE: "it goes up to {above}, who decides; say why",
}


_DOES_TO_A_POLICY = {
    **dict.fromkeys(HumanDecision, "the policy stays as it is"),
    HumanDecision.APPROVE: "the change of the policy is carried out",
    HumanDecision.ESCALATE: _DOES[HumanDecision.ESCALATE],
}


def _together(rights: Rights, word: HumanDecision) -> str:
    needed = rights.asking.approvals
    return "" if needed == 1 or word is HumanDecision.ESCALATE else f", once {needed} persons say the same"


def _history(events: Sequence[Event], rights: Rights, reviewer: Reviewer | None) -> Iterator[HistoryItem]:
    """Yield what happened to a case. What others of the same round said is left out: an answer is one's own."""
    for event in events:
        if event.kind in _QUIET:
            continue
        who = event.actor.id or (event.actor.roles[0] if event.actor.roles else event.actor.kind.value)
        yield HistoryItem(at=event.at, who=who, what=_told(event, rights, reviewer))


def _told(event: Event, rights: Rights, reviewer: Reviewer | None) -> str:
    said = event.body.get("verdict", {}).get("review", {})
    if event.kind is EventKind.VOTED:
        mine = reviewer is not None and event.actor.id == reviewer.reviewer_id
        earlier = rights.row.shown.escalations > 0 or rights.row.verdict is not None
        return f"voted {said.get('human_decision')}" if mine or earlier else "voted"
    text = {
        EventKind.DECIDED: f"decided {said.get('human_decision')}",
        EventKind.ESCALATED: f"passed it up: {said.get('reason') or said.get('human_feedback')}",
        EventKind.DELEGATED: f"gave it to {event.body.get('to')}",
        EventKind.REMINDED: f"reminded {', '.join(event.body.get('to', ()))}",
        EventKind.REVIEW_OPENED: f"asked {event.body.get('role')}",
    }
    return text.get(event.kind, event.kind.value.replace("_", " "))

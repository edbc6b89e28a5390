"""The one mask of all faces: what an undecided case hides from a principal, so that every reviewer decides alone.

Hidden are the agent's answer in a blind review, the votes and labels of others in the same round, and everything that
tells a quality check from another case: its mark, its submitters, and the answer of a shadow policy. All of it is shown
once the case is decided; the ledger holds it from the start. Whether a finished case was drawn for a spot check stays
hidden. A principal who can decide no case sees everything.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import Routing, RoutingDecision, Score
from hitl_orchestrator.domain.enums import ActorKind, CaseStage, ConfidenceSource, EventKind
from hitl_orchestrator.domain.principal import Principal, PrincipalKind
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import CaseUnfinished, HitlError
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.engine.builtin_rules import as_reviewed
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.view import Masking, masking
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.first_view import first_view

__all__ = ["HIDDEN", "CaseMasking", "check_provable", "masked_case", "masked_event", "masked_export"]
__all__ += ["masked_record", "sees_all"]

HIDDEN = "shown when the case is decided"
_NO_SCORE = Score(confidence=None, source=ConfidenceSource.MISSING)
_AGENT_FIELDS = ("output", "held", "score", "error")
_VOTES = (EventKind.VOTED, EventKind.LABELED)
_UNDECIDED = (CaseStage.RECEIVED, CaseStage.WAITING)


class CaseMasking:
    """Applies the mask with the policy in force and the label that the reviewer has committed."""

    def __init__(self, ledger: Ledger, people: People, access: ReviewAccess) -> None:
        self._ledger, self._people, self._access = ledger, people, access

    def case(self, case: Case, acting: Acting) -> Case:
        """Return a case as a principal may see it."""
        masked = masked_case(case, self._mask(case, acting), acting.principal.name)
        if masked.record is not None and not sees_all(acting.principal, acting.reviewer):
            masked = masked.model_copy(update={"record": masked_record(masked.record)})
        if acting.principal.kind is not PrincipalKind.AGENT:
            return masked
        # The other submitters of a task id are not the business of an agent.
        return masked.model_copy(update={"submission": masked.submission.model_copy(update={"earlier": ()})})

    def history(self, case: Case, events: Iterable[Event], acting: Acting) -> list[Event]:
        """Return ledger entries of a case as a principal may see them."""
        mask = self._mask(case, acting)
        masked = [masked_event(event, mask, acting.reviewer) for event in events]
        if not sees_all(acting.principal, acting.reviewer):
            masked = list(map(_without_draw, masked))
        return masked if acting.principal.kind is not PrincipalKind.AGENT else list(map(_without_earlier, masked))

    def check_provable(self, case: Case, acting: Acting) -> None:
        """Raise `CaseUnfinished` if a proof, which is complete, would show what is hidden from a principal."""
        check_provable(case, acting.principal, acting.reviewer)

    def _mask(self, case: Case, acting: Acting) -> Masking:
        if case.stage not in _UNDECIDED or sees_all(acting.principal, acting.reviewer):
            return Masking()
        row, reviewer = case.open_review, self._people.get(acting.reviewer)
        if row is None or acting.principal.kind is PrincipalKind.AGENT:
            return masking(case, blind=False)
        blind = self._is_blind(row)
        label = first_view(self._ledger, row, reviewer, self._events(case)).label if blind and reviewer else ""
        return masking(case, blind=blind, label=label, person=None if reviewer is None else reviewer.human)

    def _is_blind(self, row: StoredReview) -> bool:
        """Return whether the policy in force makes a review blind; if it cannot be read, it does."""
        try:
            return self._access.is_blind(row)
        except HitlError:
            return True

    def _events(self, case: Case) -> list[Event]:
        return list(self._ledger.events(case.case_id))


def sees_all(principal: Principal, reviewer: str | None = None) -> bool:
    """Return whether nothing is hidden from a principal: it decides no case, under any account."""
    if reviewer is not None or principal.person is not None:
        return False
    trusted = principal.is_local and principal.kind is PrincipalKind.OPERATOR
    return trusted or principal.kind in (PrincipalKind.AUDITOR, PrincipalKind.SYSTEM)


def check_provable(case: Case, principal: Principal, reviewer: str | None = None) -> None:
    """Raise `CaseUnfinished` for an undecided case and a principal from whom parts of it are hidden."""
    if case.stage in _UNDECIDED and not sees_all(principal, reviewer):
        raise CaseUnfinished(case.case_id, case.status, "proven")


def masked_case(case: Case, mask: Masking, reader: str = "") -> Case:
    """Return a case without the parts that the mask hides. The reader sees that they submitted it."""
    if not mask.purpose:
        return case
    # The people of earlier cases would tell a copy of a case from another one.
    hidden: dict[str, Any] = {"quality_check": None, "gated": None, "call": None, "earlier": ()} | (
        {"output": None, "held": ""} if mask.agent else {}
    )
    if case.submission.submitted_by != reader:
        hidden["submitted_by"] = None
    submission = case.submission.model_copy(update=hidden)
    reviews = tuple(_masked_review(row, mask) for row in case.reviews)
    return case.model_copy(update={"submission": submission, "reviews": reviews})


def masked_record(record: AuditRecord) -> AuditRecord:
    """Return a record as if its case had not been drawn for a spot check, which a reader may be asked to answer."""
    return record.model_copy(update={"drawn": False}) if record.drawn else record


def _without_draw(event: Event) -> Event:
    """Return a ledger entry as if its case had not been drawn for a spot check."""
    is_drawn = event.kind is EventKind.FINISHED and event.body.get("drawn", False)
    return event.model_copy(update={"body": event.body | {"drawn": False}}) if is_drawn else event


def _without_earlier(event: Event) -> Event:
    """Return a ledger entry without the people of earlier cases of the task."""
    if event.kind is not EventKind.SUBMITTED:
        return event
    return event.model_copy(update={"body": event.body | {"earlier": []}})


def _masked_review(row: StoredReview, mask: Masking) -> StoredReview:
    if row.review_id in mask.votes:
        row = row.model_copy(update={"verdict": None})
    routing = row.shown.routing
    if not mask.agent and not routing.decision.held:
        return row
    routing = routing.model_copy(update={"decision": as_reviewed(routing.decision)})
    shown = row.shown.model_copy(update={"routing": _without_agent(routing) if mask.agent else routing})
    return row.model_copy(update={"shown": shown})


def _without_agent(routing: Routing) -> Routing:
    decision = routing.decision.model_copy(update={"reason": HIDDEN})
    return routing.model_copy(update={"output": None, "score": _NO_SCORE, "error": None, "decision": decision})


def masked_event(event: Event, mask: Masking, reader: str | None = None) -> Event:
    """Return a ledger entry without the parts that the mask hides. The reader sees their own label."""
    if not mask.purpose:
        return event
    body, changed = dict(event.body), dict[str, Any]()
    if event.kind in _VOTES:
        review_id = body["review_id"]
        if review_id in mask.votes or (event.kind is EventKind.LABELED and event.actor.id != reader):
            body = {"review_id": review_id, "hidden": HIDDEN}
    if event.kind is EventKind.SUBMITTED:
        body |= {"quality_check": None, "gated": None, "call": None, "submitted_by": None, "earlier": []}
        changed["actor"] = Actor(kind=ActorKind.AGENT)
    if event.kind is EventKind.ROUTED:
        decision = body["decision"]
        if decision.get("held", False):
            known = RoutingDecision.model_validate(decision | {"reason": "", "shadow": None})
            decision = as_reviewed(known).model_dump(mode="json")
        body["decision"] = decision | {"shadow": None} | ({"reason": HIDDEN} if mask.agent else {})
    if mask.agent and event.kind in (EventKind.SUBMITTED, EventKind.ROUTED):
        body |= {name: None for name in _AGENT_FIELDS if name in body}
    # As the ledger stores it: a part made here differs in no spelling of a number, and in no order, from a stored one.
    return event.model_copy(update={**changed, "body": json.loads(canonical_json(body))})


def masked_export(events: Iterable[Event], ledger: Ledger, is_blind: Callable[[Case], bool]) -> Iterator[Event]:
    """Yield ledger entries, masked in the cases that are undecided now.

    An export does not know the reviewers: it hides every label, and all votes of an open round.
    """
    undecided = set(ledger.stages(*_UNDECIDED))
    last, masks = ledger.head().seq, dict[str, Masking]()
    for event in events:
        case_id = event.case_id
        if case_id is None or (case_id not in undecided and event.seq <= last):
            yield _without_draw(event)
            continue
        if case_id not in masks or event.seq > last:
            masks[case_id] = _export_mask(ledger, case_id, is_blind)
        yield _without_draw(masked_event(event, masks[case_id]))


def _export_mask(ledger: Ledger, case_id: str, is_blind: Callable[[Case], bool]) -> Masking:
    try:
        case = ledger.case(case_id)
    except HitlError:
        return Masking(agent=True, purpose=True)
    return masking(case, blind=is_blind(case)) if case.stage in _UNDECIDED else Masking()

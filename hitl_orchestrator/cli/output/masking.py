"""What a case does not tell while somebody is still to answer it, so that the answer is their own. Pure.

That is: the agent's answer where the review is blind, what others of the same round have voted, that the case only
measures whoever answers it, and what a watched policy would have said. All of it is told once the case is
decided, and stands in the ledger from the start.
"""

from collections.abc import Sequence
from typing import Any

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import EventKind, ReviewStatus
from hitl_orchestrator.domain.review import StoredReview

UNTOLD = "told when the case is decided"
_OF_THE_AGENT = ("output", "score")
_OWN = (EventKind.VOTED, EventKind.LABELED)


def is_blind(case: Case) -> bool:
    """Whether the agent's answer is hidden: the open review of the case is blind."""
    return case.open_review is not None and case.open_review.shown.routing.decision.requirements.blind


def is_secret(case: Case, row: StoredReview) -> bool:
    """Whether an answered review is a vote of the round that still goes on."""
    now = case.open_review
    return now is not None and row.status is ReviewStatus.VOTED and row.shown.escalations == now.shown.escalations


def veiled(case: Case, history: Sequence[Event]) -> dict[str, Any]:
    """Return a case and its history, for machines, without what is not to be told yet."""
    told = case.model_dump(mode="json") | {"history": [event.model_dump(mode="json") for event in history]}
    if case.open_review is None:
        return told
    told["submission"]["quality_check"] = None
    secret = {row.review_id for row in case.reviews if is_secret(case, row)}
    for row in told["reviews"]:
        if row["review_id"] in secret:
            row["verdict"] = {"decided_at": row["verdict"]["decided_at"], "hidden": UNTOLD}
    for event in told["history"]:
        body = event["body"]
        body.pop("quality_check", None)
        body.get("decision", {}).pop("shadow", None)
        if event["kind"] in _OWN and (body["review_id"] in secret or event["kind"] == EventKind.LABELED):
            event["body"] = {"review_id": body["review_id"], "hidden": UNTOLD}
    if is_blind(case):
        _hide_the_agent(told)
    return told


def hidden_in_summary(case: Case) -> dict[str, Any]:
    """Return what a summary says in place of the agent's answer, where that is hidden."""
    return {"confidence_score": None, "reason": None, "signals": []} if is_blind(case) else {}


def _hide_the_agent(told: dict[str, Any]) -> None:
    told["submission"]["output"] = None
    said = [event["body"] for event in told["history"] if event["kind"] in (EventKind.SUBMITTED, EventKind.ROUTED)]
    for part in [*said, *(row["shown"]["routing"] for row in told["reviews"])]:
        part.update((name, None) for name in _OF_THE_AGENT if name in part)
        if "decision" in part:
            part["decision"]["reason"] = None

"""Hide parts of an undecided case, so that every reviewer decides independently.

Hidden are the agent's answer in a blind review, the votes of others in the same round, whether the case only measures
reviewers, and the answer of a shadow policy. All of it is shown once the case is decided; the ledger holds it from the
start.
"""

from collections.abc import Sequence
from typing import Any

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.orchestrator import CaseView, Masking, masking

HIDDEN = "shown when the case is decided"
_AGENT_FIELDS = ("output", "score", "error")
_VOTES = (EventKind.VOTED, EventKind.LABELED)


def mask_of(case: Case, view: CaseView | None) -> Masking:
    """Return the parts of a case to hide. The view knows whether the review is blind by the policy in force."""
    return masking(case, blind=None if view is None else bool(view.hidden))


def masked(case: Case, history: Sequence[Event], mask: Masking) -> dict[str, Any]:
    """Return a case and its history for machines, without the hidden parts."""
    data = case.model_dump(mode="json") | {"history": [event.model_dump(mode="json") for event in history]}
    if not mask.purpose:
        return data
    data["submission"]["quality_check"] = None
    secret = mask.votes
    for row in data["reviews"]:
        if row["review_id"] in secret:
            row["verdict"] = {"decided_at": row["verdict"]["decided_at"], "hidden": HIDDEN}
    for event in data["history"]:
        body = event["body"]
        body.pop("quality_check", None)
        body.get("decision", {}).pop("shadow", None)
        if event["kind"] in _VOTES and (body["review_id"] in secret or event["kind"] == EventKind.LABELED):
            event["body"] = {"review_id": body["review_id"], "hidden": HIDDEN}
    if mask.agent:
        _hide_agent(data)
    return data


def hidden_in_summary(mask: Masking) -> dict[str, Any]:
    """Return the replacements in a summary of a case whose agent's answer is hidden."""
    return {"confidence_score": None, "reason": None, "signals": []} if mask.agent else {}


def _hide_agent(data: dict[str, Any]) -> None:
    data["submission"]["output"] = None
    bodies = [event["body"] for event in data["history"] if event["kind"] in (EventKind.SUBMITTED, EventKind.ROUTED)]
    for part in [*bodies, *(row["shown"]["routing"] for row in data["reviews"])]:
        part.update((name, None) for name in _AGENT_FIELDS if name in part)
        if "decision" in part:
            part["decision"]["reason"] = None

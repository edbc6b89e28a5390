"""Reconciliation of proposed changes: each is settled once, as proposed, after a second person approved it."""

from typing import Any

from hitl_orchestrator.domain.enums import EventKind, FinalDecision
from hitl_orchestrator.domain.value import read_canonical
from hitl_orchestrator.ledger.events.chain import Entry


class ProposalReconciler:
    """The changes that were proposed so far, and who approved them in their cases.

    `name` is the field of an entry that names the proposed version.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._proposed: dict[str, dict[str, Any]] = {}
        self._approved: dict[str, str | None] = {}

    def finished(self, entry: Entry) -> None:
        """Add the outcome of a case, which matters if the case decides a proposed change."""
        if entry.kind == EventKind.FINISHED and entry.case_id in self._proposed:
            record = read_canonical(entry.entry)["body"]
            if record["final_decision"] == FinalDecision.APPROVED and record["human_involved"]:
                self._approved[entry.case_id] = record["reviewer_id"]

    def proposed(self, content: dict[str, Any]) -> None:
        """Add a proposed change: the content of its entry."""
        body = content["body"]
        self._proposed[body["case_id"]] = {**body, "by": content["actor"]["id"]}

    def declined(self, body: dict[str, Any]) -> str | None:
        """Settle a declined change; return the problem with it, if any."""
        proposal = self._proposed.pop(body["case_id"], None)
        return None if proposal else "it settles a change that was not proposed, or was settled before"

    def enacted(self, body: dict[str, Any]) -> str | None:
        """Settle a change that came into force; return the problem with it, if any."""
        proposal = self._proposed.pop(body["case_id"], None)
        if proposal is None:
            return "it makes a change that was not proposed, or was settled before"
        if proposal[self._name] != body[self._name] or proposal["by"] != body["by"]:
            return "it makes a change other than the proposed one"
        approver = self._approved.get(body["case_id"])
        if approver is None or approver != body["approved_by"] or approver == body["by"]:
            return "no second person approved the change in its case"
        return None

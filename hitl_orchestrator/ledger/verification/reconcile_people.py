"""Reconciliation of people: each version is the recorded one, follows the one before, and was authorized."""

from typing import Any

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import digest, read_canonical
from hitl_orchestrator.ledger.events.chain import Entry
from hitl_orchestrator.ledger.events.people_builders import KINDS
from hitl_orchestrator.ledger.verification.reconcile_proposals import ProposalReconciler

Problem = tuple[int | None, str]


class PeopleReconciler:
    """Compares the entries about people with each other."""

    def __init__(self) -> None:
        self._proposals = ProposalReconciler("people_hash")
        self._current: str | None = None
        self._only_placeholders = True
        self._problem: Problem | None = None

    def add(self, entry: Entry) -> None:
        """Add the next entry. Of cases only the approvals of proposed changes matter."""
        self._proposals.finished(entry)
        if entry.kind not in KINDS or self._problem is not None:
            return
        problem = self._problem_of(entry.kind, read_canonical(entry.entry))
        if problem is not None:
            self._problem = entry.seq, f"entry {entry.seq}, {entry.kind}: {problem}"

    def problem(self) -> Problem | None:
        """Return the first inconsistent entry, None if there is none."""
        return self._problem

    def _problem_of(self, kind: str, content: dict[str, Any]) -> str | None:
        body = content["body"]
        people = body.get("people")
        if people is not None and digest(people) != body["people_hash"]:
            return "its people have another hash"
        if kind == EventKind.PEOPLE_PROPOSED:
            self._proposals.proposed(content)
            return None
        if kind == EventKind.PEOPLE_DECLINED:
            return self._proposals.declined(body)
        if kind == EventKind.PEOPLE_RECORDED:
            return self._recorded(body)
        return self._activated(body)

    def _recorded(self, body: dict[str, Any]) -> str | None:
        if not self._only_placeholders:
            return "it records the first people, and others were in force already"
        self._current, self._only_placeholders = body["people_hash"], body["placeholders"]
        return None

    def _activated(self, body: dict[str, Any]) -> str | None:
        before, self._current, self._only_placeholders = self._current, body["people_hash"], False
        if body["before"] != before:
            return "the people that it names as the previous ones were not in force"
        if body["case_id"] is not None:
            return self._proposals.enacted(body)
        if body["people"] is None:
            return "it has no people"
        return "it widens rights, and no second person approved it" if body["wider"] and not body["alone"] else None

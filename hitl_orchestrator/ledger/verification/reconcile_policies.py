"""Reconciliation of policies: each change is consistent with earlier entries, authorized, and made once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.ledger.events.chain import Entry
from hitl_orchestrator.ledger.events.policy_builders import KINDS, UNDO_WITHIN
from hitl_orchestrator.ledger.ports.snapshot import StoredPolicy
from hitl_orchestrator.ledger.verification.reconcile_proposals import ProposalReconciler

Problem = tuple[int | None, str]
_DEFINES = (EventKind.POLICY_RECORDED, EventKind.POLICY_VERSION)
_ENACTS = (EventKind.POLICY_ACTIVATED, EventKind.POLICY_CANARY)


class PolicyReconciler:
    """Compares the entries about policies with each other and with the table."""

    def __init__(self) -> None:
        self._policies: dict[str, tuple[StoredPolicy, int]] = {}
        self._proposals = ProposalReconciler("policy_hash")
        self._active: str | None = None
        self._latest: tuple[int, dict[str, Any]] | None = None
        self._problem: Problem | None = None

    def add(self, entry: Entry) -> None:
        """Add the next entry. Of cases only the approvals of proposed changes matter."""
        self._proposals.finished(entry)
        if entry.kind not in KINDS:
            return
        problem = self._problem_of(entry, read_canonical(entry.entry))
        if problem is not None and self._problem is None:
            self._problem = entry.seq, f"entry {entry.seq}, {entry.kind}: {problem}"

    def problem(self, rows: Mapping[str, StoredPolicy]) -> Problem | None:
        """Return the first inconsistent entry or row, None if there is none."""
        if self._problem is not None:
            return self._problem
        remaining = dict(rows)
        for name, (first, latest) in self._policies.items():
            if remaining.pop(name, None) != first._replace(recorded_seq=latest):
                return latest, f"policy {name[:12]!r}: its row differs from entry {latest} and the ones before"
        return next(((None, f"policy {name[:12]!r} has a row, and no entry records it") for name in remaining), None)

    def _problem_of(self, entry: Entry, content: dict[str, Any]) -> str | None:
        body, kind = content["body"], entry.kind
        if kind in _DEFINES:
            self._defined(entry, body)
            return self._pinned(body) if kind == EventKind.POLICY_RECORDED else None
        if kind == EventKind.POLICY_PROPOSED:
            self._proposals.proposed(content)
        elif kind == EventKind.POLICY_DECLINED:
            return self._proposals.declined(body)
        policy_hash = body.get("policy_hash")
        if policy_hash is not None and policy_hash not in self._policies:
            return f"no earlier entry defines the policy {policy_hash[:12]!r}"
        if kind == EventKind.POLICY_UNDONE:
            return self._undone(content)
        return self._enacted(entry, body) if kind in _ENACTS else None

    def _pinned(self, body: dict[str, Any]) -> str | None:
        if self._active is not None:
            return "it records the first policy, and one was active already"
        self._active = body["policy_hash"]
        return None

    def _defined(self, entry: Entry, body: dict[str, Any]) -> None:
        row = StoredPolicy(body["policy_hash"], body["policy_id"], canonical_json(body["policy"]), entry.seq)
        first, _ = self._policies.get(row.policy_hash, (row, 0))
        self._policies[row.policy_hash] = first, entry.seq

    def _undone(self, content: dict[str, Any]) -> str | None:
        """Return why one person could not undo the latest change alone, if so."""
        body, (seq, undone) = content["body"], self._latest or (None, {})
        self._latest = None
        if seq is None or seq != body["undoes"] or undone.get("case_id") is not None or undone.get("clock") is None:
            return "the change that it undoes is not the latest, or not one that a person made alone"
        if (body["policy_hash"], body["before"]) != (undone["before"], undone["policy_hash"]):
            return "it restores another policy than the one before that change"
        if {body["by"], content["actor"]["id"]} != {undone["by"]} or body["people_hash"] != undone["people_hash"]:
            return "another person than the author of that change undoes it, or other people were in force"
        passed = datetime.fromisoformat(body["clock"]) - datetime.fromisoformat(undone["clock"])
        if not timedelta() <= passed <= UNDO_WITHIN:
            return "that change was made too long ago, or later, by the store's clock"
        self._active = body["policy_hash"]
        return None

    def _enacted(self, entry: Entry, body: dict[str, Any]) -> str | None:
        self._latest = entry.seq, body if entry.kind == EventKind.POLICY_ACTIVATED else {}
        if entry.kind == EventKind.POLICY_ACTIVATED:
            if body["before"] != self._active:
                return "the policy that it names as the previous one was not active"
            self._active = body["policy_hash"]
        return None if body["case_id"] is None else self._proposals.enacted(body)

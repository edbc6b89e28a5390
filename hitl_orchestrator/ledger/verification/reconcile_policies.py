"""Reconciliation of policies: each change is consistent with earlier entries, authorized, and made once."""

from collections.abc import Mapping
from typing import Any

from hitl_orchestrator.domain.enums import EventKind, FinalDecision
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.ledger.events.chain import Entry
from hitl_orchestrator.ledger.events.policy_builders import KINDS
from hitl_orchestrator.ledger.ports.snapshot import StoredPolicy

Problem = tuple[int | None, str]
_DEFINES = (EventKind.POLICY_RECORDED, EventKind.POLICY_VERSION)
_ENACTS = (EventKind.POLICY_ACTIVATED, EventKind.POLICY_CANARY)


class PolicyReconciler:
    """Compares the entries about policies with each other and with the table."""

    def __init__(self) -> None:
        self._policies: dict[str, tuple[StoredPolicy, int]] = {}
        self._proposed: dict[str, dict[str, Any]] = {}
        self._approved: dict[str, str | None] = {}
        self._active: str | None = None
        self._problem: Problem | None = None

    def add(self, entry: Entry) -> None:
        """Add the next entry. Of cases only the approvals of proposed changes matter."""
        if entry.kind == EventKind.FINISHED:
            if entry.case_id in self._proposed:
                record = read_canonical(entry.entry)["body"]
                if record["final_decision"] == FinalDecision.APPROVED and record["human_involved"]:
                    self._approved[entry.case_id] = record["reviewer_id"]
            return
        if entry.kind not in KINDS and entry.kind != EventKind.POLICY_RECORDED:
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
            return self._defined(entry, body)
        if kind == EventKind.POLICY_PROPOSED:
            self._proposed[body["case_id"]] = {**body, "by": content["actor"]["id"]}
        elif kind == EventKind.POLICY_DECLINED:
            proposal = self._proposed.pop(body["case_id"], None)
            return None if proposal else "it settles a change that was not proposed, or was settled before"
        policy_hash = body.get("policy_hash")
        if policy_hash is not None and policy_hash not in self._policies:
            return f"no earlier entry defines the policy {policy_hash[:12]!r}"
        return self._enacted(kind, body) if kind in _ENACTS else None

    def _defined(self, entry: Entry, body: dict[str, Any]) -> str | None:
        row = StoredPolicy(body["policy_hash"], body["policy_id"], canonical_json(body["policy"]), entry.seq)
        first, _ = self._policies.get(row.policy_hash, (row, 0))
        self._policies[row.policy_hash] = first, entry.seq
        return None

    def _enacted(self, kind: str, body: dict[str, Any]) -> str | None:
        if kind == EventKind.POLICY_ACTIVATED:
            if body["before"] != self._active and (self._active or body["before"] not in self._policies):
                return "the policy that it names as the previous one was not active"
            self._active = body["policy_hash"]
        if body["case_id"] is None:
            return None
        proposal = self._proposed.pop(body["case_id"], None)
        if proposal is None:
            return "it makes a change that was not proposed, or was settled before"
        if proposal["policy_hash"] != body["policy_hash"] or proposal["by"] != body["by"]:
            return "it makes a change other than the proposed one"
        approver = self._approved.get(body["case_id"])
        if approver is None or approver != body["approved_by"] or approver == body["by"]:
            return "no second person approved the change in its case"
        return None

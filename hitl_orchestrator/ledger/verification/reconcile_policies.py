"""Whether what the ledger tells of policies holds together: each change by whom it may be made, and once. Pure."""

from collections.abc import Mapping
from typing import Any

from hitl_orchestrator.domain.enums import EventKind, FinalDecision
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.ledger.events.chain import Entry
from hitl_orchestrator.ledger.events.policy_builders import KINDS
from hitl_orchestrator.ledger.ports.snapshot import StoredPolicy

Problem = tuple[int | None, str]
_BRINGS = (EventKind.POLICY_RECORDED, EventKind.POLICY_VERSION)
_ENACTS = (EventKind.POLICY_ACTIVATED, EventKind.POLICY_CANARY)


class PolicyAccounts:
    """The entries about policies, heard of one by one, and held against one another and against the table."""

    def __init__(self) -> None:
        self._policies: dict[str, tuple[StoredPolicy, int]] = {}
        self._proposed: dict[str, dict[str, Any]] = {}
        self._approved: dict[str, str | None] = {}
        self._active: str | None = None
        self._found: Problem | None = None

    def hear(self, entry: Entry) -> None:
        """Take note of an entry; of cases only whether one about a proposed change was approved."""
        if entry.kind == EventKind.FINISHED:
            if entry.case_id in self._proposed:
                record = read_canonical(entry.entry)["body"]
                if record["final_decision"] == FinalDecision.APPROVED and record["human_involved"]:
                    self._approved[entry.case_id] = record["reviewer_id"]
            return
        if entry.kind not in KINDS and entry.kind != EventKind.POLICY_RECORDED:
            return
        said = read_canonical(entry.entry)
        problem = self._problem_of(entry, said)
        if problem is not None and self._found is None:
            self._found = entry.seq, f"entry {entry.seq}, {entry.kind}: {problem}"

    def problem(self, rows: Mapping[str, StoredPolicy]) -> Problem | None:
        """Say what does not hold: an entry, or a row of the table; None where all does."""
        if self._found is not None:
            return self._found
        left = dict(rows)
        for name, (first, latest) in self._policies.items():
            if left.pop(name, None) != first._replace(recorded_seq=latest):
                return latest, f"policy {name[:12]!r}: its row is not what entry {latest} and those before it say"
        return next(
            ((None, f"policy {name[:12]!r} stands in the table, and no entry tells of it") for name in left), None
        )

    def _problem_of(self, entry: Entry, said: dict[str, Any]) -> str | None:
        body, kind = said["body"], entry.kind
        if kind in _BRINGS:
            return self._brought(entry, body)
        if kind == EventKind.POLICY_PROPOSED:
            self._proposed[body["case_id"]] = {**body, "by": said["actor"]["id"]}
        elif kind == EventKind.POLICY_DECLINED:
            settled = self._proposed.pop(body["case_id"], None)
            return None if settled else "it settles a change that nobody had proposed, or that was settled before"
        named = body.get("policy_hash")
        if named is not None and named not in self._policies:
            return f"no entry before it tells what the policy {named[:12]!r} says"
        return self._enacted(kind, body) if kind in _ENACTS else None

    def _brought(self, entry: Entry, body: dict[str, Any]) -> str | None:
        row = StoredPolicy(body["policy_hash"], body["policy_id"], canonical_json(body["policy"]), entry.seq)
        first, _ = self._policies.get(row.policy_hash, (row, 0))
        self._policies[row.policy_hash] = first, entry.seq
        return None

    def _enacted(self, kind: str, body: dict[str, Any]) -> str | None:
        if kind == EventKind.POLICY_ACTIVATED:
            if body["before"] != self._active and (self._active or body["before"] not in self._policies):
                return "the policy that it says was in force before was not"
            self._active = body["policy_hash"]
        if body["case_id"] is None:
            return None
        proposed = self._proposed.pop(body["case_id"], None)
        if proposed is None:
            return "it carries out a change that nobody had proposed, or that was settled before"
        if proposed["policy_hash"] != body["policy_hash"] or proposed["by"] != body["by"]:
            return "it carries out another change than the one that was proposed"
        agreed = self._approved.get(body["case_id"])
        if agreed is None or agreed != body["approved_by"] or agreed == body["by"]:
            return "no second person had approved the change in its case"
        return None

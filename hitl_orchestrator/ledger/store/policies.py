"""Policies in a store, and the entries about policies, people and the configuration."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.errors import LedgerDamaged, TamperedPolicy
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, resumed, retried
from hitl_orchestrator.ledger.events.chain import GOVERNING, Draft
from hitl_orchestrator.ledger.store.event_log import EventLog
from hitl_orchestrator.ledger.store.leased_work import time_in
from hitl_orchestrator.ledger.store.sql import policies as statements

_SEALED = ("seq", "entry", "digest", "mac")
"""The columns of an entry in a list of entries."""


class PolicyRepository:
    """The policies of a store."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self._database, self._log = database, log

    @retried
    def policy(self, policy_hash: str) -> dict[str, Any]:
        """Return a recorded policy.

        Raises:
            TamperedPolicy: no ledger entry records this body under this hash.
        """
        with self._database.read() as transaction:
            row = transaction.first(statements.POLICY, wanted_hash=policy_hash)
            if row is None:
                raise KeyError(policy_hash)
            if not self._is_recorded(transaction, policy_hash, row):
                raise TamperedPolicy(policy_hash, "no ledger entry records what its row holds")
        body: dict[str, Any] = read_canonical(row["body"])
        return body

    @retried
    def governance_events(self, after: int = 0) -> Sequence[Event]:
        """Return the newer entries about policies, people and the configuration."""
        with self._database.read() as transaction:
            return self._log.governing(transaction, GOVERNING, after)

    @retried
    def govern(self, drafts: Sequence[Draft], seen: int, until: datetime | None = None) -> bool:
        """Append such entries unless another one was appended first, or it is too late. Writers are serialized."""
        with self._database.write() as transaction:
            if self._log.governing(transaction, GOVERNING, seen):
                return False
            if until is not None and time_in(transaction) > until:
                return False
            self._append(transaction, drafts)
        return True

    @resumed
    def routings(self, after: int) -> Iterator[Event]:
        """Yield the newer `routed` entries."""
        for row in self._database.stream(statements.ROUTINGS, after=after):
            yield self._log.event_of(dict(zip(_SEALED, row, strict=True)))

    def _append(self, transaction: StoreTransaction, drafts: Sequence[Draft]) -> None:
        """Append entries about policies, and keep the policies that they contain."""
        first = self._log.append(transaction, *drafts)
        for seq, draft in enumerate(drafts, first):
            body = draft.body
            if "policy" not in body:
                continue
            again = transaction.run(statements.RECORD_AGAIN, wanted_hash=body["policy_hash"], latest_seq=seq)
            if not again.rowcount:
                row = {name: body[name] for name in ("policy_hash", "policy_id")}
                transaction.run(statements.ADD_POLICY, **row, body=canonical_json(body["policy"]), recorded_seq=seq)

    def _is_recorded(self, transaction: StoreTransaction, policy_hash: str, row: Any) -> bool:
        """Return whether a ledger entry records this body of a policy: almost always the one that its row names."""
        with suppress(LedgerDamaged):
            named = map(self._log.event_of, transaction.run(statements.ENTRY_AT, at=row["recorded_seq"]))
            if any(_records(event, policy_hash, row["body"]) for event in named):
                return True
        return any(_records(event, policy_hash, row["body"]) for event in self._log.governing(transaction, GOVERNING))


def _records(event: Event, policy_hash: str, body: str) -> bool:
    stated = event.body
    return (
        event.kind in GOVERNING
        and stated.get("policy_hash") == policy_hash
        and canonical_json(stated.get("policy")) == body
    )

"""Policies in a store, and the entries about policies, people and the configuration."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.errors import TamperedPolicy
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, resumed, retried
from hitl_orchestrator.ledger.database.tables import events, policies
from hitl_orchestrator.ledger.events.chain import Draft, body_of, event_of
from hitl_orchestrator.ledger.events.governance import KINDS
from hitl_orchestrator.ledger.store.event_log import append
from hitl_orchestrator.ledger.store.statements.literals import literal_of, literals_of

_NEWER = select(events.c.entry, events.c.digest).where(events.c.seq > bindparam("after")).order_by(events.c.seq)
_GOVERNS = events.c.kind.in_(literals_of(KINDS))
_HISTORY = _NEWER.where(_GOVERNS)
_AT = select(events.c.entry).where(events.c.seq == bindparam("at"))
_ROUTINGS = _NEWER.where(events.c.kind == literal_of(EventKind.ROUTED))
_LATEST = select(events.c.seq).where(_GOVERNS).order_by(events.c.seq.desc()).limit(1)
_THIS = policies.c.policy_hash == bindparam("wanted_hash")
_POLICY = select(policies.c.body, policies.c.recorded_seq).where(_THIS)
_ADD = insert(policies)
_RECORD_AGAIN = update(policies).where(_THIS).values(recorded_seq=bindparam("latest_seq"))


class PolicyRepository:
    """The policies of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def policy(self, policy_hash: str) -> dict[str, Any]:
        """Return a recorded policy.

        Raises:
            TamperedPolicy: no ledger entry records this body under this hash.
        """
        with self._database.read() as transaction:
            row = transaction.first(_POLICY, wanted_hash=policy_hash)
            if row is None:
                raise KeyError(policy_hash)
            if not _is_recorded(transaction, policy_hash, row):
                raise TamperedPolicy(policy_hash, "no ledger entry records what its row holds")
        body: dict[str, Any] = read_canonical(row["body"])
        return body

    @retried
    def governance_events(self, after: int = 0) -> Sequence[Event]:
        """Return the newer entries about policies, people and the configuration."""
        with self._database.read() as transaction:
            return [event_of(row["entry"], row["digest"]) for row in transaction.run(_HISTORY, after=after)]

    @retried
    def govern(self, drafts: Sequence[Draft], seen: int) -> bool:
        """Append such entries unless another one was appended first. Writers are serialized."""
        with self._database.write() as transaction:
            row = transaction.first(_LATEST)
            if (0 if row is None else row["seq"]) != seen:
                return False
            _append(transaction, drafts)
        return True

    @resumed
    def routings(self, after: int) -> Iterator[Event]:
        """Yield the newer `routed` entries."""
        for entry, digest in self._database.stream(_ROUTINGS, after=after):
            yield event_of(entry, digest)


def _append(transaction: StoreTransaction, drafts: Sequence[Draft]) -> None:
    """Append entries, and keep the policies that they contain."""
    first = append(transaction, *drafts)
    for seq, draft in enumerate(drafts, first):
        body = draft.body
        if "policy" not in body:
            continue
        again = transaction.run(_RECORD_AGAIN, wanted_hash=body["policy_hash"], latest_seq=seq)
        if not again.rowcount:
            row = {name: body[name] for name in ("policy_hash", "policy_id")}
            transaction.run(_ADD, **row, body=canonical_json(body["policy"]), recorded_seq=seq)


def _is_recorded(transaction: StoreTransaction, policy_hash: str, row: Any) -> bool:
    """Return whether a ledger entry records this body of a policy: almost always the one that its row names."""
    for statement in (_AT, _HISTORY):
        for event in transaction.run(statement, at=row["recorded_seq"], after=0):
            body = body_of(event["entry"])
            if body.get("policy_hash") == policy_hash and canonical_json(body.get("policy")) == row["body"]:
                return True
    return False

"""Policies and what becomes of them, in a SQL store."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.ledger.database.ports import Transaction, resolved, resumed
from hitl_orchestrator.ledger.database.tables import events
from hitl_orchestrator.ledger.events import builders as entries
from hitl_orchestrator.ledger.events.chain import Draft, event_of, policy_of
from hitl_orchestrator.ledger.events.policy_builders import KINDS
from hitl_orchestrator.ledger.store import contents as sql_contents
from hitl_orchestrator.ledger.store import statements
from hitl_orchestrator.ledger.store.leased_work import SqlWork

_TOLD = select(events.c.seq, events.c.entry, events.c.digest).order_by(events.c.seq)
_ABOUT_POLICIES = events.c.kind.in_([statements.word_of(kind) for kind in KINDS])
_LIFE = _TOLD.where(_ABOUT_POLICIES, events.c.seq > bindparam("behind"))
_LATEST = select(events.c.seq).where(_ABOUT_POLICIES).order_by(events.c.seq.desc()).limit(1)
_ROUTED = _TOLD.where(events.c.kind == statements.word_of(EventKind.ROUTED), events.c.seq > bindparam("behind"))


class SqlPolicies(SqlWork):
    """The `Policies` of a store."""

    @resolved
    def record_policy(self, policy_id: str, policy_hash: str, body: dict[str, Any], at: datetime) -> None:
        """Make a policy the current one, keep it under its hash, and say so in the ledger."""
        with self._database.read() as conn:
            if _is_current(conn, policy_hash):
                return
        with self._database.write() as conn:
            if not _is_current(conn, policy_hash):
                _keep(conn, [entries.policy_recorded(policy_id, policy_hash, body, at)])

    @resolved
    def current_policy(self) -> dict[str, Any] | None:
        """Return the policy that was made the current one last."""
        with self._database.read() as conn:
            row = conn.first(statements.CURRENT_POLICY)
        return None if row is None else policy_of(row["entry"])[1]

    @resolved
    def policy(self, policy_hash: str) -> dict[str, Any]:
        """Return a recorded policy."""
        with self._database.read() as conn:
            row = conn.first(statements.POLICY, wanted_hash=policy_hash)
        if row is None:
            raise KeyError(policy_hash)
        body: dict[str, Any] = read_canonical(row["body"])
        return body

    @resolved
    def policy_events(self, behind: int = 0) -> Sequence[Event]:
        """Return the entries about policies behind this one."""
        with self._database.read() as conn:
            return [event_of(row["entry"], row["digest"]) for row in conn.run(_LIFE, behind=behind)]

    @resolved
    def change_policy(self, drafts: Sequence[Draft], seen: int) -> bool:
        """Write entries about policies, if none came in between: writers take turns."""
        with self._database.write() as conn:
            row = conn.first(_LATEST)
            if (0 if row is None else row["seq"]) != seen:
                return False
            _keep(conn, drafts)
        return True

    @resumed
    def watched(self, behind: int) -> Iterator[Event]:
        """Yield the routings behind this entry."""
        with self._database.read() as conn:
            for row in conn.stream(_ROUTED, behind=behind):
                yield event_of(row["entry"], row["digest"])


def _keep(conn: Transaction, drafts: Sequence[Draft]) -> None:
    """Append entries about policies, and keep those that they bring."""
    first = sql_contents.append(conn, *drafts)
    for seq, draft in enumerate(drafts, first):
        said = draft.body
        if (
            "policy" not in said
            or conn.run(statements.RECORD_AGAIN, wanted_hash=said["policy_hash"], latest_seq=seq).rowcount
        ):
            continue
        row = {name: said[name] for name in ("policy_hash", "policy_id")}
        conn.run(statements.ADD_POLICY, **row, body=canonical_json(said["policy"]), recorded_seq=seq)


def _is_current(conn: Transaction, policy_hash: str) -> bool:
    row = conn.first(statements.CURRENT_POLICY)
    return row is not None and policy_of(row["entry"])[0] == policy_hash

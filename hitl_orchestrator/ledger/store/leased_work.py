"""Leases of cases: acquired by one worker at a time, given up when the case moves to its next stage."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hitl_orchestrator.domain.case import UnfinishedCase
from hitl_orchestrator.domain.enums import CaseStage, EventKind
from hitl_orchestrator.domain.lifecycle import STAGE_MOVES
from hitl_orchestrator.errors import HitlError, LeaseLost, NewerAttempt, UnknownCase
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, retried
from hitl_orchestrator.ledger.events.chain import instant_text
from hitl_orchestrator.ledger.ports.ledger import Lease
from hitl_orchestrator.ledger.store.event_log import EventLog
from hitl_orchestrator.ledger.store.leases import NO_FENCE, Holder, is_gone, new_fence, shown_holder
from hitl_orchestrator.ledger.store.sql import cases as statements

_NO_CASE = ""
_LEASE = ("fence", "holder", "held_since", "held_until")
NO_LEASE: dict[str, Any] = dict.fromkeys((*_LEASE, "lease_seal"))
"""The columns of a case that no worker holds."""

LEASE_SEAL = "lease"
"""The label of the seal of a lease: case, fencing token, holder and times."""


class Moved(NamedTuple):
    """The first entry of a case that has moved, the review that settled it, if any, and the end of the ledger."""

    intake: str
    settled_by: str | None
    end: Any


class LeasedWork:
    """The leases of one store, held by this process under `holder`."""

    def __init__(self, database: Database, holder: Holder, log: EventLog) -> None:
        self._database, self._holder, self._log = database, holder, log

    @retried
    def now(self) -> datetime:
        """Return the time of the store's clock."""
        with self._database.read() as transaction:
            return time_in(transaction)

    @retried
    def check_writable(self) -> None:
        """Write nothing, as a user who may write. Raises `StoreUnavailable` for others."""
        with self._database.write(flush=False) as transaction:
            transaction.run(statements.TOUCH_CASE, wanted_case=_NO_CASE)

    @retried
    def take(self, case_id: str) -> bool:
        """Acquire the lease of a case if it is available."""
        if self._holder.fence(case_id) != NO_FENCE:
            return True
        with self._database.read() as transaction:
            row = transaction.first(statements.LEASE, wanted_case=case_id)
        if row is None:
            raise UnknownCase(case_id)
        gone = row["holder"] if self._is_gone(row) else ""
        if not row["free"] and not gone:
            return False
        lease = {f"new_{name}": value for name, value in self.columns(case_id, row["now"]).items()}
        with self._database.write(flush=False) as transaction:
            taken = transaction.run(statements.TAKE_CASE, wanted_case=case_id, gone=gone, **lease).rowcount == 1
        if taken:
            self.hold(case_id, lease["new_fence"])
        return taken

    @retried
    def unfinished(self) -> Sequence[UnfinishedCase]:
        """Return the cases that neither wait nor are finished."""
        with self._database.read() as transaction:
            rows = list(transaction.run(statements.WORK))
        return [
            UnfinishedCase(
                case_id=row["case_id"],
                task_id=row["task_id"],
                stage=row["stage"],
                running=not row["free"] and not self._is_gone(row),
            )
            for row in rows
        ]

    def _is_gone(self, row: Any) -> bool:
        """Whether the holder of a lease is this thread, or no longer exists."""
        return bool(row["holder"] == self._holder.name or is_gone(row["holder"] or ""))

    @retried
    def lease(self, case_id: str) -> Lease | None:
        """Return the lease of a case, None if it has none."""
        with self._database.read() as transaction:
            row = transaction.first(statements.LEASE, wanted_case=case_id)
        if row is None:
            raise UnknownCase(case_id)
        if row["holder"] is None:
            return None
        try:
            since, until = (datetime.fromisoformat(row[name]) for name in ("held_since", "held_until"))
        except (ValueError, TypeError):
            return None  # a lease with such times has ended
        return Lease(shown_holder(row["holder"]), since, until)

    def release(self, case_id: str, *, driven: bool = False) -> None:
        """Release a lease. If the write fails, the lease expires."""
        fence = self._holder.fence(case_id)
        self._holder.forget(case_id)
        if fence != NO_FENCE and not driven:
            with suppress(HitlError), self._database.write(flush=False) as transaction:
                transaction.run(statements.RELEASE_CASE, wanted_case=case_id, fence=fence)

    def hold(self, case_id: str, fence: int) -> None:
        """Remember the fencing token of a lease in the current context."""
        self._holder.hold(case_id, fence)

    def columns(self, case_id: str, now: str, *, driving: bool = True) -> dict[str, Any]:
        """Return the columns of a new lease from a time of the store's clock on; of none if not `driving`."""
        if not driving:
            return NO_LEASE
        until = instant_text(datetime.fromisoformat(now) + timedelta(seconds=self._holder.seconds))
        lease = (new_fence(), self._holder.name, now, until)
        seal = self._log.sealing.columns(LEASE_SEAL, case_id, *lease)
        return dict(zip(_LEASE, lease, strict=True)) | {"lease_seal": seal}

    @retried
    def has_newer_attempt(self, case_id: str) -> bool:
        """Whether there is a newer attempt at the task of a case."""
        with self._database.read() as transaction:
            return transaction.first(statements.NEWER_ATTEMPT, wanted_case=case_id) is not None

    def move(
        self,
        transaction: StoreTransaction,
        case_id: str,
        before: CaseStage,
        kind: EventKind,
        *,
        to_withdraw: bool = False,
    ) -> "Moved | None":
        """Move a case to the stage after an entry of this kind, releasing its lease.

        Returns None if the case is not at the stage `before`.

        Raises:
            LeaseLost: it is at that stage, and another worker has taken it.
            NewerAttempt: it would leave `received`, and there is a newer attempt. Not raised with `to_withdraw`.
        """
        after = STAGE_MOVES[kind].after
        values = {"from_stage": before.value, "to_stage": after.value, "fence": self._holder.fence(case_id)}
        moved = transaction.first(statements.MOVE_CASE, wanted_case=case_id, **values)
        if moved is not None and moved["newer"] is not None and before is CaseStage.RECEIVED and not to_withdraw:
            raise NewerAttempt(case_id, before.value)
        if moved is not None:
            return Moved(str(moved["intake"]), moved["settled_by"], moved)
        row = transaction.first(statements.STAGE, wanted_case=case_id)
        if row is not None and row["stage"] == before.value:
            raise LeaseLost(case_id, before.value)
        return None

    def retire(self) -> None:
        """Give up all leases; other workers may take them at once."""
        self._holder.retire()


def time_in(transaction: StoreTransaction) -> datetime:
    """Return the time of the store's clock."""
    return datetime.fromisoformat(transaction.first(statements.CLOCK)["now"])


def stage_in(transaction: StoreTransaction, case_id: str) -> str:
    """Return the stage of a case. Raises `UnknownCase`."""
    row = transaction.first(statements.STAGE, wanted_case=case_id)
    if row is None:
        raise UnknownCase(case_id)
    return str(row["stage"])

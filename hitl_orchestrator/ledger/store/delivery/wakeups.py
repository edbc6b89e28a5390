"""Callers to resume with the decisions on cases: who waits where, and how often it was tried."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hitl_orchestrator.domain.case import ParentCall, Wakeup
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.errors import IncompatibleRecord, UnknownCase
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, retried
from hitl_orchestrator.ledger.events.chain import NEVER, instant_text
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.ports.claims import OnUnreadable
from hitl_orchestrator.ledger.ports.snapshot import StoredWakeup
from hitl_orchestrator.ledger.store.event_log import EventLog
from hitl_orchestrator.ledger.store.leases import Holder, is_gone
from hitl_orchestrator.ledger.store.rows import as_stored, readable
from hitl_orchestrator.ledger.store.sql import wakeups as statements

_SEAL = "wakeup"
"""The label of the seal of a wake-up: all of its other columns."""

_PENDING, _DELIVERED = "pending", "delivered"


class WakeupRepository:
    """The wake-ups of one store. This process delivers them as `holder`."""

    def __init__(self, database: Database, holder: Holder, log: EventLog) -> None:
        self._database, self._holder, self._log = database, holder, log

    @retried
    def await_decision(self, case_id: str, parent: ParentCall) -> bool:
        """Note where a caller waits, unless the case is finished; return whether it still waits."""
        address = canonical_json(parent.model_dump(mode="json"))
        with self._database.read() as transaction:
            row = transaction.first(statements.CASE_AND_WAKEUP, wanted_case=case_id)
        if row is None:
            raise UnknownCase(case_id)
        if row["stage"] == CaseStage.FINISHED.value:
            return False
        if row["address"] == address and row["state"] == _PENDING and is_sealed(_row_of(row), self._log.sealing):
            return True
        with self._database.write() as transaction:
            row = transaction.first(statements.CASE_AND_WAKEUP, wanted_case=case_id)
            if row["stage"] == CaseStage.FINISHED.value:
                return False
            new = StoredWakeup(case_id, address, _PENDING, 0, row["now"], None, None, "")
            if row["address"] is None:
                transaction.run(statements.ADD_WAKEUP, **self._sealed(new)._asdict())
            else:
                # It replaces whatever the row has: nothing was delivered yet.
                self._change(transaction, new)
        return True

    @retried
    def wakeup(self, case_id: str) -> Wakeup | None:
        """Return the wake-up of a finished case, None if there is none to deliver."""
        with self._database.read() as transaction:
            row = transaction.first(statements.CASE_AND_WAKEUP, wanted_case=case_id)
        if row is None or row["state"] != _PENDING or row["stage"] != CaseStage.FINISHED.value:
            return None
        return self._wakeup_of(row)

    @retried
    def wakeups(self, on_unreadable: OnUnreadable | None = None) -> Sequence[Wakeup]:
        """Return the wake-ups of finished cases that are to be delivered, the longest due first."""
        with self._database.read() as transaction:
            rows = list(transaction.run(statements.PENDING_WAKEUPS))
        return list(readable(rows, self._wakeup_of, on_unreadable))

    @retried
    def take_wakeup(self, wakeup: Wakeup, seconds: float) -> Wakeup | None:
        """Start a delivery, which another worker repeats from `seconds` on; None if one has started meanwhile."""
        error = f"the delivery has not returned; it may take {seconds:g} seconds"
        return self._moved(wakeup, attempts=wakeup.attempts + 1, seconds=seconds, holder=self._holder.name, error=error)

    @retried
    def wakeup_failed(self, wakeup: Wakeup, error: str, seconds: float) -> None:
        """Record that a delivery failed, and is to be repeated in `seconds`."""
        self._moved(wakeup, attempts=wakeup.attempts, seconds=seconds, holder=None, error=error)

    @retried
    def wakeup_delivered(self, wakeup: Wakeup) -> None:
        """Record that the caller was resumed. After a power failure it is resumed again."""
        with self._database.write(flush=False) as transaction:
            row = transaction.first(statements.CASE_AND_WAKEUP, wanted_case=wakeup.case_id)
            if row is not None and row["state"] == _PENDING:
                # Another delivery that has started meanwhile is the same news.
                new = self._stored(row)._replace(state=_DELIVERED, next_at=NEVER, holder=None, error=None)
                self._change(transaction, new)

    def _moved(self, wakeup: Wakeup, *, attempts: int, seconds: float, holder: str | None, error: str) -> Wakeup | None:
        """Change a wake-up that is as it was read, and return it; None if it has changed."""
        with self._database.write(flush=False) as transaction:
            row = transaction.first(statements.CASE_AND_WAKEUP, wanted_case=wakeup.case_id)
            if row is None or (row["state"], row["attempts"]) != (_PENDING, wakeup.attempts):
                return None
            next_at = _later(row["now"], seconds)
            new = self._stored(row)._replace(attempts=attempts, next_at=next_at, holder=holder, error=error)
            self._change(transaction, new)
        return self._wakeup_of(self._sealed(new)._asdict())

    def _change(self, transaction: StoreTransaction, new: StoredWakeup) -> None:
        values = {f"new_{name}": value for name, value in self._sealed(new)._asdict().items()}
        transaction.run(statements.CHANGE_WAKEUP, wanted_case=new.case_id, **values)

    def _sealed(self, row: StoredWakeup) -> StoredWakeup:
        return sealed(row, self._log.sealing)

    def _stored(self, row: Any) -> StoredWakeup:
        """Return a row that this ledger wrote. Raises `IncompatibleRecord` for another one."""
        stored = _row_of(row)
        if not is_sealed(stored, self._log.sealing) and not is_sealed(stored, self._newest_seals()):
            raise IncompatibleRecord(str(stored.case_id), None, "its row of table wakeups was altered")
        return stored

    def _wakeup_of(self, row: Any) -> Wakeup:
        """Parse a row that this ledger wrote. Raises `IncompatibleRecord`."""
        stored = self._stored(row)
        case_id = str(stored.case_id)
        with as_stored(case_id, row=f"row {case_id!r} of table wakeups"):
            return Wakeup(
                case_id=case_id,
                parent=ParentCall.model_validate(read_canonical(stored.address)),
                attempts=stored.attempts,
                next_at=datetime.fromisoformat(stored.next_at),
                error=stored.error,
                running=stored.holder is not None and not is_gone(stored.holder),
            )

    def _newest_seals(self) -> Seals:
        """Return the seals after a change of the key by another process."""
        self._log.read_keys()
        return self._log.sealing


def erase_error(transaction: StoreTransaction, case_id: str, seals: Seals) -> None:
    """Erase the text of an error, which may repeat texts of the case."""
    row = transaction.first(statements.WAKEUP, wanted_case=case_id)
    if row is not None and row["error"] is not None:
        stored = _row_of(row)
        erased = stored._replace(error=None)
        # An altered row gets no seal.
        seal = sealed(erased, seals).seal if is_sealed(stored, seals) else stored.seal
        transaction.run(statements.ERASE_WAKEUP, wanted_case=case_id, new_seal=seal)


def _row_of(row: Any) -> StoredWakeup:
    return StoredWakeup(**{name: row[name] for name in StoredWakeup._fields})


def sealed(row: StoredWakeup, seals: Seals) -> StoredWakeup:
    """Return a row with its seal."""
    return row._replace(seal=seals.columns(_SEAL, *row[:-1]))


def is_sealed(row: StoredWakeup, seals: Seals) -> bool:
    """Whether this ledger wrote a row as it is."""
    return seals.is_of_columns(row.seal, _SEAL, *row[:-1])


def _later(now: str, seconds: float) -> str:
    return instant_text(datetime.fromisoformat(now) + timedelta(seconds=seconds))

"""Executions in a store: claimed once, extended by their owner, and ended with an entry each."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.execution import Execution, ExecutionStatus
from hitl_orchestrator.errors import GrantRefused, LedgerDamaged, UnknownCase
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, UniqueViolation, retried
from hitl_orchestrator.ledger.database.statement import batches
from hitl_orchestrator.ledger.events import execution_builders as builders
from hitl_orchestrator.ledger.events.chain import Draft, instant_text
from hitl_orchestrator.ledger.events.execution_builders import OPEN, Ending
from hitl_orchestrator.ledger.events.redaction import check_finished
from hitl_orchestrator.ledger.ports.executions import HeldExecution
from hitl_orchestrator.ledger.ports.snapshot import ExecutionRow
from hitl_orchestrator.ledger.store.event_log import EntryRow, EventLog
from hitl_orchestrator.ledger.store.leases import Holder, is_gone, new_fence, shown_holder
from hitl_orchestrator.ledger.store.rows import readable
from hitl_orchestrator.ledger.store.sql import executions as statements

EXECUTION_SEAL = "execution"
"""The label of the seal of an execution: all other columns of its row."""


class ExecutionRepository:
    """Executions of cases. Their entries say what happened; their rows who owns them."""

    def __init__(self, database: Database, holder: Holder, log: EventLog) -> None:
        self._database, self._holder, self._log = database, holder, log

    @retried
    def execution(self, case_id: str) -> HeldExecution | None:
        """Return the execution of a case; None if it was never started."""
        with self._database.read() as transaction:
            row = transaction.first(statements.EXECUTION, wanted_case=case_id)
            entries = {} if row is None else self._entries(transaction, [case_id])
        return None if row is None else self._held(row, entries[case_id])

    @retried
    def executions(
        self, status: ExecutionStatus | None, limit: int, after: str | None = None
    ) -> tuple[Sequence[Execution], str | None]:
        """Return the first executions that can be read, and the case after which the others follow."""
        statement = statements.EXECUTIONS if status is None else statements.EXECUTIONS_WITH
        wanted = {} if status is None else {"wanted_status": status.value}
        with self._database.read() as transaction:
            last = 0 if after is None else _started_seq(transaction, after)
            rows = list(transaction.run(statement, most=limit + 1, after=last, **wanted))
            entries = self._entries(transaction, [row["case_id"] for row in rows[:limit]])
        held = readable(rows[:limit], lambda row: self._held(row, entries[row["case_id"]]))
        return [each.execution for each in held], rows[limit - 1]["case_id"] if len(rows) > limit else None

    def start_execution(
        self, case_id: str, output: Mapping[str, Any], audience: str, actor: Actor, at: datetime
    ) -> HeldExecution | None:
        """Claim the execution of a case, once."""
        # Drawn once: if the connection is lost during the commit, the repetition recognizes its own row.
        return self._start(builders.execution_started(case_id, output, audience, actor, at), new_fence())

    @retried
    def _start(self, draft: Draft, fence: int) -> HeldExecution | None:
        case_id = str(draft.case_id)
        try:
            self._claim(case_id, draft, fence)
        except UniqueViolation:
            held = self.execution(case_id)
            if held is None:
                raise LedgerDamaged(f"the execution of case {case_id!r} has an entry and no row") from None
            return held if held.fence == fence else None
        return self.execution(case_id)

    def _claim(self, case_id: str, draft: Draft, fence: int) -> None:
        with self._database.write() as transaction:
            before = transaction.first(statements.BEFORE_START, wanted_case=case_id)
            if before["stage"] is None:
                raise UnknownCase(case_id)
            check_finished(case_id, before["stage"], "carried out")
            if before["key"] is None:
                raise GrantRefused(case_id, "its case was redacted, and what was approved is erased")
            if before["newer"] is not None:
                raise GrantRefused(case_id, f"case {before['newer']!r} is a newer attempt at its task")
            seq = self._log.append(transaction, draft, end=before)
            lease = (fence, self._holder.process, self._until(before["now"]))
            row = ExecutionRow(case_id, ExecutionStatus.STARTED.value, seq, None, *lease, None, "")
            transaction.run(statements.ADD_EXECUTION, **self._sealed(row)._asdict())

    @retried
    def extend_execution(self, case_id: str, fence: int) -> bool:
        """Extend the lease of a running execution."""
        with self._database.write(flush=False) as transaction:
            stored = transaction.first(statements.EXECUTION, wanted_case=case_id)
            if stored is None or stored["fence"] != fence:
                return False
            # A new seal would make an altered row valid.
            self._check_seal(_row_of(stored))
            row = _row_of(stored)._replace(held_until=self._until(stored["now"]))
            values = {"new_held_until": row.held_until, "new_seal": self._sealed(row).seal}
            extended = transaction.run(statements.EXTEND, wanted_case=case_id, wanted_fence=fence, **values)
            return extended.rowcount == 1

    @retried
    def end_execution(self, case_id: str, fence: int, ending: Ending, actor: Actor, at: datetime) -> bool:
        """Record the end of an execution, once."""
        before = (ExecutionStatus.UNKNOWN,) if ending.check_id is not None else OPEN
        draft = builders.execution_ended(case_id, ending, actor, at)
        return self._move(case_id, fence, before, draft, ending.status)

    @retried
    def lose_execution(
        self, case_id: str, fence: int, check_id: str, actor: Actor, at: datetime, *, by_owner: bool = False
    ) -> bool:
        """Record that the end of a running execution is unknown."""
        draft = builders.execution_unknown(case_id, check_id, actor, at)
        status = ExecutionStatus.UNKNOWN
        return self._move(case_id, fence, (ExecutionStatus.STARTED,), draft, status, if_gone=not by_owner)

    def _move(
        self,
        case_id: str,
        fence: int,
        before: Iterable[ExecutionStatus],
        draft: Draft,
        after: ExecutionStatus,
        *,
        if_gone: bool = False,
    ) -> bool:
        """Move an execution with this fence to another status, with its entry. A repetition has moved it already."""
        with self._database.write() as transaction:
            stored = transaction.first(statements.EXECUTION, wanted_case=case_id)
            if stored is None or stored["fence"] != fence:
                return False
            if stored["status"] not in set(before):
                return bool(stored["status"] == after and after is not ExecutionStatus.UNKNOWN)
            row = _row_of(stored)
            self._check_seal(row)
            if if_gone and _is_alive(row, stored["now"]):
                return False
            seq = self._log.append(transaction, draft)
            row = row._replace(status=after.value, ended_seq=seq, check_id=draft.body["check_id"] or row.check_id)
            # There is one writer at a time: the row is as it was read.
            moved = {f"new_{name}": value for name, value in self._sealed(row)._asdict().items()}
            transaction.run(statements.MOVE, wanted_case=case_id, wanted_fence=fence, **moved)
        return True

    @retried
    def open_executions(self) -> Sequence[str]:
        """Return the cases whose execution has no recorded end."""
        with self._database.read() as transaction:
            return [row["case_id"] for row in transaction.run(statements.OPEN_EXECUTIONS)]

    def _entries(self, transaction: StoreTransaction, case_ids: Sequence[str]) -> dict[str, list[EntryRow]]:
        """Return the rows of the entries about the executions of cases, in order."""
        entries: dict[str, list[EntryRow]] = {case_id: [] for case_id in case_ids}
        for ids in batches(case_ids):
            for found in transaction.run(statements.ENTRIES_OF_EXECUTIONS, **ids):
                entries[found["case_id"]].append(EntryRow(**dict(found)))
        return entries

    def _held(self, stored: Any, entries: Sequence[EntryRow]) -> HeldExecution:
        """Return the execution of a row, after comparing it with its entries."""
        row, events = _row_of(stored), [self._log.event_in(each) for each in entries]
        self._check_seal(row)
        execution = builders.execution_of(events, task_id=stored["task_id"], holder=shown_holder(row.holder))
        recorded = (execution.status.value, events[0].seq, events[-1].seq if len(events) > 1 else None)
        if recorded != (row.status, row.started_seq, row.ended_seq) or execution.check_id != row.check_id:
            raise LedgerDamaged(f"the row of case {row.case_id!r} in table executions differs from its entries")
        alive = execution.status is ExecutionStatus.STARTED and _is_alive(row, stored["now"])
        return HeldExecution(execution, row.fence, alive)

    def _check_seal(self, row: ExecutionRow) -> None:
        if not self._log.sealing.is_of_columns(row.seal, EXECUTION_SEAL, *row[:-1]):
            raise LedgerDamaged(f"the row of case {row.case_id!r} in table executions was altered")

    def _sealed(self, row: ExecutionRow) -> ExecutionRow:
        return row._replace(seal=self._log.sealing.columns(EXECUTION_SEAL, *row[:-1]))

    def _until(self, now: str) -> str:
        return instant_text(datetime.fromisoformat(now) + timedelta(seconds=self._holder.seconds))


def _is_alive(row: ExecutionRow, now: str) -> bool:
    """Whether the owner of a running execution has its lease, and is not known to have ended."""
    return row.held_until > now and not is_gone(row.holder)


def _row_of(stored: Any) -> ExecutionRow:
    return ExecutionRow(*(stored[name] for name in ExecutionRow._fields))


def _started_seq(transaction: StoreTransaction, case_id: str) -> int:
    row = transaction.first(statements.STARTED_SEQ, wanted_case=case_id)
    if row is None:
        raise UnknownCase(case_id)
    return int(row["started_seq"])

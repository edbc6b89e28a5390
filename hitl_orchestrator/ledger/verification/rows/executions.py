"""Reconciliation of executions: each follows from one approval, carries out exactly that, and ends once."""

from collections.abc import Mapping, Sequence
from typing import Any

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.execution import ExecutionStatus
from hitl_orchestrator.ledger.events.chain import time_of, time_text
from hitl_orchestrator.ledger.events.execution_builders import OPEN, kind_of
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.ports.snapshot import ExecutionRow
from hitl_orchestrator.ledger.store.executions.repository import EXECUTION_SEAL

_Body = Mapping[str, Any]
_RECORDED = ("status", "started_seq", "ended_seq", "check_id")
_STATUS_AFTER = {kind_of(status): status for status in ExecutionStatus}


class ExecutionFacts:
    """The facts about the execution of a case that its entries record, one after the other.

    Texts are compared by their digests: those of a redacted case are compared like others.
    """

    def __init__(self) -> None:
        self._gated: _Body | None = None
        self._approved: Any = None
        self._status: ExecutionStatus | None = None
        self._started = 0
        self._moved: int | None = None
        self._check_id: str | None = None

    def add_intake(self, intake: _Body) -> None:
        """Add the first entry of the case."""
        self._gated = intake.get("gated")

    def add_outcome(self, record: _Body) -> None:
        """Add the outcome of the case."""
        self._approved = record["final_output"]

    @property
    def is_due(self) -> bool:
        """Whether the case was approved for an execution that was never started."""
        return self._gated is not None and self._approved is not None and self._status is None

    def problem_of(self, entry: Mapping[str, Any]) -> str | None:
        """Return the problem with the next entry about the execution; None if it follows from those before."""
        after = _STATUS_AFTER[EventKind(entry["kind"])]
        if after is ExecutionStatus.STARTED:
            problem = self._start_problem(entry["body"])
            self._started = entry["seq"]
        else:
            problem = self._end_problem(after, entry["body"])
            self._moved = entry["seq"]
        self._status = after
        return problem

    def problem(self, rows: Sequence[ExecutionRow], seals: Seals | None) -> str | None:
        """Return the difference between the rows of a case and its entries; None if there is none."""
        if self._status is None:
            return "it has a row in the executions that no entry records" if rows else None
        if len(rows) != 1:
            return f"it has {len(rows)} rows in the executions"
        (row,) = rows
        expected = (self._status.value, self._started, self._moved, self._check_id)
        found = (row.status, row.started_seq, row.ended_seq, row.check_id)
        differing = [name for name, one, other in zip(_RECORDED, expected, found, strict=True) if one != other]
        if differing:
            return f"its row in the executions has another {' and '.join(differing)}"
        return _lease_problem(row, seals)

    def _start_problem(self, body: _Body) -> str | None:
        if self._status is not None:
            return f"it was executed before, with entry {self._started}: one decision was executed twice"
        if self._gated is None or self._approved is None:
            return "it was executed without an approval that allows it"
        if body["output"] != self._approved:
            return "it was executed with another output, or other arguments, than was approved"
        if body["audience"] != (self._gated["audience"] or ""):
            return "it was executed by another audience than that of its grant"
        return None

    def _end_problem(self, after: ExecutionStatus, body: _Body) -> str | None:
        by_person = after is not ExecutionStatus.UNKNOWN and body["check_id"] is not None
        if self._status not in OPEN or (after is ExecutionStatus.UNKNOWN and self._status is after):
            return "its execution was not running"
        if by_person and (self._status is not ExecutionStatus.UNKNOWN or body["check_id"] != self._check_id):
            return "no person was asked in that case whether it happened"
        if after is ExecutionStatus.UNKNOWN:
            self._check_id = body["check_id"]
        return None


def _lease_problem(row: ExecutionRow, seals: Seals | None) -> str | None:
    """Return the problem with the columns that no entry records."""
    if not _is_time(row.held_until):
        return f"its row in the executions has the held_until {str(row.held_until)[:40]!r}, which is not a time"
    if not isinstance(row.fence, int) or not isinstance(row.holder, str) or not isinstance(row.seal, str):
        return "the fence, holder or seal of its row in the executions is of another type"
    if seals is not None and not seals.is_of_columns(row.seal, EXECUTION_SEAL, *row[:-1]):
        return "the fence, holder, held_until or seal of its row in the executions was altered"
    return None


def _is_time(text: Any) -> bool:
    try:
        return bool(time_text(time_of(text)) == text)
    except (ValueError, TypeError, OverflowError, AttributeError):
        return False

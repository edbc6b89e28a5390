"""A claimed execution: the one who claimed it states how it ended, all others get what is recorded."""

import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Protocol

from hitl_orchestrator.domain.execution import Execution
from hitl_orchestrator.domain.value import MAX_SIZE, canonical_json, check_json, read_canonical
from hitl_orchestrator.errors import ExecutionEnded
from hitl_orchestrator.errors.in_log import sentence_of

__all__ = ["Begun", "Owner"]

_MOST_OF_AN_ERROR = 2000
_log = logging.getLogger(__name__)


class Owner(Protocol):
    """Records how an execution ended that this process has claimed."""

    def finished(self, result: str | None) -> Execution:
        """Record its result as JSON text; None for one that is not stored. Raises `ExecutionEnded`."""

    def failed(self, error: str) -> Execution:
        """Record its error. Raises `ExecutionEnded`."""

    def lost(self) -> Execution:
        """Record that its end is unknown, and ask a person."""


class Begun:
    """An execution as `begin` has found it. Safe to share between threads.

    `is_new`: the caller has claimed it, carries it out now, and then calls `done` or `failed`, once. Otherwise it was
    carried out before, and `execution` has its result.
    """

    def __init__(
        self, execution: Execution, owner: Owner | None = None, arguments: Mapping[str, Any] | None = None
    ) -> None:
        """`owner` records the end of an execution that the caller has claimed, of the call with these arguments."""
        self.is_new, self.execution = owner is not None, execution
        self._owner, self._lock = owner, Lock()
        self._arguments = canonical_json(arguments or {})

    @property
    def arguments(self) -> dict[str, Any]:
        """A new copy of the arguments as they were approved and are recorded: those to make the call with.

        Empty for an execution that is not new.
        """
        return dict(read_canonical(self._arguments))

    def done(self, result: Any = None) -> Execution:
        """Record that it was carried out, with the JSON value that it returned.

        A result that is no JSON value, or larger than one record may be, is not stored, which a warning logs: the call
        itself was made, and is not made again.

        Raises:
            ExecutionEnded: its end was recorded before.
        """
        text = self._text_of(result)
        return self._end(lambda owner: owner.finished(text))

    def failed(self, error: BaseException | str) -> Execution:
        """Record that it failed. It is never carried out again. Raises as `done`."""
        text = error if isinstance(error, str) else sentence_of(error)
        text = text.encode(errors="replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
        return self._end(lambda owner: owner.failed(text[:_MOST_OF_AN_ERROR]))

    def abandon(self) -> Execution:
        """Record that its end is unknown, as after an interruption; a person is asked. Raises as `done`."""
        return self._end(lambda owner: owner.lost())

    def _end(self, record: Callable[[Owner], Execution]) -> Execution:
        with self._lock:
            if self._owner is None:
                raise ExecutionEnded(self.execution.case_id, self.execution.status.value)
            try:
                self.execution = record(self._owner)
            except ExecutionEnded:
                self._owner = None
                raise
            # Only now: an end that could not be recorded may be stated again.
            self._owner = None
            return self.execution

    def _text_of(self, result: Any) -> str | None:
        try:
            text = canonical_json(check_json(result))
            if len(text.encode()) <= MAX_SIZE:
                return text
            why = f"it has more than {MAX_SIZE} bytes"
        except (TypeError, ValueError, RecursionError) as exc:
            # The sentence of the error names members of the result.
            why = f"it is no JSON value ({type(exc).__name__})"
        event = {"case_id": self.execution.case_id, "event": "result_not_stored"}
        _log.warning("case %s was carried out, and its result is not stored: %s", event["case_id"], why, extra=event)
        return None

    def __repr__(self) -> str:
        """Return the case, and whether the caller carries it out."""
        return f"<Begun {self.execution.case_id} {'new' if self.is_new else self.execution.status.value}>"

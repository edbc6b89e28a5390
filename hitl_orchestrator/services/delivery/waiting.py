"""Wait until cases are finished: woken at once by a decision in this process, by one poller for those elsewhere."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Condition, Thread, current_thread
from time import monotonic
from typing import Protocol

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import BY_SYSTEM, CaseStage
from hitl_orchestrator.errors import InvalidInput, StillWaiting, StoreClosed
from hitl_orchestrator.errors.in_log import log_foreign

__all__ = ["OnDecided", "Waiters", "checked_timeout", "finished_or_waiting", "reported_to"]

OnDecided = Callable[[Case], None]
"""Is called with each case that this process has finished, after the commit."""

_FIRST_SECONDS, _LONGEST_SECONDS, _GROWTH = 0.02, 1.0, 4
_JOIN_SECONDS, _MOST_SECONDS = 5.0, 366 * 86_400
_log = logging.getLogger(__name__)


class Outcomes(Protocol):
    """What the poller reads."""

    def finished_among(self, case_ids: Sequence[str]) -> Sequence[str]:
        """Return those of these cases that are finished."""


class _Waiter:
    """One caller that waits for one case, and the time at which its case is read next."""

    def __init__(self, case_id: str) -> None:
        self.case_id, self.future = case_id, Future[None]()
        self._since = monotonic()
        self.due = self._since + _FIRST_SECONDS

    @property
    def interval(self) -> float:
        """The time between two readings: a part of the time that it waits already."""
        return min(max((monotonic() - self._since) / _GROWTH, _FIRST_SECONDS), _LONGEST_SECONDS)


class Waiters:
    """The callers of this process that wait for cases. Safe to share between threads and event loops."""

    def __init__(self, outcomes: Outcomes, store: str) -> None:
        self._outcomes, self._store = outcomes, store
        self._changed, self._closed = Condition(), False
        self._waiting: dict[Future[None], _Waiter] = {}
        self._poller: Thread | None = None

    @contextmanager
    def waiting(self, case_id: str) -> Iterator["Future[None]"]:
        """Return a future that is done once a case is finished. Read the case after this, and then wait.

        Raises:
            StoreClosed: the store was closed; the future raises it too.
        """
        waiter = _Waiter(case_id)
        with self._changed:
            if self._closed:
                raise StoreClosed(self._store)
            self._waiting[waiter.future] = waiter
            if self._poller is None or not self._poller.is_alive():
                self._poller = Thread(target=self._poll, daemon=True, name="hitl-waiting")
                self._poller.start()
            self._changed.notify()
        try:
            yield waiter.future
        finally:
            with self._changed:
                self._waiting.pop(waiter.future, None)
                self._changed.notify()

    def wait(self, case_id: str, read: Callable[[], Case], timeout: float | None) -> Case:
        """Return a case once it is finished. Raises `StillWaiting` after `timeout` seconds."""
        seconds = checked_timeout(timeout)
        with self.waiting(case_id) as future:
            case = read()
            if case.stage is not CaseStage.FINISHED:
                with suppress(TimeoutError):
                    future.result(seconds)
                case = read()
        return finished_or_waiting(case, seconds)

    def finished(self, case_id: str) -> None:
        """Wake the callers that wait for a case, which is finished."""
        if self._waiting:
            self._wake([case_id])

    def after_run(self, before: Case, after: Case) -> None:
        """Wake the callers that wait for a case that a run has finished, or found finished."""
        self.finished(after.case_id)

    def close(self) -> None:
        """Wake all callers with `StoreClosed`, and end the poller."""
        with self._changed:
            self._closed, poller = True, self._poller
            self._changed.notify()
        self._fail(StoreClosed(self._store))
        if poller is not None and poller is not current_thread():
            poller.join(_JOIN_SECONDS)

    def _poll(self) -> None:
        while (case_ids := self._next_due()) is not None:
            try:
                self._wake(self._outcomes.finished_among(case_ids))
            except Exception as exc:  # noqa: BLE001 - for the callers, who would wait for ever
                self._fail(exc)

    def _next_due(self) -> list[str] | None:
        """Wait until some cases are to be read, and return them; None once no caller waits any more."""
        with self._changed:
            while self._waiting and not self._closed:
                pause = min(waiter.due for waiter in self._waiting.values()) - monotonic()
                if pause <= 0:
                    return self._take_due()
                self._changed.wait(pause)
            self._poller = None
            return None

    def _take_due(self) -> list[str]:
        """Return the cases that are due, and those that nearly are, so that old waiters are read together."""
        now, due = monotonic(), list[str]()
        for waiter in self._waiting.values():
            interval = waiter.interval
            if waiter.due <= now + interval / 2:
                waiter.due = now + interval
                due.append(waiter.case_id)
        return list(dict.fromkeys(due))

    def _wake(self, case_ids: Sequence[str]) -> None:
        wanted = set(case_ids)
        for future in self._taken(lambda waiter: waiter.case_id in wanted):
            future.set_result(None)

    def _fail(self, exc: Exception) -> None:
        for future in self._taken(lambda waiter: True):
            future.set_exception(exc)

    def _taken(self, wanted: Callable[[_Waiter], bool]) -> "list[Future[None]]":
        """Remove some waiters; each future is then set once, outside of the lock, since that runs callbacks."""
        with self._changed:
            futures = [future for future, waiter in self._waiting.items() if wanted(waiter)]
            for future in futures:
                del self._waiting[future]
        return [future for future in futures if future.set_running_or_notify_cancel()]


def checked_timeout(timeout: float | None) -> float | None:
    """Return the seconds to wait; None is no limit. Raises `InvalidInput`."""
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if timeout is None or (is_number and 0 <= timeout <= _MOST_SECONDS):
        return timeout
    raise InvalidInput([f"wait: timeout: {timeout!r} is not in [0, {_MOST_SECONDS}] seconds; None is no limit"])


def finished_or_waiting(case: Case, seconds: float | None) -> Case:
    """Return a finished case. Raises `StillWaiting`, naming for whom another one waits."""
    if case.stage is CaseStage.FINISHED:
        return case
    raise StillWaiting(case.case_id, _waits_for(case), seconds or 0)


def _waits_for(case: Case) -> str:
    row = case.open_review
    if row is not None:
        holder = "" if row.claimed_by is None else f", claimed by {row.claimed_by!r}"
        return f"a decision by the role {row.role!r} in the domain {row.domain!r}{holder}"
    if case.stage is CaseStage.RECEIVED and case.submission.awaits_classifier:
        return "the classifier of its application"
    return f"a worker that runs it on; it is {case.stage}, and 'hitl recover' takes over from one that ended"


def reported_to(on_decided: OnDecided) -> OnDecided:
    """Return a callback whose errors are logged: the decision is recorded, and no one loses its receipt.

    It is not called with cases that the system made itself: those that measure reviewers, governed changes, and
    questions about executions.
    """

    def report(case: Case) -> None:
        submission = case.submission
        if submission.quality_check is not None or submission.task.task_type in BY_SYSTEM:
            return
        try:
            on_decided(case)
        except Exception as exc:  # noqa: BLE001 - of foreign code
            event = {"case_id": case.case_id, "event": "failed"}
            log_foreign(_log, f"case {case.case_id}: the callback on_decided failed", exc, event)

    return report

"""Resume the callers that wait for the decision on a case, until it succeeds. A resumer is foreign code."""

import logging
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait

from hitl_orchestrator.domain.case import Case, ParentCall, Wakeup
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.errors import HitlError, ResumerFailed, shortened
from hitl_orchestrator.errors.in_log import in_log, log_foreign, sentence_of
from hitl_orchestrator.ledger.ports.claims import OnUnreadable
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.services.case_reader import CaseReader
from hitl_orchestrator.services.delivery.foreign_calls import ForeignCalls
from hitl_orchestrator.services.delivery.resumers import Resumers

__all__ = ["RESUME_SECONDS", "Wakeups"]

RESUME_SECONDS = 60.0
"""The time that a resumer has. Then the wake-up is due again, although the call may go on."""

_CLOSE_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE, _MOST_DOUBLINGS = 2.0, 600.0, 9
_MOST_ERROR = 500
_log = logging.getLogger(__name__)


class Wakeups:
    """The wake-ups that this process delivers: those whose graph has a resumer here. Safe to share between threads."""

    def __init__(
        self,
        ledger: Ledger,
        reader: CaseReader,
        resumers: Resumers,
        *,
        seconds: float = RESUME_SECONDS,
    ) -> None:
        self._ledger, self._reader, self.resumers, self._seconds = ledger, reader, resumers, seconds
        self._calls = ForeignCalls("hitl-resumer", seconds)

    def await_decision(self, case: Case, parent: ParentCall) -> Case:
        """Note durably where the caller of a case waits, and return the case as it is after that.

        If it is finished the caller does not wait, and is not resumed.
        """
        waits = self._ledger.await_decision(case.case_id, parent)
        return case if waits else self._reader.case(case.case_id)

    def pending(self) -> list[Wakeup]:
        """Return the wake-ups that are still to be delivered by some process, the longest due first."""
        return list(self._ledger.wakeups())

    def start(self, case: Case) -> None:
        """Start to resume the caller of a case that this process has just finished, and return at once."""
        if self.resumers:
            self._start(case.case_id)

    def deliver(self, *, due_only: bool, on_unreadable: OnUnreadable | None = None) -> Mapping[str, Exception]:
        """Resume the callers that wait, and return the errors by case. Waits also for deliveries under way here.

        With `due_only` a failed delivery is repeated after its pause. One that another live worker has started is left
        to it until its time is over.
        """
        futures, unknown, now = dict(self._calls.running()), dict[str, int](), self._ledger.now()
        for wakeup in self._ledger.wakeups(on_unreadable):
            graph, is_due = wakeup.parent.graph, wakeup.next_at <= now
            if graph not in self.resumers:
                unknown[graph] = unknown.get(graph, 0) + 1
            elif is_due or not (due_only or wakeup.running):
                futures.update(self._start(wakeup.case_id))
        for graph, number in unknown.items():
            _log.info(
                "%d callers in the graph %r wait to be resumed, and this process has no resumer for it; a process that "
                "opens the store with one (resumers=) resumes them",
                number,
                graph,
                extra={"case_id": None, "event": "wakeups_pending"},
            )
        return self._results(futures)

    def close(self) -> None:
        """Wait a little for deliveries under way. One that does not return is repeated by another process."""
        self._calls.close(min(self._seconds, _CLOSE_SECONDS))

    def _start(self, case_id: str) -> dict[str, "Future[Exception | None]"]:
        future = self._calls.start(case_id, lambda: self._deliver(case_id))
        return {} if future is None else {case_id: future}

    def _results(self, futures: Mapping[str, "Future[Exception | None]"]) -> Mapping[str, Exception]:
        """Wait while deliveries end, at most the time of one without any."""
        left = set(futures.values())
        while left:
            done, left = wait(left, timeout=self._seconds, return_when=FIRST_COMPLETED)
            if not done:
                break
        errors = {case_id: self._late(case_id) if each in left else each.result() for case_id, each in futures.items()}
        return {case_id: error for case_id, error in errors.items() if error is not None}

    def _late(self, case_id: str) -> ResumerFailed:
        wakeup = self._ledger.wakeup(case_id)
        graph = "" if wakeup is None else wakeup.parent.graph
        return ResumerFailed(case_id, graph, f"its resumer has not returned in {self._seconds:g} seconds")

    def _deliver(self, case_id: str) -> Exception | None:
        """Resume the caller of a case if it has one that is known here; return the error, if any."""
        try:
            return self._resume(case_id)
        except HitlError as exc:
            event = {"case_id": case_id, "event": "failed"}
            _log.warning("case %s: the caller was not resumed: %s", case_id, in_log(exc), extra=event)
            return exc

    def _resume(self, case_id: str) -> Exception | None:
        wakeup = self._ledger.wakeup(case_id)
        if wakeup is None or (wakeup.running and wakeup.next_at > self._ledger.now()):
            return None
        resumer = self.resumers.get(wakeup.parent.graph)
        taken = None if resumer is None else self._ledger.take_wakeup(wakeup, self._seconds)
        if taken is None or resumer is None:
            return None
        event = {"case_id": case_id, "event": "resumed"}
        try:
            resumer.resume(taken.parent, self._reader.case(case_id))
        except BaseException as exc:  # noqa: BLE001 - of foreign code; it is repeated
            why, pause = _sentence_of(exc), _pause_after(taken.attempts)
            log_foreign(_log, f"case {case_id}: the caller was not resumed, again in {pause:g} s", exc, event)
            self._ledger.wakeup_failed(taken, why, pause)
            return ResumerFailed(case_id, taken.parent.graph, why)
        self._ledger.wakeup_delivered(taken)
        _log.info("case %s: the caller in graph %s was resumed", case_id, taken.parent.graph, extra=event)
        return None


def _pause_after(attempts: int) -> float:
    """Return the seconds before the next attempt: twice as long after each one."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(attempts - 1, _MOST_DOUBLINGS))


def _sentence_of(exc: BaseException) -> str:
    """Return an error of foreign code on one line, in which no character is invisible."""
    line = " ".join(sentence_of(exc).encode(errors="replace").decode().split())
    return shortened(escape_invisible(line.replace("\0", "")), _MOST_ERROR)

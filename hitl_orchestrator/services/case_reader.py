"""Read cases: by their id or their task's id, with the graph version checked before anything is changed."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.errors import (
    AmbiguousTask,
    CaseNotWaiting,
    GraphVersionMismatch,
    IncompatibleRecord,
    LedgerDamaged,
    ReplayedCase,
    StoreUnavailable,
    UnknownCase,
)
from hitl_orchestrator.graph.topology import can_resume
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.services.acting import CaseKey

__all__ = ["CaseReader", "Clock", "check_live", "not_waiting", "open_review_of"]

Clock = Callable[[], datetime]
Read = TypeVar("Read")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,220}")
_log = logging.getLogger(__name__)


class CaseReader:
    """Reads cases from the ledger, and records alarms about rows that this package did not write."""

    def __init__(self, ledger: Ledger, clock: Clock, graph_version: str) -> None:
        self._ledger, self._clock, self.graph_version = ledger, clock, graph_version

    def get(self, key: CaseKey) -> Case:
        """Return one case.

        Raises:
            UnknownCase: there is none.
            AmbiguousTask: several submitters have a task with this id.
            GraphVersionMismatch: it was stored under an incompatible graph version.
        """
        if key.task_id is None:
            return self._checked(key.text, self._ledger.case)
        with suppress(UnknownCase):  # no task of this submitter, and perhaps one that they may read
            if key.submitter is not None:
                return self._checked(key.text, partial(self._ledger.latest_attempt, submitter=key.submitter))
        return self._checked(key.text, self._ledger.latest_attempt)

    def case(self, case_id: str) -> Case:
        """Return a case by its id. Raises as `get`."""
        return self.get(CaseKey(case_id))

    def to_change(self, key: CaseKey) -> Case:
        """Return a case that the caller is about to change; raise the alarm if its row cannot be ours."""
        with self._alarmed():
            return self.get(key)

    def to_decide(self, key: CaseKey) -> tuple[Case, list[Event]]:
        """Return a case that the caller is about to decide, with its ledger entries, from one consistent state."""
        case_id = key.case_id or self.to_change(key).case_id
        with self._alarmed():
            return self._checked(case_id, self._ledger.case_with_events)

    def waiting(self, key: CaseKey) -> Case:
        """Return a live case with an open review. Raises `ReplayedCase`, `CaseNotWaiting` or `GraphVersionMismatch`."""
        case = self.to_change(key)
        check_live(case, "reviewed")
        open_review_of(case)
        self.check(case)
        return case

    def check(self, case: Case) -> None:
        """Raise `GraphVersionMismatch` if the running graph cannot resume this case."""
        self.check_graph(case.case_id, case.submission.graph_version)

    def check_graph(self, case_id: str, stored_under: str) -> None:
        """Raise `GraphVersionMismatch` if the running graph cannot resume a case of this graph version."""
        if not can_resume(stored_under, self.graph_version):
            raise GraphVersionMismatch(case_id, stored_under, self.graph_version)

    def now(self) -> datetime:
        """Return the time of new ledger entries."""
        return self._clock()

    def alarm(self, case_id: str, cause: str) -> None:
        """Record once that data was found which this package did not write."""
        _log.warning("alarm: case %s: %s", case_id, cause, extra={"case_id": case_id, "event": "alarm"})
        try:
            self._ledger.alarm(case_id, cause, self._clock())
        except (LedgerDamaged, StoreUnavailable) as exc:
            # In a store that may only be read, or at the end of a damaged ledger: the cause itself must be reported.
            _log.warning("the alarm could not be recorded: %s", exc, extra={"case_id": case_id, "event": "alarm"})

    def _checked(self, name: str, read: Callable[[str], Read]) -> Read:
        """Read a case. One in an unreadable form was stored under another graph, if it names one."""
        if not _ID.fullmatch(name):
            raise UnknownCase(name)
        try:
            return read(name)
        except UnknownCase:
            raise UnknownCase(name, is_task=self._is_task(name)) from None
        except IncompatibleRecord as exc:
            if exc.graph_version is not None:
                self.check_graph(exc.case_id, exc.graph_version)
            raise

    def _is_task(self, name: str) -> bool:
        """Return whether a task has this id."""
        try:
            self._ledger.latest_attempt(name)
        except UnknownCase:
            return False
        except AmbiguousTask:
            return True
        return True

    @contextmanager
    def _alarmed(self) -> Iterator[None]:
        """Raise the alarm for a row that this package did not write."""
        try:
            yield
        except IncompatibleRecord as exc:
            self.alarm(exc.case_id, str(exc))
            raise
        except LedgerDamaged as exc:
            if exc.case_id is not None:
                self.alarm(exc.case_id, str(exc))
            raise


def check_live(case: Case, what: str) -> None:
    """Raise `ReplayedCase` for a case that repeats a record of the past. `what` cannot be done to it."""
    if case.submission.replayed:
        raise ReplayedCase(case.case_id, what)


def open_review_of(case: Case) -> StoredReview:
    """Return the open review of a case. Raises `CaseNotWaiting`."""
    if case.open_review is None:
        raise not_waiting(case)
    return case.open_review


def not_waiting(case: Case) -> CaseNotWaiting:
    """Return the error for a case without an open review, with the command that moves it."""
    return CaseNotWaiting(case.case_id, case.status, classifier=case.submission.awaits_classifier)

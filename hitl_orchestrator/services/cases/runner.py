"""Run cases through the graph, from the stage that the tables record. Running a case twice is harmless."""

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from threading import Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING, NamedTuple

from hitl_orchestrator.domain.audit import Actor, AuditRecord
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.errors import (
    CaseBusy,
    CaseChanged,
    CaseNotMoved,
    ClassifierMissing,
    HitlError,
    IncompleteOutcome,
    LeaseLost,
    NewerAttempt,
    RequestRejected,
)
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.runs import Ending, FirstRun, GovernanceChanged, Opening
from hitl_orchestrator.services.case_reader import CaseReader, not_waiting
from hitl_orchestrator.services.reviews.node_ports import NodePorts, UnitOfWork
from hitl_orchestrator.services.reviews.recording import ReviewRecorder
from hitl_orchestrator.services.reviews.requirements import SKIPPED

if TYPE_CHECKING:
    from hitl_orchestrator.graph.runner import Runner

__all__ = ["WAIT_SECONDS", "CaseRunner", "Hook"]

Hook = Callable[[Case, Case], None]
"""Called with a case before and after a run that left it finished."""

WAIT_SECONDS = 120.0
"""The time that a call waits for another worker that runs the same case. A lease ends before."""

_POLL_SECONDS = 0.02


class _Ran(NamedTuple):
    """A case after a run, and whether this process finished it."""

    case: Case
    finished_here: bool = False


_log = logging.getLogger(__name__)


class CaseRunner:
    """Runs cases under a lease. Safe to share between threads."""

    def __init__(
        self,
        ledger: Ledger,
        reader: CaseReader,
        recorder: ReviewRecorder,
        ports: NodePorts,
        build_graph: "Callable[[], Runner]",
        *,
        on_finished: Sequence[Hook] = (),
        on_decided: Sequence[Callable[[Case], None]] = (),
        on_run: Callable[[], None] = lambda: None,
        has_classifier: bool = False,
        wait: float = WAIT_SECONDS,
    ) -> None:
        """`build_graph` is called when a case first runs, since LangGraph is slow to import.

        `on_finished` are called in order after a run that left its case finished, `on_decided` after one that finished
        it itself, and `on_run` after every run. A call waits at most `wait` seconds for another worker that runs the
        same case.
        """
        self._ledger, self._reader, self._recorder, self._ports = ledger, reader, recorder, ports
        self._build_graph, self._on_finished, self._on_run = build_graph, on_finished, on_run
        self._on_decided, self.has_classifier = on_decided, has_classifier
        self._wait_seconds = wait
        self._built: Runner | None = None
        self._building = Lock()

    @property
    def graph(self) -> "Runner":
        """The graph with its checkpoints, built on first use."""
        with self._building:
            if self._built is None:
                self._built = self._build_graph()
            return self._built

    @property
    def is_built(self) -> bool:
        """Whether the graph was built."""
        return self._built is not None

    def run(self, case: Case, *, new: bool = False, at_hand: bool = False) -> Case:
        """Run a case from its stage until it finishes or waits, and return it.

        `new` marks a case that this process has just received, `at_hand` one whose decided review it has just verified
        and recorded: the nodes then use these values instead of reading and verifying them again.

        Raises:
            GraphVersionMismatch: the running graph cannot resume it.
            ClassifierMissing: it waits for a classifier, and there is none here.
            CaseNotMoved: the run ended where it began.
            CaseBusy: another worker runs it, and did not finish in time.
        """
        with self._ports.unit_of_work(case) if new or at_hand else nullcontext():
            after, finished_here = self._run(case, new=new)
        return self._reported(case, after, finished_here=finished_here)

    def first_run(self, submission: Submission, actor: Actor) -> FirstRun:
        """Run a submission that is not recorded yet, and return what the caller is to record."""
        case = Case(submission=submission, stage=CaseStage.RECEIVED)
        result = self._collected(case, self.graph.start)
        return FirstRun(submission, actor, result, self._ports.counting(submission, result))

    def first_runs(self, submitted: Sequence[tuple[Submission, Actor]]) -> list[FirstRun]:
        """Run submissions that are not recorded yet together. One that is to be run alone is left out."""
        from hitl_orchestrator.graph.chunk import Member  # noqa: PLC0415 - LangGraph is slow to import

        cases = [Case(submission=each, stage=CaseStage.RECEIVED) for each, _ in submitted]
        units = [UnitOfWork(case, collects=True) for case in cases]
        self.graph.start_all([Member(unit.case.submission, partial(self._ports.within, unit)) for unit in units])
        results = [(*each, unit.result) for each, unit in zip(submitted, units, strict=True)]
        return [
            FirstRun(submission, actor, result, self._ports.counting(submission, result))
            for submission, actor, result in results
            if result is not None
        ]

    def ending_of(self, case: Case) -> Ending:
        """Run a case on from a decision that is not recorded yet, and return the outcome to record with it."""
        ending = self._collected(case, self.graph.resume)
        if not isinstance(ending, Ending):
            raise CaseNotMoved(case.case_id, case.stage.value)
        return ending

    def recorded(self, before: Case, after: Case) -> Case:
        """Return a case whose run was just recorded by the caller, after all hooks."""
        if before.reviews:
            self.graph.forget(before.case_id)
        _log_end(after)
        return self._reported(before, after, finished_here=after.record is not None)

    def _collected(self, case: Case, run: Callable[[Submission], AuditRecord | None]) -> Opening | Ending:
        with self._ports.unit_of_work(case, collects=True) as unit:
            run(case.submission)
        if unit.result is None:
            raise CaseNotMoved(case.case_id, case.stage.value)
        return unit.result

    def _reported(self, before: Case, after: Case, *, finished_here: bool) -> Case:
        self._on_run()
        try:
            if after.stage is CaseStage.FINISHED:
                for hook in self._on_finished:
                    hook(before, after)
        finally:
            for tell in self._on_decided if finished_here else ():
                tell(after)
        return after

    def check_classifier(self, case: Case) -> None:
        """Raise `ClassifierMissing` for a case that has to be classified first, which cannot be done here."""
        awaits = case.stage is CaseStage.RECEIVED and case.submission.awaits_classifier and not self.has_classifier
        if awaits and not self._ledger.has_newer_attempt(case.case_id):
            raise ClassifierMissing(case.case_id)

    def supersede(self, case_id: str) -> None:
        """End a case that a newer attempt has replaced. One that was decided ends as its decision says.

        One that another worker runs is left to that one, which finds the newer attempt when it writes.
        """
        # Lost a race with a reviewer or another process, or the row failed its integrity check.
        with suppress(RequestRejected, *SKIPPED):
            case = self._reader.case(case_id)
            if case.open_review is not None:
                self._reader.check(case)
                self._recorder.supersede(case.open_review)
                self.run(self._ledger.case(case_id))
            elif case.stage is not CaseStage.FINISHED and self._ledger.take(case_id):
                self.run(case)

    def forget(self, case_id: str) -> None:
        """Delete the checkpoints of a finished case."""
        self.graph.forget(case_id)

    def forget_finished(self) -> None:
        """Delete the checkpoints that a crash has left behind for finished cases."""
        self.graph.forget_finished()

    def close(self) -> None:
        """Close the checkpoints, if the graph was built."""
        if self._built is not None:
            self._built.close()
            self._built = None

    def _run(self, case: Case, *, new: bool) -> _Ran:
        if case.stage is CaseStage.FINISHED or (case.stage is CaseStage.WAITING and not _was_escalated(case)):
            return _Ran(case)
        self._reader.check(case)
        if case.stage is not CaseStage.WAITING and not self._ledger.take(case.case_id):
            return self._wait_for(case)
        try:
            if not new and case.stage is CaseStage.RECEIVED and self._ledger.has_newer_attempt(case.case_id):
                return self._end_superseded(case)
            self.check_classifier(case)
            record = self._through_graph(case, new=new)
        except NewerAttempt:
            return self._end_superseded(case)
        except (CaseChanged, IncompleteOutcome) as exc:
            self._ledger.release(case.case_id)
            return self._overtaken(case, exc)
        except BaseException:
            self._ledger.release(case.case_id)
            raise
        after = self._result(case, record, new=new)
        stands = after.stage is case.stage and after.stage is not CaseStage.WAITING
        self._ledger.release(case.case_id, driven=not stands)
        if stands:
            raise CaseNotMoved(case.case_id, case.stage.value)
        return _Ran(after, record is not None)

    def _through_graph(self, case: Case, *, new: bool) -> AuditRecord | None:
        """Run the graph under the policies and people that are in force when its outcome is written."""
        while True:
            try:
                return self.graph.start(case.submission) if new else self.graph.go_on(case)
            except GovernanceChanged:
                self._ports.catch_up()

    def open_to_withdraw(self, case: Case, why: str) -> StoredReview:
        """Open the review of a received case that the caller withdraws. Raises `CaseNotWaiting` if it runs."""
        if case.stage is not CaseStage.RECEIVED or not self._ledger.take(case.case_id):
            raise not_waiting(case)
        try:
            return self._open_to_withdraw(case, why)
        finally:
            self._ledger.release(case.case_id)

    def _open_to_withdraw(self, case: Case, why: str) -> StoredReview:
        # A run that failed may have left a checkpoint with its own routing.
        self.forget(case.case_id)
        return self._ports.open_to_withdraw(case.submission, f"{why} before it was routed")

    def _end_superseded(self, case: Case) -> _Ran:
        """End a received case that this worker holds, and that a newer attempt has replaced, without routing it."""
        try:
            self._recorder.supersede(self._open_to_withdraw(case, "a newer attempt at the task took its place"))
            return self._run(self._ledger.case(case.case_id), new=False)
        except CaseChanged as exc:
            self._ledger.release(case.case_id)
            return self._overtaken(case, exc)
        except BaseException:
            self._ledger.release(case.case_id)
            raise

    def _result(self, case: Case, record: AuditRecord | None, *, new: bool) -> Case:
        """Return a case as the run has left it."""
        if record is not None:
            after = case.model_copy(update={"stage": CaseStage.FINISHED, "record": record})
            _log_end(after)
            return after
        if new:
            row = self._ledger.latest_review(case.case_id)
            if row is not None and row.verdict is None:
                after = case.model_copy(update={"stage": CaseStage.WAITING, "reviews": (row,)})
                _log_end(after)
                return after
        return self._ledger.case(case.case_id)

    def _overtaken(self, case: Case, why: HitlError) -> _Ran:
        """Return a case that another process also ran, perhaps with another result: agents may be nondeterministic."""
        current = self._ledger.case(case.case_id)
        if current.stage is case.stage and isinstance(why, LeaseLost):
            return self._wait_for(current)
        if current.stage is case.stage:
            raise why
        if current.stage is CaseStage.FINISHED:
            self.forget(case.case_id)
        return _Ran(current)

    def _wait_for(self, case: Case) -> _Ran:
        """Wait for the owner of the lease to finish its run; take over where the lease ends first."""
        deadline = monotonic() + self._wait_seconds
        while not self._ledger.take(case.case_id):
            lease = self._ledger.lease(case.case_id)
            if lease is not None and monotonic() > deadline:
                raise CaseBusy(case.case_id, *lease)
            sleep(_POLL_SECONDS)
            current = self._ledger.case(case.case_id)
            if current.stage is not case.stage:
                return _Ran(current)
        return self._run(self._ledger.case(case.case_id), new=False)


def _log_end(case: Case) -> None:
    """Log where a run has left a case."""
    about = {"case_id": case.case_id, "event": "finished" if case.record is not None else "waiting"}
    if case.record is not None:
        _log.info("case %s finished: %s", case.case_id, case.record.final_decision.value, extra=about)
    else:
        _log.info("case %s waits for a %s", case.case_id, case.waiting_for, extra=about)


def _was_escalated(case: Case) -> bool:
    """Whether an earlier review of a waiting case was answered, so that its thread may still wait for that one."""
    return any(row.verdict is not None and row.verdict.final is None for row in case.reviews)

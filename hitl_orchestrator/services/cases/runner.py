"""Cases driven on from wherever the tables say they stand: under a lease, and harmless when it is done twice."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, NamedTuple, Self

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.errors import (
    CaseChanged,
    GraphVersionMismatch,
    HitlError,
    IncompatibleRecord,
    IncompleteOutcome,
    LeaseLost,
    RecoveryIncomplete,
    RequestRejected,
    StoreUnavailable,
    TamperedPolicy,
    TamperedReview,
    UnknownCase,
)
from hitl_orchestrator.graph.topology import can_resume, graph_version
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.verification.signer import Signing
from hitl_orchestrator.services.cases.intake import passed_up
from hitl_orchestrator.services.reviews.recording import ReviewRecorder

if TYPE_CHECKING:
    from hitl_orchestrator.graph.runner import Runner


_A_MOMENT = 0.02
_AN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,220}")


class Notice(NamedTuple):
    """What somebody should hear of a review: that it will be due soon, or that their claim of it was taken back."""

    kind: str
    row: StoredReview
    to: tuple[str, ...]


class Driving:
    """The part of an orchestrator that runs cases on. Safe to share between threads."""

    def __init__(
        self, ledger: Ledger, desk: ReviewRecorder, runner: "Callable[[ReviewRecorder], Runner]", signing: Signing
    ) -> None:
        self.ledger, self._desk, self._make_runner = ledger, desk, runner
        self.notary, self._head_every = signing
        self._built: Runner | None = None
        self._closed = False
        self._building, self._choosing = Lock(), Lock()
        self.version = graph_version()

    @property
    def runner(self) -> "Runner":
        """The graph with its checkpoints, built when it is first needed."""
        with self._building:
            if self._built is None:
                self._built = self._make_runner(self._desk)
            return self._built

    def recover(self, on_case: Callable[[Case], None] = lambda case: None) -> list[Case]:
        """Drive on every unfinished case that nobody drives, and let go of what a crash has left of finished ones.

        `on_case` hears of each case that moved. Doing it twice, or in two places, is harmless. What another process
        began to drive is left to it until that process is known to have ended, or its lease has.

        Raises:
            RecoveryIncomplete: some cases could not be driven on; all the others were, and these stay as they were.
        """
        moved: list[Case] = []
        failures: dict[str, Exception] = {}
        self._give_way(self.ledger.outdated())
        for case_id in self.ledger.stages(CaseStage.RECEIVED, CaseStage.DECIDED):
            try:
                case = self._desk.to_move(self._case, case_id)
                # Before it is taken: what this code may not drive is left to a process that may.
                self._check_graph(case.case_id, case.submission.graph_version)
                if not self.ledger.take(case_id):
                    continue
                moved.append(self._drive(case))
            except StoreUnavailable:
                raise
            except Exception as exc:  # noqa: BLE001 - a classifier is foreign code, and no case may hold up the others
                failures[case_id] = exc
            else:
                on_case(moved[-1])
        if self._built is not None or not failures:  # else there is no graph that could be built
            self.runner.forget_finished(self.ledger)
        if failures:
            raise RecoveryIncomplete(failures, len(moved))
        return moved

    def _give_way(self, rows: Iterable[StoredReview]) -> None:
        """End the cases of these reviews, which newer attempts at their tasks have followed, as superseded."""
        for row in rows:
            # Somebody decided it, or another did this, a moment ago; or it is not ours to touch.
            with suppress(RequestRejected, TamperedPolicy, TamperedReview, IncompatibleRecord):
                self._check_graph(row.case_id, self._case(row.case_id).submission.graph_version)
                self._desk.supersede(row)
                self._drive(self.ledger.case(row.case_id))

    def sweep(
        self,
        on_case: Callable[[Case], None] = lambda case: None,
        on_notice: Callable[[Notice], None] = lambda notice: None,
    ) -> list[Case]:
        """Remind of what is due soon, take back what somebody claimed and left, and carry on with what is overdue.

        `on_notice` hears of each reminder and each claim that was taken back, once, for whoever sends messages. A
        server calls this on a timer. What nobody answered in time goes as its rule says; `on_case` hears of each.

        It is passed up, or its case ends as rejected; nothing is ever approved by waiting. The store's own clock
        decides, and of an answer and the deadline exactly one counts. Twice, or in two places, is harmless.

        Raises:
            RecoveryIncomplete: some could not be carried on with; all the others were, and these stay as they were.
        """
        for notice in self._notices():
            on_notice(notice)
        moved: list[Case] = []
        failures: dict[str, Exception] = {}
        for row in self.ledger.expired():
            try:
                case = self._desk.to_move(self._case, row.case_id)
                self._check_graph(case.case_id, case.submission.graph_version)
                if self._desk.expire(row) is None:
                    continue
                moved.append(self._drive(self.ledger.case(row.case_id)))
            except StoreUnavailable:
                raise
            except HitlError as exc:
                failures[row.case_id] = exc
            else:
                on_case(moved[-1])
        if failures:
            raise RecoveryIncomplete(failures, len(moved))
        return moved

    def _notices(self) -> Iterator[Notice]:
        for row in self.ledger.to_remind():
            to: Sequence[str] | None = None
            # One that was altered is told of by whoever decides it, and holds up no other.
            with suppress(TamperedPolicy, TamperedReview, IncompatibleRecord, UnknownCase):
                to = self._desk.remind(row)
            if to is not None:
                yield Notice("reminded", row, tuple(to))
        for row in self.ledger.lapsed():
            if self._desk.return_lapsed(row):
                yield Notice("returned", row, (str(row.claimed_by),))

    def close(self) -> None:
        """Let go of files and connections, after signing the head where there is a file of heads. Twice is once.

        Raises:
            LedgerDamaged, InvalidKey, HeadFileUnavailable: the head cannot be signed; all else is closed.
        """
        try:
            if self.notary.head_file is not None and not self._closed:
                self.notary.sign(only_new=True)
        finally:
            self._closed = True
            if self._built is not None:
                self._built.close()
                self._built = None
            self.ledger.close()

    def __enter__(self) -> Self:
        """Return the orchestrator itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    def _case(self, case_id: str) -> Case:
        return self._read(self.ledger.case, case_id)

    def _read(self, reading: Callable[[str], Case], given_id: str) -> Case:
        """Return a case. One that was stored in another form was stored under another graph, and is refused as such."""
        if not _AN_ID.fullmatch(given_id):
            raise UnknownCase(given_id)
        try:
            return reading(given_id)
        except IncompatibleRecord as exc:
            if exc.graph_version is not None:
                self._check_graph(exc.case_id, exc.graph_version)
            raise

    def _check_graph(self, case_id: str, paused_under: str) -> None:
        """Refuse to drive a case that came in under a graph which this one may not carry on."""
        if not can_resume(paused_under, self.version):
            raise GraphVersionMismatch(case_id, paused_under, self.version)

    def _drive(self, case: Case, *, new: bool = False) -> Case:
        """Run a case on from where it stands, and sign the head where it is time to."""
        moved = self._run_on(case, new=new)
        if self.notary.head_file is not None:
            # What is acknowledged stands, signed or not; closing tries again.
            with suppress(HitlError):
                if self.notary.unsigned() >= self._head_every:
                    self.notary.sign(only_new=True)
        return moved

    def _run_on(self, case: Case, *, new: bool) -> Case:
        """Run a case on from where it stands, and return it as it stands then."""
        if case.stage is CaseStage.FINISHED or (case.stage is CaseStage.WAITING and not passed_up(case)):
            return case
        self._check_graph(case.case_id, case.submission.graph_version)
        if case.stage is not CaseStage.WAITING and not self.ledger.take(case.case_id):
            return self._awaited(case)
        try:
            record = self.runner.start(case.submission) if new else self.runner.go_on(case)
        except (CaseChanged, IncompleteOutcome) as exc:
            self.ledger.release(case.case_id)
            return self._overtaken(case, exc)
        except BaseException:
            self.ledger.release(case.case_id)
            raise
        self.ledger.release(case.case_id, driven=True)
        return self._as_it_stands(case, record, new=new)

    def _as_it_stands(self, case: Case, record: AuditRecord | None, *, new: bool) -> Case:
        """Return a case as a run has left it."""
        if record is None and new:
            row = self.ledger.latest_review(case.case_id)
            if row is not None and row.verdict is None:
                return case.model_copy(update={"stage": CaseStage.WAITING, "reviews": (row,)})
        if record is None:
            return self.ledger.case(case.case_id)
        return case.model_copy(update={"stage": CaseStage.FINISHED, "record": record})

    def _overtaken(self, case: Case, why: HitlError) -> Case:
        """Return a case that somebody else drove too, perhaps another way: an agent may answer otherwise each time."""
        moved = self.ledger.case(case.case_id)
        if moved.stage is case.stage and isinstance(why, LeaseLost):
            return self._awaited(moved)
        if moved.stage is case.stage:
            raise why
        if moved.stage is CaseStage.FINISHED:
            self.runner.forget(case.case_id)
        return moved

    def _awaited(self, case: Case) -> Case:
        """Return a case that somebody else drives, once they have; drive it here where they do not come to an end."""
        while not self.ledger.take(case.case_id):
            sleep(_A_MOMENT)
            moved = self.ledger.case(case.case_id)
            if moved.stage is not case.stage:
                return moved
        return self._run_on(self.ledger.case(case.case_id), new=False)

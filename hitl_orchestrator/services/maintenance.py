"""Recover from crashes and run periodic maintenance: two ordered lists of steps."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, Protocol

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.review import ReviewRequest, StoredReview
from hitl_orchestrator.errors import (
    HitlError,
    IncompatibleRecord,
    RecoveryIncomplete,
    StoreUnavailable,
)
from hitl_orchestrator.errors.in_log import in_log
from hitl_orchestrator.ledger.ports.claims import InboxFilter, OnUnreadable
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.services.acting import CaseKey
from hitl_orchestrator.services.case_reader import CaseReader, Clock
from hitl_orchestrator.services.cases.runner import CaseRunner
from hitl_orchestrator.services.cases.spot_checks import SpotChecks
from hitl_orchestrator.services.delivery.wakeups import Wakeups
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.inbox import ReviewInbox
from hitl_orchestrator.services.reviews.recording import ReviewRecorder
from hitl_orchestrator.services.reviews.requirements import SKIPPED

__all__ = ["Governor", "Maintenance", "Notice"]

_PAGE, _LISTED = 200, 1000
_log = logging.getLogger(__name__)


class Notice(NamedTuple):
    """A message for reviewers: a review is due soon (`reminded`), or a claim has ended (`returned`).

    A claim ends when it lapses, and when its holder may not decide any more or is away.
    """

    kind: str
    review: ReviewRequest
    to: tuple[str, ...]


OnCase = Callable[[Case], None]
OnNotice = Callable[[Notice], None]


class Governor(Protocol):
    """The system's own questions: changes of the policy or of the people, and executions without a known end."""

    def settle_all(self) -> None:
        """Apply what was decided, and open cases for what was not, after a crash prevented it."""


class Maintenance:
    """Resumes unfinished cases and enforces deadlines. Repeated and concurrent calls are harmless."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        reader: CaseReader,
        access: ReviewAccess,
        inbox: ReviewInbox,
        recorder: ReviewRecorder,
        runner: CaseRunner,
        spot_checks: SpotChecks,
        admins: Sequence[Governor],
        wakeups: Wakeups,
        clock: Clock,
    ) -> None:
        self._ledger, self._reader, self._access = ledger, reader, access
        self._inbox, self._recorder, self._runner, self._clock = inbox, recorder, runner, clock
        self._spot_checks, self._admins, self._wakeups = spot_checks, admins, wakeups

    def recover(self, on_case: OnCase = lambda case: None) -> list[Case]:
        """Resume every unfinished case that has no live owner, and delete checkpoints of finished cases."""
        self._ledger.check_writable()
        run = _Run(on_case)
        steps = (
            lambda: self._name_stranded(run),
            lambda: self._supersede_outdated(run),
            lambda: self._resume_unfinished(run),
            lambda: self._forget_finished(run),
            self._scrub,
            self._spot_checks.open_due,
            self._settle_changes,
            self._inbox.settle_roles,
            lambda: self._resume_callers(run, due_only=False),
            lambda: self._alarm(run),
        )
        return run.through(steps)

    def run(self, on_case: OnCase = lambda case: None, on_notice: OnNotice = lambda notice: None) -> list[Case]:
        """Send reminders, return lapsed claims, and expire overdue reviews, by the clock of the database."""
        self._ledger.check_writable()
        run = _Run(on_case, on_notice)
        steps = (
            lambda: self._name_stranded(run),
            lambda: self._end_void_claims(run),
            lambda: self._remind(run),
            lambda: self._return_lapsed(run),
            lambda: self._expire_overdue(run),
            self._scrub,
            self._spot_checks.open_due,
            self._settle_changes,
            self._inbox.settle_roles,
            lambda: self._resume_callers(run, due_only=True),
            lambda: self._alarm(run),
        )
        return run.through(steps)

    def _settle_changes(self) -> None:
        """Apply decided questions of the system, and open cases for undecided ones, after a crash."""
        for admin in self._admins:
            admin.settle_all()

    def _name_stranded(self, run: "_Run") -> None:
        """Report the cases that an altered row keeps out of every list, and roles that the reviewers lack."""
        for case_id, why in self._ledger.stranded():
            run.unreadable(IncompatibleRecord(case_id, None, why))
        self._inbox.name_unreadable_policies()
        for role in self._inbox.missing_roles():
            _log.warning(
                "reviews wait for the role %r, which the people of this store do not have: the top of their chain "
                "decides them; 'hitl people propose' can add the role to the chain",
                role,
                extra={"case_id": None, "event": "missing_role"},
            )

    def _supersede_outdated(self, run: "_Run") -> None:
        for row in run.each(self._ledger.outdated):
            with run.collecting(row.case_id):
                self._runner.supersede(row.case_id)

    def _resume_unfinished(self, run: "_Run") -> None:
        for case_id in [case.case_id for case in self._ledger.unfinished() if not case.running]:
            moved = None
            with run.collecting(case_id):
                moved = self._resume(case_id)
            if moved is not None:
                run.moved(moved)

    def _resume(self, case_id: str) -> Case | None:
        case = self._reader.to_change(CaseKey(case_id))
        # Checked before the lease is taken: a process with the right graph may take it.
        self._reader.check(case)
        self._runner.check_classifier(case)
        return self._runner.run(case) if self._ledger.take(case_id) else None

    def _forget_finished(self, run: "_Run") -> None:
        # Where all cases failed, the graph may be impossible to build.
        if self._runner.is_built or not run.failures:
            self._runner.forget_finished()

    def _scrub(self) -> None:
        """Erase copies of redacted texts that another process protected at the time of the redaction."""
        self._ledger.scrub()

    def _resume_callers(self, run: "_Run", *, due_only: bool) -> None:
        """Resume the callers that wait for finished cases, and collect the errors of their resumers."""
        for case_id, exc in self._wakeups.deliver(due_only=due_only, on_unreadable=run.unreadable).items():
            run.failures.setdefault(case_id, exc)

    def _remind(self, run: "_Run") -> None:
        for row in run.each(self._ledger.to_remind):
            # Skip tampered rows here; the alarm is raised when a reviewer tries to decide them.
            with run.collecting(row.case_id), suppress(*SKIPPED):
                to = self._recipients(row)
                if self._ledger.remind(row, to, self._clock()):
                    run.notify(Notice("reminded", self._inbox.request(row), tuple(to)))

    def _recipients(self, row: StoredReview) -> Sequence[str]:
        """Return the holder of the claim on a review, or else every reviewer who may decide it."""
        holder = row.holder(self._ledger.now())
        return [each.reviewer_id for each in self._access.rights(row).able()] if holder is None else [holder]

    def _end_void_claims(self, run: "_Run") -> None:
        """Return the claims of reviewers who may not decide any more, or are away."""
        holders = [who for who, load in self._ledger.loads(self._ledger.now()).items() if load.holds]
        rows = self._inbox.pages([InboxFilter(held_by=who) for who in holders], _PAGE) if holders else ()
        for row, case in self._inbox.with_cases(rows, _PAGE):
            with run.collecting(row.case_id), suppress(*SKIPPED):
                if self._access.end_void_claim(self._access.rights(row, case)):
                    run.notify(Notice("returned", self._inbox.request(row), (str(row.claimed_by),)))

    def _return_lapsed(self, run: "_Run") -> None:
        for row in run.each(self._ledger.lapsed):
            with run.collecting(row.case_id):
                if self._ledger.return_lapsed(row, self._clock()):
                    run.notify(Notice("returned", self._inbox.request(row), (str(row.claimed_by),)))

    def _expire_overdue(self, run: "_Run") -> None:
        for row in run.each(self._ledger.expired):
            moved = None
            with run.collecting(row.case_id):
                self._reader.check(self._reader.to_change(CaseKey(row.case_id)))
                if self._recorder.expire(row) is not None:
                    moved = self._runner.run(self._ledger.case(row.case_id))
            if moved is not None:
                run.moved(moved)

    def _alarm(self, run: "_Run") -> None:
        """Record an alarm for each case with an unreadable row: reading the case to change it does."""
        for case_id in run.unreadable_cases:
            with suppress(HitlError):
                self._reader.to_change(CaseKey(case_id))
                self._reader.alarm(case_id, str(run.failures[case_id]))


class _Run:
    """One call of maintenance: the cases that moved, and the failures.

    The error of one case is collected, so that it does not block the others. That includes errors of foreign code, such
    as classifiers, and unexpected ones.
    """

    def __init__(self, on_case: OnCase, on_notice: OnNotice = lambda notice: None) -> None:
        self._on_case, self._on_notice, self.cases = on_case, on_notice, list[Case]()
        self.failures: dict[str, Exception] = {}
        self.unreadable_cases: list[str] = []

    def through(self, steps: Sequence[Callable[[], None]]) -> list[Case]:
        """Run every step in order, even if an earlier one fails, and return the cases that moved.

        Raises:
            RecoveryIncomplete: some cases failed. The error of a step as a whole takes precedence.
        """
        errors: list[Exception] = []
        for step in steps:
            try:
                step()
            except Exception as exc:  # noqa: BLE001 - the first is raised, after the other steps
                if errors:
                    about = {"case_id": None, "event": "failed"}
                    _log.warning("maintenance: %s: %s", type(exc).__name__, in_log(exc), extra=about)
                errors.append(exc)
        if errors:
            raise errors[0]
        if self.failures:
            raise RecoveryIncomplete(self.failures, len(self.cases))
        return self.cases

    def each(self, listed: Callable[[int, OnUnreadable], Sequence[StoredReview]]) -> Iterator[StoredReview]:
        """Yield every review of a list that starts with the oldest. Those that stay in it take no place of others."""
        seen = set[str]()
        while True:
            limit = _LISTED + len(seen)
            page = listed(limit, self.unreadable)
            rows = [row for row in page if row.review_id not in seen]
            seen.update(row.review_id for row in rows)
            yield from rows
            if len(page) < limit or not rows:
                return

    @contextmanager
    def collecting(self, case_id: str) -> Iterator[None]:
        """Collect the error of one case; an unavailable store ends the step."""
        try:
            yield
        except StoreUnavailable:
            raise
        except Exception as exc:  # noqa: BLE001 - raised by `through`, after the other cases
            self._failed(case_id, exc)

    def unreadable(self, exc: HitlError) -> None:
        """Collect the error of a row that cannot be read."""
        if isinstance(exc, IncompatibleRecord) and exc.case_id not in self.unreadable_cases:
            self.unreadable_cases.append(exc.case_id)
            self._failed(exc.case_id, exc)

    def _failed(self, case_id: str, exc: Exception) -> None:
        try:
            str(exc)
        except Exception:  # noqa: BLE001 - an error of foreign code, whose text cannot be made
            exc = RuntimeError(type(exc).__name__)
        _log.warning("case %s: %s", case_id, in_log(exc), extra={"case_id": case_id, "event": "failed"})
        self.failures[case_id] = exc

    def moved(self, case: Case) -> None:
        """Report a case that moved. An error of the callback is collected, like one of the case."""
        self.cases.append(case)
        with self.collecting(case.case_id):
            self._on_case(case)

    def notify(self, notice: Notice) -> None:
        """Report a notice. An error of the callback is collected: the notice is recorded, and not sent again."""
        with self.collecting(notice.review.case_id):
            self._on_notice(notice)

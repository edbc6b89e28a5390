"""Look at a share of what went ahead by itself, afterwards, and without holding anything up."""

from collections.abc import Callable
from contextlib import suppress

from hitl_orchestrator.domain.audit import is_spot_checked
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.errors import HitlError, StoreUnavailable
from hitl_orchestrator.services.cases.redaction import RedactingOrchestrator
from hitl_orchestrator.services.cases.runner import Notice
from hitl_orchestrator.services.cases.spot_check_task import spot_check_of


class SpotCheckingOrchestrator(RedactingOrchestrator):
    """An orchestrator that puts what its rules draw before a person, once the case is done."""

    def recover(self, on_case: Callable[[Case], None] = lambda case: None) -> list[Case]:
        """Drive on every unfinished case, and put before a person what was drawn. Raises as it did."""
        try:
            return super().recover(on_case)
        finally:
            self._open_spot_checks()

    def sweep(
        self,
        on_case: Callable[[Case], None] = lambda case: None,
        on_notice: Callable[[Notice], None] = lambda notice: None,
    ) -> list[Case]:
        """Carry on with what is overdue, and put before a person what was drawn. Raises as it did."""
        try:
            return super().sweep(on_case, on_notice)
        finally:
            self._open_spot_checks()

    def _drive(self, case: Case, *, new: bool = False) -> Case:
        """Run a case on; where it went ahead by itself and was drawn, put it before a person."""
        moved = super()._drive(case, new=new)
        just_now = moved.stage is CaseStage.FINISHED and case.stage is not CaseStage.FINISHED
        if just_now and moved.record is not None and is_spot_checked(moved.record):
            # The case itself is done and acknowledged; what cannot be opened just now is left to `recover`.
            with suppress(HitlError):
                self._open_spot_check(moved)
        return moved

    def _open_spot_checks(self) -> None:
        """Open what a crash has left, one apart from the other."""
        for case_id in self.ledger.spot_checks_due():
            try:
                self._open_spot_check(self._case(case_id))
            except StoreUnavailable:
                raise
            except HitlError:
                continue

    def _open_spot_check(self, case: Case) -> None:
        """Put a case that went ahead by itself before a person, once: the same case is always the same task."""
        given = None if case.redacted else spot_check_of(case, self.people)
        if given is not None:
            task, output, quality_check = given
            self._submit(self._submission(task, output, quality_check=quality_check, own=True), channel="library")
        self.ledger.spot_check_opened(case.case_id)

"""Submit a chunk of tasks: all that are new are stored together, and each ends as `CaseSubmission.submit` ends it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.errors import InvalidInput, RequestRejected
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.cases.submission import CaseSubmission, Intake

__all__ = ["BulkSubmission", "Refusal", "Taken"]

Refusal = InvalidInput | RequestRejected


class Taken(NamedTuple):
    """A case that a chunk has stored or found, and whether it is new."""

    case: Case
    is_new: bool


class BulkSubmission:
    """Accepts tasks by the chunk."""

    def __init__(self, submission: CaseSubmission, *, new_id: Callable[[], str]) -> None:
        self._submission, self._new_id = submission, new_id

    def check(self, intake: Intake) -> None:
        """Raise `InvalidInput` for a task that cannot be stored, without storing anything."""
        self._submission.checked(intake)

    def submit(self, intakes: Sequence[Intake], acting: Acting, *, resubmit: bool = False) -> list[Taken | Refusal]:
        """Store the tasks of a chunk and run their cases; return for each its case, or the error that refuses it."""
        return [self._one(intake._replace(case_id=self._new_id()), acting, resubmit) for intake in intakes]

    def _one(self, intake: Intake, acting: Acting, resubmit: bool) -> Taken | Refusal:
        try:
            case = self._submission.submit(intake, acting, resubmit=resubmit)
        except (InvalidInput, RequestRejected) as exc:
            return exc
        return Taken(case, is_new=case.case_id == intake.case_id)

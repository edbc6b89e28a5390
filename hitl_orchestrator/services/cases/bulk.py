"""Submit a chunk of tasks: all that are new are stored together, and each ends as `CaseSubmission.submit` ends it."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from hitl_orchestrator.domain.case import Case, Submission
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

    def __init__(self, submission: CaseSubmission) -> None:
        self._submission = submission

    def prepared(self, intake: Intake) -> Submission:
        """Return a task as it would be stored. Raises `InvalidInput` for one that cannot be stored."""
        return self._submission.prepared(intake)

    def submit(
        self, submissions: Sequence[Submission], acting: Acting, *, resubmit: bool = False
    ) -> list[Taken | Refusal]:
        """Store the tasks of a chunk and run their cases; return for each its case, or the error that refuses it.

        The new ones are stored in one transaction. The others follow one by one: those that are known, and those that
        ask a classifier.
        """
        with _without_collection():
            cases = [None] * len(submissions) if resubmit else self._submission.take_many(submissions, acting)
            return [
                self._one(submission, acting, resubmit) if case is None else Taken(case, is_new=True)
                for submission, case in zip(submissions, cases, strict=True)
            ]

    def _one(self, submission: Submission, acting: Acting, resubmit: bool) -> Taken | Refusal:
        try:
            case = self._submission.take(submission, acting, resubmit=resubmit)
        except (InvalidInput, RequestRejected) as exc:
            return exc
        return Taken(case, is_new=case.case_id == submission.case_id)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep the garbage collector from searching the many new values of a chunk again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

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

        The new ones are stored in one transaction, and those that are known with the same content are read together.
        The others follow one by one: those that are to run on, that have other content, or that ask a classifier.
        """
        with _without_collection():
            known = self._submission.known(submissions)
            fresh = [each for each in submissions if each.case_id not in known]
            cases = known | self._submission.take_many(fresh, acting)
            # A second task of an id needs no run either, once the first is stored.
            used = {each.task.task_id for each in submissions if each.case_id in known or cases[each.case_id]}
            return [
                self._one(each, acting, cases[each.case_id], resubmit=resubmit, known=each.task.task_id in used)
                for each in submissions
            ]

    def _one(
        self, submission: Submission, acting: Acting, case: Case | None, *, resubmit: bool, known: bool
    ) -> Taken | Refusal:
        try:
            if case is None:
                case = self._submission.take(submission, acting, resubmit=resubmit, known=known)
            elif case.case_id != submission.case_id:
                case = self._submission.repeated(case)
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

"""The one gate below the facade: every method of it passes here before it reaches a service."""

from collections.abc import Callable

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.principal import Principal
from hitl_orchestrator.errors import AmbiguousTask, GraphVersionMismatch, IncompatibleRecord, NotAuthorized, UnknownCase
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting, CaseKey
from hitl_orchestrator.services.authority import TABLE, CaseScope, Right, Verb, authorize, check_kind, reaches
from hitl_orchestrator.services.case_reader import CaseReader

__all__ = ["Authorization", "Filter"]

Filter = Callable[[str | None, str | None], bool]
"""Whether a case with this domain and this submitter is reached."""


class Authorization:
    """Asks `authorize` with the people in force, and with the case that a call names."""

    def __init__(self, people: People, reader: CaseReader) -> None:
        self._people, self._reader = people, reader

    def check(self, verb: Verb, acting: Acting) -> None:
        """Return if the acting principal may use a verb that names no case. Raises as `authorize`."""
        authorize(acting.subject, verb, None, self._people)

    def allows(self, verb: Verb, acting: Acting) -> bool:
        """Return whether the acting principal may use a verb that names no case."""
        try:
            self.check(verb, acting)
        except NotAuthorized:
            return False
        return True

    def check_case(self, verb: Verb, acting: Acting, key: CaseKey) -> CaseKey:
        """Return the key of a case for the service, if the acting principal may use the verb on it.

        A principal that is not local gets the key of the very case that was checked, and one sentence for a case that
        does not exist, cannot be read or is not theirs.

        Raises:
            NotAuthorized, UnknownCase, InvalidInput: as `authorize`.
        """
        subject = acting.subject
        if subject.is_local and TABLE[verb].right is not Right.TOP:
            authorize(subject, verb, None, self._people)
            return key
        check_kind(subject, verb, self._people)
        try:
            case = self._one_of_theirs(verb, subject, key)
        except (UnknownCase, IncompatibleRecord, GraphVersionMismatch):
            if subject.is_local:
                raise
            raise UnknownCase(key.text) from None
        authorize(subject, verb, scope_of(case, key.text), self._people)
        return key if subject.is_local else CaseKey(case.case_id)

    def _one_of_theirs(self, verb: Verb, subject: Principal, key: CaseKey) -> Case:
        """Return the case of a key. Of several submitters' tasks with one id only those count that the verb reaches."""
        try:
            return self._reader.get(key)
        except AmbiguousTask as exc:
            if subject.is_local:
                raise
            cases = [self._reader.case(case_id) for case_id in exc.case_ids]
            theirs = [case for case in cases if reaches(subject, verb, scope_of(case, key.text), self._people)]
            if len(theirs) > 1:
                raise AmbiguousTask(key.text, [case.case_id for case in theirs]) from None
            if not theirs:
                raise UnknownCase(key.text) from None
            return theirs[0]

    def filter_of(self, verb: Verb, acting: Acting) -> Filter | None:
        """Return whether a verb reaches a case of a domain and a submitter; None where it reaches all cases."""
        subject = acting.subject
        if subject.is_local:
            return None
        return lambda domain, by: reaches(subject, verb, CaseScope("", domain or "", by), self._people)


def scope_of(case: Case, asked: str) -> CaseScope:
    """Return what authority depends on in a case."""
    return CaseScope(asked, case.submission.task.domain, case.submission.submitted_by)

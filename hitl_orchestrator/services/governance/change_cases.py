"""The case in which a second person decides a proposed change, and the entries of changes."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import CaseStage, FinalDecision
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import HitlError, InvalidInput, LedgerDamaged, TamperedPeople, TamperedPolicy, UnknownCase
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.events.governance import as_read
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.review.governance.changes import governing_persons
from hitl_orchestrator.review.governance.history import PeopleHistory
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import CaseReader, Clock
from hitl_orchestrator.services.cases.intake import check_submission
from hitl_orchestrator.services.cases.submission import CaseSubmission, Intake
from hitl_orchestrator.services.policy_sync import PolicySync

__all__ = ["ChangeCases", "Proposed", "Question"]

Question = tuple[Task, AgentOutput]
"""The task of a change, and the proposal in it."""


class Proposed(Protocol):
    """A change that waits for a second person, in a case."""

    @property
    def case_id(self) -> str:
        """The case that decides it."""

    @property
    def by(self) -> str:
        """The account of the proposer."""


_log = logging.getLogger(__name__)

P = TypeVar("P", bound=Proposed)


class ChangeCases:
    """Opens the cases of proposed changes, judges their outcomes, and writes the entries of changes."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        people: People,
        policies: PolicySync,
        reader: CaseReader,
        submission: CaseSubmission,
        clock: Clock,
        settle_roles: Callable[[], None],
    ) -> None:
        """Take the services of cases. `settle_roles` derives the roles that open reviews need now."""
        self._ledger, self._people, self._policies = ledger, people, policies
        self._reader, self._submission, self._clock = reader, submission, clock
        self._settle_roles = settle_roles

    def case_of(self, proposal: Proposed) -> Case | None:
        """Return the case of a proposed change; None where it was not submitted yet."""
        try:
            return self._reader.case(proposal.case_id)
        except UnknownCase:
            return None

    def is_undecided(self, proposal: Proposed) -> bool:
        """Return whether a proposed change still waits, even if a crash has prevented its case."""
        case = self.case_of(proposal)
        return case is None or case.stage is not CaseStage.FINISHED

    def open(self, proposal: Proposed, ask: Callable[[], Question], channel: str = "library") -> Case:
        """Return the case of a proposed change; submit it where a crash has prevented that.

        The question is identical each time, so that submitting it again is the same case.
        """
        case = self.case_of(proposal)
        if case is not None:
            return case
        task, output = ask()
        intake = Intake(task, output, submitted_by=proposal.by, by_system=True, case_id=proposal.case_id)
        return self._submission.submit(intake, Acting(channel=channel))

    def checked(self, question: Question) -> Question:
        """Return a question that can be submitted. Raises `InvalidInput`."""
        check_submission(*question, self._clock())
        return question

    def refused(self, proposal: Proposed, case: Case, base: str) -> str | None:
        """Return why the outcome of a case carries no change out; None if a second person has approved it.

        `base` names the people in force when it was proposed: both persons must have been able to change it then.
        """
        record = case.record
        if record is None or record.final_decision is not FinalDecision.APPROVED or not record.human_involved:
            how = "it is not finished" if record is None else f"it ended as {record.final_decision}"
            return f"{how}; only an approval by another person carries it out"
        then, now = self._policies.version(base), self._people.snapshot()
        approver = str(record.reviewer_id)
        if approver not in {each.reviewer_id for each in now} or now.human(approver) not in governing_persons(then):
            return f"{approver!r} had no right to approve it when it was proposed; propose it again"
        if any(people.human(approver) == people.human(proposal.by) for people in (then, now)):
            return f"{approver!r} is the person who proposed it; another person must approve it"
        return None

    def conclude(self, pending: Callable[[], P | None], outcome: Callable[[P], Draft]) -> None:
        """Record the outcome of a proposal, if it is still pending after the latest entries were applied."""
        while True:
            seen, proposal = self._policies.refresh().seen, pending()
            if proposal is None or self.write([outcome(proposal)], seen):
                return

    def write(self, drafts: Sequence[Draft], seen: int, until: datetime | None = None) -> bool:
        """Write entries if no other change was written meanwhile; each names the people in force. All changes apply.

        Nothing is written after the time `until` of the store's clock.

        Raises:
            InvalidInput: an entry could not be read again, which would block the store for good.
        """
        named = [each._replace(body={"people_hash": self._people.hash, **each.body}) for each in drafts]
        self.preview(named, seen)
        written = self._ledger.govern(named, seen, until)
        self._policies.refresh()
        return written

    def apply(self) -> None:
        """Apply a change that was just written. What fails after it is left to maintenance: the change is in force."""
        try:
            self._settle_roles()
        except HitlError as exc:
            event = {"case_id": None, "event": "failed"}
            _log.warning("roles of open reviews: %s; 'hitl sweep' derives them", exc, extra=event)

    def preview(self, drafts: Sequence[Draft], seen: int) -> tuple[PolicyHistory, PeopleHistory]:
        """Return the histories of policies and people after these entries. Raises as `write`."""
        named = [each._replace(body={"people_hash": self._people.hash, **each.body}) for each in drafts]
        try:
            events = as_read(named, seen)
            return self._policies.policies.after(events), self._policies.people.after(events)
        except (TamperedPolicy, TamperedPeople, LedgerDamaged) as exc:
            why = "the ledger entry of this change could not be read again; nothing was written"
            raise InvalidInput([f"the store stays unchanged: {why}"]) from exc

    def actor_of_outcome(self, proposal: Proposed, case: Case) -> dict[str, str | None]:
        """Return the fields of an entry that name the two persons and the case of an approved change."""
        approver = None if case.record is None else case.record.reviewer_id
        return {"case_id": case.case_id, "by": proposal.by, "approved_by": approver}

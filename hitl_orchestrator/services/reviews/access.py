"""What every part of the desk starts from: reviews that are proven, and who has which right to them now."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.review import Review, StoredReview
from hitl_orchestrator.errors import HitlError, IncompatibleRecord, RequestRejected, TamperedPolicy, TamperedReview
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.nodes.ports import Outputs, Rules
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.quorum import ballots
from hitl_orchestrator.review.rights import Rights, barred_by_duty
from hitl_orchestrator.services.reviews.inbox import in_force
from hitl_orchestrator.services.reviews.rejected_attempts import refused_attempt, who_answers

Clock = Callable[[], datetime]


class ReviewAccess:
    """The ledger, the people, the policies in force, what outputs must look like, and a clock."""

    def __init__(
        self, ledger: Ledger, people: People, rules: Rules, clock: Clock, outputs: Outputs | None = None
    ) -> None:
        self._ledger, self._people, self._rules, self._clock = ledger, people, rules, clock
        self._outputs = outputs

    @contextmanager
    def refusals_told(self, case_id: str, review_id: str | None, answer: Review, channel: str) -> Iterator[None]:
        """Tell the ledger of an answer that is refused within. It happens afterwards, and changes nothing for anybody.

        Unreadable input (`InvalidInput`) is not an attempt; a failed write does not change the refusal.
        """
        try:
            yield
        except RequestRejected as refusal:
            known = next((one for one in self._people if one.reviewer_id == answer.reviewer_id), None)
            attempt = refused_attempt((case_id, review_id), answer, refusal, known, channel)
            with suppress(HitlError):
                self._ledger.refuse(attempt, who_answers(answer, known, channel), self._clock())
            raise

    def alarm(self, case_id: str, cause: str) -> None:
        """Write down that something was found which no code of ours wrote, once."""
        self._ledger.alarm(case_id, cause, self._clock())

    def to_move(self, read: Callable[[str], Case], given_id: str) -> Case:
        """Return a case that is about to be moved on; sound the alarm if it is stored as no code of ours stores it."""
        try:
            return read(given_id)
        except IncompatibleRecord as exc:
            self.alarm(exc.case_id, str(exc))
            raise

    def _proven(self, row: StoredReview) -> StoredReview:
        """Return a review as it stands, if it is what was written; sound the alarm if it is not."""
        return self._proven_and_told(row)[0]

    def _proven_and_told(self, row: StoredReview) -> tuple[StoredReview, list[Event]]:
        """Return the same, with the entries of its case, which name what was said by digests."""
        try:
            return self._ledger.proven_and_told(row.review_id)
        except TamperedReview as exc:
            self.alarm(row.case_id, str(exc))
            raise

    def role_needed(self, row: StoredReview) -> str:
        """Return the role that may decide now; nothing is read for it."""
        with self._alarmed(row.case_id):
            return in_force(row, self._rules, self._people.chain)[0]

    def rights(self, row: StoredReview, case: Case | None = None) -> Rights:
        """Return who has which right to a review now. `case` is the case as it was read a moment ago, where it was."""
        case = case or self._ledger.case(row.case_id)
        with self._alarmed(row.case_id):
            needed, requirements = in_force(row, self._rules, self._people.chain)
        return Rights(
            people=self._people,
            row=row,
            needed=needed,
            requirements=requirements,
            barred=barred_by_duty(case.submission, self._people),
            votes=ballots(self._before(row, case)) if requirements.approvals > 1 else (),
        )

    def _before(self, row: StoredReview, case: Case | None = None) -> list[StoredReview]:
        """Return the answered reviews before this one, each proven to be what was written."""
        if row.level == 0:
            return []
        case = case or self._ledger.case(row.case_id)
        return [self._proven(before) for before in case.reviews if before.level < row.level]

    def _asked(self, submission: Submission, facts: Facts) -> RoutingDecision:
        """Ask the policy that a case came in under, and the active one."""
        with self._alarmed(submission.case_id):
            return self._rules.decide(submission.policy_hash, facts, submission.task.task_id)

    @contextmanager
    def _alarmed(self, case_id: str) -> Iterator[None]:
        """Sound the alarm if the row of a policy was changed."""
        try:
            yield
        except TamperedPolicy as exc:
            self.alarm(case_id, str(exc))
            raise

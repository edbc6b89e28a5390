"""Reviews whose integrity is verified, and the rights of reviewers to them as of now."""

from collections.abc import Iterator
from contextlib import contextmanager

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.errors import TamperedPolicy, TamperedReview
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.nodes.ports import Rules
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.quorum import ballots
from hitl_orchestrator.review.rights import Rights, barred_by_duty, barred_by_rule
from hitl_orchestrator.services.case_reader import CaseReader
from hitl_orchestrator.services.policy_sync import PolicySync
from hitl_orchestrator.services.reviews.requirements import requirements_of

__all__ = ["ReviewAccess"]


class ReviewAccess:
    """Verifies reviews before they are used, and derives who may decide them. Raises an alarm for tampered rows."""

    def __init__(self, ledger: Ledger, people: People, rules: Rules, policies: PolicySync, reader: CaseReader) -> None:
        self._ledger, self._people, self._rules, self._reader = ledger, people, rules, reader
        self._policies = policies

    @property
    def seen(self) -> int:
        """The last entry about policies and people that was applied here."""
        return self._policies.seen

    def verified(self, row: StoredReview) -> StoredReview:
        """Return the current row of a review after checking its MAC and its ledger entries. Raises `TamperedReview`."""
        return self.verified_with_events(row)[0]

    def verified_with_events(
        self, row: StoredReview, events: list[Event] | None = None
    ) -> tuple[StoredReview, list[Event]]:
        """Return the same with the entries of its case, which hold digests in place of texts.

        Pass the `events` if they were read with the row; neither is then read again.
        """
        try:
            if events is None:
                row, events = self._ledger.verified_review(row.review_id)
            else:
                self._ledger.verify_review(row, events)
        except TamperedReview as exc:
            self._reader.alarm(row.case_id, str(exc))
            raise
        return row, events

    def rights(self, row: StoredReview, case: Case | None = None) -> Rights:
        """Return the rights of reviewers on a review now. Pass the `case` if it was just read."""
        case, people = case or self._ledger.case(row.case_id), self._people.snapshot()
        with self._alarm_for_policy(row.case_id):
            needed, requirements = requirements_of(row, self._rules, people.chain)
        return Rights(
            people=people,
            row=row,
            needed=needed,
            requirements=requirements,
            barred=self._policies.newcomers(row.case_id, people)
            | barred_by_rule(requirements, people)
            | barred_by_duty(case.submission, people),
            votes=ballots(self.earlier(row, case)) if requirements.approvals > 1 else (),
        )

    def end_void_claim(self, rights: Rights) -> bool:
        """End a claim that binds no reviewer, and record it; return whether there was one."""
        why = None if rights.row.claimed_by is None else rights.void_claim(self._ledger.now())
        if why is None:
            return False
        return self._ledger.take_back(rights.row, str(rights.row.claimed_by), SYSTEM, self._reader.now(), why)

    def role_needed(self, row: StoredReview) -> str:
        """Return the role that may decide a review now, without reading the store."""
        with self._alarm_for_policy(row.case_id):
            return requirements_of(row, self._rules, self._people.chain)[0]

    def is_blind(self, row: StoredReview) -> bool:
        """Return whether a review is blind by the policy in force."""
        with self._alarm_for_policy(row.case_id):
            return requirements_of(row, self._rules, self._people.chain)[1].blind

    def earlier(self, row: StoredReview, case: Case | None = None) -> list[StoredReview]:
        """Return the answered reviews of the case before this one, each verified."""
        if row.level == 0:
            return []
        case = case or self._ledger.case(row.case_id)
        return [self.verified(before) for before in case.reviews if before.level < row.level]

    def policy_decision(self, submission: Submission, facts: Facts) -> RoutingDecision:
        """Return the decision about a submission by its own policy and the active one, and by its draw."""
        with self._alarm_for_policy(submission.case_id):
            return self._rules.answer(submission, facts)

    @contextmanager
    def _alarm_for_policy(self, case_id: str) -> Iterator[None]:
        try:
            yield
        except TamperedPolicy as exc:
            self._reader.alarm(case_id, str(exc))
            raise

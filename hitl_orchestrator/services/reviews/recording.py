"""Record decisions on reviews: a reviewer's, a missed deadline's, a withdrawal's, and those of the past."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from hitl_orchestrator.domain.audit import Actor, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import ActorKind, Authentication, DecisionSource, HumanDecision, OnTimeout
from hitl_orchestrator.domain.input.normalization import normalized
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.input.record_size import check_record
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, ReplayedCase
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.runs import Ending
from hitl_orchestrator.nodes.ports import Outputs
from hitl_orchestrator.review import quorum
from hitl_orchestrator.review.call_forms import check_call
from hitl_orchestrator.review.decision_checks import check_answer, options, unchecked_rules, unfit_record
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.rights import Rights
from hitl_orchestrator.review.working_time import after_working_time
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import Clock
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.escalation import escalated_to, next_review
from hitl_orchestrator.services.reviews.first_view import first_view
from hitl_orchestrator.services.reviews.rejected_attempts import REPLAY, answer_actor, record_actor

__all__ = ["CLOCK_TOLERANCE", "Checked", "ReviewRecorder"]

CLOCK_TOLERANCE = timedelta(minutes=5)
"""Clocks may differ by this much; a later time is invalid."""

TIMEOUT = "timeout"
_NO_LABEL = "this review is blind, and they have not committed an own label; commit one first ('hitl label')"
_log = logging.getLogger(__name__)


class Checked(NamedTuple):
    """A decision that may be recorded: the review as it was read, and the next review that the decision leads to.

    It was checked by the policies and people up to the entry `seen`.
    """

    row: StoredReview
    verdict: RecordedDecision
    actor: Actor
    pass_to: ReviewSnapshot | None
    seen: int


class ReviewRecorder:
    """Checks decisions and records them. The database accepts exactly one per review."""

    def __init__(
        self, ledger: Ledger, people: People, access: ReviewAccess, clock: Clock, outputs: Outputs | None = None
    ) -> None:
        self._ledger, self._people, self._access, self._clock = ledger, people, access, clock
        self._outputs = outputs

    def decide(self, row: StoredReview, answer: Review, *, acting: Acting) -> StoredReview:
        """Check a reviewer's decision, and record it if it is the first. Raises as `checked` and `record`."""
        return self.record(self.checked(row, answer, acting=acting))

    def record(self, checked: Checked, ending: Ending | None = None) -> StoredReview:
        """Record a checked decision if it is the first, and the outcome that it leads to.

        Raises:
            ReviewAlreadyDecided, ReviewExpired, StaleReview: see these.
            GovernanceChanged: policies or people have changed since it was checked; apply them, and check it again.
        """
        then = ending or checked.pass_to
        recorded = self._ledger.decide(checked.row, checked.verdict, checked.actor, then, checked.seen)
        _report(recorded, checked.verdict.review.human_decision.value)
        return recorded

    def checked(
        self,
        row: StoredReview,
        answer: Review,
        *,
        acting: Acting,
        case: Case | None = None,
        events: list[Event] | None = None,
    ) -> Checked:
        """Check a reviewer's decision at the time of this clock, and return it with what follows from it.

        Pass the `case` and its `events` if they were read with the row.

        Raises:
            InvalidInput, StaleReview, NotAuthorized, TopOfChain: see these.
        """
        if row.shown.replayed:
            raise ReplayedCase(row.case_id, "decided")
        seen = self._access.seen
        answer = self._readable(row, answer)
        row, events = self._access.verified_with_events(row, events)
        check_answer(answer, row)
        self._check_content(answer, row)
        rights = self._access.rights(row, case)
        reviewer = rights.people.named(str(answer.reviewer_id))
        role = rights.role_for(reviewer, answer.human_role)
        actor, now = answer_actor(answer, reviewer, acting), self._clock()
        view = first_view(self._ledger, row, reviewer, events)
        if rights.requirements.blind and not view.label:
            raise NotAuthorized(reviewer.reviewer_id, _NO_LABEL)
        check_call((case or self._ledger.case(row.case_id)).submission.call, answer, row)
        decision = RecordedDecision(
            review=_completed(answer, row, role, answer.timestamp or now),
            decided_at=now,
            role=role,
            roles_held=reviewer.roles,
            domains_held=reviewer.domains,
            options_offered=options(row, role, self._people.chain),
            authenticated=actor.authenticated,
            channel=acting.channel,
            person=reviewer.human,
            people_hash=rights.people.hash,
            first_viewed_at=view.at,
            own_label=view.label,
        )
        decision, next_shown = self._consequence(rights, reviewer.human, decision)
        if row.claimed_by != reviewer.reviewer_id:
            self._access.end_void_claim(rights)
        return Checked(row, decision, actor, next_shown, seen)

    def expire(self, row: StoredReview) -> StoredReview | None:
        """Record the effect of a missed deadline: escalated, or rejected. Never an approval.

        Returns None where the review was decided meanwhile. Raises `TamperedReview`.
        """
        row = self._access.verified(row)
        now, due = self._ledger.now(), row.expires_at
        if row.verdict is not None or due is None or row.shown.on_timeout in (None, OnTimeout.WAIT):
            return None
        escalates = row.shown.on_timeout is OnTimeout.ESCALATE
        answer = Review(
            human_decision=HumanDecision.ESCALATE if escalates else HumanDecision.REJECT,
            reason=f"no reviewer with the role {row.role!r} answered by {due.isoformat(timespec='seconds')}",
        )
        complete = _completed(answer, row, row.role, now)
        decision = RecordedDecision(
            review=complete,
            decided_at=now,
            role=row.role,
            channel=TIMEOUT,
            source=DecisionSource.TIMEOUT,
            people_hash=self._people.hash,
        )
        recorded = self._ledger.expire(row, decision, self._escalated(row, decision) if escalates else None)
        if recorded is not None:
            _report(recorded, "expired")
        return recorded

    def replay(self, row: StoredReview, recorded: Review, case: Case) -> StoredReview:
        """Record a decision that was taken in the past, at its own time.

        A recorded review may name a role only, and may lack the edited output. Quorum and separation of duties hold;
        where the record names no reviewer, the decision states that they were not checked.

        Raises:
            InvalidInput: the record does not fit the case.
            NotAuthorized: the reviewer whom it names might not decide the case.
        """
        where, task = f"the recorded review of task {case.task_id!r}", case.submission.task
        check_record(recorded, where)
        latest = self._clock() + CLOCK_TOLERANCE
        problems = [f"{where}: {problem}" for problem in unfit_record(recorded, task, latest)]
        if recorded.human_decision.spec.approves_proposal and row.shown.routing.output is None:
            problems.append(f"{where}: there is no proposal to approve; submit the output that was approved")
        if problems:
            raise InvalidInput(problems)
        row = self._access.verified(row)
        # The record is judged by the rule of its review: a policy that became stricter since cannot undo the past.
        rights, asked = self._access.rights(row, case), row.shown.routing.decision.requirements
        rights = replace(rights, row=row, needed=self._people.chain.filled(row.role), requirements=asked)
        role, person = recorded.human_role or row.role, None
        if recorded.reviewer_id is not None:
            reviewer = self._people.named(recorded.reviewer_id)
            role, person = rights.role_for(reviewer, recorded.human_role), reviewer.human
        elif not self._people.chain.reaches(role, row.role):
            raise InvalidInput([f"{where}: human_role: {role!r} is below {row.role!r}, the role that must decide"])
        at = recorded.timestamp or self._clock()
        decision = RecordedDecision(
            review=_completed(recorded, row, role, at),
            decided_at=at,
            role=role,
            authenticated=Authentication.RECORDED,
            channel=REPLAY,
            person=person,
            people_hash=self._people.hash,
            unchecked=unchecked_rules(recorded, rights.requirements),
        )
        decision, next_shown = self._consequence(rights, person, decision)
        return self._ledger.decide(row, decision, record_actor(recorded, role), next_shown)

    def cancel(self, row: StoredReview, case: Case, submitter: str, *, reason: str, acting: Acting) -> StoredReview:
        """Withdraw a case on behalf of its submitter, even if a reviewer has claimed its review.

        Raises:
            NotAuthorized: another principal submitted it, or the submitter is not recorded.
            ReviewAlreadyDecided, ReviewExpired: it is too late.
        """
        self.check_submitter(case, submitter)
        how = {"authenticated": acting.authenticated, "channel": acting.channel, "os_user": acting.os_user}
        actor = Actor(kind=ActorKind.HUMAN, id=submitter, **how)
        return self._withdraw(row, _Withdrawal(DecisionSource.SUBMITTER, submitter, actor, reason))

    def check_submitter(self, case: Case, submitter: str) -> None:
        """Raise `NotAuthorized` unless this principal submitted the case.

        The sentence names no submitter, and is the same without one, so that it reveals no quality check.
        """
        submitted_by = case.submission.submitted_by
        if submitted_by is None or self._people.human(submitted_by) != self._people.human(submitter):
            why = "only the submitter who is recorded, if there is one, may cancel it; a reviewer may reject it"
            raise NotAuthorized(submitter, why, "cancel this case")

    def supersede(self, row: StoredReview) -> StoredReview:
        """Withdraw a case that a newer attempt has replaced. Raises as `cancel` if it is too late."""
        reason = "a newer attempt at the task took its place"
        return self._withdraw(row, _Withdrawal(DecisionSource.RESUBMISSION, None, SYSTEM, reason))

    def answer_within(self, decision: RoutingDecision) -> timedelta | None:
        """Return the time to answer by the clock, where the rule counts working time."""
        calendar, within = self._people.calendar, decision.respond_within
        if within is None or calendar is None or not decision.requirements.business_hours:
            return None
        now = self._ledger.now()
        return after_working_time(calendar, now, within) - now

    def _withdraw(self, row: StoredReview, how: "_Withdrawal") -> StoredReview:
        row, now = self._access.verified(row), self._clock()
        answer = Review(human_decision=HumanDecision.REJECT, reviewer_id=how.by, reason=how.reason)
        complete = _completed(answer, row, row.role, now)
        decision = RecordedDecision(
            review=complete,
            decided_at=now,
            role=row.role,
            channel=how.actor.channel,
            source=how.source,
            people_hash=self._people.hash,
        )
        recorded = self._ledger.withdraw(row, decision, how.actor)
        _report(recorded, how.source.value)
        return recorded

    def _consequence(
        self, rights: Rights, person: str | None, decision: RecordedDecision
    ) -> tuple[RecordedDecision, ReviewSnapshot | None]:
        """Return the decision as it counts, and the next review; None where the decision settles the case."""
        row = rights.row
        if decision.review.human_decision.spec.escalates:
            return decision, self._escalated(row, decision, rights)
        if rights.requirements.approvals == 1:
            return decision, None
        votes = [*rights.votes, quorum.ballot(row.shown, decision)]
        others = rights.left(but=person, taken=(decision.role,))
        above = rights.left_above(decision.role, person)
        step = quorum.next_step(votes, rights.requirements, others=bool(others), others_above=bool(above))
        if step is quorum.Step.SETTLES:
            return decision, None
        vote = decision.model_copy(update={"settles": False})
        within, chain = self.answer_within(row.shown.routing.decision), self._people.chain
        if step is quorum.Step.ANOTHER:
            return vote, next_review(row, row.role, row.shown.passed_up_because, chain, within)
        role = escalated_to(rights, rights.needed, chain)
        return vote, next_review(row, role, quorum.disagreement(votes), chain, within, escalated=True)

    def _escalated(self, row: StoredReview, decision: RecordedDecision, rights: Rights | None = None) -> ReviewSnapshot:
        """Return the review for the next role up that a reviewer can fill."""
        role = escalated_to(rights or self._access.rights(row), decision.role, self._people.chain)
        within = self.answer_within(row.shown.routing.decision)
        return next_review(row, role, decision.review.stated_reason, self._people.chain, within, escalated=True)

    def _readable(self, row: StoredReview, answer: Review) -> Review:
        where = f"the answer to review {row.review_id!r}"
        check_record(answer, where)
        if answer.reviewer_id is None:
            raise InvalidInput([f"{where}: reviewer_id: missing; name the reviewer who decides"])
        return normalized(answer, where)

    def _check_content(self, answer: Review, row: StoredReview) -> None:
        """Check the reason code against the list, and an edited output against the schema of its type."""
        codes = self._people.reason_codes
        if answer.reason_code is not None and answer.reason_code not in codes:
            hint = f"the reasons are {', '.join(codes)}{did_you_mean(answer.reason_code, codes)}"
            where = f"the answer to review {row.review_id!r}: reason_code (--reason-code)"
            raise InvalidInput([f"{where}: {answer.reason_code!r}; {hint}"])
        if answer.modified_output is not None and self._outputs is not None:
            self._outputs.check(row.shown.task.task_type, answer.modified_output)


class _Withdrawal(NamedTuple):
    source: DecisionSource
    by: str | None
    actor: Actor
    reason: str


def _completed(answer: Review, row: StoredReview, role: str, at: object) -> Review:
    """Fill in the fields that an answer left out, so that its ledger entry is self-contained."""
    fields = {
        "review_id": answer.review_id or row.review_id,
        "task_id": row.shown.task.task_id,
        "human_role": role,
        "timestamp": at,
        "shown_digest": row.digest,
    }
    return answer.model_copy(update=fields)


def _report(row: StoredReview, what: str) -> None:
    _log.info("review %s: %s", row.review_id, what, extra={"case_id": row.case_id, "event": what})

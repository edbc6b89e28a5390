"""The desk between the nodes and the ledger: it opens reviews, takes the one decision, and writes the outcome."""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta

from hitl_orchestrator.domain.audit import Actor, AuditRecord
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Routing
from hitl_orchestrator.domain.enums import (
    ActorKind,
    Authentication,
    DecisionSource,
    HumanDecision,
    OnTimeout,
    QualityCheckKind,
)
from hitl_orchestrator.domain.input.limits import check_record
from hitl_orchestrator.domain.input.normalization import settled
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.review import RecordedDecision, Review, Reviewer, ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import (
    ForgedState,
    IncompleteOutcome,
    InvalidInput,
    NotAuthorized,
    RequestRejected,
    UnknownCase,
)
from hitl_orchestrator.review import quorum
from hitl_orchestrator.review.authority import check_answer, options, role_to_decide_in, role_to_pass_to
from hitl_orchestrator.review.deadlines import what_then
from hitl_orchestrator.review.recorded import unfit_record
from hitl_orchestrator.review.rights import Rights
from hitl_orchestrator.services.reviews.audit_records import by_agent, by_person
from hitl_orchestrator.services.reviews.inbox import facts_of
from hitl_orchestrator.services.reviews.rejected_attempts import REPLAY, who_answers
from hitl_orchestrator.services.reviews.team import ReviewClaims

# Clocks may differ a little; what lies further in the future has an impossible time.
CLOCK_TOLERANCE = timedelta(minutes=5)
TIMEOUT = "timeout"


class ReviewRecorder(ReviewClaims):
    """The `Inbox` and the `Records` of the nodes, over a ledger, the people, the policies in force and a clock."""

    def open(self, submission: Submission, routing: Routing | None) -> StoredReview:
        """Return the review of a case that counts now; open the first one where there is none."""
        if routing is None:
            row = self._ledger.latest_review(submission.case_id)
            if row is None:
                raise self._forged(submission.case_id, "no review of it was opened, and its place was stored elsewhere")
            return row if row.verdict is None else self._proven(row)
        self._check_submission(submission)
        shadow, routing = routing.decision.shadow, _without_shadow(routing)
        role = routing.decision.assigned_human_role or self._people.chain.roles[0]
        then = what_then(routing.decision, role, self._people.chain)
        shown = ReviewSnapshot(
            review_id=f"{submission.case_id}.0",
            case_id=submission.case_id,
            level=0,
            role=role,
            task=submission.task,
            routing=routing,
            on_timeout=then,
            answer_within=self._answer_within(routing.decision),
            salt=secrets.token_hex(16),
        )
        row = self._ledger.open_review(shown, self._clock(), shadow)
        return row if row.verdict is None else self._proven(row)

    def hear(self, row: StoredReview, answer: Review | None) -> StoredReview:
        """Return the review as it stands, after trying an answer that came with the wake-up."""
        if answer is not None:
            try:
                with self.refusals_told(row.case_id, row.review_id, answer, "graph"):
                    decided = self.decide(row, answer, channel="graph")
                # This run was started elsewhere, and its next step knows of no lease.
                self._ledger.release(row.case_id)
                return decided  # noqa: TRY300 - it belongs to the answer
            except (NotAuthorized, InvalidInput) as exc:
                # An answer from elsewhere that does not fit changes nothing: the case asks again.
                self.alarm(row.case_id, f"an answer that came straight to the graph was refused: {exc}")
            except RequestRejected:
                pass
        row = self._ledger.latest_review(row.case_id) or row
        return row if row.verdict is None else self._proven(row)

    def decide(self, row: StoredReview, answer: Review, *, channel: str, case: Case | None = None) -> StoredReview:
        """Check a person's live answer, and record it if it is the first; the time is the desk's, not the answer's.

        Raises:
            InvalidInput, StaleReview, NotAuthorized, TopOfChain, ReviewAlreadyDecided: see these.
        """
        check_record(answer, f"the answer to review {row.review_id!r}")
        answer = settled(answer, f"the answer to review {row.review_id!r}")
        if answer.reviewer_id is None:
            raise InvalidInput([f"the answer to review {row.review_id!r}: reviewer_id: say who decides"])
        row, told = self._proven_and_told(row)
        check_answer(answer, row)
        self._check_content(answer, row)
        rights = self.rights(row, case)
        reviewer = self._people.named(answer.reviewer_id)
        role = rights.role_for(reviewer, answer.human_role)
        actor, now = who_answers(answer, reviewer, channel), self._clock()
        looked = self.looked_at(row, reviewer, told)
        if rights.requirements.blind and not looked.label:
            why = "this review is blind, and they have not said what they think themselves; commit an own label first"
            raise NotAuthorized(reviewer.reviewer_id, f"{why} ('hitl label')")
        verdict = RecordedDecision(
            review=_completed(answer, row, role, answer.timestamp or now),
            decided_at=now,
            role=role,
            roles_held=reviewer.roles,
            domains_held=reviewer.domains,
            options_offered=options(row, role, self._people.chain),
            authenticated=actor.authenticated,
            channel=channel,
            person=reviewer.human,
            first_viewed_at=looked.at,
            own_label=looked.label,
        )
        verdict, pass_to = self._what_follows(rights, reviewer, verdict)
        return self._ledger.decide(row, verdict, actor, pass_to)

    def _what_follows(
        self, rights: Rights, reviewer: Reviewer, verdict: RecordedDecision
    ) -> tuple[RecordedDecision, ReviewSnapshot | None]:
        """Return an answer as it counts, and what is shown to whom next: nothing where it settles the case."""
        row = rights.row
        if verdict.review.human_decision.spec.escalates:
            return verdict, self._passed_up(row, verdict, rights)
        if rights.requirements.approvals == 1:
            return verdict, None
        votes = [*rights.votes, quorum.ballot(row.shown, verdict)]
        others = rights.left(but=reviewer.human, taken=(verdict.role,))
        above = rights.left_above(verdict.role, reviewer.human)
        step = quorum.next_step(votes, rights.requirements, others=bool(others), others_above=bool(above))
        if step is quorum.Step.SETTLES:
            return verdict, None
        vote = verdict.model_copy(update={"settles": False})
        if step is quorum.Step.ANOTHER:
            return vote, self._shown_again(row, row.role, row.shown.passed_up_because)
        role = self._role_above(rights, rights.needed)
        return vote, self._shown_again(row, role, quorum.disagreement(votes), escalated=True)

    def _check_content(self, answer: Review, row: StoredReview) -> None:
        """Pass an answer whose reason is a known one, and whose output is one of its type."""
        codes = self._people.reason_codes
        if answer.reason_code is not None and answer.reason_code not in codes:
            there = f"the reasons are {', '.join(codes)}{did_you_mean(answer.reason_code, codes)}"
            raise InvalidInput(
                [f"the answer to review {row.review_id!r}: reason_code: {answer.reason_code!r}; {there}"]
            )
        if answer.modified_output is not None and self._outputs is not None:
            self._outputs.check(row.shown.task.task_type, answer.modified_output)

    def expire(self, row: StoredReview) -> StoredReview | None:
        """Record what becomes of a review that nobody answered in time; None where somebody did. Never an approval.

        Raises:
            TamperedReview: the row is not what was written.
        """
        row = self._proven(row)
        now, due = self._ledger.now(), row.expires_at
        if row.verdict is not None or due is None or row.shown.on_timeout in (None, OnTimeout.WAIT):
            return None
        passes = row.shown.on_timeout is OnTimeout.ESCALATE
        said = Review(
            human_decision=HumanDecision.ESCALATE if passes else HumanDecision.REJECT,
            reason=f"nobody with the role {row.role!r} answered by {due.isoformat(timespec='seconds')}",
        )
        complete = _completed(said, row, row.role, now)
        verdict = RecordedDecision(
            review=complete, decided_at=now, role=row.role, channel=TIMEOUT, source=DecisionSource.TIMEOUT
        )
        return self._ledger.expire(row, verdict, self._passed_up(row, verdict))

    def replay(self, row: StoredReview, recorded: Review, submission: Submission) -> StoredReview:
        """Record a decision that was taken in the past, at its own time, as a record of the past.

        Recorded reviews may name only a role, and an edit without the edited output.
        """
        where = f"the recorded review of task {submission.task.task_id!r}"
        check_record(recorded, where)
        found = [
            f"{where}: {problem}"
            for problem in unfit_record(recorded, submission.task, self._clock() + CLOCK_TOLERANCE)
        ]
        if recorded.human_decision.spec.approves_proposal and row.shown.routing.output is None:
            found.append(f"{where}: nothing is proposed that it could approve; give the output that was approved")
        if found:
            raise InvalidInput(found)
        row = self._proven(row)
        role = recorded.human_role or row.role
        if recorded.reviewer_id is not None:
            reviewer = self._people.named(recorded.reviewer_id)
            role = role_to_decide_in(reviewer, row.role, row.domain, self._people.chain, recorded.human_role)
        elif not self._people.chain.reaches(role, row.role):
            raise InvalidInput([f"{where}: human_role: {role!r} is below {row.role!r}, whose decision this is"])
        at = recorded.timestamp or self._clock()
        complete = _completed(recorded, row, role, at)
        how = Authentication.RECORDED
        verdict = RecordedDecision(review=complete, decided_at=at, role=role, authenticated=how, channel=REPLAY)
        actor = Actor(kind=ActorKind.RECORD, id=recorded.reviewer_id, authenticated=how, roles=(role,), channel=REPLAY)
        return self._ledger.decide(row, verdict, actor, self._passed_up(row, verdict))

    def close(self, submission: Submission, routing: Routing | None) -> AuditRecord:
        """Write the outcome of a case from what the tables hold."""
        now = self._clock()
        self._check_submission(submission)
        if routing is not None and self._goes_ahead(submission, routing):
            # Should the state lie, the ledger refuses: a case that waits for a person cannot finish without one.
            with suppress(IncompleteOutcome):
                return self._ledger.finish(by_agent(submission, routing, now), routing, now)
        row = self._ledger.latest_review(submission.case_id)
        if row is None:
            self.alarm(submission.case_id, "it was about to finish, and no review of it was ever opened")
            raise IncompleteOutcome(submission.case_id, "it needs a person, and no review of it was ever opened")
        if row.verdict is None:
            self.alarm(submission.case_id, f"it was about to finish, and review {row.review_id!r} is open")
        row = self._proven(row)
        chance = self._chance(submission, row.shown.routing)
        record = by_person(submission, row, self._before(row), chance)
        return self._ledger.finish(record, row.shown.routing, now)

    def _chance(self, submission: Submission, routing: Routing) -> float:
        """Return with which chance a case like this one comes before a person: a look afterwards is drawn by lot."""
        if submission.quality_check is None or submission.quality_check.kind is not QualityCheckKind.SPOT_CHECK:
            return 1.0
        return self._asked(submission, facts_of(submission.task, routing)).spot_check or 1.0

    def _check_submission(self, submission: Submission) -> None:
        """Pass a submission that is the one of the ledger, to the letter."""
        try:
            known = self._ledger.case(submission.case_id).submission
        except UnknownCase:
            raise IncompleteOutcome(submission.case_id, "it was never received") from None
        if known != submission and _text(known) != _text(submission):
            raise self._forged(submission.case_id, "its submission is not the one that the ledger holds")

    def _forged(self, case_id: str, why: str) -> ForgedState:
        """Return the error that a state is not its own, after the alarm."""
        found = ForgedState(case_id, why)
        self.alarm(case_id, str(found))
        return found

    def _goes_ahead(self, submission: Submission, routing: Routing) -> bool:
        """Whether a rule lets these very facts go ahead. What the state says is not enough: the policy is asked."""
        if routing.decision.needs_human:
            return False
        facts = facts_of(submission.task, routing)
        return not self._asked(submission, facts).needs_human

    def _passed_up(
        self, row: StoredReview, verdict: RecordedDecision, rights: Rights | None = None
    ) -> ReviewSnapshot | None:
        """Return what the next role up is shown; None for a final decision.

        A role that nobody holds who may decide this is passed over, where somebody above it may.
        """
        if not verdict.review.human_decision.spec.escalates:
            return None
        role = self._role_above(rights or self.rights(row), verdict.role)
        return self._shown_again(row, role, verdict.review.stated_reason, escalated=True)

    def _role_above(self, rights: Rights, role: str) -> str:
        """Return the next role up in which somebody may decide, else the next. Raises `TopOfChain`."""
        chain = self._people.chain
        above = role_to_pass_to(rights.row, role, chain)
        higher = chain.roles[chain.roles.index(above) :]
        return next((each for each in higher if rights.left(role=each)), above)

    def _shown_again(self, row: StoredReview, role: str, because: str, *, escalated: bool = False) -> ReviewSnapshot:
        """Return what the next review of a case shows: for another person of the role, or for one above."""
        level = row.level + 1
        then = what_then(row.shown.routing.decision, role, self._people.chain)
        return row.shown.model_copy(
            update={
                "review_id": f"{row.case_id}.{level}",
                "level": level,
                "role": role,
                "on_timeout": then,
                "passed_up_because": because,
                "escalations": row.shown.escalations + escalated,
                "answer_within": self._answer_within(row.shown.routing.decision),
            }
        )


def _without_shadow(routing: Routing) -> Routing:
    """Return what reviewers are shown of a routing: nothing of a policy that is only watched."""
    if routing.decision.shadow is None:
        return routing
    return routing.model_copy(update={"decision": routing.decision.model_copy(update={"shadow": None})})


def _text(submission: Submission) -> str:
    return canonical_json(submission.model_dump(mode="json"))


def _completed(answer: Review, row: StoredReview, role: str, at: datetime) -> Review:
    """Fill in what an answer left out, so that the ledger can be read without anything beside it."""
    filled = {
        "review_id": answer.review_id or row.review_id,
        "task_id": row.shown.task.task_id,
        "human_role": role,
        "timestamp": at,
        "shown_digest": row.digest,
    }
    return answer.model_copy(update=filled)

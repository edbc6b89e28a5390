"""The desk between the nodes and the ledger: it opens reviews, takes the one decision, and writes the outcome."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from hitl_orchestrator.domain.audit import Actor, AuditRecord
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Facts, Routing, RoutingDecision
from hitl_orchestrator.domain.door import check_record
from hitl_orchestrator.domain.review import Review, ReviewRow, Shown, Verdict
from hitl_orchestrator.domain.settling import settled
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.domain.words import ActorKind, Authentication, DecisionSource, HumanDecision, OnTimeout
from hitl_orchestrator.errors import (
    HitlError,
    IncompleteOutcome,
    NotAuthorised,
    PolicyAltered,
    Refusal,
    SealBroken,
    StateForged,
    StoredOtherwise,
    UnfitInput,
    UnknownCase,
)
from hitl_orchestrator.ledger.ports import Ledger
from hitl_orchestrator.nodes.outcome import by_agent, by_person
from hitl_orchestrator.nodes.ports import Rules
from hitl_orchestrator.nodes.refusals import REPLAY, refused_attempt, who_acts, who_answers
from hitl_orchestrator.nodes.waiting import facts_of, role_needed
from hitl_orchestrator.review.authority import check_answer, options, role_to_decide_in, role_to_pass_to
from hitl_orchestrator.review.deadlines import what_then
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.records import unfit_record

Clock = Callable[[], datetime]
# Clocks may differ a little; what lies further in the future has an impossible time.
CLOCK_TOLERANCE = timedelta(minutes=5)
TIMEOUT = "timeout"


class Desk:
    """The `Inbox` and the `Records` of the nodes, over a ledger, the people, the policies in force and a clock."""

    def __init__(self, ledger: Ledger, people: People, rules: Rules, clock: Clock) -> None:
        self._ledger, self._people, self._rules, self._clock = ledger, people, rules, clock

    def open(self, submission: Submission, routing: Routing, *, own: bool) -> ReviewRow:
        """Return the review of a case that counts now; open the first one where there is none."""
        if not own:
            row = self._ledger.latest_review(submission.case_id)
            if row is None:
                raise self._forged(submission.case_id, "no review of it was opened, and its place was stored elsewhere")
            return row if row.verdict is None else self._proven(row)
        self._check_submission(submission)
        role = routing.decision.assigned_human_role or self._people.chain.roles[0]
        then = what_then(routing.decision, role, self._people.chain)
        shown = Shown(
            review_id=f"{submission.case_id}.0",
            case_id=submission.case_id,
            level=0,
            role=role,
            task=submission.task,
            routing=routing,
            on_timeout=then,
            salt=secrets.token_hex(16),
        )
        row = self._ledger.open_review(shown, self._clock())
        return row if row.verdict is None else self._proven(row)

    def hear(self, row: ReviewRow, answer: Review | None) -> ReviewRow:
        """Return the review as it stands, after trying an answer that came with the wake-up."""
        if answer is not None:
            try:
                with self.refusals_told(row.case_id, row.review_id, answer, "graph"):
                    decided = self.decide(row, answer, channel="graph")
                # This run was started elsewhere, and its next step knows of no lease.
                self._ledger.release(row.case_id)
                return decided  # noqa: TRY300 - it belongs to the answer
            except (NotAuthorised, UnfitInput) as exc:
                # An answer from elsewhere that does not fit changes nothing: the case asks again.
                self.alarm(row.case_id, f"an answer that came straight to the graph was refused: {exc}")
            except Refusal:
                pass
        row = self._ledger.latest_review(row.case_id) or row
        return row if row.verdict is None else self._proven(row)

    @contextmanager
    def refusals_told(self, case_id: str, review_id: str | None, answer: Review, channel: str) -> Iterator[None]:
        """Tell the ledger of an answer that is refused within. It happens afterwards, and changes nothing for anybody.

        What cannot be read (`UnfitInput`) is no attempt; what cannot be written down just now is refused all the same.
        """
        try:
            yield
        except Refusal as refusal:
            known = next((one for one in self._people if one.reviewer_id == answer.reviewer_id), None)
            attempt = refused_attempt((case_id, review_id), answer, refusal, known, channel)
            with suppress(HitlError):
                self._ledger.refuse(attempt, who_answers(answer, known, channel), self._clock())
            raise

    def decide(self, row: ReviewRow, answer: Review, *, channel: str) -> ReviewRow:
        """Check a person's live answer, and record it if it is the first; the time is the desk's, not the answer's.

        Raises:
            UnfitInput, StaleReview, NotAuthorised, TopOfChain, ReviewAlreadyDecided: see these.
        """
        check_record(answer, f"the answer to review {row.review_id!r}")
        answer = settled(answer, f"the answer to review {row.review_id!r}")
        if answer.reviewer_id is None:
            raise UnfitInput([f"the answer to review {row.review_id!r}: reviewer_id: say who decides"])
        row = self._proven(row)
        check_answer(answer, row)
        reviewer = self._people.named(answer.reviewer_id)
        needed = self._role_needed(row)
        role = role_to_decide_in(reviewer, needed, row.domain, self._people.chain, answer.human_role)
        now = self._clock()
        complete = _completed(answer, row, role, answer.timestamp or now)
        actor = who_answers(answer, reviewer, channel)
        verdict = Verdict(
            review=complete,
            decided_at=now,
            role=role,
            roles_held=reviewer.roles,
            domains_held=reviewer.domains,
            options_offered=options(row, role, self._people.chain),
            authenticated=actor.authenticated,
            channel=channel,
        )
        return self._ledger.decide(row, verdict, actor, self._passed_up(row, verdict))

    def claim(self, row: ReviewRow, reviewer_id: str, seconds: float, channel: str) -> ReviewRow:
        """Keep a review for somebody who may decide it.

        Raises:
            NotAuthorised, ReviewClaimed, ReviewExpired, ReviewAlreadyDecided: it is not theirs to take.
        """
        row = self._proven(row)
        reviewer = self._people.named(reviewer_id)
        role_to_decide_in(reviewer, self._role_needed(row), row.domain, self._people.chain, None)
        return self._ledger.claim(row, reviewer_id, who_acts(reviewer, channel), self._clock(), seconds)

    def release(self, row: ReviewRow, reviewer_id: str, channel: str) -> bool:
        """Let go of a review that somebody has claimed; False where they had not. Raises `NotAuthorised`."""
        reviewer = self._people.named(reviewer_id)
        return self._ledger.unclaim(row, reviewer_id, who_acts(reviewer, channel), self._clock())

    def expire(self, row: ReviewRow) -> ReviewRow | None:
        """Record what becomes of a review that nobody answered in time; None where somebody did. Never an approval.

        Raises:
            SealBroken: the row is not what was written.
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
        verdict = Verdict(
            review=complete, decided_at=now, role=row.role, channel=TIMEOUT, source=DecisionSource.TIMEOUT
        )
        return self._ledger.expire(row, verdict, self._passed_up(row, verdict))

    def replay(self, row: ReviewRow, recorded: Review, submission: Submission) -> ReviewRow:
        """Record a decision that was taken in the past, at its own time, as a record of the past.

        Recorded reviews may name only a role, and an edit without the edited output.
        """
        where = f"the recorded review of task {submission.task.task_id!r}"
        check_record(recorded, where)
        found = [
            f"{where}: {problem}"
            for problem in unfit_record(recorded, submission.task, self._clock() + CLOCK_TOLERANCE)
        ]
        if recorded.human_decision is HumanDecision.APPROVE and row.shown.routing.output is None:
            found.append(f"{where}: nothing is proposed that it could approve; give the output that was approved")
        if found:
            raise UnfitInput(found)
        row = self._proven(row)
        role = recorded.human_role or row.role
        if recorded.reviewer_id is not None:
            reviewer = self._people.named(recorded.reviewer_id)
            role = role_to_decide_in(reviewer, row.role, row.domain, self._people.chain, recorded.human_role)
        elif not self._people.chain.reaches(role, row.role):
            raise UnfitInput([f"{where}: human_role: {role!r} is below {row.role!r}, whose decision this is"])
        at = recorded.timestamp or self._clock()
        complete = _completed(recorded, row, role, at)
        how = Authentication.RECORDED
        verdict = Verdict(review=complete, decided_at=at, role=role, authenticated=how, channel=REPLAY)
        actor = Actor(kind=ActorKind.RECORD, id=recorded.reviewer_id, authenticated=how, roles=(role,), channel=REPLAY)
        return self._ledger.decide(row, verdict, actor, self._passed_up(row, verdict))

    def close(self, submission: Submission, routing: Routing, *, own: bool) -> AuditRecord:
        """Write the outcome of a case from what the tables hold."""
        now = self._clock()
        self._check_submission(submission)
        if own and self._goes_ahead(submission, routing):
            # Should the state lie, the ledger refuses: a case that waits for a person cannot finish without one.
            with suppress(IncompleteOutcome):
                return self._ledger.finish(by_agent(submission, routing, now), routing, now)
        row = self._ledger.latest_review(submission.case_id)
        if row is None:
            self.alarm(submission.case_id, "it was about to finish, and no review of it was ever opened")
            raise IncompleteOutcome(submission.case_id, "it needs a person, and no review of it was ever opened")
        if row.verdict is None:
            self.alarm(submission.case_id, f"it was about to finish, and review {row.review_id!r} is open")
        return self._ledger.finish(by_person(submission, self._proven(row)), routing, now)

    def alarm(self, case_id: str, cause: str) -> None:
        """Write down that something was found which no code of ours wrote, once."""
        self._ledger.alarm(case_id, cause, self._clock())

    def to_move(self, read: Callable[[str], Case], given_id: str) -> Case:
        """Return a case that is about to be moved on; sound the alarm if it is stored as no code of ours stores it."""
        try:
            return read(given_id)
        except StoredOtherwise as exc:
            self.alarm(exc.case_id, str(exc))
            raise

    def _proven(self, row: ReviewRow) -> ReviewRow:
        """Return a review as it stands, if it is what was written; sound the alarm if it is not."""
        try:
            return self._ledger.proven(row.review_id)
        except SealBroken as exc:
            self.alarm(row.case_id, str(exc))
            raise

    def _check_submission(self, submission: Submission) -> None:
        """Pass a submission that is the one of the ledger, to the letter."""
        try:
            known = self._ledger.case(submission.case_id).submission
        except UnknownCase:
            raise IncompleteOutcome(submission.case_id, "it was never received") from None
        if known != submission and _text(known) != _text(submission):
            raise self._forged(submission.case_id, "its submission is not the one that the ledger holds")

    def _forged(self, case_id: str, why: str) -> StateForged:
        """Return the error that a state is not its own, after the alarm."""
        found = StateForged(case_id, why)
        self.alarm(case_id, str(found))
        return found

    def _goes_ahead(self, submission: Submission, routing: Routing) -> bool:
        """Whether a rule lets these very facts go ahead. What the state says is not enough: the policy is asked."""
        if routing.decision.needs_human:
            return False
        facts = facts_of(submission.task, routing)
        return not self._asked(submission.case_id, submission.policy_hash, facts).needs_human

    def _role_needed(self, row: ReviewRow) -> str:
        """The role that may decide now: the review's own, or a higher one where the active policy asks for it."""
        with self._alarmed(row.case_id):
            return role_needed(row, self._rules, self._people.chain)

    def _asked(self, case_id: str, policy_hash: str, facts: Facts) -> RoutingDecision:
        """Ask the policy that a case came in under, and the active one."""
        with self._alarmed(case_id):
            return self._rules.decide(policy_hash, facts)

    @contextmanager
    def _alarmed(self, case_id: str) -> Iterator[None]:
        """Sound the alarm if the row of a policy was changed."""
        try:
            yield
        except PolicyAltered as exc:
            self.alarm(case_id, str(exc))
            raise

    def _passed_up(self, row: ReviewRow, verdict: Verdict) -> Shown | None:
        """Return what the next role up is shown; None for a final decision."""
        if verdict.review.human_decision is not HumanDecision.ESCALATE:
            return None
        role = role_to_pass_to(row, verdict.role, self._people.chain)
        level = row.level + 1
        then = what_then(row.shown.routing.decision, role, self._people.chain)
        return row.shown.model_copy(
            update={
                "review_id": f"{row.case_id}.{level}",
                "level": level,
                "role": role,
                "on_timeout": then,
                "passed_up_because": verdict.review.stated_reason,
            }
        )


def _text(submission: Submission) -> str:
    return canonical_json(submission.model_dump(mode="json"))


def _completed(answer: Review, row: ReviewRow, role: str, at: datetime) -> Review:
    """Fill in what an answer left out, so that the ledger can be read without anything beside it."""
    filled = {
        "review_id": answer.review_id or row.review_id,
        "task_id": row.shown.task.task_id,
        "human_role": role,
        "timestamp": at,
        "shown_digest": row.digest,
    }
    return answer.model_copy(update=filled)

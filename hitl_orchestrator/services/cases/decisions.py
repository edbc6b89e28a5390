"""Decide cases: record the one decision of a review, and resume the case with it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import CaseStage, RiskLevel
from hitl_orchestrator.domain.input.normalization import normalized
from hitl_orchestrator.domain.review import Review, StoredReview
from hitl_orchestrator.errors import InvalidInput, ReviewEscalated
from hitl_orchestrator.ledger.events.builders import answer_digest, receipt, row_answered
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.runs import Ending, GovernanceChanged
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting, CaseKey
from hitl_orchestrator.services.case_reader import CaseReader, check_live, not_waiting, open_review_of
from hitl_orchestrator.services.cases.runner import CaseRunner
from hitl_orchestrator.services.policy_sync import PolicySync
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.recording import ReviewRecorder
from hitl_orchestrator.services.reviews.rejected_attempts import REPLAY, RejectedAttempts
from hitl_orchestrator.services.reviews.requirements import storable_text

__all__ = ["CaseDecisions"]


class CaseDecisions:
    """Takes decisions of reviewers and submitters. Exactly one counts per review."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        people: People,
        policies: PolicySync,
        reader: CaseReader,
        access: ReviewAccess,
        recorder: ReviewRecorder,
        rejected: RejectedAttempts,
        runner: CaseRunner,
    ) -> None:
        self._ledger, self._people, self._policies = ledger, people, policies
        self._reader, self._access, self._recorder = reader, access, recorder
        self._rejected, self._runner = rejected, runner

    def decide(self, key: CaseKey, review: Review, acting: Acting) -> Case:
        """Record the decision of a reviewer if it is the first, and resume the case."""
        who = acting.named(review.reviewer_id).reviewer
        review = review if review.reviewer_id == who else review.model_copy(update={"reviewer_id": who})
        self._policies.record_configuration()
        case, events = self._reader.to_decide(key)
        check_live(case, "decided")
        with self._rejected.recorded(case.case_id, _named_review(case, review), review, acting):
            review = normalized(review, "the decision")
            earlier = self._ledger.answered_under(review)
            if earlier is not None:
                return self._resume(case, receipt(earlier, case.case_id, review))
            recorded = self._record(case, events, review, acting)
        return self._after(recorded)

    def decide_many(self, keys: Sequence[CaseKey], review: Review, acting: Acting) -> list[Case]:
        """Record one decision for several cases: of low risk, routed by one rule, and never escalated."""
        cases = [self._reader.waiting(key) for key in keys]
        problems = list(_bulk_problems(cases, review))
        if problems:
            raise InvalidInput(problems)
        reviewer = self._people.named(acting.named(review.reviewer_id).reviewer or "")
        for case in cases:
            self._access.rights(open_review_of(case), case).role_for(reviewer)
        return [self._decide_next(case, review, acting) for case in cases]

    def _decide_next(self, case: Case, review: Review, acting: Acting) -> Case:
        """Decide one of several cases under the people and policies that are in force by then."""
        self._policies.refresh()
        return self.decide(CaseKey(case.case_id), review, acting)

    def replay(self, key: CaseKey, recorded: Review) -> Case:
        """Record a decision that was taken in the past, at the time of the record, and resume the case."""
        case = self._reader.to_change(key)
        if not case.submission.replayed:
            why = "was submitted live; a reviewer decides it, with 'hitl decide'"
            raise InvalidInput([f"the recorded review of task {case.task_id!r}: case {case.case_id!r} {why}"])
        with self._rejected.recorded(case.case_id, _named_review(case, recorded), recorded, Acting(channel=REPLAY)):
            recorded = normalized(recorded, "the recorded review")
            row = self._recorder.replay(self._review_for(case, recorded), recorded, case)
        return self._resume(case, row)

    def cancel(self, key: CaseKey, submitter: str, *, reason: str, acting: Acting) -> Case:
        """Withdraw a case on behalf of its submitter, before a reviewer has decided it. It ends as `canceled`."""
        case = self._reader.to_change(key)
        check_live(case, "canceled")
        if case.stage is not CaseStage.RECEIVED:
            open_review_of(case)
        self._reader.check(case)
        if not reason.strip():
            raise InvalidInput([f"cancel {key.text!r}: reason: it is empty; state the reason for the reviewers"])
        self._recorder.check_submitter(case, submitter)
        reason = storable_text(reason, key.text if case.open_review is None else case.open_review.review_id)
        row = case.open_review or self._runner.open_to_withdraw(case, "its submitter canceled it")
        row = self._recorder.cancel(row, case, submitter, reason=reason, acting=acting)
        return self._resume(case, row, verified=True)

    def _record(self, case: Case, events: list[Event], review: Review, acting: Acting) -> "_Recorded":
        """Record a decision, with the outcome that it leads to.

        Of two concurrent votes one is first. The other then votes in the next review, unless it names a review.
        """
        while True:
            try:
                row = self._review_for(case, review)
                checked = self._recorder.checked(row, review, acting=acting, case=case, events=events)
                ending = None
                if checked.pass_to is None and case.open_review is not None and row.verdict is None:
                    ending = self._runner.ending_of(_decided(case, row_answered(row, checked.verdict)))
                recorded = self._recorder.record(checked, ending)
                return _Recorded(case, recorded, ending, is_first=recorded.verdict == checked.verdict)
            except GovernanceChanged:
                self._policies.refresh()
                case, events = self._reader.to_decide(CaseKey(case.case_id))
            except ReviewEscalated:
                count = len(case.reviews)
                case, events = self._reader.to_decide(CaseKey(case.case_id))
                if review.review_id or review.shown_digest or len(case.reviews) == count:
                    raise

    def _after(self, recorded: "_Recorded") -> Case:
        """Return a case after its decision was recorded; one without an outcome goes on."""
        case, row, ending, is_first = recorded
        if not is_first:
            return self._runner.run(self._ledger.case(case.case_id))
        if ending is None:
            return self._resume(case, row, verified=True)
        decided = _decided(case, row)
        ended = decided.model_copy(update={"stage": CaseStage.FINISHED, "record": ending.record})
        return self._runner.recorded(decided, ended)

    def _review_for(self, case: Case, answer: Review) -> StoredReview:
        """Return the review that an answer concerns: the open one, or else the last.

        An answer that names no review and was given before concerns that review: a repeated escalation must not rise by
        two levels.
        """
        if case.open_review is not None:
            self._reader.check(case)
        if not case.reviews:
            raise not_waiting(case)
        if answer.review_id is not None and not case.submission.replayed:
            named = next((row for row in case.reviews if row.review_id == answer.review_id), None)
            if named is None:
                raise InvalidInput([f"case {case.case_id!r} has no review {answer.review_id!r}"])
            return named
        given = [row for row in case.reviews if row.verdict and _is_repeated(row.verdict.review, answer)]
        # Two records of the past that name no reviewer differ in their times alone.
        at = answer.timestamp if case.submission.replayed else None
        repeated = (row for row in given if row.verdict and at in (None, row.verdict.review.timestamp))
        return next(repeated, case.open_review or case.reviews[-1])

    def _resume(self, case: Case, row: StoredReview, *, verified: bool = False) -> Case:
        """Resume a case with a decision that was recorded by this call (`verified`), or before it."""
        before = case.open_review
        if before is None or row.verdict is None or row.verdict.final is None:
            return self._runner.run(self._ledger.case(case.case_id))
        return self._runner.run(_decided(case, row), at_hand=verified and before.review_id == row.review_id)


class _Recorded(NamedTuple):
    """A case as it was read, its review as it was decided, and the outcome that was recorded with the decision.

    The answer is not the first one if the same one was recorded before.
    """

    case: Case
    row: StoredReview
    ending: Ending | None
    is_first: bool


def _decided(case: Case, row: StoredReview) -> Case:
    """Return a case as the decision in this row of its review has left it."""
    reviews = tuple(row if each.review_id == row.review_id else each for each in case.reviews)
    return case.model_copy(update={"stage": CaseStage.DECIDED, "reviews": reviews})


def _named_review(case: Case, answer: Review) -> str | None:
    """Return the id of the review that an answer names, if the case has it, or else of the latest review."""
    ids = [row.review_id for row in case.reviews]
    return answer.review_id if answer.review_id in ids else next(reversed(ids), None)


def _is_repeated(earlier: Review, answer: Review) -> bool:
    """Whether an answer that names its reviewer or role repeats an earlier one."""
    names_someone = answer.reviewer_id is not None or answer.human_role is not None
    same_role = answer.human_role in (None, earlier.human_role)
    return names_someone and same_role and answer_digest(earlier) == answer_digest(answer)


def _bulk_problems(cases: Sequence[Case], review: Review) -> Iterator[str]:
    """Yield the reasons why these cases cannot be decided together."""
    spec = review.human_decision.spec
    if review.modified_output is not None or not (spec.approves_proposal or spec.rejects):
        yield f"bulk: {review.human_decision} is for one case alone; several can be approved or rejected together"
    rules = sorted({open_review_of(case).shown.routing.decision.rule_id for case in cases})
    if len(rules) > 1:
        yield f"bulk: the cases come from several rules, {', '.join(rules)}; decide those of one rule at a time"
    for case in cases:
        for why in _single_decision_reasons(open_review_of(case)):
            yield f"bulk: task {case.task_id!r}: {why}; decide it separately"


def _single_decision_reasons(row: StoredReview) -> Iterator[str]:
    """Yield the reasons why a review must be decided separately."""
    routing = row.shown.routing
    if routing.risk_level is not RiskLevel.LOW:
        yield f"its risk is {routing.risk_level}"
    if row.level > 0 or routing.decision.action.strictness > 1:
        yield "it was escalated"
    if routing.decision.requirements.approvals > 1:
        yield "it needs several reviewers"
    if routing.decision.requirements.blind:
        yield "its review is blind"

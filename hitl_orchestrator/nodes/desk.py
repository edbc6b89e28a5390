"""The desk between the nodes and the ledger: it opens reviews, takes the one decision, and writes the outcome."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from hitl_orchestrator.domain.audit import Actor, AuditRecord
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Facts, Routing
from hitl_orchestrator.domain.review import Review, ReviewRow, Shown, Verdict
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.domain.words import ActorKind, HumanDecision
from hitl_orchestrator.errors import IncompleteOutcome, Refusal, UnfitInput
from hitl_orchestrator.ledger.ports import Ledger
from hitl_orchestrator.nodes.outcome import by_agent, by_person
from hitl_orchestrator.nodes.ports import Rules
from hitl_orchestrator.review.authority import check_answer, role_to_decide_in, role_to_pass_to
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.records import unfit_record

Clock = Callable[[], datetime]


class Desk:
    """The `Inbox` and the `Records` of the nodes, over a ledger, the people, the policies in force and a clock."""

    def __init__(self, ledger: Ledger, people: People, rules: Rules, clock: Clock) -> None:
        self._ledger, self._people, self._rules, self._clock = ledger, people, rules, clock

    def open(self, submission: Submission, routing: Routing) -> ReviewRow:
        """Return the review of a case that counts now; open the first one where there is none."""
        role = routing.decision.assigned_human_role or self._people.chain.roles[0]
        shown = Shown(
            review_id=f"{submission.case_id}.0",
            case_id=submission.case_id,
            level=0,
            role=role,
            task=submission.task,
            routing=routing,
        )
        return self._ledger.open_review(shown, self._clock())

    def hear(self, row: ReviewRow, answer: Review | None) -> ReviewRow:
        """Return the review as it stands, after trying an answer that came with the wake-up."""
        if answer is not None:
            # An answer from elsewhere that does not fit changes nothing: the case asks again.
            with suppress(Refusal, UnfitInput):
                return self.decide(row, answer, channel="graph")
        return self._ledger.latest_review(row.case_id) or row

    def decide(self, row: ReviewRow, answer: Review, *, channel: str) -> ReviewRow:
        """Check a person's live answer, and record it if it is the first; the time is the desk's, not the answer's.

        Raises:
            UnfitInput, StaleReview, NotAuthorised, TopOfChain, ReviewAlreadyDecided: see these.
        """
        if answer.reviewer_id is None:
            raise UnfitInput([f"the answer to review {row.review_id!r}: reviewer_id: say who decides"])
        check_answer(answer, row)
        reviewer = self._people.named(answer.reviewer_id)
        needed = self._role_needed(row)
        role = role_to_decide_in(reviewer, needed, row.domain, self._people.chain, answer.human_role)
        now = self._clock()
        complete = _completed(answer, row, role, answer.timestamp or now)
        verdict = Verdict(review=complete, decided_at=now, role=role, roles_held=reviewer.roles, channel=channel)
        actor = Actor(kind=ActorKind.HUMAN, id=reviewer.reviewer_id, roles=reviewer.roles, channel=channel)
        return self._ledger.decide(row, verdict, actor, self._passed_up(row, verdict))

    def replay(self, row: ReviewRow, recorded: Review, submission: Submission) -> ReviewRow:
        """Record a decision that was taken in the past, at its own time, as a record of the past.

        Recorded reviews may name only a role, and an edit without the edited output.
        """
        where = f"the recorded review of task {submission.task.task_id!r}"
        found = [f"{where}: {problem}" for problem in unfit_record(recorded, submission.task)]
        if recorded.human_decision is HumanDecision.APPROVE and row.shown.routing.output is None:
            found.append(f"{where}: nothing is proposed that it could approve; give the output that was approved")
        if found:
            raise UnfitInput(found)
        role = recorded.human_role or row.role
        if recorded.reviewer_id is not None:
            reviewer = self._people.named(recorded.reviewer_id)
            role = role_to_decide_in(reviewer, row.role, row.domain, self._people.chain, recorded.human_role)
        elif not self._people.chain.reaches(role, row.role):
            raise UnfitInput([f"{where}: human_role: {role!r} is below {row.role!r}, whose decision this is"])
        at = recorded.timestamp or self._clock()
        complete = _completed(recorded, row, role, at)
        verdict = Verdict(review=complete, decided_at=at, role=role, channel="replay")
        actor = Actor(kind=ActorKind.RECORD, id=recorded.reviewer_id, roles=(role,), channel="replay")
        return self._ledger.decide(row, verdict, actor, self._passed_up(row, verdict))

    def close(self, submission: Submission, routing: Routing) -> AuditRecord:
        """Write the outcome of a case from what the tables hold."""
        now = self._clock()
        if self._goes_ahead(submission, routing):
            # Should the state lie, the ledger refuses: a case that waits for a person cannot finish without one.
            with suppress(IncompleteOutcome):
                return self._ledger.finish(by_agent(submission, routing, now), routing, now)
        row = self._ledger.latest_review(submission.case_id)
        if row is None:
            raise IncompleteOutcome(submission.case_id, "it needs a person, and no review of it was ever opened")
        return self._ledger.finish(by_person(submission, row), routing, now)

    def _goes_ahead(self, submission: Submission, routing: Routing) -> bool:
        """Whether a rule lets these very facts go ahead. What the state says is not enough: the policy is asked."""
        if routing.decision.needs_human:
            return False
        return not self._rules.decide(submission.policy_hash, _facts(submission.task, routing)).needs_human

    def _role_needed(self, row: ReviewRow) -> str:
        """The role that may decide now: the review's own, or a higher one where the active policy asks for it."""
        routing = row.shown.routing
        in_force = self._rules.decide(routing.decision.policy_hash, _facts(row.shown.task, routing))
        return self._people.chain.higher(row.role, in_force.assigned_human_role or row.role)

    def _passed_up(self, row: ReviewRow, verdict: Verdict) -> Shown | None:
        """Return what the next role up is shown; None for a final decision."""
        if verdict.review.human_decision is not HumanDecision.ESCALATE:
            return None
        role = role_to_pass_to(row, verdict.role, self._people.chain)
        level = row.level + 1
        return row.shown.model_copy(
            update={
                "review_id": f"{row.case_id}.{level}",
                "level": level,
                "role": role,
                "passed_up_because": verdict.review.stated_reason,
            }
        )


def _facts(task: Task, routing: Routing) -> Facts:
    """Return the facts that a case was routed by."""
    return Facts(
        risk_level=routing.risk_level,
        domain=task.domain,
        task_type=task.task_type,
        confidence=routing.score.confidence,
        signals=frozenset(routing.score.signals),
        has_proposal=routing.output is not None,
    )


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

"""Submit, inbox, decide, recover: what every face does with cases, and the only way in which it does it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Self

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.review import Review, ReviewRow
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.words import ActorKind, CaseStage, HumanDecision
from hitl_orchestrator.errors import (
    CaseMoved,
    CaseNotWaiting,
    GraphChanged,
    IncompleteOutcome,
    StoreUnavailable,
    UnfitInput,
    Unrecovered,
)
from hitl_orchestrator.graph.topology import graph_version
from hitl_orchestrator.ledger.entries import answer_digest
from hitl_orchestrator.ledger.ports import Ledger
from hitl_orchestrator.nodes.desk import Clock, Desk
from hitl_orchestrator.policies.rulebook import Rulebook
from hitl_orchestrator.review.people import People

if TYPE_CHECKING:
    from hitl_orchestrator.graph.runner import Runner

# Clocks of agents and ours may differ a little; a task from further in the future has an impossible time.
CLOCK_TOLERANCE = timedelta(minutes=5)


class BaseOrchestrator:
    """Cases from intake to outcome. Safe to share between threads; use it as a context manager, or `close` it.

    Every acknowledged submission and decision is committed before its method returns, and survives a crash at any
    instant; `recover` drives on what a crash has left.
    """

    def __init__(
        self,
        ledger: Ledger,
        people: People,
        rulebook: Rulebook,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        runner: "Callable[[Desk], Runner]",
    ) -> None:
        """`runner` builds the graph; it is called when a case is first driven, since LangGraph is slow to import."""
        self.ledger, self.people, self.rulebook = ledger, people, rulebook
        self._desk = Desk(ledger, people, rulebook, clock)
        self._clock, self._new_id, self._make_runner = clock, new_id, runner
        self._built: Runner | None = None
        self._building = Lock()
        self.version = graph_version()
        policy = rulebook.active
        body = policy.policy.model_dump(mode="json")
        ledger.record_policy(policy.policy.policy_id, policy.hash, body, clock())

    def submit(
        self,
        task: Task,
        output: AgentOutput | None = None,
        *,
        resubmit: bool = False,
        replay: bool = False,
        channel: str = "library",
    ) -> Case:
        """Take a task in, and run its case until it finishes or waits for a person.

        The same task with the same content is the same case. `replay` marks a case whose times are those of the
        records: recorded reviews may then decide it. `channel` says through which door the task came.

        Raises:
            UnfitInput: the output is for another task, or the task's time lies in the future.
            TaskConflict: the task id came before with other content, and no resubmission is asked for.
        """
        submission = self._submission(task, output, replay)
        # No flush of its own: the run writes again before this method acknowledges anything.
        case = self.ledger.receive(submission, _sender(replay, channel), resubmit=resubmit, flush=False)
        return self._drive(case, new=case.case_id == submission.case_id)

    def accept(
        self,
        task: Task,
        output: AgentOutput | None = None,
        *,
        resubmit: bool = False,
        replay: bool = False,
        channel: str = "library",
    ) -> Case:
        """Take a task in, durably, without running it yet. `recover` runs it, or a graph that you stream yourself."""
        submission = self._submission(task, output, replay)
        return self.ledger.receive(submission, _sender(replay, channel), resubmit=resubmit)

    def inbox(self, role: str | None = None, domain: str | None = None, limit: int = 200) -> Sequence[ReviewRow]:
        """Return the open reviews, the longest waiting first, for one role and one domain where given."""
        return self.ledger.inbox(role, domain, limit)

    def show(self, given_id: str) -> Case:
        """Return one case, by its own id or by that of its task (the latest attempt). Raises `UnknownCase`."""
        return self.ledger.find(given_id)

    def history(self, given_id: str) -> list[Event]:
        """Return everything that happened to one case, in order."""
        return list(self.ledger.events(self.ledger.find(given_id).case_id))

    def records(self) -> Iterator[AuditRecord]:
        """Yield the outcome of every finished case, in the order in which they finished."""
        return self.ledger.records()

    def decide(self, given_id: str, review: Review, *, channel: str = "library") -> Case:
        """Record a person's answer to the case that waits, if it is the first, and run the case on.

        Everything is checked before anything is written. The same answer of the same person again is the same
        receipt.

        Raises:
            CaseNotWaiting, ReviewAlreadyDecided, StaleReview, NotAuthorised, TopOfChain, GraphChanged: it is refused.
            UnfitInput: the answer lacks something that its decision needs.
        """
        case = self.ledger.find(given_id)
        row = self._review_to_decide(case, review)
        return self._answered(case, self._desk.decide(row, review, channel=channel))

    def replay(self, given_id: str, recorded: Review) -> Case:
        """Record a decision that was taken in the past, at the time of the record, and run the case on.

        Raises:
            UnfitInput: the case came in live, or the record does not fit it.
        """
        case = self.ledger.find(given_id)
        if not case.submission.replayed:
            why = "came in live; a person decides it, with 'hitl resume'"
            raise UnfitInput([f"the recorded review of task {case.task_id!r}: case {case.case_id!r} {why}"])
        row = self._review_to_decide(case, recorded)
        return self._answered(case, self._desk.replay(row, recorded, case.submission))

    def recover(self, on_case: Callable[[Case], None] = lambda case: None) -> list[Case]:
        """Drive every unfinished case on; `on_case` hears of each. Doing it twice, or in two places, is harmless.

        Raises:
            Unrecovered: some cases could not be driven on; all the others were, and these stay as they were.
        """
        moved: list[Case] = []
        failures: dict[str, Exception] = {}
        for case_id in self.ledger.stages(CaseStage.RECEIVED, CaseStage.DECIDED):
            try:
                moved.append(self._drive(self.ledger.case(case_id)))
            except StoreUnavailable:
                raise
            except Exception as exc:  # noqa: BLE001 - a classifier is foreign code, and no case may hold up the others
                failures[case_id] = exc
            else:
                on_case(moved[-1])
        if failures:
            raise Unrecovered(failures, len(moved))
        return moved

    async def asubmit(
        self,
        task: Task,
        output: AgentOutput | None = None,
        *,
        resubmit: bool = False,
        replay: bool = False,
        channel: str = "library",
    ) -> Case:
        """Do as `submit` does, in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.submit, task, output, resubmit=resubmit, replay=replay, channel=channel)

    async def adecide(self, given_id: str, review: Review, *, channel: str = "library") -> Case:
        """Do as `decide` does, in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.decide, given_id, review, channel=channel)

    @property
    def runner(self) -> "Runner":
        """The graph with its checkpoints, built when it is first needed."""
        with self._building:
            if self._built is None:
                self._built = self._make_runner(self._desk)
            return self._built

    def close(self) -> None:
        """Let go of files and connections. Closing twice is once."""
        if self._built is not None:
            self._built.close()
            self._built = None
        self.ledger.close()

    def __enter__(self) -> Self:
        """Return the orchestrator itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    def _submission(self, task: Task, output: AgentOutput | None, replay: bool) -> Submission:
        now = self._clock()
        _check_submission(task, output, now)
        policy = self.rulebook.active
        return Submission(
            case_id=self._new_id(),
            task=task,
            output=output,
            policy_id=policy.policy.policy_id,
            policy_hash=policy.hash,
            graph_version=self.version,
            received_at=now,
            replayed=replay,
        )

    def _review_to_decide(self, case: Case, answer: Review) -> ReviewRow:
        """Return the review that an answer is about: the open one, or else the last, whose decision then stands.

        An answer that names no review and was given before is about that review: an escalation that is sent twice
        must not go up two levels.
        """
        if case.open_review is not None and case.submission.graph_version != self.version:
            raise GraphChanged(case.case_id, case.submission.graph_version, self.version)
        if not case.reviews:
            raise CaseNotWaiting(case.case_id, case.status)
        if answer.review_id is not None and not case.submission.replayed:
            named = next((row for row in case.reviews if row.review_id == answer.review_id), None)
            if named is None:
                raise UnfitInput([f"case {case.case_id!r} has no review {answer.review_id!r}"])
            return named
        given_before = (row for row in case.reviews if row.verdict and _is_same_answer(row.verdict.review, answer))
        return next(given_before, case.open_review or case.reviews[-1])

    def _answered(self, case: Case, row: ReviewRow) -> Case:
        """Run a case on after an answer that was recorded just now, or that stood before."""
        before = case.open_review
        if before is None or row.verdict is None or row.verdict.review.human_decision.final is None:
            return self._drive(self.ledger.case(case.case_id))
        reviews = tuple(row if known.review_id == row.review_id else known for known in case.reviews)
        return self._drive(case.model_copy(update={"stage": CaseStage.DECIDED, "reviews": reviews}))

    def _drive(self, case: Case, *, new: bool = False) -> Case:
        """Run a case on from where it stands, and return it as it stands then."""
        if case.stage is CaseStage.FINISHED or (case.stage is CaseStage.WAITING and not _passed_up(case)):
            return case
        if case.submission.graph_version != self.version:
            raise GraphChanged(case.case_id, case.submission.graph_version, self.version)
        try:
            record = self.runner.start(case.submission) if new else self.runner.go_on(case)
        except (CaseMoved, IncompleteOutcome):
            # Somebody else drove it too, and an agent that answers differently each time sent it another way first.
            moved = self.ledger.case(case.case_id)
            if moved.stage is case.stage:
                raise
            return moved
        if record is None and new:
            row = self.ledger.latest_review(case.case_id)
            if row is not None and row.verdict is None:
                return case.model_copy(update={"stage": CaseStage.WAITING, "reviews": (row,)})
        if record is None:
            return self.ledger.case(case.case_id)
        return case.model_copy(update={"stage": CaseStage.FINISHED, "record": record})


def _sender(replay: bool, channel: str) -> Actor:
    return Actor(kind=ActorKind.AGENT, channel="replay" if replay else channel)


def _is_same_answer(given: Review, again: Review) -> bool:
    somebody = again.reviewer_id is not None or again.human_role is not None
    return somebody and again.human_role in (None, given.human_role) and answer_digest(given) == answer_digest(again)


def _passed_up(case: Case) -> bool:
    """Whether a waiting case has just gone up the chain, so that its thread still asks the level below."""
    return any(row.verdict and row.verdict.review.human_decision is HumanDecision.ESCALATE for row in case.reviews)


def _check_submission(task: Task, output: AgentOutput | None, now: datetime) -> None:
    found: list[str] = []
    if output is not None and output.task_id != task.task_id:
        found.append(f"task {task.task_id!r}: its output is for task {output.task_id!r}; submit each with its own")
    if task.timestamp > now + CLOCK_TOLERANCE:
        found.append(
            f"task {task.task_id!r}: timestamp: {task.timestamp.isoformat()} lies in the future; "
            "give the time at which the task was made"
        )
    if found:
        raise UnfitInput(found)

"""Submit, inbox, decide, recover: what every face does with cases, and the only way in which it does it."""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Self

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.door import check_record
from hitl_orchestrator.domain.review import Review, ReviewRow
from hitl_orchestrator.domain.settling import settled
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.words import ActorKind, CaseStage, HumanDecision
from hitl_orchestrator.errors import (
    CaseMoved,
    CaseNotWaiting,
    GraphChanged,
    HitlError,
    IncompleteOutcome,
    StoredOtherwise,
    StoreUnavailable,
    UnfitInput,
    UnknownCase,
    Unrecovered,
)
from hitl_orchestrator.graph.topology import can_resume, graph_version
from hitl_orchestrator.ledger.entries import answer_digest
from hitl_orchestrator.ledger.heads import SignedHead
from hitl_orchestrator.ledger.notary import Signing
from hitl_orchestrator.ledger.ports import Ledger
from hitl_orchestrator.ledger.proofs import CaseProof
from hitl_orchestrator.ledger.verify import Verification
from hitl_orchestrator.nodes.desk import CLOCK_TOLERANCE, Clock, Desk
from hitl_orchestrator.nodes.refusals import REPLAY
from hitl_orchestrator.policies.rulebook import Rulebook
from hitl_orchestrator.review.people import People

if TYPE_CHECKING:
    from hitl_orchestrator.graph.runner import Runner

MOST_LISTED = 100_000
_AN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,220}")


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
        signing: Signing,
    ) -> None:
        """`runner` builds the graph; it is called when a case is first driven, since LangGraph is slow to import."""
        self.ledger, self.people, self.rulebook = ledger, people, rulebook
        self._desk = Desk(ledger, people, rulebook, clock)
        self._clock, self._new_id, self._make_runner = clock, new_id, runner
        self.notary, self._head_every = signing
        self._built: Runner | None = None
        self._closed, self._in_force = False, False
        self._building = Lock()
        self.version = graph_version()

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
        submission, sender = self._submission(task, output, replay), _sender(replay, channel)
        # No flush of its own: the run writes again before this method acknowledges anything.
        case = self.ledger.receive(submission, sender, resubmit=resubmit, flush=False)
        new = case.case_id == submission.case_id
        try:
            return case if case.stage is CaseStage.WAITING else self._drive(case, new=new)
        except UnknownCase:
            # A server that has crashed since then lost what was not flushed.
            return self._drive(self.ledger.receive(submission, sender, resubmit=resubmit), new=True)

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
        """Return the open reviews, the longest waiting first, for one role and one domain where given.

        Raises:
            UnfitInput: the limit is not in [1, 100 000], or a name is no text that could be stored.
        """
        found = [f"{name!r} is no name" for name in (role, domain) if name is not None and not name.isprintable()]
        if not 1 <= limit <= MOST_LISTED:
            found.append(f"limit {limit} is not in [1, {MOST_LISTED}]")
        if found:
            raise UnfitInput([f"inbox: {problem}" for problem in found])
        return self.ledger.inbox(role, domain, limit)

    def show(self, given_id: str) -> Case:
        """Return one case, by its own id or by that of its task (the latest attempt).

        Raises:
            UnknownCase: there is none.
            GraphChanged: it was stored in a form that this code does not read.
        """
        return self._read(self.ledger.find, given_id)

    def history(self, given_id: str) -> list[Event]:
        """Return everything that happened to one case, in order."""
        return list(self.ledger.events(self.show(given_id).case_id))

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
        case = self._desk.to_move(self.show, given_id)
        with self._desk.refusals_told(case.case_id, _named_review(case, review), review, channel):
            row = self._desk.decide(self._review_to_decide(case, review), review, channel=channel)
        return self._answered(case, row)

    def replay(self, given_id: str, recorded: Review) -> Case:
        """Record a decision that was taken in the past, at the time of the record, and run the case on.

        Raises:
            UnfitInput: the case came in live, or the record does not fit it.
        """
        case = self._desk.to_move(self.show, given_id)
        if not case.submission.replayed:
            why = "came in live; a person decides it, with 'hitl resume'"
            raise UnfitInput([f"the recorded review of task {case.task_id!r}: case {case.case_id!r} {why}"])
        with self._desk.refusals_told(case.case_id, _named_review(case, recorded), recorded, REPLAY):
            row = self._desk.replay(self._review_to_decide(case, recorded), recorded, case.submission)
        return self._answered(case, row)

    def verify(self, heads: Sequence[SignedHead] = (), public_key: str | None = None) -> Verification:
        """Look through the whole ledger, and say whether it and the tables are what was written.

        Any edit, deletion, swap or duplicate is found, and an end that was cut off; with signed heads, oldest first,
        also a ledger that was written anew. `public_key` is the one to trust, else the one that the heads name.
        """
        return self.notary.verify(heads, public_key)

    def sign_head(self) -> SignedHead:
        """Sign where the ledger ends, and add it to the file of heads where there is one.

        Raises:
            LedgerDamaged: the ledger is not what was signed last, or broken since.
            KeyUnusable, HeadsUnavailable: nothing can be signed.
        """
        return self.notary.sign_now()

    def prove(self, given_id: str) -> CaseProof:
        """Return a proof of all entries of one case, which stands alone. Raises as `sign_head`, and `UnknownCase`."""
        return self.notary.prove(given_id)

    def recover(self, on_case: Callable[[Case], None] = lambda case: None) -> list[Case]:
        """Drive every unfinished case on; `on_case` hears of each. Doing it twice, or in two places, is harmless.

        Raises:
            Unrecovered: some cases could not be driven on; all the others were, and these stay as they were.
        """
        moved: list[Case] = []
        failures: dict[str, Exception] = {}
        for case_id in self.ledger.stages(CaseStage.RECEIVED, CaseStage.DECIDED):
            try:
                moved.append(self._drive(self._desk.to_move(self.show, case_id)))
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
        """Let go of files and connections, after signing the head where there is a file of heads. Twice is once.

        Raises:
            LedgerDamaged, KeyUnusable, HeadsUnavailable: the head cannot be signed; all else is closed.
        """
        try:
            if self.notary.headbook is not None and not self._closed:
                self.notary.sign(only_new=True)
        finally:
            self._closed = True
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
        task = settled(task, f"task {task.task_id!r}")
        output = None if output is None else settled(output, f"the output of task {task.task_id!r}")
        _check_submission(task, output, now)
        self._put_policy_in_force(now)
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

    def _put_policy_in_force(self, now: datetime) -> None:
        """Record the policy before the first case comes in under it; who only reads or decides changes no policy."""
        if not self._in_force:
            active, policy = self.rulebook.active, self.rulebook.active.policy
            self.ledger.record_policy(policy.policy_id, active.hash, policy.model_dump(mode="json"), now)
            self._in_force = True

    def _read(self, reading: Callable[[str], Case], given_id: str) -> Case:
        """Return a case. One that was stored in another form was stored under another graph, and is refused as such."""
        if not _AN_ID.fullmatch(given_id):
            raise UnknownCase(given_id)
        try:
            return reading(given_id)
        except StoredOtherwise as exc:
            if exc.graph_version is not None:
                self._check_graph(exc.case_id, exc.graph_version)
            raise

    def _check_graph(self, case_id: str, paused_under: str) -> None:
        """Refuse to drive a case that came in under a graph which this one may not carry on."""
        if not can_resume(paused_under, self.version):
            raise GraphChanged(case_id, paused_under, self.version)

    def _review_to_decide(self, case: Case, answer: Review) -> ReviewRow:
        """Return the review that an answer is about: the open one, or else the last, whose decision then stands.

        An answer that names no review and was given before is about that review: an escalation that is sent twice
        must not go up two levels.
        """
        if case.open_review is not None:
            self._check_graph(case.case_id, case.submission.graph_version)
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
        """Run a case on from where it stands, and sign the head where it is time to."""
        moved = self._run_on(case, new=new)
        if self.notary.headbook is not None:
            # What is acknowledged stands, signed or not; closing tries again.
            with suppress(HitlError):
                if self.notary.unsigned() >= self._head_every:
                    self.notary.sign(only_new=True)
        return moved

    def _run_on(self, case: Case, *, new: bool) -> Case:
        """Run a case on from where it stands, and return it as it stands then."""
        if case.stage is CaseStage.FINISHED or (case.stage is CaseStage.WAITING and not _passed_up(case)):
            return case
        self._check_graph(case.case_id, case.submission.graph_version)
        try:
            record = self.runner.start(case.submission) if new else self.runner.go_on(case)
        except (CaseMoved, IncompleteOutcome):
            # Somebody else drove it too, and an agent that answers differently each time sent it another way first.
            moved = self.ledger.case(case.case_id)
            if moved.stage is case.stage:
                raise
            if moved.stage is CaseStage.FINISHED:
                self.runner.forget(case.case_id)
            return moved
        if record is None and new:
            row = self.ledger.latest_review(case.case_id)
            if row is not None and row.verdict is None:
                return case.model_copy(update={"stage": CaseStage.WAITING, "reviews": (row,)})
        if record is None:
            return self.ledger.case(case.case_id)
        return case.model_copy(update={"stage": CaseStage.FINISHED, "record": record})


def _sender(replay: bool, channel: str) -> Actor:
    return Actor(kind=ActorKind.AGENT, channel=REPLAY if replay else channel)


def _named_review(case: Case, answer: Review) -> str | None:
    """Return the review that an answer is about: the one it names, if the case has it, or else the latest."""
    ids = [row.review_id for row in case.reviews]
    return answer.review_id if answer.review_id in ids else next(reversed(ids), None)


def _is_same_answer(given: Review, again: Review) -> bool:
    somebody = again.reviewer_id is not None or again.human_role is not None
    return somebody and again.human_role in (None, given.human_role) and answer_digest(given) == answer_digest(again)


def _passed_up(case: Case) -> bool:
    """Whether a waiting case has just gone up the chain, so that its thread still asks the level below."""
    return any(row.verdict and row.verdict.review.human_decision is HumanDecision.ESCALATE for row in case.reviews)


def _check_submission(task: Task, output: AgentOutput | None, now: datetime) -> None:
    check_record(task, f"task {task.task_id!r}")
    if output is not None:
        check_record(output, f"the output for task {task.task_id!r}")
    found: list[str] = []
    if output is not None and output.task_id != task.task_id:
        found.append(f"task {task.task_id!r}: its output is for task {output.task_id!r}; submit each with its own")
    if task.timestamp > now + CLOCK_TOLERANCE:
        when = f"{task.timestamp.isoformat()} lies in the future"
        found.append(f"task {task.task_id!r}: timestamp: {when}; give the time at which the task was made")
    if found:
        raise UnfitInput(found)

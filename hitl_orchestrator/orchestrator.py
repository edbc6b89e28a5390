"""Submit, inbox, decide, recover: what every face does with cases, and the only way in which it does it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.review import Review, ReviewRow
from hitl_orchestrator.domain.settling import settled
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.words import CaseStage
from hitl_orchestrator.driving import Driving
from hitl_orchestrator.errors import CaseNotWaiting, UnfitInput, UnknownCase
from hitl_orchestrator.ledger.entries import receipt
from hitl_orchestrator.ledger.heads import SignedHead
from hitl_orchestrator.ledger.notary import Signing
from hitl_orchestrator.ledger.ports import Ledger
from hitl_orchestrator.ledger.proofs import CaseProof
from hitl_orchestrator.ledger.verify import Verification
from hitl_orchestrator.nodes.desk import Clock, Desk
from hitl_orchestrator.nodes.intake import check_submission, is_same_answer, named_review, sender
from hitl_orchestrator.nodes.refusals import REPLAY
from hitl_orchestrator.nodes.waiting import open_reviews
from hitl_orchestrator.policies.rulebook import Rulebook
from hitl_orchestrator.review.people import People

if TYPE_CHECKING:
    from hitl_orchestrator.graph.runner import Runner


CLAIM_SECONDS, LONGEST_CLAIM = 900.0, 86_400.0


class BaseOrchestrator(Driving):
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
        super().__init__(ledger, Desk(ledger, people, rulebook, clock), runner, signing)
        self.people, self.rulebook = people, rulebook
        self._clock, self._new_id = clock, new_id
        self._in_force = False

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
        submission, actor = self._submission(task, output, replay), sender(replay, channel)
        # No flush of its own: the run writes again before this method acknowledges anything.
        case = self.ledger.receive(submission, actor, resubmit=resubmit, driving=True)
        new = case.case_id == submission.case_id
        try:
            return case if case.stage is CaseStage.WAITING else self._drive(case, new=new)
        except UnknownCase:
            # A server that has crashed since then lost what was not flushed.
            return self._drive(self.ledger.receive(submission, actor, resubmit=resubmit, driving=True), new=True)

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
        return self.ledger.receive(submission, sender(replay, channel), resubmit=resubmit)

    def inbox(self, role: str | None = None, domain: str | None = None, limit: int = 200) -> Sequence[ReviewRow]:
        """Return the open reviews, the soonest due first, then the longest waiting, for one role or domain where given.

        Where the active policy has become stricter, a review is listed for the higher role that may now decide it.

        Raises:
            UnfitInput: the limit is not in [1, 100 000], or a name is no text that could be stored.
        """
        return open_reviews(self.ledger, self.rulebook, self.people.chain, role=role, domain=domain, limit=limit)

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
            CaseNotWaiting, ReviewAlreadyDecided, ReviewClaimed, ReviewExpired, KeyReused, StaleReview, NotAuthorised,
            TopOfChain, GraphChanged: it is refused.
            UnfitInput: the answer lacks something that its decision needs.
        """
        case = self._desk.to_move(self.show, given_id)
        with self._desk.refusals_told(case.case_id, named_review(case, review), review, channel):
            known = self.ledger.answered_under(review)
            if known is not None:
                row = receipt(known, case.case_id, review)
            else:
                row = self._desk.decide(self._review_to_decide(case, review), review, channel=channel)
        return self._answered(case, row)

    def claim(
        self, given_id: str, reviewer_id: str, *, seconds: float = CLAIM_SECONDS, channel: str = "library"
    ) -> ReviewRow:
        """Keep the open review of a case for one person: until then, by the store's clock, nobody else may answer it.

        Claiming it again prolongs it. An answer ends it, and so does `release`.

        Raises:
            CaseNotWaiting, NotAuthorised, ReviewClaimed, ReviewExpired, GraphChanged: it is refused.
            UnfitInput: the seconds are not in (0, 86 400].
        """
        if not 0 < seconds <= LONGEST_CLAIM:
            raise UnfitInput([f"claim {given_id!r}: seconds: {seconds} is not in (0, {LONGEST_CLAIM}]"])
        return self._desk.claim(self._open_review(given_id), reviewer_id, seconds, channel)

    def release(self, given_id: str, reviewer_id: str, *, channel: str = "library") -> bool:
        """Let go of the open review of a case; False where this person had not claimed it. Raises as `claim`."""
        return self._desk.release(self._open_review(given_id), reviewer_id, channel)

    def replay(self, given_id: str, recorded: Review) -> Case:
        """Record a decision that was taken in the past, at the time of the record, and run the case on.

        Raises:
            UnfitInput: the case came in live, or the record does not fit it.
        """
        case = self._desk.to_move(self.show, given_id)
        if not case.submission.replayed:
            why = "came in live; a person decides it, with 'hitl resume'"
            raise UnfitInput([f"the recorded review of task {case.task_id!r}: case {case.case_id!r} {why}"])
        with self._desk.refusals_told(case.case_id, named_review(case, recorded), recorded, REPLAY):
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

    def _submission(self, task: Task, output: AgentOutput | None, replay: bool) -> Submission:
        now = self._clock()
        task = settled(task, f"task {task.task_id!r}")
        output = None if output is None else settled(output, f"the output of task {task.task_id!r}")
        check_submission(task, output, now)
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
        given_before = (row for row in case.reviews if row.verdict and is_same_answer(row.verdict.review, answer))
        return next(given_before, case.open_review or case.reviews[-1])

    def _open_review(self, given_id: str) -> ReviewRow:
        case = self._desk.to_move(self.show, given_id)
        if case.open_review is None:
            raise CaseNotWaiting(case.case_id, case.status)
        self._check_graph(case.case_id, case.submission.graph_version)
        return case.open_review

    def _answered(self, case: Case, row: ReviewRow) -> Case:
        """Run a case on after an answer that was recorded just now, or that stood before."""
        before = case.open_review
        if before is None or row.verdict is None or row.verdict.final is None:
            return self._drive(self.ledger.case(case.case_id))
        reviews = tuple(row if known.review_id == row.review_id else known for known in case.reviews)
        return self._drive(case.model_copy(update={"stage": CaseStage.DECIDED, "reviews": reviews}))

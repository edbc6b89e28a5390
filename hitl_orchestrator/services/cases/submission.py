"""Submit, inbox, decide, recover: what every face does with cases, and the only way in which it does it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.case import Case, QualityCheck, Submission
from hitl_orchestrator.domain.enums import POLICY_CHANGE, CaseStage, RiskLevel
from hitl_orchestrator.domain.input.normalization import settled
from hitl_orchestrator.domain.review import Review, StoredReview
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import CaseNotWaiting, InvalidInput, NotAuthorized, ReviewEscalated, UnknownCase
from hitl_orchestrator.insights.feedback import Feedback, feedback_of
from hitl_orchestrator.ledger.events.builders import receipt
from hitl_orchestrator.ledger.ports.claims import InboxFilter
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.verification.chain_check import Verification
from hitl_orchestrator.ledger.verification.proofs import CaseProof
from hitl_orchestrator.ledger.verification.signer import Signing
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead
from hitl_orchestrator.nodes.ports import Outputs
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.cases.intake import (
    check_not_kept,
    check_submission,
    is_same_answer,
    name_of,
    named_review,
    one_of,
    sender,
)
from hitl_orchestrator.services.cases.runner import Driving
from hitl_orchestrator.services.reviews.access import Clock
from hitl_orchestrator.services.reviews.inbox import open_reviews
from hitl_orchestrator.services.reviews.recording import ReviewRecorder
from hitl_orchestrator.services.reviews.rejected_attempts import REPLAY

if TYPE_CHECKING:
    from hitl_orchestrator.graph.runner import Runner


class BaseOrchestrator(Driving):
    """Cases from intake to outcome. Safe to share between threads; use it as a context manager, or `close` it.

    Every acknowledged submission and decision is committed before its method returns, and survives a crash at any
    instant; `recover` drives on what a crash has left.
    """

    def __init__(
        self,
        ledger: Ledger,
        people: People,
        rulebook: PolicyRegistry,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        runner: "Callable[[ReviewRecorder], Runner]",
        signing: Signing,
        outputs: Outputs | None = None,
    ) -> None:
        """`runner` builds the graph; it is called when a case is first driven, since LangGraph is slow to import.

        `outputs` says what the outputs of each task type must look like.
        """
        super().__init__(ledger, ReviewRecorder(ledger, people, rulebook, clock, outputs), runner, signing)
        self._outputs = outputs
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
        submitted_by: str | None = None,
    ) -> Case:
        """Take a task in, and run its case until it finishes or waits for a person.

        The same task with the same content is the same case. With other content, and `resubmit`, it is a new case that
        takes the place of the one before, whose open review is superseded. `replay` marks a case whose times are those
        of the records: recorded reviews may then decide it. `channel` says through which door the task came, and
        `submitted_by` who submitted it: they may cancel it, and never decide it.

        Raises:
            InvalidInput: the output is for another task, the task's time lies in the future, or its type or id is kept.
            TaskConflict: the task id came before with other content, and no resubmission is asked for or allowed.
        """
        submission = self._submission(task, output, replay=replay, submitted_by=submitted_by)
        return self._submit(submission, resubmit=resubmit, channel=channel)

    def _submit(self, submission: Submission, *, resubmit: bool = False, channel: str) -> Case:
        actor = sender(submission, channel)
        # No flush of its own: the run writes again before this method acknowledges anything.
        case = self.ledger.receive(submission, actor, resubmit=resubmit, driving=True)
        new = case.case_id == submission.case_id
        if new and case.submission.supersedes is not None:
            self._give_way([row for row in self.ledger.case(case.submission.supersedes).reviews if row.verdict is None])
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
        submitted_by: str | None = None,
    ) -> Case:
        """Take a task in, durably, without running it yet. `recover` runs it, or a graph that you stream yourself."""
        submission = self._submission(task, output, replay=replay, submitted_by=submitted_by)
        return self.ledger.receive(submission, sender(submission, channel), resubmit=resubmit)

    def inbox(
        self,
        role: str | None = None,
        domain: str | None = None,
        limit: int = 200,
        *,
        task_type: str | None = None,
        risk_level: RiskLevel | str | None = None,
        overdue: bool = False,
        mine: str | None = None,
        unclaimed: bool = False,
    ) -> Sequence[StoredReview]:
        """Return the open reviews, the soonest due first, then the longest waiting, narrowed where something is given.

        Where the active policy has become stricter, a review is listed for the higher role that may now decide it.
        `mine` names a reviewer, and lists what they hold; `unclaimed` lists what nobody does.

        Raises:
            InvalidInput: the limit is not in [1, 100 000], or a name is no text that could be stored.
        """
        risk = None if risk_level is None else one_of(RiskLevel, risk_level, "inbox: risk_level")
        wanted = InboxFilter(role, domain, task_type, risk, overdue, mine, unclaimed)
        self._notice()
        return open_reviews(self.ledger, self.rulebook, self.people.chain, wanted, limit)

    def show(self, given_id: str) -> Case:
        """Return one case, by its own id or by that of its task (the latest attempt).

        Raises:
            UnknownCase: there is none.
            GraphVersionMismatch: it was stored in a form that this code does not read.
        """
        return self._read(self.ledger.find, given_id)

    def history(self, given_id: str) -> list[Event]:
        """Return everything that happened to one case, in order; to a change of the policy, also what came of it."""
        case = self.show(given_id)
        told = list(self.ledger.events(case.case_id))
        if case.submission.task.task_type == POLICY_CHANGE:
            # Entries about policies belong to no case; some name the one in which a change was decided.
            told += [one for one in self.ledger.policy_events() if one.body.get("case_id") == case.case_id]
        return sorted(told, key=lambda event: event.seq)

    def records(self, *, probes: bool = False) -> Iterator[AuditRecord]:
        """Yield the outcome of every finished case, in the order in which they finished.

        Cases that only measured a reviewer are kept apart: with `probes` these are yielded, and no others.
        """
        return (record for record in self.ledger.records() if (record.probe is not None) is probes)

    def feedback(self) -> Iterator[Feedback]:
        """Yield what agents can learn from each case that a person decided."""
        of_agents = (record for record in self.records() if record.task_type != POLICY_CHANGE)
        return (said for said in map(feedback_of, of_agents) if said is not None)

    def decide(self, given_id: str, review: Review, *, by: str | None = None, channel: str = "library") -> Case:
        """Record a person's answer to the case that waits, if it is the first, and run the case on.

        `by` is who the face has authenticated; an answer that names another is refused. Everything is checked before
        anything is written. The same answer of the same person again is the same receipt.

        Raises:
            CaseNotWaiting, ReviewAlreadyDecided, ReviewClaimed, ReviewExpired, KeyReused, StaleReview, NotAuthorized,
            TopOfChain, GraphVersionMismatch: it is refused.
            InvalidInput: the answer lacks something that its decision needs.
        """
        review = self._identified(review, by)
        self._notice()
        case = self._desk.to_move(self.show, given_id)
        with self._desk.refusals_told(case.case_id, named_review(case, review), review, channel):
            known = self.ledger.answered_under(review)
            if known is None:
                case, row = self._decided(case, review, channel)
            else:
                row = receipt(known, case.case_id, review)
        return self._answered(case, row)

    def _decided(self, case: Case, review: Review, channel: str) -> tuple[Case, StoredReview]:
        """Record an answer, and return the case that it was an answer to.

        Of two who vote at once one is first. The other's vote is the next, if it names no review.
        """
        while True:
            try:
                row = self._review_to_decide(case, review)
                return case, self._desk.decide(row, review, channel=channel, case=case)
            except ReviewEscalated:
                before, case = case, self._desk.to_move(self.show, case.case_id)
                if review.review_id or review.shown_digest or len(case.reviews) == len(before.reviews):
                    raise

    def replay(self, given_id: str, recorded: Review) -> Case:
        """Record a decision that was taken in the past, at the time of the record, and run the case on.

        Raises:
            InvalidInput: the case came in live, or the record does not fit it.
        """
        case = self._desk.to_move(self.show, given_id)
        if not case.submission.replayed:
            why = "came in live; a person decides it, with 'hitl resume'"
            raise InvalidInput([f"the recorded review of task {case.task_id!r}: case {case.case_id!r} {why}"])
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
            InvalidKey, HeadFileUnavailable: nothing can be signed.
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
        submitted_by: str | None = None,
    ) -> Case:
        """Do as `submit` does, in a thread, so that the event loop goes on."""
        how: dict[str, Any] = {"resubmit": resubmit, "replay": replay, "channel": channel, "submitted_by": submitted_by}
        return await asyncio.to_thread(self.submit, task, output, **how)

    async def adecide(self, given_id: str, review: Review, *, by: str | None = None, channel: str = "library") -> Case:
        """Do as `decide` does, in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.decide, given_id, review, by=by, channel=channel)

    def _submission(
        self,
        task: Task,
        output: AgentOutput | None,
        *,
        replay: bool = False,
        submitted_by: str | None = None,
        probe: QualityCheck | None = None,
        own: bool = False,
    ) -> Submission:
        """Return a case as it comes in. One of our `own` may have a type and an id that are kept for these."""
        now = self._clock()
        if not own:
            check_not_kept(task)
        task = settled(task, f"task {task.task_id!r}")
        output = None if output is None else settled(output, f"the output of task {task.task_id!r}")
        check_submission(task, output, now)
        self._put_policy_in_force(now)
        policy = self.rulebook.for_task(task)
        return Submission(
            case_id=self._new_id(),
            task=task,
            output=output,
            policy_id=policy.policy.policy_id,
            policy_hash=policy.hash,
            graph_version=self.version,
            received_at=now,
            replayed=replay,
            submitted_by=None if submitted_by is None else name_of(submitted_by, "submitted_by"),
            probe=probe,
        )

    def _identified(self, review: Review, by: str | None) -> Review:
        """Return an answer as that of whoever gave it. Raises `NotAuthorized` where it says that somebody else did."""
        if by is None or review.reviewer_id == by:
            return review
        if review.reviewer_id is not None:
            raise NotAuthorized(by, f"the answer names {review.reviewer_id!r}; everybody answers for themselves")
        return review.model_copy(update={"reviewer_id": by})

    def _put_policy_in_force(self, now: datetime) -> None:
        """Record the policy before the first case comes in under it; who only reads or decides changes no policy.

        Once one was activated in the store, that one rules, whatever the store was opened with.
        """
        if self._notice().active is None and not self._in_force:
            active, policy = self.rulebook.active, self.rulebook.active.policy
            self.ledger.record_policy(policy.policy_id, active.hash, policy.model_dump(mode="json"), now)
            self._in_force = True

    def _notice(self) -> PolicyHistory:
        """Learn what has become of the policies since, perhaps by another process, and let it rule: one small read.

        Raises:
            TamperedPolicy: the policy that is to rule is not what was recorded.
        """
        life = self.rulebook.history
        told = self.ledger.policy_events(life.seen)
        if not told:
            return life
        life = life.after(told)
        self.rulebook.put_in_force(life)
        return life

    def _review_to_decide(self, case: Case, answer: Review) -> StoredReview:
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
                raise InvalidInput([f"case {case.case_id!r} has no review {answer.review_id!r}"])
            return named
        given_before = (row for row in case.reviews if row.verdict and is_same_answer(row.verdict.review, answer))
        return next(given_before, case.open_review or case.reviews[-1])

    def _waiting_case(self, given_id: str) -> Case:
        """Return a case with an open review, or raise `CaseNotWaiting` or `GraphVersionMismatch`."""
        self._notice()
        case = self._desk.to_move(self.show, given_id)
        if case.open_review is None:
            raise CaseNotWaiting(case.case_id, case.status)
        self._check_graph(case.case_id, case.submission.graph_version)
        return case

    def _answered(self, case: Case, row: StoredReview) -> Case:
        """Run a case on after an answer that was recorded just now, or that stood before."""
        before = case.open_review
        if before is None or row.verdict is None or row.verdict.final is None:
            return self._drive(self.ledger.case(case.case_id))
        reviews = tuple(row if known.review_id == row.review_id else known for known in case.reviews)
        return self._drive(case.model_copy(update={"stage": CaseStage.DECIDED, "reviews": reviews}))

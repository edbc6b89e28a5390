"""Reviewing as a team does it: take the next case, hold it, give it on, look at it, take it back."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.domain.case import Case, QualityCheck
from hitl_orchestrator.domain.enums import CaseStage, HumanDecision, QualityCheckKind, RiskLevel
from hitl_orchestrator.domain.input.limits import check_record
from hitl_orchestrator.domain.review import Review, Reviewer, StoredReview
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import (
    CaseNotWaiting,
    GraphVersionMismatch,
    IncompatibleRecord,
    InvalidInput,
    NotAuthorized,
    RequestRejected,
    TamperedPolicy,
    TamperedReview,
)
from hitl_orchestrator.ledger.ports.claims import InboxFilter
from hitl_orchestrator.ledger.store.rows import customer_of
from hitl_orchestrator.review.assignment import Given, Nobody, ranked
from hitl_orchestrator.review.view import CaseView
from hitl_orchestrator.services.cases.intake import one_of
from hitl_orchestrator.services.cases.submission import BaseOrchestrator
from hitl_orchestrator.services.reviews.assignments import LATELY, Assignment, ReviewAssigner, Skill, Strategy
from hitl_orchestrator.services.reviews.case_view import CaseViewer
from hitl_orchestrator.services.reviews.team import Looked

CLAIM_SECONDS, LONGEST_CLAIM = 900.0, 86_400.0
"""How long a claim holds where nothing is said, and at most."""

WORKING_DAY = 28_800.0
_FIRST_LOOK = 8
# Somebody had their hands in the tables. The alarm is sounded where it is found, and the others are not held up.
_SPOILED = (TamperedPolicy, TamperedReview, IncompatibleRecord)


class TeamOrchestrator(BaseOrchestrator):
    """An orchestrator that a team of reviewers works with."""

    def claim(
        self, given_id: str, reviewer_id: str, *, seconds: float = CLAIM_SECONDS, channel: str = "library"
    ) -> StoredReview:
        """Keep the open review of a case for one person: until then, by the store's clock, nobody else may answer it.

        Claiming it again prolongs it. An answer ends it, and so does `release`.

        Raises:
            CaseNotWaiting, NotAuthorized, ReviewClaimed, ReviewExpired, GraphVersionMismatch: it is refused.
            InvalidInput: the seconds are not in (0, 86 400].
        """
        _check_seconds("claim", given_id, seconds)
        case = self._waiting_case(given_id)
        return self._desk.claim(_open_of(case), reviewer_id, seconds, channel, case)

    def release(self, given_id: str, reviewer_id: str, *, channel: str = "library") -> bool:
        """Let go of the open review of a case; False where this person had not claimed it. Raises as `claim`.

        One that was delegated goes back to who delegated it.
        """
        return self._desk.release(_open_of(self._waiting_case(given_id)), reviewer_id, channel)

    def delegate(
        self,
        given_id: str,
        reviewer_id: str,
        to: str,
        *,
        reason: str = "",
        seconds: float = CLAIM_SECONDS,
        channel: str = "library",
    ) -> StoredReview:
        """Give the review that one holds to another who may decide it; when they release it, it comes back.

        Raises:
            NotAuthorized: one does not hold it, or the other may not decide it, or holds as many as they may.
            CaseNotWaiting, ReviewClaimed, ReviewExpired, GraphVersionMismatch: it is refused.
            InvalidInput: the seconds are not in (0, 86 400].
        """
        _check_seconds("delegate", given_id, seconds)
        row = _open_of(self._waiting_case(given_id))
        reason = _text_of(reason, row)
        return self._desk.delegate(row, (reviewer_id, to), reason=reason, seconds=seconds, channel=channel)

    def cancel(self, given_id: str, by: str, *, reason: str, channel: str = "library") -> Case:
        """Take a case back that one has submitted, before anybody has decided it; it ends as `canceled`.

        Raises:
            NotAuthorized: somebody else submitted it, or nobody knows who did.
            CaseNotWaiting, ReviewAlreadyDecided, ReviewExpired, ReviewWithdrawn, GraphVersionMismatch: it is refused.
            InvalidInput: no reason is given.
        """
        case = self._waiting_case(given_id)
        if not reason.strip():
            raise InvalidInput([f"cancel {given_id!r}: reason: say why, for whoever was about to decide it"])
        row = self._desk.cancel(_open_of(case), case, by, reason=_text_of(reason, _open_of(case)), channel=channel)
        return self._answered(case, row)

    def view(self, given_id: str, reviewer_id: str | None = None, *, channel: str = "library") -> CaseView:
        """Return the case as its reviewer sees it: the open review, or else the last.

        The first look of a reviewer is recorded, and a look prolongs their claim. In a blind review the agent's
        answer is hidden until they have committed an own label, and from whoever names no reviewer.

        Raises:
            UnknownCase, CaseNotWaiting: there is nothing to look at.
            NotAuthorized: nobody knows this reviewer.
        """
        self._notice()
        case = self.show(given_id)
        if not case.reviews:
            raise CaseNotWaiting(case.case_id, case.status)
        row = case.open_review or case.reviews[-1]
        reviewer = None if reviewer_id is None else self.people.named(reviewer_id)
        if reviewer is not None and row.verdict is None:
            self._desk.look(row, reviewer, CLAIM_SECONDS, channel)
        return self._view(case, row, reviewer)

    def label(self, given_id: str, reviewer_id: str, label: str, *, channel: str = "library") -> CaseView:
        """Commit what one thinks oneself of a case before one sees the agent's answer, and return all there is to see.

        The first label of a reviewer stands.

        Raises:
            NotAuthorized, CaseNotWaiting, GraphVersionMismatch: it is refused.
            InvalidInput: the label is empty, or no text that can be stored.
        """
        case = self._waiting_case(given_id)
        row, reviewer = _open_of(case), self.people.named(reviewer_id)
        if not label.strip():
            raise InvalidInput([f"label {given_id!r}: say what you think the answer is"])
        self._desk.label(row, reviewer, _text_of(label, row), channel)
        return self._view(self.show(case.case_id), row, reviewer)

    def next_for(
        self, reviewer_id: str, *, seconds: float = CLAIM_SECONDS, channel: str = "library"
    ) -> StoredReview | None:
        """Claim the next best case for one person, and return its review; None where nothing waits for them.

        That is, of all that nobody holds and that they may decide: what asks for a role of theirs before what somebody
        below may decide as well, then the soonest due, then the longest waiting. What this code may not go on with, or
        was forged, is passed over.

        Raises:
            NotAuthorized: nobody knows this reviewer, or they hold as many as they may.
        """
        _check_seconds("next", reviewer_id, seconds)
        self._notice()
        reviewer = self.people.named(reviewer_id)
        # One at a time in this process: of many who looked at once, all but one would try in vain for the same case.
        with self._choosing:
            for row, case in self._for(reviewer):
                try:
                    return self._desk.claim(row, reviewer_id, seconds, channel, case)
                except NotAuthorized:
                    if self._desk.rights(row).may(reviewer):
                        raise  # they hold as many as they may
                except (RequestRejected, *_SPOILED):
                    continue  # somebody was quicker
        return None

    def assign(
        self,
        *,
        strategy: Strategy | str = Strategy.PUSH,
        limit: int = 1000,
        seconds: float = WORKING_DAY,
        skill: Skill = lambda reviewer, task_type: 1.0,
    ) -> list[Assignment]:
        """Give the open reviews that nobody holds to people who may decide them, the most urgent first.

        `push` gives each to the least loaded, `sticky` to whoever decided last for the same `customer` of the task's
        metadata. Who gets one holds it for so many `seconds`. What nobody with the role may decide goes to the role
        above; what nobody is there for now waits, and says so.

        Raises:
            InvalidInput: there is no such strategy, or the seconds are not in (0, 86 400].
        """
        _check_seconds("assign", "all", seconds)
        self._notice()
        how = one_of(Strategy, strategy, "assign: strategy")
        sharing = ReviewAssigner(self.people, self.ledger.loads(self.ledger.now() - LATELY), skill)
        return [
            self._assigned(row, how, sharing, seconds)
            for row in self.ledger.waiting(InboxFilter(unclaimed=True, open=True), limit)
        ]

    def _assigned(self, row: StoredReview, how: Strategy, sharing: ReviewAssigner, seconds: float) -> Assignment:
        try:
            found = self._who_gets(row, how, sharing)
            if isinstance(found, Nobody):
                return Assignment(row, None, found.why)
            held = self._desk.assign(row, found.reviewer, seconds)
        except (RequestRejected, *_SPOILED) as why:
            return Assignment(row, None, str(why))
        sharing.note(found.reviewer)
        return Assignment(held, found.reviewer.reviewer_id, found.why)

    def _who_gets(self, row: StoredReview, how: Strategy, sharing: ReviewAssigner) -> Given | Nobody:
        at_best = sharing.at_best(row, self._desk.role_needed(row), self.ledger.now())
        if isinstance(at_best, Nobody):
            return at_best
        case = self._case(row.case_id)
        self._check_graph(case.case_id, case.submission.graph_version)
        customer = customer_of(row.shown.task) if how is Strategy.STICKY else None
        before = None if customer is None else self.ledger.last_reviewer_for(customer)
        return sharing.who_gets(self._desk.rights(row, case), before, self.ledger.now())

    def decide_many(
        self, given_ids: Sequence[str], review: Review, *, by: str | None = None, channel: str = "library"
    ) -> list[Case]:
        """Record one answer to several cases: of low risk, sent by one rule, and never passed up. Each is its own.

        All are looked at before anything is written. Should one be taken meanwhile, those before it stand.

        Raises:
            InvalidInput: some of them must be decided one by one, with every reason.
            NotAuthorized and others: as `decide`.
        """
        cases = [self._waiting_case(given_id) for given_id in given_ids]
        found = list(_not_in_bulk(cases, review))
        if found:
            raise InvalidInput(found)
        who = self.people.named(self._identified(review, by).reviewer_id or "")
        for case in cases:
            self._desk.rights(_open_of(case), case).role_for(who)
        return [self.decide(case.case_id, review, by=by, channel=channel) for case in cases]

    def add_gold_case(
        self, task: Task, output: AgentOutput, expected: HumanDecision, *, channel: str = "library"
    ) -> Case:
        """Put a case in the queue whose right answer is known. No reviewer can tell, and it is never carried out.

        Raises:
            InvalidInput: the policy would let it go ahead, so that nobody would be asked; the task came before; or as
                `submit`.
        """
        return self._submit_quality_check(
            task, output, QualityCheck(kind=QualityCheckKind.KNOWN_ANSWER, expected=expected), channel
        )

    def add_second_review(self, given_id: str, task_id: str, *, channel: str = "library") -> Case:
        """Ask somebody else about a case that a person has decided, under another task id. It is never carried out.

        Raises:
            InvalidInput: no person decided the case.
        """
        case = self.show(given_id)
        persons = {vote.person or vote.reviewer_id for vote in case.record.votes} if case.record else set()
        if not persons or case.redacted or not case.record or case.record.quality_check:
            raise InvalidInput([f"second look at {given_id!r}: no person has decided it; name a case that one decided"])
        task = case.submission.task.model_copy(update={"task_id": task_id, "timestamp": self._clock()})
        output = case.reviews[-1].shown.routing.output
        output = output and output.model_copy(update={"task_id": task_id})
        not_by = tuple(sorted(person for person in persons if person is not None))
        quality_check = QualityCheck(kind=QualityCheckKind.SECOND_REVIEW, of=case.case_id, not_by=not_by)
        return self._submit_quality_check(task, output, quality_check, channel)

    def _submit_quality_check(
        self, task: Task, output: AgentOutput | None, quality_check: QualityCheck, channel: str
    ) -> Case:
        case = self._submit(self._submission(task, output, quality_check=quality_check), channel=channel)
        if case.submission.quality_check is None:
            there = f"it was submitted before, and is case {case.case_id!r}"
            raise InvalidInput([f"task {task.task_id!r}: task_id: {there}; give this one another id"])
        if case.stage is not CaseStage.WAITING:
            raise InvalidInput(
                [f"task {task.task_id!r}: the policy lets it go ahead, so that nobody is asked about it"]
            )
        return case

    def _view(self, case: Case, row: StoredReview, reviewer: Reviewer | None) -> CaseView:
        rights = self._desk.rights(row, case)
        events = list(self.ledger.events(case.case_id))
        looked = Looked(None, "")
        if reviewer is not None:
            looked = self._desk.looked_at(row, reviewer, events)
        return CaseViewer(self.ledger, self.rulebook, self._outputs).view(case, rights, events, reviewer, looked)

    def _for(self, reviewer: Reviewer) -> Iterator[tuple[StoredReview, Case]]:
        """Yield the open reviews that nobody holds and that somebody may decide, with their cases, the best first."""
        seen: set[str] = set()
        look = _FIRST_LOOK
        while True:
            rows, more = self._waiting_for(reviewer, look)
            fresh = [row for row in rows if row.review_id not in seen]
            seen.update(row.review_id for row in fresh)
            for row in fresh:
                case = self._fit_for(row, reviewer)
                if case is not None:
                    yield row, case
            if not more:
                return
            look *= 4

    def _fit_for(self, row: StoredReview, reviewer: Reviewer) -> Case | None:
        """Return the case of a review that somebody may decide; None where they may not, or nobody can just now."""
        try:
            case = self._case(row.case_id)
            self._check_graph(case.case_id, case.submission.graph_version)
            return case if self._desk.rights(row, case).may(reviewer) else None
        except (GraphVersionMismatch, *_SPOILED):
            return None

    def _waiting_for(self, reviewer: Reviewer, limit: int) -> tuple[list[StoredReview], bool]:
        """Return the first reviews of each role and domain of somebody, and whether there may be more."""
        chain = self.people.chain
        roles = [role for role in chain.roles if any(chain.reaches(held, role) for held in reviewer.roles)]
        domains: tuple[str | None, ...] = (None,) if "*" in reviewer.domains else reviewer.domains
        wanted = [
            InboxFilter(role=role, domain=domain, unclaimed=True, open=True) for role in roles for domain in domains
        ]
        listed = self.ledger.waiting_each(wanted, limit)
        rows = ranked((row for rows in listed for row in rows), reviewer, self.people, at=self.ledger.now())
        return rows[:limit], any(len(rows) == limit for rows in listed)


def _open_of(case: Case) -> StoredReview:
    if case.open_review is None:
        raise CaseNotWaiting(case.case_id, case.status)
    return case.open_review


def _check_seconds(verb: str, given_id: str, seconds: float) -> None:
    if not 0 < seconds <= LONGEST_CLAIM:
        raise InvalidInput([f"{verb} {given_id!r}: seconds: {seconds} is not in (0, {LONGEST_CLAIM}]"])


def _text_of(given: str, row: StoredReview) -> str:
    """Return a text that is about to be stored. Raises `InvalidInput` where it cannot be."""
    try:
        said = Review(human_decision=HumanDecision.REJECT, reason=given)
    except ValueError as exc:
        raise InvalidInput([f"review {row.review_id!r}: {exc}"]) from exc
    check_record(said, f"what is said of review {row.review_id!r}")
    return said.reason


def _not_in_bulk(cases: Sequence[Case], review: Review) -> Iterator[str]:
    """Yield what keeps cases from being decided together."""
    spec = review.human_decision.spec
    if review.modified_output is not None or not (spec.approves_proposal or spec.rejects):
        yield f"bulk: {review.human_decision} is for one case alone; several can be approved or rejected together"
    rules = sorted({_open_of(case).shown.routing.decision.rule_id for case in cases})
    if len(rules) > 1:
        yield f"bulk: they come from several rules, {', '.join(rules)}; decide those of one rule at a time"
    for case in cases:
        row = _open_of(case)
        checks: tuple[tuple[bool, str], ...] = (
            (row.shown.routing.risk_level is not RiskLevel.LOW, f"its risk is {row.shown.routing.risk_level}"),
            (row.level > 0 or row.shown.routing.decision.action.strictness > 1, "it was escalated"),
            (row.shown.routing.decision.requirements.approvals > 1, "it takes several persons"),
            (row.shown.routing.decision.requirements.blind, "its review is blind"),
        )
        for stands, why in checks:
            if stands:
                yield f"bulk: task {case.task_id!r}: {why}; decide it by itself"

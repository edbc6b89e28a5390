"""The ports of the nodes, over the ledger: where reviews are opened, answers arrive and outcomes are written."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from hitl_orchestrator.domain.audit import AuditRecord, is_drawn
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.counting.counters import Counted, Counter
from hitl_orchestrator.domain.decision import NOT_ROUTED, Routing, RoutingDecision, Score
from hitl_orchestrator.domain.enums import Action, ConfidenceSource, EventKind, QualityCheckKind, RiskLevel
from hitl_orchestrator.domain.review import Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import (
    ForgedState,
    IncompleteOutcome,
    InvalidInput,
    NotAuthorized,
    RequestRejected,
    UnknownCase,
)
from hitl_orchestrator.ledger.events.builders import row_opened
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.runs import Counting, Ending, GovernanceChanged, Opening
from hitl_orchestrator.nodes.ports import Rules
from hitl_orchestrator.nodes.route import with_error
from hitl_orchestrator.review.deadlines import timeout_action
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import CaseReader, Clock
from hitl_orchestrator.services.policy_sync import PolicySync
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.audit_records import by_agent, by_person
from hitl_orchestrator.services.reviews.recording import ReviewRecorder
from hitl_orchestrator.services.reviews.rejected_attempts import RejectedAttempts
from hitl_orchestrator.services.reviews.requirements import facts_of

__all__ = ["NodePorts", "UnitOfWork"]

_IN_GRAPH = Acting(channel="graph")


@dataclass
class UnitOfWork:
    """One run of a case in this process.

    The nodes use the `case`, which the caller has just written, or read and verified, instead of reading it again.
    With `collects` they record nothing: the caller records the `result` of the run with what led to it.
    """

    case: Case
    collects: bool = False
    result: Opening | Ending | None = None


_UNIT: ContextVar[UnitOfWork | None] = ContextVar("_UNIT", default=None)


class NodePorts:
    """Implements the `Inbox`, `Records`, `History` and `Alarms` of the nodes."""

    def __init__(
        self,
        ledger: Ledger,
        reader: CaseReader,
        access: ReviewAccess,
        recorder: ReviewRecorder,
        rejected: RejectedAttempts,
        *,
        rules: Rules,
        people: People,
        policies: PolicySync,
        clock: Clock,
    ) -> None:
        self._ledger, self._reader, self._access, self._recorder = ledger, reader, access, recorder
        self._rejected, self._rules = rejected, rules
        self._people, self._policies, self._clock = people, policies, clock
        self._covered: tuple[int, tuple[Counter, ...]] = (0, ())

    @contextmanager
    def unit_of_work(self, case: Case, *, collects: bool = False) -> Iterator[UnitOfWork]:
        """Run a case within this context as one unit of work."""
        with self.within(UnitOfWork(case, collects)) as unit:
            yield unit

    @contextmanager
    def within(self, unit: UnitOfWork) -> Iterator[UnitOfWork]:
        """Run a part of a unit of work within this context."""
        token = _UNIT.set(unit)
        try:
            yield unit
        finally:
            _UNIT.reset(token)

    def open(self, submission: Submission, routing: Routing | None) -> StoredReview:
        """Return the current review of a case; open the first one where there is none."""
        if routing is None:
            return self._current_review(submission.case_id)
        self._check_submission(submission)
        seen, unit = self._policies.seen, _unit_of(submission.case_id)
        opening = self._opening(submission, routing, self._clock())
        if unit is not None and unit.collects:
            unit.result = opening
            return row_opened(opening.shown, opening.at, opening.at, opening.text)
        counting = self.counting(submission, opening)
        row = self._ledger.open_review(opening.shown, opening.at, opening.shadow, seen, counting)
        return row if row.verdict is None else self._access.verified(row)

    def before(self, submission: Submission) -> tuple[Counted, ...]:
        """Return the values of counters; none where the caller of the run reads them, when it records the result.

        A case about another one is judged by those of its original, which otherwise it would count.
        """
        if submission.original is not None:
            return self._values_of(submission.original) if self._rules.counters(submission.policy_hash) else ()
        unit, counters = _unit_of(submission.case_id), self._counters(submission)
        is_left = not counters or (unit is not None and unit.collects)
        if is_left:
            return ()
        return self._rules.as_declared(submission, self._ledger.count(submission, counters, self._clock()))

    def counting(self, submission: Submission, routed: Opening | Ending) -> Counting | None:
        """Return how a case is routed again by what is counted; None if no policy for it counts anything."""
        counters = self._counters(submission)
        return Counting(submission, counters, partial(self._again, submission, routed)) if counters else None

    def _values_of(self, case_id: str) -> tuple[Counted, ...]:
        """Return the values of counters by which a case was routed."""
        routed = (event.body for event in self._ledger.events(case_id) if event.kind is EventKind.ROUTED)
        return tuple(Counted.model_validate(each) for body in routed for each in body["history"])

    def _counters(self, submission: Submission) -> tuple[Counter, ...]:
        """Return what is counted for a case, after earlier cases were counted too."""
        # The ledger does not know what came before a case of the past.
        is_aside = submission.replayed or submission.original is not None
        counters = () if is_aside else self._rules.counters(submission.policy_hash)
        now = (self._policies.seen, counters)
        if counters and now != self._covered:
            self._ledger.cover({each.measure for each in counters}, self._policies.seen)
            self._covered = now
        return counters

    def _again(
        self, submission: Submission, routed: Opening | Ending, history: tuple[Counted, ...]
    ) -> Opening | Ending:
        """Return the result of a routing by these values of counters. Writes nothing."""
        first = routed.routing if isinstance(routed, Ending) else routed.shown.routing
        first = first.model_copy(update={"history": self._rules.as_declared(submission, history)})
        decision = with_error(self._rules.route(submission, facts_of(submission.task, first)), first.error)
        routing = first.model_copy(update={"decision": decision})
        if decision.needs_human:
            return self._opening(submission, routing, routed.at)
        return self._ending(submission, routing, routed.at)

    def _ending(self, submission: Submission, routing: Routing, at: datetime) -> Ending:
        drawn = self._is_drawn(submission, routing.decision)
        return Ending(by_agent(submission, routing, at, drawn=drawn), routing, at)

    def _opening(self, submission: Submission, routing: Routing, at: datetime) -> Opening:
        shown = self._snapshot(submission, _as_shown(routing))
        return Opening(shown, shown.text, at, routing.decision.shadow)

    def _snapshot(self, submission: Submission, routing: Routing) -> ReviewSnapshot:
        chain = self._people.chain
        role = routing.decision.assigned_human_role or chain.roles[0]
        return ReviewSnapshot(
            review_id=f"{submission.case_id}.0",
            case_id=submission.case_id,
            level=0,
            role=role,
            task=submission.task,
            routing=routing,
            on_timeout=None if submission.replayed else timeout_action(routing.decision, role, chain),
            answer_within=self._recorder.answer_within(routing.decision),
            salt=secrets.token_hex(16),
            replayed=submission.replayed,
        )

    def open_to_withdraw(self, submission: Submission, why: str) -> StoredReview:
        """Open the review of a case that ends before it was routed. The caller withdraws it."""
        decision = RoutingDecision(
            action=Action.HUMAN_REVIEW,
            rule_id=NOT_ROUTED,
            assigned_human_role=self._people.chain.roles[0],
            reason=why,
            policy_id=submission.policy_id,
            policy_hash=submission.policy_hash,
        )
        risk = submission.task.risk_level or RiskLevel.HIGH
        score = Score(confidence=None, source=ConfidenceSource.MISSING)
        routing = Routing(risk_level=risk, output=submission.output, score=score, decision=decision)
        return self._ledger.open_review(self._snapshot(submission, routing), self._clock(), to_withdraw=True)

    def hear(self, row: StoredReview, answer: Review | None) -> StoredReview:
        """Return the current review, after trying an answer in the resume value of the graph."""
        if answer is not None:
            decided = self._decided_in_graph(row, answer)
            if decided is not None:
                return decided
        row = self._ledger.latest_review(row.case_id) or row
        return row if row.verdict is None else self._access.verified(row)

    def close(self, submission: Submission, routing: Routing | None) -> AuditRecord:
        """Write the outcome of a case from the tables."""
        now, seen = self._clock(), self._policies.seen
        self._check_submission(submission)
        if routing is not None and self._is_auto_approved(submission, routing):
            # The ledger refuses a waiting case without a reviewer's decision, even if the state is forged.
            with suppress(IncompleteOutcome):
                ending = self._ending(submission, routing, now)
                return self._finished(ending, seen, submission)
        at_hand = self._decided_at_hand(submission.case_id)
        row = at_hand or self._ledger.latest_review(submission.case_id)
        if row is None:
            self.alarm(submission.case_id, "it was about to finish, and no review of it was ever opened")
            raise IncompleteOutcome(submission.case_id, "it needs a reviewer, and no review of it was ever opened")
        if row.verdict is None:
            self.alarm(submission.case_id, f"it was about to finish, and review {row.review_id!r} is open")
        if row is not at_hand:
            row = self._access.verified(row)
        chance = self._review_probability(submission, row.shown.routing)
        record = by_person(submission, row, self._access.earlier(row), chance)
        return self._finished(Ending(record, row.shown.routing, now))

    def catch_up(self) -> None:
        """Apply the policies and people that others have put in force."""
        self._policies.refresh()

    def _finished(self, ending: Ending, seen: int | None = None, routed: Submission | None = None) -> AuditRecord:
        """Record the outcome of a case, unless the caller of the run does. It may have been `routed` in this run."""
        unit = _unit_of(ending.record.case_id)
        if unit is None or not unit.collects:
            counting = None if routed is None else self.counting(routed, ending)
            return self._ledger.finish(*ending, seen, counting)
        unit.result = ending
        return ending.record

    def alarm(self, case_id: str, cause: str) -> None:
        """Record once that data was found which this package did not write."""
        self._reader.alarm(case_id, cause)

    def _decided_in_graph(self, row: StoredReview, answer: Review) -> StoredReview | None:
        """Record an answer sent to the graph like any decision; None if it is rejected: the case interrupts again."""
        self._policies.refresh()
        try:
            with self._rejected.recorded(row.case_id, row.review_id, answer, _IN_GRAPH):
                decided = self._recorder.decide(row, answer, acting=_IN_GRAPH)
        except GovernanceChanged:
            return self._decided_in_graph(row, answer)
        except (NotAuthorized, InvalidInput) as exc:
            self.alarm(row.case_id, f"an answer sent directly to the graph was rejected: {exc}")
            return None
        except RequestRejected:
            return None
        # This run was started by other code, and its next step holds no lease.
        self._ledger.release(row.case_id)
        return decided

    def _current_review(self, case_id: str) -> StoredReview:
        row = self._decided_at_hand(case_id)
        if row is not None:
            return row
        row = self._ledger.latest_review(case_id)
        if row is None:
            raise self._forged(case_id, "no review of it was opened, and its checkpoint was stored elsewhere")
        return row if row.verdict is None else self._access.verified(row)

    def _decided_at_hand(self, case_id: str) -> StoredReview | None:
        """Return the review that this unit of work has verified and decided, if this is its case."""
        unit = _unit_of(case_id)
        row = unit.case.reviews[-1] if unit is not None and unit.case.reviews else None
        return row if row is not None and row.verdict is not None else None

    def _review_probability(self, submission: Submission, routing: Routing) -> float:
        """Return the probability that a case like this one is reviewed: a spot check has that of the case it checks."""
        check = submission.quality_check
        if check is None or check.kind is not QualityCheckKind.SPOT_CHECK or check.of is None:
            return routing.decision.review_probability
        checked = self._ledger.case(check.of).record
        return 1.0 if checked is None else checked.review_probability

    def _is_drawn(self, submission: Submission, decision: RoutingDecision) -> bool:
        """Draw whether a person checks an approved case afterwards. The record keeps the outcome.

        Under a key of the ledger, so that neither its submitter nor its reviewers can tell.
        """
        if submission.replayed or submission.quality_check is not None or decision.spot_check <= 0:
            return False
        return is_drawn(decision.spot_check, self._ledger.lot("spot check", submission.case_id))

    def _check_submission(self, submission: Submission) -> None:
        """Raise `ForgedState` if the submission in the state differs from the one in the ledger."""
        unit = _unit_of(submission.case_id)
        if unit is not None:
            stored = unit.case.submission
        else:
            try:
                stored = self._ledger.case(submission.case_id).submission
            except UnknownCase:
                raise IncompleteOutcome(submission.case_id, "it was never received") from None
        if stored is not submission and _text(stored) != _text(submission):
            raise self._forged(submission.case_id, "its submission is not the one that the ledger holds")

    def _forged(self, case_id: str, why: str) -> ForgedState:
        """Raise the alarm, and return the error."""
        error = ForgedState(case_id, why)
        self.alarm(case_id, str(error))
        return error

    def _is_auto_approved(self, submission: Submission, routing: Routing) -> bool:
        """Whether the policy approves these facts automatically. The decision in the state is not trusted."""
        if routing.decision.needs_human or submission.held:
            return False
        unit = _unit_of(submission.case_id)
        if unit is not None and unit.collects:
            return True  # This run has routed it, in memory.
        return not self._access.policy_decision(submission, facts_of(submission.task, routing)).needs_human


def _unit_of(case_id: str) -> UnitOfWork | None:
    """Return the unit of work of a case, if this is one."""
    unit = _UNIT.get()
    return unit if unit is not None and unit.case.case_id == case_id else None


def _as_shown(routing: Routing) -> Routing:
    """Return the routing that reviewers see: without the answer of a shadow policy, and as it is read later."""
    return routing.model_copy(update={"decision": routing.decision.model_copy(update={"shadow": None, "trace": ()})})


def _text(submission: Submission) -> str:
    return canonical_json(submission.model_dump(mode="json"))

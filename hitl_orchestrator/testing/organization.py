"""Simulate an organization on a simulated clock: tasks arrive, reviewers come and go, claim reviews and decide."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import DecisionSource
from hitl_orchestrator.domain.review import ReviewRequest
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import RequestRejected
from hitl_orchestrator.orchestrator import Orchestrator
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.view import CaseView
from hitl_orchestrator.testing.clock import Clock
from hitl_orchestrator.testing.reviewers import SimulatedReviewer
from hitl_orchestrator.testing.scenario import DEFAULT_POLICY, Arrival, Scenario, Strategy, shift
from hitl_orchestrator.testing.summary import Load, Outcome, Waiting
from hitl_orchestrator.wiring.stores import MEMORY

_MAX_OPEN = 100_000
"""The number of open reviews that are read at the end."""

OnDay = Callable[[int], None]


@dataclass
class _Desk:
    """The state of one reviewer: the end of their day, their current case, and their counts."""

    staff: SimulatedReviewer
    until: datetime | None = None
    busy: bool = False
    looks_again: bool = False
    today: int = 0
    days: list[int] = field(default_factory=list)
    at_work: float = 0.0
    seconds: float = 0.0
    answers: int = 0
    wrong: int = 0
    left: int = 0

    def load(self) -> Load:
        """Return the counts."""
        reviewer = self.staff.reviewer
        return Load(
            reviewer_id=reviewer.reviewer_id,
            roles=reviewer.roles,
            domains=reviewer.domains,
            days=tuple(self.days),
            answers=self.answers,
            wrong=self.wrong,
            left=self.left,
            seconds=round(self.seconds, 3),
            busy=round(self.seconds / self.at_work, 4) if self.at_work else None,
        )


class Organization:
    """Reviewers, tasks and an orchestrator on a clock that only this class advances.

    It is a discrete-event simulation: a month takes as long as the orchestrator needs for its cases.
    """

    def __init__(
        self, hitl: Orchestrator, clock: Clock, staff: Sequence[SimulatedReviewer], scenario: Scenario
    ) -> None:
        """`hitl` must have been opened with this clock and with these reviewers."""
        self.hitl, self.clock, self.scenario = hitl, clock, scenario
        self._desks = {each.reviewer_id: _Desk(each) for each in staff}
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()
        self._arrivals: Iterator[Arrival] = scenario.arrivals()
        self._truths: dict[str, str] = {}
        self._refused: Counter[str] = Counter()
        self._overdue = self._lapsed = self._day = 0
        self._done = False

    def run(self, on_day: OnDay = lambda day: None) -> Outcome:
        """Simulate all days; `on_day` is called with the number of each day at its end."""
        self._tomorrow(on_day)
        self._at(self.scenario.starts, self._sweep)
        if self.scenario.strategy is Strategy.PUSH:
            self._at(self.scenario.starts, self._hand_out)
        self._let_in()
        while self._agenda and not self._done:
            at, _, act = heappop(self._agenda)
            self.clock.advance_to(max(at, self.clock()))
            act()
        return self._outcome()

    def _at(self, when: datetime, act: Callable[[], None]) -> None:
        heappush(self._agenda, (when, next(self._numbers), act))

    def _in(self, later: timedelta, act: Callable[[], None]) -> None:
        self._at(self.clock() + later, act)

    def _tomorrow(self, on_day: OnDay) -> None:
        """Schedule a day and its reviewers; at its end schedule the next one, if there is work left."""
        midnight = self.scenario.starts + timedelta(days=self._day)
        for desk in self._desks.values():
            hours = shift(desk.staff.reviewer, midnight)
            if hours is not None and self.scenario.comes(desk.staff.reviewer, self._day):
                self._at(hours[0], self._arriving(desk, *hours, self._day))

        def at_midnight() -> None:
            on_day(self._day)
            if self._day < self.scenario.days or (self._day < self._last_day and self.hitl.inbox(limit=1)):
                self._tomorrow(on_day)
            else:
                self._done = True

        self._day += 1
        self._at(midnight + timedelta(days=1), at_midnight)

    @property
    def _assigner(self) -> str:
        """The reviewer in whose name reviews are assigned: the one with the highest role."""
        roles = self.hitl.reviews.roles()
        highest = max(self._desks.values(), key=lambda desk: max(map(roles.index, desk.staff.reviewer.roles)))
        return highest.staff.reviewer_id

    @property
    def _last_day(self) -> int:
        return self.scenario.days + self.scenario.winds_down

    def _let_in(self) -> None:
        """Schedule the next task, if there is one."""
        arrival = next(self._arrivals, None)
        if arrival is not None:
            self._at(arrival.at, lambda: self._submit(arrival))

    def _submit(self, arrival: Arrival) -> None:
        self._truths[arrival.task.task_id] = arrival.truth
        self.hitl.submit(arrival.task, arrival.output)
        self._let_in()

    def _sweep(self) -> None:
        """Run the periodic maintenance."""
        self.hitl.run_maintenance(self._moved, self._noticed)
        self._in(self.scenario.sweeps_every, self._sweep)

    def _moved(self, case: Case) -> None:
        self._overdue += 1

    def _noticed(self, notice: Any) -> None:
        self._lapsed += notice.kind == "returned"

    def _hand_out(self) -> None:
        """Assign open reviews, and wake idle reviewers."""
        if any(desk.until is not None for desk in self._desks.values()):
            hitl, seconds = self.hitl.acting_as(self._assigner), self.scenario.claimed_for.total_seconds()
            assigned = hitl.reviews.assign(strategy="push", seconds=seconds)
            for who in sorted({each.to for each in assigned if each.to is not None}):
                self._look(self._desks[who])
        self._in(self.scenario.hands_out_every, self._hand_out)

    def _arriving(self, desk: _Desk, begins: datetime, ends: datetime, day: int) -> Callable[[], None]:
        def arrive() -> None:
            desk.until, desk.today = ends, 0
            desk.days.append(day)
            desk.at_work += (ends - begins).total_seconds()
            self._at(ends, lambda: self._go_home(desk))
            self._look(desk)

        return arrive

    def _go_home(self, desk: _Desk) -> None:
        """Release the claims on cases not started. A reviewer who has left releases none."""
        if desk.until is not None and not desk.busy:
            self._give_back(desk)
        desk.until = None

    def _give_back(self, desk: _Desk) -> None:
        for row in self.hitl.inbox(claimed_by=desk.staff.reviewer_id):
            self.hitl.reviews.release(row.case_id, reviewer=desk.staff.reviewer_id)

    def _look(self, desk: _Desk) -> None:
        """Start the next case of a reviewer who is present and free. With `pull` they retry later if there is none."""
        desk.looks_again = False
        if desk.busy or desk.until is None:
            return
        row = self._next(desk)
        if row is not None:
            self._begin(desk, row)
        elif self.scenario.strategy is Strategy.PULL:
            self._look_later(desk)

    def _look_later(self, desk: _Desk) -> None:
        if not desk.looks_again:
            desk.looks_again = True
            self._in(self.scenario.hands_out_every, lambda: self._look(desk))

    def _next(self, desk: _Desk) -> ReviewRequest | None:
        who, seconds = desk.staff.reviewer_id, self.scenario.claimed_for.total_seconds()
        held = self.hitl.inbox(claimed_by=who, limit=1)
        if held:
            return held[0]
        return (
            self.hitl.reviews.next(reviewer=who, seconds=seconds) if self.scenario.strategy is Strategy.PULL else None
        )

    def _begin(self, desk: _Desk, row: ReviewRequest) -> None:
        """Start a case, which is decided after its review time, unless the reviewer leaves for the day."""
        staff, task_id = desk.staff, row.task_id
        if not self.scenario.stays(staff.reviewer, task_id, self.clock()):
            desk.left += 1
            desk.until = None
            return
        view, truth = self.hitl.reviews.view(row.case_id, reviewer=staff.reviewer_id), self._truths[task_id]
        if view.hidden:
            self.hitl.reviews.label(
                row.case_id, reviewer=staff.reviewer_id, label=staff.label(view, truth, done_today=desk.today)
            )
            view = self.hitl.reviews.view(row.case_id, reviewer=staff.reviewer_id)
        seconds, desk.busy = staff.seconds(view), True
        self._in(timedelta(seconds=seconds), lambda: self._decide(desk, row, view, seconds))

    def _decide(self, desk: _Desk, row: ReviewRequest, view: CaseView, seconds: float) -> None:
        truth = self._truths[view.task_id]
        answer = desk.staff.answer(view, truth, done_today=desk.today)
        try:
            case = self.hitl.decide(view.case_id, answer)
        except RequestRejected as refusal:
            self._refused[type(refusal).__name__] += 1
        else:
            desk.answers += 1
            desk.wrong += _is_wrong(case, truth)
            self._overdue += row.due_at is not None and row.due_at < self.clock()
        desk.busy, desk.today = False, desk.today + 1
        desk.seconds += seconds
        if desk.until is None:
            self._give_back(desk)  # the decision came after the end of the day
        self._look(desk)

    def _outcome(self) -> Outcome:
        records, still_open = list(self.hitl.audit.records()), self.hitl.inbox(limit=_MAX_OPEN)
        by_people = [record for record in records if record.human_involved]
        top = self.hitl.reviews.roles()[-1]
        accounted = {record.case_id for record in records} | {row.case_id for row in still_open}
        wrong = Counter(_who(record) for record in records if _is_wrong_record(record, self._truths[record.task_id]))
        return Outcome(
            came_in=len(self._truths),
            went_ahead=len(records) - len(by_people),
            reviewed=len(by_people),
            outcomes=dict(Counter(record.final_decision.value for record in records)),
            waiting=len(still_open),
            at_the_top=sum(row.needed_role == top for row in still_open),
            lost=len(self._truths) - len(accounted),
            escalated=sum(record.escalations > 0 for record in records),
            overdue=self._overdue,
            lapsed=self._lapsed,
            refused=dict(self._refused),
            wrong=dict(wrong),
            waited=Waiting.of(record.latency_seconds for record in by_people),
            loads=tuple(desk.load() for desk in self._desks.values()),
            simulated_days=self._day,
            sound=self.hitl.audit.verify().sound,
        )


def simulate(
    scenario: Scenario | None = None,
    staff: Sequence[SimulatedReviewer] | None = None,
    *,
    policy: Any = DEFAULT_POLICY,
    chain: RoleChain = DEFAULT_CHAIN,
    store: str = MEMORY,
    on_day: OnDay = lambda day: None,
) -> Outcome:
    """Run a scenario on its own store, and return the results.

    `policy` is a file or a value, `chain` has the roles that it and the staff name.

    Raises:
        InvalidInput: the policy is unusable.
    """
    scenario = scenario or Scenario()
    staff = scenario.staff(chain=chain) if staff is None else staff
    clock = Clock(scenario.starts)
    people = People([each.reviewer for each in staff], chain)
    with Orchestrator.open(store, policy=policy, reviewers=people, clock=clock) as hitl:
        return Organization(hitl, clock, staff, scenario).run(on_day)


def _is_wrong(case: Case, truth: str) -> bool:
    return case.record is not None and _is_wrong_record(case.record, truth)


def _is_wrong_record(record: AuditRecord, truth: str) -> bool:
    """Whether a wrong output may be carried out."""
    return record.final_output is not None and record.final_output.predicted_label != truth


def _who(record: AuditRecord) -> str:
    return "agent" if record.decision_source is DecisionSource.AGENT else "people"

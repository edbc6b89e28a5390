"""A whole organization at work on a simulated clock: tasks come in, people come and go, and decide what they claim."""

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
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.errors import RequestRejected
from hitl_orchestrator.orchestrator import Orchestrator
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.view import CaseView
from hitl_orchestrator.testing.clock import Clock
from hitl_orchestrator.testing.reviewers import SimulatedReviewer
from hitl_orchestrator.testing.scenario import POLICY, Arrival, Scenario, Strategy, shift
from hitl_orchestrator.testing.summary import Load, Outcome, Waiting
from hitl_orchestrator.wiring.build import MEMORY

MOST = 100_000
"""So many open reviews are looked through at the end."""

Hears = Callable[[int], None]


@dataclass
class _Desk:
    """Somebody's desk: when they go home, what they are at, and what they did."""

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
        """Return what they did."""
        one = self.staff.reviewer
        return Load(
            reviewer_id=one.reviewer_id,
            roles=one.roles,
            domains=one.domains,
            days=tuple(self.days),
            answers=self.answers,
            wrong=self.wrong,
            left=self.left,
            seconds=round(self.seconds, 3),
            busy=round(self.seconds / self.at_work, 4) if self.at_work else None,
        )


class Organization:
    """People, tasks and an orchestrator, and a clock that nothing else moves.

    Events are worked off in the order of their times, so a month takes as long as its cases take the orchestrator.
    """

    def __init__(
        self, hitl: Orchestrator, clock: Clock, staff: Sequence[SimulatedReviewer], scenario: Scenario
    ) -> None:
        """`hitl` was opened with this clock, and with these people as its reviewers."""
        self.hitl, self.clock, self.scenario = hitl, clock, scenario
        self._desks = {one.reviewer_id: _Desk(one) for one in staff}
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()
        self._arrivals: Iterator[Arrival] = scenario.arrivals()
        self._truths: dict[str, str] = {}
        self._refused: Counter[str] = Counter()
        self._overdue = self._lapsed = self._day = 0
        self._done = False

    def run(self, on_day: Hears = lambda day: None) -> Outcome:
        """Live through all the days; `on_day` hears of each one that is over."""
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

    def _tomorrow(self, on_day: Hears) -> None:
        """Begin a day, and call in who works on it; at its end begin the next one, if there is anything left to do."""
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
    def _last_day(self) -> int:
        return self.scenario.days + self.scenario.winds_down

    def _let_in(self) -> None:
        """Wait for the next task, if there is one."""
        arrival = next(self._arrivals, None)
        if arrival is not None:
            self._at(arrival.at, lambda: self._submit(arrival))

    def _submit(self, arrival: Arrival) -> None:
        self._truths[arrival.task.task_id] = arrival.truth
        self.hitl.submit(arrival.task, arrival.output)
        self._let_in()

    def _sweep(self) -> None:
        """Do what a timer does: remind, take back what somebody has left, and pass up what is overdue."""
        self.hitl.run_maintenance(self._moved, self._noticed)
        self._in(self.scenario.sweeps_every, self._sweep)

    def _moved(self, case: Case) -> None:
        self._overdue += 1

    def _noticed(self, notice: Any) -> None:
        self._lapsed += notice.kind == "returned"

    def _hand_out(self) -> None:
        """Give open cases to people, and wake whoever was idle."""
        if any(desk.until is not None for desk in self._desks.values()):
            given = self.hitl.reviews.assign(strategy="push", seconds=self.scenario.claimed_for.total_seconds())
            for who in sorted({one.to for one in given if one.to is not None}):
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
        """Give back what somebody has not begun. Whoever has left before gives nothing back."""
        if desk.until is not None and not desk.busy:
            self._give_back(desk)
        desk.until = None

    def _give_back(self, desk: _Desk) -> None:
        for row in self.hitl.inbox(claimed_by=desk.staff.reviewer_id):
            self.hitl.reviews.release(row.case_id, reviewer=desk.staff.reviewer_id)

    def _look(self, desk: _Desk) -> None:
        """Let somebody take their next case, if they are here and free. Who takes what there is looks again later."""
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

    def _next(self, desk: _Desk) -> StoredReview | None:
        who, seconds = desk.staff.reviewer_id, self.scenario.claimed_for.total_seconds()
        held = self.hitl.inbox(claimed_by=who, limit=1)
        if held:
            return held[0]
        return (
            self.hitl.reviews.next(reviewer=who, seconds=seconds) if self.scenario.strategy is Strategy.PULL else None
        )

    def _begin(self, desk: _Desk, row: StoredReview) -> None:
        """Let somebody look at a case, and decide it after the time that they take; or leave, and not come back."""
        one, task_id = desk.staff, row.shown.task.task_id
        if not self.scenario.stays(one.reviewer, task_id, self.clock()):
            desk.left += 1
            desk.until = None
            return
        view, truth = self.hitl.reviews.view(row.case_id, reviewer=one.reviewer_id), self._truths[task_id]
        if view.hidden:
            self.hitl.reviews.label(
                row.case_id, reviewer=one.reviewer_id, label=one.label(view, truth, done_today=desk.today)
            )
            view = self.hitl.reviews.view(row.case_id, reviewer=one.reviewer_id)
        seconds, desk.busy = one.seconds(view), True
        self._in(timedelta(seconds=seconds), lambda: self._decide(desk, row, view, seconds))

    def _decide(self, desk: _Desk, row: StoredReview, view: CaseView, seconds: float) -> None:
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
            self._give_back(desk)  # it took until after the end of the day
        self._look(desk)

    def _outcome(self) -> Outcome:
        records, still = list(self.hitl.audit.records()), self.hitl.inbox(limit=MOST)
        by_people = [record for record in records if record.human_involved]
        top = self.hitl.services.people.chain.roles[-1]
        known = {record.case_id for record in records} | {row.case_id for row in still}
        wrong = Counter(_who(record) for record in records if _is_wrong_record(record, self._truths[record.task_id]))
        return Outcome(
            came_in=len(self._truths),
            went_ahead=len(records) - len(by_people),
            reviewed=len(by_people),
            outcomes=dict(Counter(record.final_decision.value for record in records)),
            waiting=len(still),
            at_the_top=sum(row.role == top for row in still),
            lost=len(self._truths) - len(known),
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
    policy: Any = POLICY,
    store: str = MEMORY,
    on_day: Hears = lambda day: None,
) -> Outcome:
    """Run a scenario on a store of its own and return what came of it. `policy` is a file or a value.

    Raises:
        InvalidInput: the policy cannot be used.
    """
    scenario = scenario or Scenario()
    staff = scenario.staff() if staff is None else staff
    clock = Clock(scenario.starts)
    people = People([one.reviewer for one in staff])
    with Orchestrator.open(store, policy=policy, reviewers=people, clock=clock) as hitl:
        return Organization(hitl, clock, staff, scenario).run(on_day)


def _is_wrong(case: Case, truth: str) -> bool:
    return case.record is not None and _is_wrong_record(case.record, truth)


def _is_wrong_record(record: AuditRecord, truth: str) -> bool:
    """Whether something may be carried out that should not be."""
    return record.final_output is not None and record.final_output.predicted_label != truth


def _who(record: AuditRecord) -> str:
    return "agent" if record.decision_source is DecisionSource.AGENT else "people"

"""Assign open reviews to reviewers who may decide them, balanced by their load."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.review import Page, Reviewer, ReviewRequest, StoredReview
from hitl_orchestrator.errors import RequestRejected
from hitl_orchestrator.ledger.ports.claims import InboxFilter, Load, Place
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.store.rows import customer_of
from hitl_orchestrator.review.assignment import Assigned, AssignmentRequest, Candidate, Unassigned, push, sticky
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.rights import Rights
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.case_reader import CaseReader, Clock
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.claims import check_seconds, claim_limit
from hitl_orchestrator.services.reviews.inbox import ReviewInbox, check_limit
from hitl_orchestrator.services.reviews.rejected_attempts import actor_of
from hitl_orchestrator.services.reviews.requirements import SKIPPED

__all__ = ["WORKING_DAY", "Assignment", "Assignments", "ReviewAssignments", "Skill", "Strategy"]

WORKING_DAY = 28_800.0
_PAGE = 200
_LOAD_PERIOD = timedelta(days=7)
"""Decisions of this period count toward a reviewer's load."""

Skill = Callable[[Reviewer, str], float]
"""Rates a reviewer for a task type; 1.0 where nothing is known."""


class Strategy(StrEnum):
    """How reviews are assigned. Reviewers who pull their next review (`next`) need no strategy."""

    PUSH = "push"
    STICKY = "sticky"


class Assignment(NamedTuple):
    """A review, the reviewer who now holds it (None if there is none), and the reason."""

    review: ReviewRequest
    to: str | None
    why: str


class Assignments(Page[Assignment]):
    """The reviews that were assigned, and the first ones that could not be, in the order of the queue.

    `more` states whether the limit was reached before the end of the queue; `unassigned` is the number of all unclaimed
    reviews that no reviewer can take now, listed or not.
    """

    def __init__(self, items: Iterable[Assignment] = (), *, more: bool, as_of: datetime, unassigned: int) -> None:
        super().__init__(items, more=more, as_of=as_of)
        self.unassigned = unassigned


class ReviewAssignments:
    """Gives unclaimed reviews to reviewers."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        people: People,
        reader: CaseReader,
        access: ReviewAccess,
        inbox: ReviewInbox,
        clock: Clock,
    ) -> None:
        self._ledger, self._people, self._clock = ledger, people, clock
        self._reader, self._access, self._inbox = reader, access, inbox

    def assign(
        self,
        strategy: Strategy,
        acting: Acting,
        *,
        limit: int = 1000,
        seconds: float = WORKING_DAY,
        skill: Skill = lambda reviewer, task_type: 1.0,
    ) -> Assignments:
        """Assign at most `limit` unclaimed open reviews, the most urgent first, each claimed for `seconds`.

        The ledger records the acting reviewer as the one who assigned them.
        """
        by = _By(actor_of(self._people.named(acting.reviewer_id), acting), seconds)
        check_seconds("assign", "all", seconds)
        check_limit("assign", limit)
        self._ledger.check_writable()
        self._inbox.end_void_claims()
        self._inbox.settle_roles()
        now = self._ledger.now()
        loads = _Loads(self._people, self._ledger.loads(now - _LOAD_PERIOD), skill)
        groups, found, more = _FreeGroups(self._ledger, self._inbox, loads), list[_Assigned](), False
        for row in groups.rows(limit):
            if sum(each.to is not None for each in found) == limit:
                more = True
                break
            found.append(self._assigned(row, strategy, loads, by))
        listed, unassigned = self._listed(found, groups, limit)
        return Assignments(listed, more=more, as_of=now, unassigned=unassigned)

    def _listed(self, found: Sequence["_Assigned"], groups: "_FreeGroups", limit: int) -> tuple[list[Assignment], int]:
        """Return the assignments and the first reviews that no reviewer can take, and the number of all of these."""
        left = [each for each in found if each.to is None]
        others = [_Assigned(row, None, why) for row, why in groups.first_closed(limit)]
        first = sorted([*left, *others], key=lambda each: each.order)[:limit]
        listed = sorted([*(each for each in found if each.to is not None), *first], key=lambda each: each.order)
        requests = [Assignment(self._inbox.request(each.row), each.to, each.why) for each in listed]
        return requests, len(left) + groups.closed_count()

    def _assigned(self, row: StoredReview, strategy: Strategy, loads: "_Loads", by: "_By") -> "_Assigned":
        """Assign a review, if a reviewer can take it."""
        try:
            choice: Assigned | Unassigned | None = loads.none_for(
                self._access.role_needed(row), row.domain, self._ledger.now()
            )
            if choice is None:
                case = self._reader.case(row.case_id)
                self._reader.check(case)
                choice = self._choose(row, case, strategy, loads)
            if isinstance(choice, Unassigned):
                return _Assigned(row, None, choice.why)
            row = self._claim(row, case, choice.reviewer, by)
        except (RequestRejected, *SKIPPED) as why:
            return _Assigned(row, None, str(why))
        loads.add(choice.reviewer)
        return _Assigned(row, choice.reviewer.reviewer_id, choice.why)

    def _choose(self, row: StoredReview, case: Case, strategy: Strategy, loads: "_Loads") -> Assigned | Unassigned:
        customer = customer_of(row.shown.task) if strategy is Strategy.STICKY else None
        previous = None if customer is None else self._ledger.last_reviewer_for(customer)
        return loads.choose(self._access.rights(row, case), previous, self._ledger.now())

    def _claim(self, row: StoredReview, case: Case, reviewer: Reviewer, by: "_By") -> StoredReview:
        row = self._access.verified(row)
        self._access.rights(row, case).role_for(reviewer)
        limit = claim_limit(self._people, reviewer)
        return self._ledger.claim(row, reviewer.reviewer_id, by.actor, self._clock(), by.seconds, limit=limit)


class _By(NamedTuple):
    """Who assigns reviews, and for how long."""

    actor: Actor
    seconds: float


class _Assigned(NamedTuple):
    """A review, the reviewer who now holds it (None if there is none), and the reason."""

    row: StoredReview
    to: str | None
    why: str

    @property
    def order(self) -> tuple[datetime, datetime, str]:
        """The order of the queue."""
        never = datetime.max.replace(tzinfo=UTC)
        return self.row.due_at or never, self.row.queued_at or self.row.opened_at, self.row.review_id


class _FreeGroups:
    """The unclaimed reviews by role, policies and domain. A group that no reviewer can take is closed, and not read."""

    def __init__(self, ledger: Ledger, inbox: ReviewInbox, loads: "_Loads") -> None:
        self._ledger, self._inbox, self._loads = ledger, inbox, loads
        self._open = inbox.free_groups()
        self._closed: list[tuple[InboxFilter, Place | None, str]] = []

    def rows(self, limit: int) -> Iterator[StoredReview]:
        """Yield the reviews of the open groups, in the order of the queue. A group may close after each page."""
        place = None
        while True:
            self._close(place)
            if not self._open:
                return
            page = self._ledger.queue_page(self._open, min(limit, _PAGE), place)
            yield from page.reviews
            place = page.end
            if place is None:
                return

    def first_closed(self, limit: int) -> Iterator[tuple[StoredReview, str]]:
        """Yield the first reviews of each closed group, with the reason why no reviewer can take them."""
        for group, place, why in self._closed:
            for row in self._ledger.queue_page([group], limit, place).reviews:
                yield row, why

    def closed_count(self) -> int:
        """Return the number of reviews that were not read, since their group is closed."""
        return sum(self._ledger.queue_count([group], place) for group, place, _ in self._closed)

    def _close(self, place: Place | None) -> None:
        """Close the groups that no reviewer can take after a place of the queue."""
        now, still_open = self._ledger.now(), list[InboxFilter]()
        for group in self._open:
            why = self._why_none(group, now)
            if why is None:
                still_open.append(group)
            else:
                self._closed.append((group, place, why))
        self._open = still_open

    def _why_none(self, group: InboxFilter, now: datetime) -> str | None:
        role = self._inbox.role_of(group)
        if role is None:
            return self._inbox.why_undecidable(group)
        none = self._loads.none_for(role, str(group.domain), now)
        return None if none is None else none.why


class _Loads:
    """The load of every reviewer while reviews are assigned."""

    def __init__(self, people: People, loads: Mapping[str, Load], skill: Skill) -> None:
        self._people, self._skill = people, skill
        self._loads: dict[str, Load] = defaultdict(Load)
        self._none: dict[tuple[str, str], Unassigned] = {}
        for account, load in loads.items():
            total = self._loads[people.human(account)]
            self._loads[people.human(account)] = Load(total.holds + load.holds, total.answered + load.answered)

    def none_for(self, role: str, domain: str, at: datetime) -> Unassigned | None:
        """Return that no reviewer can take a review of this role and domain, even if none is barred; None if one can.

        Loads only grow, so that it holds for all reviews of the role and domain.
        """
        if (role, domain) not in self._none:
            candidates = [Candidate(each, *self._loads[each.human]) for each in self._people]
            choice = push(AssignmentRequest("", role, domain), candidates, self._people, at)
            if isinstance(choice, Assigned):
                return None
            self._none[role, domain] = choice
        return self._none[role, domain]

    def choose(self, rights: Rights, previous: str | None, at: datetime) -> Assigned | Unassigned:
        """Return the reviewer for a review: the `previous` one of its customer, or else the least loaded one."""
        row = rights.row
        may = {each.human for each in self._people if rights.may(each)}
        others = {each.human for each in self._people} - may
        barred = {**dict.fromkeys(others & rights.voted, "they have answered it already"), **rights.barred}
        if rights.members is not None:
            barred = {**dict.fromkeys(others, "they are not in the team that the rule asks"), **barred}
        if rights.requirements.distinct_roles:
            barred = {**dict.fromkeys(others, "their role has answered already"), **barred}
        # Ties are broken by the task id, so that the same tasks are assigned alike each time: case ids are random.
        asked = AssignmentRequest(row.shown.task.task_id, rights.needed, row.domain, barred)
        candidates = [self._candidate(each, row.shown.task.task_type) for each in self._people]
        return sticky(previous, asked, candidates, self._people, at)

    def add(self, reviewer: Reviewer) -> None:
        """Count one more claimed review."""
        load = self._loads[reviewer.human]
        self._loads[reviewer.human] = load._replace(holds=load.holds + 1)

    def _candidate(self, reviewer: Reviewer, task_type: str) -> Candidate:
        holds, answered = self._loads[reviewer.human]
        return Candidate(reviewer, holds, holds + answered, self._skill(reviewer, task_type))

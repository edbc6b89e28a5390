"""Work given to people: how, to whom, and how much everybody has to do meanwhile."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from hitl_orchestrator.domain.review import Reviewer, StoredReview
from hitl_orchestrator.ledger.ports.claims import Load
from hitl_orchestrator.review.assignment import Asked, Candidate, Given, Nobody, push, sticky
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.rights import Rights

LATELY = timedelta(days=7)
"""What somebody answered within this time counts when work is shared out evenly."""

Skill = Callable[[Reviewer, str], float]
"""How good somebody is at a task type; 1.0 where nothing is known."""


class Strategy(StrEnum):
    """How work is given to people; taking the next best case oneself (`next_for`) needs none."""

    PUSH = "push"
    STICKY = "sticky"


class Assignment(NamedTuple):
    """A review, who holds it now, and what is to be said of that. `to` is None where it went to nobody."""

    review: Any
    to: str | None
    why: str


class ReviewAssigner:
    """How much everybody has to do while work is given out."""

    def __init__(self, people: People, loads: Mapping[str, Load], skill: Skill) -> None:
        self._people, self._skill = people, skill
        self._loads: dict[str, Load] = defaultdict(Load)
        for account, load in loads.items():
            known = self._loads[people.human(account)]
            self._loads[people.human(account)] = Load(known.holds + load.holds, known.answered + load.answered)

    def at_best(self, row: StoredReview, needed: str, at: datetime) -> Given | Nobody:
        """Return who would get a review if nobody were barred: where that is nobody, nothing else need be asked."""
        candidates = [self._candidate(one, row.shown.task.task_type) for one in self._people]
        return push(Asked(row.case_id, needed, row.domain), candidates, self._people, at)

    def who_gets(self, rights: Rights, before: str | None, at: datetime) -> Given | Nobody:
        """Return who gets a review: whoever was there `before` for its customer, else the least loaded."""
        row = rights.row
        may = {one.human for one in self._people if rights.may(one)}
        others = {one.human for one in self._people} - may
        barred = {**dict.fromkeys(others & rights.voted, "they have answered it already"), **rights.barred}
        if rights.asking.distinct_roles:
            barred = {**dict.fromkeys(others, "somebody has answered in their role already"), **barred}
        # Lots are drawn by the task, so that the same tasks are shared out alike each time: a case has a new id.
        asked = Asked(row.shown.task.task_id, rights.needed, row.domain, barred)
        candidates = [self._candidate(one, row.shown.task.task_type) for one in self._people]
        return sticky(before, asked, candidates, self._people, at)

    def note(self, reviewer: Reviewer) -> None:
        """Take note that somebody got one more."""
        load = self._loads[reviewer.human]
        self._loads[reviewer.human] = load._replace(holds=load.holds + 1)

    def _candidate(self, reviewer: Reviewer, task_type: str) -> Candidate:
        holds, answered = self._loads[reviewer.human]
        return Candidate(reviewer, holds, holds + answered, self._skill(reviewer, task_type))

"""The results of a run of a case, before they are recorded."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from hitl_orchestrator.domain.audit import Actor, AuditRecord
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.counting.counters import Counted, Counter, Measure
from hitl_orchestrator.domain.decision import Routing, ShadowAnswer
from hitl_orchestrator.domain.review import ReviewSnapshot
from hitl_orchestrator.errors import HitlError


class GovernanceChanged(HitlError):
    """Policies, people or keys have changed since those were applied by which a write was decided: decide it again."""


class Opening(NamedTuple):
    """The review that a run opens, before it is recorded: what it shows, and the answer of a shadow policy.

    `text` is the canonical JSON of what it shows.
    """

    shown: ReviewSnapshot
    text: str
    at: datetime
    shadow: ShadowAnswer | None = None


class Ending(NamedTuple):
    """The outcome of a case, before it is recorded, and its routing."""

    record: AuditRecord
    routing: Routing
    at: datetime


class Counting(NamedTuple):
    """The counters that the policies for a submission have, and its routing by their values."""

    submission: Submission
    counters: tuple[Counter, ...]
    decide: Callable[[tuple[Counted, ...]], Opening | Ending]


class FirstRun(NamedTuple):
    """A submission that is not recorded yet, its submitter, and the result of its first run.

    With `counting` the result is provisional: the case is routed again by what is counted when it is recorded.
    """

    submission: Submission
    actor: Actor
    result: Opening | Ending
    counting: Counting | None = None


class NewCases(Protocol):
    """New cases, each recorded with the result of its first run."""

    def record_runs(self, runs: Sequence[FirstRun], seen: int) -> list[Case | None]:
        """Record new cases with the results of their first runs, all in one transaction, and return them in order.

        For a task that is not simply new it returns None, as `record_run`, and for the second task of an id; for all
        of them if there are others than the `seen` policies and people.
        """

    def known(self, submissions: Sequence[Submission]) -> dict[str, Case | None]:
        """Return those of some submissions whose task ids are in use, by their case ids.

        Each has the case that it repeats, if that is finished or waits for a reviewer. Otherwise it has None: `receive`
        tells a conflict, a case that is to run on and the task of another submitter apart.
        """

    def record_run(self, run: FirstRun, seen: int) -> Case | None:
        """Record a new case together with the result of its first run, in one transaction, and return it.

        It also returns None, and records nothing, if the ledger has entries about policies, people or keys after the
        one that was `seen`.

        Returns None, and records nothing, for a task that is not simply new: its id is in use already, whether with
        the same content, with other content, or by another submitter. `receive` tells these apart.
        """

    def count(self, submission: Submission, counters: Sequence[Counter], at: datetime) -> tuple[Counted, ...]:
        """Return the values of counters for a case at a time. Others may be routed before it is."""

    def cover(self, measures: Iterable[Measure], seen: int) -> None:
        """Count earlier cases under measures, once: those that were routed up to the entry `seen`.

        The later ones count when they are routed. Raises `LedgerDamaged` for an entry that this ledger did not write.
        """

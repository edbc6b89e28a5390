"""The results of a simulation, in figures."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from hitl_orchestrator.domain.value import Identifier, Label, Value


class Waiting(Value):
    """Waiting times in seconds; None if no case waited."""

    median: float | None = None
    p90: float | None = None
    p99: float | None = None
    longest: float | None = None

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Waiting":
        """Return the quantiles by the nearest-rank method."""
        ordered = sorted(seconds)
        if not ordered:
            return cls()
        median, p90, p99 = (ordered[max(0, -(-len(ordered) * share // 100) - 1)] for share in (50, 90, 99))
        return cls(median=median, p90=p90, p99=p99, longest=ordered[-1])


class Load(Value):
    """The work of one reviewer: the days present, the answers, and the wrong ones among them.

    `busy` is the share of their working time spent on cases; `left` counts the cases that they abandoned.
    """

    reviewer_id: Identifier
    roles: tuple[Label, ...]
    domains: tuple[Label, ...]
    days: tuple[int, ...] = ()
    answers: int = 0
    wrong: int = 0
    left: int = 0
    seconds: float = 0.0
    busy: float | None = None


class Outcome(Value):
    """The results of a simulation.

    Of the cases that `came_in`, some `went_ahead` (approved automatically) and reviewers decided the `reviewed` ones.
    The rest wait `at_the_top` of the role chain, or below. A case that is neither finished nor in the inbox is `lost`.
    `waited` is the time from the task to the decision of a reviewer.

    `overdue` counts missed deadlines, `escalated` the escalated cases, `lapsed` the claims of absent reviewers that
    were returned, `refused` the rejected decisions by cause. `wrong` counts wrong approvals, by the `agent` alone or by
    `people`.
    """

    came_in: int
    went_ahead: int
    reviewed: int
    outcomes: Mapping[Label, int] = Field(default_factory=dict)
    waiting: int = 0
    at_the_top: int = 0
    lost: int = 0
    escalated: int = 0
    overdue: int = 0
    lapsed: int = 0
    refused: Mapping[Label, int] = Field(default_factory=dict)
    wrong: Mapping[Label, int] = Field(default_factory=dict)
    waited: Waiting = Waiting()
    loads: tuple[Load, ...] = ()
    simulated_days: int
    sound: bool = True

    def groups(self) -> list[Sequence[Load]]:
        """Return the loads of reviewers who could do the same work: same role and domain, present on the same days."""
        alike: dict[object, list[Load]] = {}
        for load in self.loads:
            alike.setdefault((load.roles, load.domains, load.days, load.left), []).append(load)
        return list(alike.values())

"""What came of a simulation, in figures."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from hitl_orchestrator.domain.value import Identifier, Label, Value


class Waiting(Value):
    """How long cases waited, in seconds; None where none did."""

    median: float | None = None
    p90: float | None = None
    p99: float | None = None
    longest: float | None = None

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Waiting":
        """Return the quantiles: the least wait that so many do not exceed."""
        known = sorted(seconds)
        if not known:
            return cls()
        median, p90, p99 = (known[max(0, -(-len(known) * share // 100) - 1)] for share in (50, 90, 99))
        return cls(median=median, p90=p90, p99=p99, longest=known[-1])


class Load(Value):
    """What one reviewer did: on how many days they were there, how many answers they gave, how many of them wrong.

    `busy` is the share of their working time that they spent on cases, `left` how often they left one and went.
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
    """What came of a simulation.

    Of the cases that `came_in`, some `went_ahead` by themselves, and people decided the `reviewed` ones. The rest wait:
    `at_the_top` of the chain, or below. A case that is neither finished nor waits for anybody is `lost`. `waited` is
    from the time of a task to a person's decision.

    `overdue` counts reviews that nobody answered in time, `escalated` the cases that were passed up, `lapsed` the
    claims that went back because somebody had left, `refused` the answers that were not taken, by why. `wrong` says
    what was approved and should not have been: by the `agent` alone, or by `people`.
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
        """Return the loads of those who could do the same work: of one role and domain, there on the same days."""
        alike: dict[object, list[Load]] = {}
        for load in self.loads:
            alike.setdefault((load.roles, load.domains, load.days, load.left), []).append(load)
        return list(alike.values())

    @property
    def unevenness(self) -> float:
        """By how much the answers of anybody differ from the mean of those who could do the same; 0 is even.

        One answer more or less is even: cases cannot be halved.
        """
        apart = [0.0]
        for group in self.groups():
            mean = sum(load.answers for load in group) / len(group)
            apart += [abs(load.answers - mean) / mean for load in group if abs(load.answers - mean) > 1]
        return max(apart)

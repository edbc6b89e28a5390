"""The results of a backtest."""

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.insights.escaped_errors import EscapedErrors


class Flip(Value):
    """The number of cases whose answer changes from one action and rule to another."""

    before: Action
    before_rule: str
    after: Action
    after_rule: str
    cases: int


class Change(Value):
    """The changes for the cases of one domain or one task type."""

    name: str
    cases: int
    stricter: int
    looser: int
    automated_before: float
    automated_after: float


class Load(Value):
    """The workload of one role: answers per day, on average and on the busiest day, and its capacity.

    `waits_days` is the average time until a reviewer begins a case; None where the capacity is unknown, or where the
    queue `grows`.
    """

    role: str
    before_a_day: float
    a_day: float
    busiest_day: int
    capacity: float | None = None
    people: int | None = None
    grows: bool = False
    waits_days: float | None = None


class Backtest(Value):
    """A policy evaluated on all past cases.

    `recorded` is true where it is compared with the recorded answers, and not with another policy. `days` counts the
    days from the first to the last task, both included. `left_out` cases are not among `cases`: in `erased` of them a
    fact that the policy reads was erased, and the others have no domain or task type.
    """

    policy_id: str
    policy_hash: str
    recorded: bool
    cases: int
    left_out: int = 0
    erased: int = 0
    first_day: str | None
    last_day: str | None
    days: int
    automated_before: float
    automated_after: float
    flipped: int
    stricter: int
    looser: int
    spot_checks_a_day: float
    flips: tuple[Flip, ...]
    domains: tuple[Change, ...]
    task_types: tuple[Change, ...]
    loads: tuple[Load, ...]
    escaped_errors: EscapedErrors

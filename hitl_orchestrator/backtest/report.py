"""What a rehearsal found, in figures."""

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.insights.escaped_errors import EscapedErrors


class Flip(Value):
    """So many cases that would be answered otherwise, from one action and rule to another."""

    before: Action
    before_rule: str
    after: Action
    after_rule: str
    cases: int


class Change(Value):
    """What changes for the cases of one domain or one task type."""

    name: str
    cases: int
    stricter: int
    looser: int
    automated_before: float
    automated_after: float


class Load(Value):
    """What would come to one role: answers a day, on average and on the busiest day, against what it can do.

    `waits_days` is how long a case would wait on average until somebody begins; None where that is not known, or where
    the queue `grows`.
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
    """A policy on all past cases.

    `recorded` says that what it is compared with are the recorded answers, and not those of another policy. `days` is
    how many days lie between the first and the last task, these two included. `left_out` cases are not among `cases`:
    what a policy asks about was erased in so many of them as `erased` says, and the rest have no domain or task type.
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
    escape: EscapedErrors

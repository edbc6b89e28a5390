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


class RuleShare(Value):
    """The past cases that a rule of the new policy decides, `share` of all. A rule without cases is listed too."""

    rule_id: str
    action: Action
    cases: int
    share: float


class FieldShare(Value):
    """How often a declared field, such as `metadata.amount`, is `missing` in past cases, or of another type.

    `cases` are those that were looked at. `suggestion` is a field that past tasks have and whose name is like this one,
    where this one is missing everywhere.
    """

    name: str
    cases: int
    missing: int
    mistyped: int
    suggestion: str | None = None


class Rehearsal(Value):
    """The cases of one label of the proposal, or of one agent and version, under the new policy.

    `name` is None where the cases state none. Of all `cases`, `go_ahead` would be approved automatically. Of these,
    `reviewed` were looked at by a person then, who corrected `wrong`; `edited` of them kept the label.
    """

    name: str | None
    cases: int
    automated_before: float
    go_ahead: int
    reviewed: int
    wrong: int
    edited: int


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
    days from the first to the last task, both included. Of the `cases`, `open` have no decision yet; their reviews are
    due and not answered. `left_out` cases are not among `cases`: in `erased` of them a fact that the policy reads was
    erased, `unrouted` are open and not routed yet, and the others have no domain or task type.

    Of the cases that would be approved, `held_a_day` would be held by chance and decided by a person first, and of the
    others `spot_checks_a_day` would be checked afterwards; neither is among the `loads`.

    `escaped_errors` counts every correction by a person, `label_errors` those that rejected the proposal or changed its
    label, and `field_errors` those that kept the label and changed other fields. `labels` and `agents` are empty where
    there are too many different ones.
    """

    policy_id: str
    policy_hash: str
    recorded: bool
    cases: int
    open: int = 0
    left_out: int = 0
    erased: int = 0
    unrouted: int = 0
    first_day: str | None
    last_day: str | None
    days: int
    automated_before: float
    automated_after: float
    flipped: int
    stricter: int
    looser: int
    spot_checks_a_day: float
    held_a_day: float
    flips: tuple[Flip, ...]
    domains: tuple[Change, ...]
    task_types: tuple[Change, ...]
    loads: tuple[Load, ...]
    rules: tuple[RuleShare, ...]
    fields: tuple[FieldShare, ...]
    labels: tuple[Rehearsal, ...]
    agents: tuple[Rehearsal, ...]
    escaped_errors: EscapedErrors
    label_errors: EscapedErrors
    field_errors: EscapedErrors

"""The report on a store, as values. Renderings and programs read nothing else."""

from typing import Literal

from hitl_orchestrator.domain.enums import Action, DecisionSource, FinalDecision, HumanDecision, RiskLevel
from hitl_orchestrator.domain.value import Identifier, Label, UtcDatetime, Value
from hitl_orchestrator.insights.metrics.model import Metrics

Severity = Literal["good", "watch", "bad", "unknown"]


class SignalLine(Value):
    """The figures of the first line. `automated` is a share of `decisions`; None without any.

    `open` is the number of open cases where they are many, else 0, and `automated_of_all` the share with them.
    """

    decisions: int
    automated: float | None
    reviews: int
    escalations: int
    overrides: int
    text: str
    open: int = 0
    automated_of_all: float | None = None


class Criterion(Value):
    """One rule of a judgment: what it demands, what was measured, and whether it holds. None: not enough data."""

    criterion_id: str
    demands: str
    measured: str
    holds: bool | None


class Judgment(Value):
    """A word, and the rules that produced it. `because` is the sentence of the rule that settled it."""

    word: str
    severity: Severity
    because: str
    criteria: tuple[Criterion, ...]


class Integrity(Value):
    """The verification of the ledger. `checked` is False where it was left out, on demand.

    `oldest` is the time of the first entry that the ledger holds; None where it is not known. `heads_given` is the
    number of signed heads that there are to compare with, and `heads` of those that agree, before the problem if any.
    """

    checked: bool
    sound: bool | None
    entries: int
    heads: int
    seals_checked: bool
    problem: str | None = None
    warnings: tuple[str, ...] = ()
    oldest: UtcDatetime | None = None
    heads_given: int = 0


class Violation(Value):
    """A case that was treated more leniently than its policy says for its facts, or with less than it demands."""

    case_id: Identifier
    task_id: Identifier
    at: UtcDatetime
    what: str


class Compliance(Value):
    """Every decision derived again from its policy and its facts.

    `stricter` cases were treated more strictly than the policy says, for a recorded reason. `not_derived` maps each
    reason, such as erased facts, to the number of cases that could not be derived; `automatic_not_derived` of them were
    live and approved automatically. `replayed` counts records of other systems, compared with the policy under which
    they were recorded here, apart from the live cases that `derived` counts. Of these, `own` are no cases of an agent:
    quality checks, and changes of policy or people. `violations` and `left_out` have both.
    """

    derived: int
    agree: int
    stricter: int
    not_derived: dict[str, int]
    violations: tuple[Violation, ...]
    left_out: int = 0
    replayed: int = 0
    automatic_not_derived: int = 0
    own: int = 0


class Change(Value):
    """A metric of two periods. `is_certain` is whether their intervals do not overlap, and so it differs.

    `is_known` is whether both periods have enough cases to compare.
    """

    name: str
    before: float | None
    after: float | None
    is_certain: bool
    sentence: str
    is_known: bool = True
    title: str = ""
    severity: Severity = "unknown"


class Finding(Value):
    """A sentence that the data support, with the figures behind it."""

    finding_id: str
    severity: Severity
    sentence: str
    evidence: str


class NextStep(Value):
    """What to do about a finding, and the command that begins it, if there is one."""

    finding_id: str
    sentence: str
    command: str | None = None


class Decided(Value):
    """One row of who decided what."""

    case_id: Identifier
    task_id: Identifier
    task_type: Label | None
    domain: Label | None
    risk_level: RiskLevel
    confidence: float | None
    routing: Action
    rule_id: Label
    final_decision: FinalDecision
    source: DecisionSource
    human_decision: HumanDecision | None
    person: Identifier | None
    role: Label | None
    at: UtcDatetime
    replayed: bool = False


class Novelty(Value):
    """What appears since `since` for the first time, and where a trend leads."""

    since: UtcDatetime | None
    new: dict[str, tuple[str, ...]]
    unstaffed_domains: tuple[str, ...]
    forecasts: tuple[str, ...]


class Drill(Value):
    """An exercise whose right answer is known: how often it was run, and how it ended."""

    drill_id: str
    name: str
    runs: int
    result: str
    severity: Severity
    last_at: UtcDatetime | None = None


class Control(Value):
    """One control of a framework. `gap` says openly what the ledger does not show; None where nothing is missing."""

    control_id: str
    title: str
    status: Literal["shown", "partly", "not_shown", "outside"]
    evidence: str
    gap: str | None


class ControlTable(Value):
    """The controls of one framework beside the evidence."""

    framework: str
    title: str
    source: str
    controls: tuple[Control, ...]


class Report(Value):
    """The report on one store over one period."""

    kind: Literal["hitl_report"] = "hitl_report"
    schema_version: Literal[1] = 1
    store: str
    software_version: str
    generated_at: UtcDatetime
    alarms: tuple[str, ...]
    signal: SignalLine
    verdict: Judgment
    health: Judgment
    where_safe: str
    """The task types by whether they could go ahead without a person, in one line."""
    integrity: Integrity
    compliance: Compliance
    metrics: Metrics
    previous: Metrics | None
    comparison: str = ""
    """The periods whose metrics `changes` compares: those of `previous`, and a later one."""
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    next_steps: tuple[NextStep, ...]
    novelty: Novelty
    decided: tuple[Decided, ...]
    decided_left_out: int
    drills: tuple[Drill, ...]
    controls: tuple[ControlTable, ...]

"""The metrics of a set of cases, as values. A share whose denominator is zero is None, never 0.

"Overturned" is a case whose deciding person did anything but approve the proposal as it was: modify, override, reject.
Shares of cases that a person decided describe these cases, not the automatic ones: see `EscapedErrors`.
"""

from datetime import datetime

from pydantic import Field

from hitl_orchestrator.domain.enums import Action, HumanDecision, RiskLevel
from hitl_orchestrator.domain.shown.people import known_as, with_id
from hitl_orchestrator.domain.value import Identifier, Label, UtcDatetime, Value
from hitl_orchestrator.insights.deciders import Decider
from hitl_orchestrator.insights.escaped_errors import EscapedErrors
from hitl_orchestrator.insights.reviewer_quality import ReviewerQuality
from hitl_orchestrator.insights.shares import Share

DIMENSIONS = (
    "task_type",
    "domain",
    "risk_level",
    "rule_id",
    "agent_id",
    "model_version",
    "confidence_band",
    "signal",
    "human_role",
)
"""The columns by which groups are made. A case with several signals is in the group of each, or in that of `none`."""

OVERVIEWS = (*DIMENSIONS, "reviewer_id")
"""The dimensions of an overview: all, and the person who decided, whose groups a report has as `deciders`."""


MANY = 0.05
"""The share of open cases above which shares of the decided ones do not stand alone."""

TRUTH = "the recorded truth"
"""Who gave an answer that an import took from a column of right answers."""

INTERVALS_IN_WORDS = {"1h": "hour", "1d": "day", "1w": "week", "1mo": "month"}
"""The intervals of a trend in words."""


def judges_of(by_truth: int, by_people: int) -> str:
    """Return who gave the answers, `by_truth` of which a recorded truth did."""
    if not by_truth:
        return "people"
    return TRUTH if by_truth >= by_people else f"people or {TRUTH}"


class Period(Value):
    """The time from `since`, included, to `until`, excluded; None is open. `first` and `last` are decision times."""

    since: UtcDatetime | None
    until: UtcDatetime | None
    first: UtcDatetime | None
    last: UtcDatetime | None


class CaseCounts(Value):
    """The cases that the metrics cover, and those that they leave out.

    `decided` cases are covered. `canceled` and `superseded` ones ended without a decision. `open`, `overdue` and
    `unanswered_checks` (drawn spot checks without an answer) are of now, whatever the period; of these checks,
    `open_checks` are among `open`. `quality_checks` and `changes` (of policy or people) are no cases of an agent.
    `replayed` and `redacted` are among the decided ones, and so are `named`, those that a person decided whose id is
    recorded, `shown`, those that a person decided here, and `by_truth`: replayed ones answered by a recorded truth.
    """

    decided: int
    canceled: int = 0
    superseded: int = 0
    open: int = 0
    overdue: int = 0
    unanswered_checks: int = 0
    quality_checks: int = 0
    changes: int = 0
    replayed: int = 0
    by_truth: int = 0
    redacted: int = 0
    unreadable: int = 0
    named: int = 0
    shown: int = 0
    open_checks: int = 0

    @property
    def undecided(self) -> int:
        """The number of open cases that no figure covers: a spot check is of a case that is decided."""
        return max(0, self.open - self.open_checks)

    @property
    def many_undecided(self) -> int:
        """The same number where it is more than 5 % of all, so that shares of decided cases mislead; else 0."""
        return self.undecided if 0 < self.decided * MANY < self.undecided * (1 - MANY) else 0


class Verdicts(Value):
    """The decisions of people, and endings without one. `label_changed` is among `modify`."""

    approve: int = 0
    modify: int = 0
    label_changed: int = 0
    override: int = 0
    reject: int = 0
    timeout: int = 0

    @property
    def people(self) -> int:
        """The number of cases that a person decided."""
        return self.approve + self.modify + self.override + self.reject


class Group(Value):
    """The metrics of the cases that share `key` in one dimension; None where the cases do not say."""

    key: Label | None
    cases: int
    automation: Share
    review: Share
    escalation: Share
    verdicts: Verdicts
    overturn: Share
    automatic_errors: EscapedErrors | None = None
    mean_confidence: float | None = None
    stake: float | None = None


class SureAndWrong(Value):
    """A case whose agent was sure and was overturned."""

    case_id: Identifier
    task_id: Identifier
    task_type: Label | None
    domain: Label | None
    risk_level: RiskLevel
    confidence: float
    decision: HumanDecision
    reviewer_id: Identifier | None
    reason_code: Label | None
    at: UtcDatetime
    is_spot_check: bool = False


class FalseConfidence(Value):
    """Cases at or above `bound` that a person looked at: the share that was overturned, and the surest of them."""

    bound: float
    overturned: Share
    cases: tuple[SureAndWrong, ...]
    left_out: int = 0


class CalibrationBin(Value):
    """Cases with a confidence from `low` to `high`: their mean confidence, and the share that people approved."""

    low: float
    high: float
    mean_confidence: float
    approved: Share
    weight: float


class Calibration(Value):
    """How well confidence predicts approval, over cases with a confidence that a person looked at.

    `ece` is the expected calibration error over `bins` of equal width (Naeini et al., 2015), `brier` the Brier score
    (1950). Both weigh each case by the inverse of its review probability. `represents` says whom they describe.
    """

    cases: int
    bins: tuple[CalibrationBin, ...]
    ece: float | None
    brier: float | None
    mean_confidence: float | None
    approved: float | None
    represents: str
    why_not: str | None = None


class RiskCoveragePoint(Value):
    """At the confidence `bound`: the share of cases at or above it, and the share of these that is overturned."""

    bound: float
    coverage: float
    risk: float
    lowest: float
    highest: float


class RiskCoverage(Value):
    """The risk-coverage curve (El-Yaniv and Wiener, 2010) and the area under it; lower is better."""

    cases: int
    points: tuple[RiskCoveragePoint, ...]
    area: float | None
    why_not: str | None = None


class Quantiles(Value):
    """Median, 90 % and 99 % quantile of `of` durations, in seconds."""

    of: int
    median: float | None
    p90: float | None
    p99: float | None


class Latency(Value):
    """Durations, in seconds, of cases that people decided.

    `total` runs from the task, `waiting` from the opening of the review to the first view, `working` from there to the
    decision. Replayed cases have a total only. `overdue` is the share of decided reviews whose deadline had passed.
    `automatic` is of cases without a person.
    """

    total: Quantiles
    waiting: Quantiles
    working: Quantiles
    automatic: Quantiles
    overdue: Share
    by_role: dict[str, Quantiles]
    by_risk: dict[str, Quantiles]


class RuleUse(Value):
    """One rule: how often it decided, and how its cases ended. `in_force` is whether the active policy has it."""

    rule_id: Label
    action: Action
    cases: int
    overturn: Share
    automatic_errors: EscapedErrors | None = None
    in_force: bool = True


class ErrorType(Value):
    """A reason code of overturned cases; None for those without one."""

    reason_code: Label | None
    cases: Share
    by_task_type: dict[str, int]


class Autonomy(Value):
    """Whether the cases of a task type could go ahead without a person, at a tolerated share of errors.

    `verdict` is `never` (above every bound with enough data the share of errors is certainly higher, and where cases
    go ahead, or else at any confidence, there are enough), `above_bound` (at or above `bound` it is certainly lower),
    `unclear` (neither is certain), or `not_enough_data`. It is a description of the past, not a certificate.
    """

    task_type: Label | None
    verdict: str
    cases: int
    automatic: Share
    overturn: Share
    bound: float | None
    coverage: float | None
    errors_above: Share | None
    sentence: str


class StakeField(Value):
    """The field of the tasks' metadata that states an amount, and its unit. Frames hold it in the column `stake`."""

    field: str
    unit: str | None = None


class Stake(Value):
    """The sums of the declared amount, `field`, in one `unit`, over cases that state it (`stated` of `cases`).

    `open` is that of open cases now; None where it is not known.
    """

    field: str
    unit: str | None
    cases: int
    stated: int
    total: float
    automatic: float
    reviewed: float
    overturned: float
    open: float | None = None


class Moment(Value):
    """The metrics of one interval of time, which begins at `start`."""

    start: UtcDatetime
    cases: int
    automation: Share
    overturn: Share
    false_confidence: Share
    median_latency: float | None


class Mark(Value):
    """A change at a time: a policy that came into force, or a version of an agent that was first seen.

    `of` is the agent whose version `label` is; None for a policy.
    """

    at: UtcDatetime
    kind: str
    label: str
    of: str | None = None

    @property
    def text(self) -> str:
        """The change in words: `new policy refunds_v3`, `agent refunds: version 2025-02`."""
        if self.of is not None:
            return f"agent {self.of}: version {self.label}"
        return f"new {self.kind.replace('_', ' ')} {self.label}"


class Metrics(Value):
    """All metrics of a set of cases.

    `left_out` is the number of groups of each dimension beyond the largest ones; of task types, the overturn map and
    `autonomy` lack them too. `names` are those of the people in force, where they differ from the id.
    """

    period: Period
    cases: CaseCounts
    automation: Share
    review: Share
    escalation: Share
    verdicts: Verdicts
    overturn: Share
    override: Share
    rejection: Share
    modification: Share
    approval: Share
    automatic_errors: EscapedErrors
    by: dict[str, tuple[Group, ...]]
    left_out: dict[str, int] = Field(default_factory=dict)
    overturn_map: tuple["HeatCell", ...]
    false_confidence: FalseConfidence
    calibration: Calibration
    risk_coverage: RiskCoverage
    latency: Latency
    reviewers: tuple[ReviewerQuality, ...]
    deciders: tuple[Decider, ...] = ()
    names: dict[str, str] = Field(default_factory=dict)
    rules: tuple[RuleUse, ...]
    never_fired: tuple[Label, ...]
    error_types: tuple[ErrorType, ...]
    autonomy: tuple[Autonomy, ...]
    stakes: tuple[Stake, ...]
    every: str
    trend: tuple[Moment, ...]
    marks: tuple[Mark, ...] = ()

    def known_as(self, person: str) -> str:
        """Return the name of a person whose id only spells it plainly; else the id."""
        return known_as(person, self.names)

    def named(self, person: str | None) -> str | None:
        """Return the name of a person, with the id where they differ; None without one."""
        return None if person is None else with_id(person, self.names)

    @property
    def automated_of_all(self) -> float | None:
        """The share of automatic cases if the open ones end with people; None where few are open, or of a period."""
        whole = self.period.since is None and self.period.until is None
        cases, share = self.cases.many_undecided, self.automation
        return share.count / (share.of + cases) if whole and cases and share.of else None

    @property
    def judges(self) -> str:
        """Who overturned or approved: `people`, or `the recorded truth` where answers come from a truth alone."""
        return judges_of(self.cases.by_truth, self.verdicts.people)


class HeatCell(Value):
    """The overturned share of one task type in one confidence band."""

    task_type: Label | None
    confidence_band: str
    cases: int
    overturn: Share


class Looks(Value):
    """What the outcomes alone do not say, from the store at `now`. `open_stake` is the sum over open cases.

    `names` are those of the people in force by their ids, where they differ.
    """

    now: datetime
    open: int = 0
    overdue: int = 0
    unanswered_checks: int = 0
    open_checks: int = 0
    unreadable: int = 0
    open_stake: float | None = None
    names: dict[str, str] = Field(default_factory=dict)

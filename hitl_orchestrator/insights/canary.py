"""What a canary did, beside the cases that the active policy decided in the same time."""

from datetime import datetime
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.enums import Action, DecisionSource, FinalDecision
from hitl_orchestrator.domain.value import Confidence, Label, UtcDatetime, Value
from hitl_orchestrator.insights.frame import polars
from hitl_orchestrator.insights.shares import Difference, Share, difference_of, share_among

if TYPE_CHECKING:
    import polars as pl

OPEN, AUTOMATIC = "open", "automatic"
ENDINGS = (AUTOMATIC, *FinalDecision, OPEN)
"""How a case ended, or that it is open. `automatic` is approved without a person, the other endings are with one."""

_LEVEL = 0.5, 0.9


class CanaryPart(Value):
    """The cases that one policy decided.

    `endings` has the number of cases with each of the `ENDINGS`. `automatic` is the share that went ahead without a
    person, open cases included in the denominator, `overturned` that of persons' decisions which were anything but an
    approval of the proposal as it was, and `checks_overturned` that of answered spot checks of automatic cases.
    `median_seconds` and `p90_seconds` run from the task to the decision of a person; None without one.
    """

    cases: int
    endings: dict[str, int]
    automatic: Share
    overturned: Share
    checks_overturned: Share
    median_seconds: float | None
    p90_seconds: float | None


class CanaryReport(Value):
    """The cases of a canary, and all others that were received from `since` to `until`, both included; None until now.

    `differences` have the share of the canary less that of the rest: of `automatic`, of each of the endings, and of
    `overturned` and `checks_overturned`. A difference whose interval holds 0 may be chance. Each has a level of 95 %,
    so that of twenty one may miss.
    """

    policy_hash: Label
    share: Confidence
    since: UtcDatetime
    until: UtcDatetime | None
    canary: CanaryPart
    rest: CanaryPart
    differences: dict[str, Difference]


def canary_report(
    frame: "pl.DataFrame", policy_hash: str, share: float, since: datetime, until: datetime | None = None
) -> CanaryReport:
    """Compare the cases of a canary with the rest of its time.

    `frame` is a prepared frame of outcomes and of open cases, which have no final decision. Quality checks, governed
    changes and replayed cases are left out.
    """
    pl = polars("a canary report")
    during = (pl.col("kind") == "case") & ~pl.col("replayed").fill_null(value=False) & (pl.col("received_at") >= since)
    cases = frame.filter(during if until is None else during & (pl.col("received_at") <= until))
    ours = (pl.col("policy_hash") == policy_hash).fill_null(value=False)
    canary, rest = _part(cases.filter(ours)), _part(cases.filter(~ours))
    return CanaryReport(
        policy_hash=policy_hash,
        share=share,
        since=since,
        until=until,
        canary=canary,
        rest=rest,
        differences={
            name: difference_of(first, second)
            for (name, first), second in zip(_shares(canary).items(), _shares(rest).values(), strict=True)
        },
    )


def _part(cases: "pl.DataFrame") -> CanaryPart:
    pl = polars()
    by_agent = pl.col("decision_source") == DecisionSource.AGENT.value
    ending = pl.when(pl.col("final_decision").is_null()).then(pl.lit(OPEN))
    ending = ending.when(by_agent & (pl.col("routing_decision") == Action.AUTO_APPROVE.value)).then(pl.lit(AUTOMATIC))
    counted = dict(
        cases.group_by(ending.otherwise(pl.col("final_decision").cast(pl.String)).alias("ending")).len().rows()
    )
    decided, checked = cases.filter("by_person"), cases["check_overturned"].drop_nulls()
    seconds = decided["latency_seconds"]
    median, p90 = (seconds.quantile(level, "linear") for level in _LEVEL)
    return CanaryPart(
        cases=cases.height,
        endings={name: counted.get(name, 0) for name in map(str, ENDINGS)},
        automatic=share_among(counted.get(AUTOMATIC, 0), cases.height),
        overturned=share_among(int(decided["overturned"].sum()), decided.height),
        checks_overturned=share_among(int(checked.sum()), len(checked)),
        median_seconds=median,
        p90_seconds=p90,
    )


def _shares(part: CanaryPart) -> dict[str, Share]:
    endings = {name: share_among(number, part.cases) for name, number in part.endings.items()}
    return {**endings, "overturned": part.overturned, "checks_overturned": part.checks_overturned}

"""Exercises whose right answer is known, and what the ledger says of them: pure functions of the prepared frame.

Planted errors, stricter policies as a kill switch, overrides, fatigue within a session, second reviews, spot checks.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.domain.enums import APPROVING, DecisionSource, HumanDecision, QualityCheckKind
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.numbers import percent
from hitl_orchestrator.insights.frame import polars
from hitl_orchestrator.insights.report.model import Drill, Severity
from hitl_orchestrator.insights.report.phrases import number, share_text
from hitl_orchestrator.insights.shares import Share, share_among

if TYPE_CHECKING:
    import polars as pl

ENOUGH_PLANTED, ENOUGH_DECISIONS, ENOUGH_SECOND = 5, 30, 10
"""The numbers of planted errors, decisions and second reviews that a judgment needs."""

CAUGHT, AGREE = 0.9, 0.5
"""The share of planted errors that careful reviewers catch, and of second reviews that agree with the first."""

LATE_IN_SESSION = 20
"""The number of decisions in a row, each within `PAUSE` of the one before, after which a reviewer may be tired."""

PAUSE = timedelta(minutes=30)
_FIRST = 10
_APPROVING = [decision.value for decision in APPROVING]


class Switch(NamedTuple):
    """A stricter policy that came into force with ledger entry `seq`, in place of `before`; None for a canary."""

    seq: int
    at: datetime
    policy_hash: str
    before: str | None


def drills_in(frame: "pl.DataFrame", switches: Sequence[Switch] = ()) -> tuple[Drill, ...]:
    """Return the drills in a prepared frame, which should have the cases of all of the time.

    Drills are rare, so a report on one week shows them all; replayed cases count only where work here is not judged.
    """
    pl = polars("drills")
    live = frame.filter(~pl.col("replayed").fill_null(value=False))
    return (
        _planted(pl, live),
        _kill_switch(pl, live, switches),
        _overrides(pl, frame),
        _fatigue(pl, live),
        _second_reviews(pl, frame),
        _spot_checks(pl, frame),
    )


def _planted(pl: Any, frame: "pl.DataFrame") -> Drill:
    """Gold cases whose right decision is any but to approve."""
    gold = frame.filter((pl.col("quality_check") == QualityCheckKind.KNOWN_ANSWER.value) & pl.col("by_person"))
    errors = gold.filter(~pl.col("quality_check_expected").is_in(_APPROVING))
    caught = share_among(int((~errors["human_decision"].is_in(_APPROVING)).sum()), len(errors))
    result = f"{caught.count} of {number(caught.of, 'planted error')} caught: {share_text(caught)}"
    drill = Drill(
        drill_id="planted_errors", name="Planted errors caught", runs=caught.of, result=result, severity="unknown"
    )
    if not errors.height:
        return drill.model_copy(update={"result": "never run: no gold case with an error was answered"})
    return _judged(drill, _above(caught, CAUGHT, ENOUGH_PLANTED), errors)


def _kill_switch(pl: Any, frame: "pl.DataFrame", switches: Sequence[Switch]) -> Drill:
    """Stricter policies: how long the one before still let cases through, and when the first case obeyed."""
    name = "Kill switch: a stricter policy"
    if not switches:
        result = "never drilled: no stricter policy was activated, and no canary restricted a share of the cases"
        return Drill(drill_id="kill_switch", name=name, runs=0, result=result, severity="unknown")
    last = switches[-1]
    after = frame.filter(pl.col("finished_seq") > last.seq)
    let_through = pl.col("decision_source") == DecisionSource.AGENT.value
    lag = after.filter(let_through & (pl.col("policy_hash") == last.before))
    obeyed = after.filter(pl.col("policy_hash") == last.policy_hash).sort("finished_seq")
    times = f"{number(len(switches), 'time')}, last on {last.at:%Y-%m-%d}"
    severity: Severity = "good"
    if obeyed.is_empty():
        result, severity = f"{times}: not measured, since no case was decided under it yet", "unknown"
    else:
        first = duration_text(max(0.0, (obeyed["timestamp"][0] - last.at).total_seconds()))
        result = f"{times}: the first case obeyed it after {first}"
    if lag.height:
        latest: Any = lag["timestamp"].max()
        seconds = duration_text(max(0.0, (latest - last.at).total_seconds()))
        result += f"; the policy before let {number(lag.height, 'case')} through for another {seconds}"
        severity = "watch"
    elif last.before is not None and severity == "good":
        result += "; the policy before let no case through afterwards"
    return Drill(
        drill_id="kill_switch", name=name, runs=len(switches), result=result, severity=severity, last_at=last.at
    )


def _overrides(pl: Any, frame: "pl.DataFrame") -> Drill:
    """How often people overrule the agent, and how many of them ever do."""
    decided = frame.filter(pl.col("by_person") & (pl.col("kind") == "case"))
    against = share_among(int(decided["overturned"].sum()), len(decided))
    overrides = int((decided["human_decision"] == HumanDecision.OVERRIDE.value).sum())
    people = decided.filter(pl.col("reviewer_id").is_not_null()).group_by("reviewer_id").agg(pl.col("overturned").any())
    result = f"people overruled {share_text(against)} reviewed cases, {number(overrides, 'override')} among them"
    if people.height:
        result += f"; {int(people['overturned'].sum())} of {number(people.height, 'reviewer')} ever did"
    drill = Drill(drill_id="overrides", name="Override behavior", runs=against.of, result=result, severity="unknown")
    if not decided.height:
        return drill.model_copy(update={"result": "never seen: no reviewer has decided a case"})
    severity: Severity = "good" if against.count else "watch"
    return _judged(drill, severity if against.of >= ENOUGH_DECISIONS else "unknown", decided)


def _fatigue(pl: Any, frame: "pl.DataFrame") -> Drill:
    """Approvals and seconds late in a session beside those at its beginning."""
    answered = pl.col("by_person") & pl.col("reviewer_id").is_not_null() & (pl.col("kind") != "change")
    rows = frame.filter(answered).sort("reviewer_id", "timestamp", "finished_seq")
    begins = (pl.col("timestamp").diff().over("reviewer_id") > PAUSE).fill_null(value=True)
    rows = rows.with_columns(session=begins.cum_sum().over("reviewer_id"))
    rows = rows.with_columns(place=pl.int_range(pl.len()).over("reviewer_id", "session"))
    early, late = rows.filter(pl.col("place") < _FIRST), rows.filter(pl.col("place") >= LATE_IN_SESSION)
    shares = [share_among(int((~part["overturned"]).sum()), len(part)) for part in (early, late)]
    drill = Drill(drill_id="fatigue", name="Fatigue in a session", runs=len(late), result="", severity="unknown")
    if not late.height:
        result = f"never seen: no reviewer has decided more than {LATE_IN_SESSION} cases in a row"
        return drill.model_copy(update={"result": result})
    result = (
        f"after {LATE_IN_SESSION} decisions in a row reviewers approve {share_text(shares[1])}, "
        f"at the beginning {share_text(shares[0])}{_pace(pl, early, late)}"
    )
    severity: Severity = "good"
    if (shares[1].lowest or 0) > (shares[0].highest or 1):
        severity = "watch"
    enough = late.height >= ENOUGH_DECISIONS
    return _judged(drill.model_copy(update={"result": result}), severity if enough else "unknown", late)


def _pace(pl: Any, early: "pl.DataFrame", late: "pl.DataFrame") -> str:
    seconds = pl.coalesce("seconds_looked_at", "review_seconds")
    medians = [part.select(seconds.median()).item() for part in (early, late)]
    if None in medians:
        return ""
    return f"; median time {duration_text(medians[1])}, at the beginning {duration_text(medians[0])}"


def _second_reviews(pl: Any, frame: "pl.DataFrame") -> Drill:
    """Decided cases that another person decided again without knowing it."""
    again = frame.filter((pl.col("quality_check") == QualityCheckKind.SECOND_REVIEW.value) & pl.col("by_person"))
    first = frame.select("case_id", first="human_decision")
    pairs = again.join(first, left_on="quality_check_of", right_on="case_id", how="left", maintain_order="left")
    agree = share_among(int((pairs["human_decision"] == pairs["first"]).sum()), len(pairs))
    drill = Drill(
        drill_id="second_reviews",
        name="Second reviews",
        runs=agree.of,
        result=f"the second reviewer decided alike in {share_text(agree)}",
        severity="unknown",
    )
    if not pairs.height:
        return drill.model_copy(update={"result": "never run: no decided case was reviewed a second time"})
    return _judged(drill, _above(agree, AGREE, ENOUGH_SECOND), pairs)


def _spot_checks(pl: Any, frame: "pl.DataFrame") -> Drill:
    """Automatic approvals that were drawn for a look afterwards."""
    drawn = frame.filter(pl.col("is_drawn"))
    answered = drawn.filter(pl.col("check_overturned").is_not_null())
    wrong = share_among(int(answered["check_overturned"].sum()), len(answered))
    name = "Spot checks of automatic approvals"
    if not drawn.height:
        result = "never run: no rule drew an automatic approval for a look afterwards"
        return Drill(drill_id="spot_checks", name=name, runs=0, result=result, severity="unknown")
    result = (
        f"{percent(answered.height / drawn.height)} of {number(drawn.height, 'drawn approval')} were looked at"
        f"; overturned: {share_text(wrong)}"
    )
    severity: Severity = "good" if answered.height == drawn.height else "watch"
    drill = Drill(drill_id="spot_checks", name=name, runs=answered.height, result=result, severity="unknown")
    return _judged(drill, severity, drawn)


def _above(share: Share, bound: float, enough: int) -> Severity:
    """Judge a share that should reach a bound."""
    if share.of < enough or share.lowest is None or share.highest is None:
        return "unknown"
    return "good" if share.count / share.of >= bound else "bad" if share.highest < bound else "watch"


def _judged(drill: Drill, severity: Severity, cases: "pl.DataFrame") -> Drill:
    return drill.model_copy(update={"severity": severity, "last_at": cases["timestamp"].max()})

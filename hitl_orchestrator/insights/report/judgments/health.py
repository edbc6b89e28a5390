"""The health of the collaboration: whether the automatic cases are right, and the people in time and careful."""

from hitl_orchestrator.domain.shown.numbers import bound_percent, highest_percent, percent, percent_interval
from hitl_orchestrator.insights.metrics.model import Metrics
from hitl_orchestrator.insights.report.judgments.rules import Rule, Settled, at_most, judged
from hitl_orchestrator.insights.report.model import Criterion, Judgment
from hitl_orchestrator.insights.report.phrases import (
    DIGITS_OF_ERRORS,
    lacking,
    listed,
    name,
    number,
    share_text,
)

HEALTHY, WATCH, UNHEALTHY, NOT_ENOUGH = "healthy", "watch", "unhealthy", "not enough data"
"""The words of health."""

ENOUGH = 30
"""The cases that a share needs before a rule judges it."""

LATE = 0.05
"""The share of reviews that may end after their deadline."""

CALIBRATED = 0.1
"""The largest expected calibration error of a confidence that bounds may rely on."""

NEVER = "never"


def judge_health(metrics: Metrics, tolerated: float = 0.05) -> Judgment:
    """Return the judgment of health, with its rules, the gravest first. `tolerated` is a share of errors."""
    rules = [
        _autonomy(metrics),
        _automatic_errors(metrics, tolerated),
        _false_confidence(metrics),
        _overdue(metrics),
        _care(metrics),
        _calibration(metrics),
    ]
    good = Settled("good", HEALTHY, _all_good(metrics, tolerated))
    return judged(rules, good)


def _all_good(metrics: Metrics, tolerated: float) -> str:
    errors = metrics.automatic_errors
    if errors.highest is None:
        return "No case was approved automatically, and no rule found a reason to look closer."
    most = highest_percent(errors.highest, DIGITS_OF_ERRORS, bound=tolerated)
    return f"At most {most} of the automatic cases are wrong; {bound_percent(tolerated)} are tolerated."


def _autonomy(metrics: Metrics) -> Rule:
    never = [each for each in metrics.autonomy if each.verdict == NEVER and each.automatic.count]
    known = [each for each in metrics.autonomy if each.verdict != "not_enough_data"]
    names = listed([name(each.task_type, "cases without a task type") for each in never])
    return Rule(
        Criterion(
            criterion_id="autonomy_deserved",
            demands="No task type goes ahead by itself that is certainly overturned too often at every confidence with "
            "enough looks.",
            measured=f"{len(never):,} of {number(len(known), 'task type')} with enough data",
            holds=False if never else True if known else None,
        ),
        Settled(
            "bad",
            UNHEALTHY,
            f"Approved automatically, though certainly overturned too often at every confidence with enough looks: "
            f"{names}.",
        ),
    )


def _automatic_errors(metrics: Metrics, tolerated: float) -> Rule:
    errors, automatic = metrics.automatic_errors, metrics.automation.count
    allowed = f"{bound_percent(tolerated)} are tolerated"
    holds, why = None, errors.why_not or "no automatic case was looked at"
    known = errors.share is not None and errors.lowest is not None and errors.highest is not None
    measured = lacking(why)
    if not metrics.cases.decided:
        why = measured = "there is no decision yet"
    elif not automatic:
        holds, measured = True, "no automatic case"
    elif known:
        low, high = errors.lowest or 0.0, errors.highest or 0.0
        ends = percent_interval(low, high, DIGITS_OF_ERRORS, bound=tolerated)
        measured = f"{percent(errors.share or 0, DIGITS_OF_ERRORS, bound=tolerated)} {ends}"
        if errors.enough:
            holds = False if low > tolerated else True if high <= tolerated else None
            why = f"{measured} are wrong, and {allowed}"
        else:
            measured = f"{measured} of those that checks cover; {why}"
    return Rule(
        Criterion(
            criterion_id="automatic_errors",
            demands=f"At most {bound_percent(tolerated)} of the automatic cases are wrong.",
            measured=measured,
            holds=holds,
        ),
        Settled(
            "bad", UNHEALTHY, f"Of the automatic cases, {measured} are wrong; {bound_percent(tolerated)} are tolerated."
        ),
        Settled("unknown", NOT_ENOUGH, f"Whether the automatic cases are right is not certain: {why}."),
    )


def _false_confidence(metrics: Metrics) -> Rule:
    sure = metrics.false_confidence
    bound = 1 - sure.bound
    few = sure.overturned.of < ENOUGH
    overturned = share_text(sure.overturned, bound=bound)
    return Rule(
        Criterion(
            criterion_id="false_confidence",
            demands=f"Of the cases with a confidence of {sure.bound:g} or more that {metrics.judges} looked at, "
            f"at most {bound_percent(bound)} are overturned.",
            measured=f"not enough data: {sure.overturned.of} of {ENOUGH}" if few else overturned,
            holds=at_most(sure.overturned, bound, ENOUGH),
        ),
        Settled("watch", WATCH, f"Sure and wrong: {metrics.judges} overturned {overturned} of the confident cases."),
    )


def _overdue(metrics: Metrics) -> Rule:
    overdue = metrics.latency.overdue
    few = overdue.of < ENOUGH
    late = share_text(overdue, bound=LATE)
    return Rule(
        Criterion(
            criterion_id="in_time",
            demands=f"At most {bound_percent(LATE)} of the reviews end after their deadline.",
            measured=f"not enough data: {overdue.of} of {ENOUGH}" if few else late,
            holds=at_most(overdue, LATE, ENOUGH),
        ),
        Settled("watch", WATCH, f"Reviews come too late: {late} ended after the deadline."),
    )


def _care(metrics: Metrics) -> Rule:
    noted = [name(metrics.known_as(each.reviewer)) for each in metrics.reviewers if each.signals]
    judgeable = [each for each in metrics.reviewers if each.signals or not each.not_enough_data]
    return Rule(
        Criterion(
            criterion_id="reviewers_careful",
            demands="No reviewer gives a reason for a closer look: too fast, always agreeing, missing planted errors.",
            measured=f"{len(noted):,} of {number(len(metrics.reviewers), 'reviewer')}",
            holds=False if noted else True if judgeable else None,
        ),
        Settled("watch", WATCH, f"A closer look is needed at {number(len(noted), 'reviewer')}: {listed(noted)}."),
    )


def _calibration(metrics: Metrics) -> Rule:
    measure = metrics.calibration
    off = measure.ece
    apart = any(
        each.approved.highest is not None
        and each.approved.lowest is not None
        and not each.approved.lowest <= each.mean_confidence <= each.approved.highest
        for each in measure.bins
    )
    enough = off is not None and measure.why_not is None and measure.cases >= ENOUGH
    holds = None
    if off is not None and enough:
        holds = True if off <= CALIBRATED else False if apart else None
    few = lacking(measure.why_not or f"{measure.cases} of {ENOUGH}")
    return Rule(
        Criterion(
            criterion_id="calibrated",
            demands=f"Confidence is off by at most {bound_percent(CALIBRATED)} on average "
            "(expected calibration error).",
            measured=few if off is None or not enough else percent(off, 1, bound=CALIBRATED),
            holds=holds,
        ),
        Settled(
            "watch",
            WATCH,
            f"Confidence is off by {percent(off or 0, 1, bound=CALIBRATED)} on average; bounds on it rely on less.",
        ),
    )

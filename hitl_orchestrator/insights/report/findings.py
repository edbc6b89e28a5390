"""What the data say, the most important first, each with its figures and the command that begins the next step."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.numbers import bound_percent, confidence_text, percent, percent_interval
from hitl_orchestrator.insights.escaped_errors import EscapedErrors
from hitl_orchestrator.insights.metrics.model import TRUTH, Group, Metrics
from hitl_orchestrator.insights.report.judgments.health import ENOUGH, LATE, NEVER
from hitl_orchestrator.insights.report.judgments.rules import at_most
from hitl_orchestrator.insights.report.model import Finding, Severity
from hitl_orchestrator.insights.report.phrases import (
    DIGITS_OF_ERRORS,
    listed,
    name,
    number,
    share_text,
)
from hitl_orchestrator.insights.shares import Share

Words = tuple[str, ...]


class Found(NamedTuple):
    """A finding, how many cases it is about, and its next step; `command` are the words after `hitl`."""

    finding: Finding
    cases: float
    step: str
    command: Words | None = None


_RANK: Mapping[Severity, int] = {"bad": 0, "watch": 1, "good": 2, "unknown": 3}


def find_all(metrics: Metrics, tolerated: float) -> list[Found]:
    """Return all findings, the gravest first, and of these the ones about the most cases first."""
    every = [each for finder in _FINDERS for each in finder(metrics, tolerated)]
    return sorted(every, key=lambda each: (_RANK[each.finding.severity], -each.cases))


def found(
    finding_id: str, severity: Severity, sentence: str, evidence: str, cases: float, *, then: tuple[str, Words]
) -> Found:
    """Return a finding with its next step: a sentence, and the words of its command after `hitl`."""
    finding = Finding(finding_id=finding_id, severity=severity, sentence=sentence, evidence=evidence)
    return Found(finding, cases, then[0], then[1] or None)


def _undeserved(metrics: Metrics, tolerated: float) -> Iterator[Found]:
    """Yield task types that people overturn too often at every confidence with enough looks."""
    for each in metrics.autonomy:
        if each.verdict != NEVER:
            continue
        what, automatic = name(each.task_type, "Cases without a task type"), each.automatic
        sentence = f"{what}: overturned in {_of_reviews(each.overturn.share, each.overturn.of)} {_ends(each.overturn)}"
        if automatic.count:
            sentence = f"{sentence}, and automatic in {percent(automatic.share or 0)} of its {automatic.of:,} cases."
        else:
            sentence = f"{sentence}; none of its {automatic.of:,} cases went ahead by itself."
        then: tuple[str, Words] = (
            f"Let people decide every case of {what}: add a rule, test it, and apply it to the past.",
            ("policy", "versions"),
        )
        if not automatic.count:
            then = ("Keep it so, and tell the agents what people corrected.", ("feedback",))
        yield found(
            f"never_autonomous:{each.task_type}",
            "bad" if automatic.count else "unknown",
            sentence,
            _sentence(each.sentence),
            automatic.count or 0,
            then=then,
        )


def _automatic_errors(metrics: Metrics, tolerated: float) -> Iterator[Found]:
    errors, automatic = metrics.automatic_errors, metrics.automation.count
    if errors.enough and errors.lowest is not None and errors.lowest > tolerated:
        yield found(
            "automatic_errors",
            "bad",
            f"Automatic cases are wrong in {_with_ends(errors, tolerated)}; {bound_percent(tolerated)} are tolerated.",
            f"From {number(errors.reviews, 'answered check')}, an effective {errors.effective_reviews:,.0f}, weighted "
            "by inverse review probability.",
            automatic,
            then=("Find the rule that lets them through, and tighten it.", ("audit", "list")),
        )
    elif automatic and not errors.enough:
        yield found(
            "automatic_unknown",
            "watch",
            f"Whether the {number(automatic, 'automatic case')} were right is not known.",
            _sentence(errors.why_not or "no check was answered"),
            automatic,
            then=_more_checks(metrics),
        )


def _more_checks(metrics: Metrics) -> tuple[str, Words]:
    """Return how to learn whether automatic cases are right: from checks that wait, from more of them, or from any."""
    unanswered, errors = metrics.cases.unanswered_checks, metrics.automatic_errors
    if unanswered:
        return f"Answer the {number(unanswered, 'waiting spot check')}: they say whether such cases are right.", (
            "inbox",
        )
    if errors.reviews:
        where = " in every approving rule" if errors.unseen else ""
        return f"Have more of the approved cases checked: a higher spot_check{where}.", ("policy", "versions")
    return (
        "Have a share of the approved cases checked afterwards: spot_check in the approving rules.",
        ("policy", "versions"),
    )


def _rules(metrics: Metrics, tolerated: float) -> Iterator[Found]:
    approving = [rule for rule in metrics.rules if rule.action is Action.AUTO_APPROVE and rule.cases]
    # The errors of a single approving rule are those of all automatic cases.
    for rule in approving if len(approving) > 1 else ():
        errors = rule.automatic_errors
        certain = errors is not None and errors.enough and (errors.lowest or 0) > tolerated
        if errors is not None and certain:
            yield found(
                f"rule_errors:{rule.rule_id}",
                "bad",
                f"Rule {name(rule.rule_id)} approves {_with_ends(errors, tolerated)} wrong cases; "
                f"{bound_percent(tolerated)} are tolerated.",
                f"It decided {number(rule.cases, 'case')}; {number(errors.reviews, 'check')} of them were answered.",
                rule.cases,
                then=(
                    f"Tighten rule {name(rule.rule_id)}, and apply the new policy to the past first.",
                    _listed_by("rule", rule.rule_id),
                ),
            )
    # Few cases say nothing about rules that are rarely needed.
    if metrics.never_fired and metrics.cases.decided >= ENOUGH:
        rules = listed([name(each) for each in metrics.never_fired])
        waiting, subject = metrics.cases.undecided, number(len(metrics.never_fired), "rule")
        unsure = f"{subject} decided no finished case: {rules}; {number(waiting, 'case is', 'cases are')} open."
        yield found(
            "never_fired",
            "unknown",
            unsure if waiting else f"{subject} decided no case: {rules}.",
            f"Of {number(metrics.cases.decided, 'decision')} in this period.",
            0,
            then=(
                ("Look again when the open cases are decided: these rules may have sent them to people.", ("inbox",))
                if waiting
                else ("Look whether they are needed, or hidden by earlier rules.", ("policy", "versions"))
            ),
        )


def _looked_at(metrics: Metrics) -> str:
    return "with a recorded truth" if metrics.judges == TRUTH else "that they looked at"


def _false_confidence(metrics: Metrics, tolerated: float) -> Iterator[Found]:
    sure = metrics.false_confidence
    if not sure.overturned.count:
        return
    certain = at_most(sure.overturned, 1 - sure.bound, ENOUGH) is False
    admitted = f"A confidence of {sure.bound:g} admits {bound_percent(1 - sure.bound)}"
    surest = sure.cases[0] if sure.cases else None
    evidence = f"{admitted}."
    share = percent(sure.overturned.share or 0, bound=1 - sure.bound)
    if surest is not None:
        by = f" by {name(metrics.known_as(surest.reviewer_id))}" if surest.reviewer_id else ""
        case = f"{name(surest.task_id)} at {confidence_text(surest.confidence)}: {surest.decision.value}{by}"
        evidence = f"{admitted}; the surest of them is {case}."
    yield found(
        "false_confidence",
        "watch" if certain else "unknown",
        f"Sure and wrong: {metrics.judges} overturned {sure.overturned.count:,} of the "
        f"{number(sure.overturned.of, 'case')} at {sure.bound:g} or more {_looked_at(metrics)}, "
        f"{share} {_ends(sure.overturned, 1 - sure.bound)}.",
        evidence,
        sure.overturned.count,
        then=(
            "Look at the surest of them, and calibrate the confidence before bounds rely on it.",
            (() if surest is None else ("show", surest.case_id)),
        ),
    )


def _groups(metrics: Metrics, tolerated: float) -> Iterator[Found]:
    """Yield the group of each dimension that people overturn certainly more often than all cases.

    The task type that they overturn most is named in any case.
    """
    known = {each.task_type for each in metrics.autonomy if each.verdict == NEVER}
    for dimension, title in _DIMENSIONS.items():
        of_type = dimension == "task_type"
        groups = [
            group
            for group in metrics.by.get(dimension, ())
            if group.key is not None and group.overturn.of >= ENOUGH and not (of_type and group.key in known)
        ]
        worst = max(groups, key=lambda each: each.overturn.lowest or 0, default=None)
        certain = worst is not None and (worst.overturn.lowest or 0) > (metrics.overturn.highest or 1)
        if worst is not None and worst.overturn.count and (certain or (of_type and not known)):
            yield _group(dimension, title, worst, metrics, certain=certain)


def _group(dimension: str, title: str, group: Group, metrics: Metrics, *, certain: bool) -> Found:
    overturn, what, automatic = group.overturn, f"{title} {name(group.key)}", group.automation
    of_agents = dimension in {"agent_id", "model_version"}
    verb = "struggles" if of_agents else "struggle"
    doing = f"{verb} more than others" if certain and of_agents else verb if certain else "may struggle most"
    subject = f"The {what} {doing}" if of_agents else f"Agents {doing} {'' if not certain else 'more '}with the {what}"
    than = "Certainly more than" if certain else "Not certainly more than"
    return found(
        f"overturned:{dimension}:{group.key}",
        "watch" if certain else "unknown",
        f"{subject}: overturned in {_of_reviews(overturn.share, overturn.of)} "
        f"{_ends(overturn)}, and automatic in {percent(automatic.share or 0)} of its {number(automatic.of, 'case')}.",
        f"{than} all reviews together, of which {percent(metrics.overturn.share or 0)} were overturned.",
        group.cases,
        then=(
            "Look at what people corrected there, and tell the agents.",
            (_listed_by("domain", group.key) if dimension == "domain" else ("feedback",)),
        ),
    )


def _candidates(metrics: Metrics, tolerated: float) -> Iterator[Found]:
    """Yield task types that people nearly always approve above some confidence."""
    for each in metrics.autonomy:
        if each.verdict != "above_bound" or each.bound is None or (each.automatic.share or 0) >= (each.coverage or 0):
            continue
        what = name(each.task_type, "Cases without a task type")
        yield found(
            f"could_be_automatic:{each.task_type}",
            "good",
            f"{what}: at a confidence of {each.bound:g} or more at most {bound_percent(tolerated)} were overturned, "
            f"and {percent(each.coverage or 0)} of its cases are there; "
            f"{percent(each.automatic.share or 0)} are automatic.",
            _sentence(each.sentence),
            each.cases * ((each.coverage or 0) - (each.automatic.share or 0)),
            then=(
                f"Try a bound of {each.bound:g} for {what} on the past, and as a shadow policy.",
                ("policy", "versions"),
            ),
        )


def _calibration(metrics: Metrics, tolerated: float) -> Iterator[Found]:
    over = [
        each
        for each in metrics.calibration.bins
        if each.approved.of >= ENOUGH and each.approved.highest is not None and each.approved.highest < each.low
    ]
    if over:
        worst = max(over, key=lambda each: each.mean_confidence - (each.approved.share or 0))
        yield found(
            "over_confident",
            "watch",
            f"Confidence is too high: at {worst.mean_confidence:.2f} on average, {metrics.judges} approved "
            f"{percent(worst.approved.share or 0)} of {worst.approved.of:,} {_ends(worst.approved)}.",
            _sentence(metrics.calibration.represents),
            worst.approved.of,
            then=("Calibrate the agent's confidence, or raise the bounds of the policy.", ("policy", "versions")),
        )


def _people(metrics: Metrics, tolerated: float) -> Iterator[Found]:
    for each in metrics.reviewers:
        if each.signals:
            yield found(
                f"reviewer:{each.reviewer}",
                "watch",
                f"Reviewer {name(metrics.known_as(each.reviewer))} gives a reason for a closer look: "
                f"{', '.join(_SIGNALS.get(signal.value, signal.value) for signal in each.signals)}.",
                f"From {number(each.cases, 'case')}; it is a reason to look, not a proof.",
                each.cases,
                then=(
                    f"Look at the decisions of {name(metrics.known_as(each.reviewer))}, and plant cases for the role.",
                    _listed_by("reviewer", each.reviewer),
                ),
            )
    overdue = metrics.latency.overdue
    if at_most(overdue, LATE, ENOUGH) is False:
        median = metrics.latency.waiting.median
        waited = (
            "" if median is None else f"; half of all reviews wait {duration_text(median)} or more for a first look"
        )
        yield found(
            "overdue",
            "watch",
            f"Reviews come late: {share_text(overdue, bound=LATE)} ended after their deadline.",
            f"At most {bound_percent(LATE)} should{waited}.",
            overdue.count,
            then=("Give the role more people or later deadlines, or assign the open reviews.", ("inbox", "--overdue")),
        )


def _open(metrics: Metrics, tolerated: float) -> Iterator[Found]:
    counts = metrics.cases
    if not counts.decided:
        waiting = f"{number(counts.open, 'review')} {'is' if counts.open == 1 else 'are'} open"
        yield found(
            "no_decision",
            "unknown",
            "There is no decision yet." if metrics.period.since is None else "There is no decision in this period.",
            f"{waiting}." if counts.open else "No review is open.",
            counts.open,
            then=(
                ("Decide the open reviews.", ("inbox",))
                if counts.open
                else ("Submit tasks, with 'hitl run' or from a program.", ())
            ),
        )
    if counts.overdue:
        yield found(
            "overdue_now",
            "watch",
            f"{counts.overdue:,} of {number(counts.open, 'open review')} are past their deadline now.",
            "As of now, whatever the period of the report.",
            counts.overdue,
            then=("Decide them, or have the deadlines processed: 'hitl sweep'.", ("inbox", "--overdue")),
        )
    if counts.unanswered_checks:
        yield found(
            "unanswered_checks",
            "watch",
            f"{number(counts.unanswered_checks, 'drawn spot check has', 'drawn spot checks have')} no answer.",
            "Until then nothing is known about the automatic cases for which they stand.",
            counts.unanswered_checks,
            then=("Answer them.", ("inbox",)),
        )


def _errors(metrics: Metrics, tolerated: float) -> Iterator[Found]:
    named = [each for each in metrics.error_types if each.reason_code is not None and each.cases.count]
    if named and metrics.verdicts.people >= ENOUGH:
        most = max(named, key=lambda each: each.cases.count)
        types = [f"{name(kind)} ({count:,})" for kind, count in most.by_task_type.items()]
        yield found(
            "error_type",
            "unknown",
            f"The most frequent reason to overturn is {name(most.reason_code)}: {share_text(most.cases)}.",
            f"Most of them in {listed(types)}." if types else "",
            most.cases.count,
            then=("Tell the agents, and the people who write their instructions.", ("feedback",)),
        )


def _sentence(text: str) -> str:
    """Return a text of the metrics as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def _with_ends(errors: EscapedErrors, tolerated: float) -> str:
    """Return a share of errors with its interval, each with the digits that show on which side of the bound it is."""
    share = percent(errors.share or 0, DIGITS_OF_ERRORS, bound=tolerated)
    return f"{share} {_ends(errors, tolerated, DIGITS_OF_ERRORS)}"


def _ends(share: Share | EscapedErrors, bound: float | None = None, digits: int = 0) -> str:
    if share.lowest is None or share.highest is None:
        return ""
    return percent_interval(share.lowest, share.highest, digits, bound=bound)


def _of_reviews(share: float | None, of: int) -> str:
    return f"{percent(share or 0)} of its {number(of, 'review')}"


def _listed_by(option: str, value: str | None) -> Words:
    """Return the command that lists the records of a rule, a domain or a reviewer."""
    return ("audit", "list") if value is None else ("audit", "list", f"--{option}={value}")


_DIMENSIONS = {
    "task_type": "task type",
    "domain": "domain",
    "agent_id": "agent",
    "model_version": "agent version",
}
_SIGNALS = {
    "fast": "decides faster than the content can be read",
    "approves_gold_errors": "approves planted errors",
    "always_agrees": "agrees with the agent nearly always",
    "apart_from_peers": "decides otherwise than others on the same cases",
}
_FINDERS: tuple[Callable[[Metrics, float], Iterator[Found]], ...] = (
    _undeserved,
    _automatic_errors,
    _rules,
    _false_confidence,
    _groups,
    _candidates,
    _calibration,
    _people,
    _open,
    _errors,
)

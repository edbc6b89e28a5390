"""What differs between two periods. Only a difference that the intervals support is called a change."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.numbers import percent, percent_interval
from hitl_orchestrator.insights.escaped_errors import EscapedErrors
from hitl_orchestrator.insights.metrics.model import Group, Metrics
from hitl_orchestrator.insights.report.model import Change, Severity
from hitl_orchestrator.insights.report.phrases import DIGITS_OF_ERRORS, name
from hitl_orchestrator.insights.shares import Share

ENOUGH = 10
"""The cases that each period needs before its share is compared."""

COMPARED_GROUPS = ("task_type", "domain", "model_version")


class _Measure(NamedTuple):
    """A share of two periods, what it is called, and what its rise means."""

    name: str
    title: str
    share: Callable[[Metrics], Share | EscapedErrors]
    rise: Severity
    fall: Severity


_MEASURES = (
    _Measure("automatic_errors", "Errors among automatic cases", lambda m: m.automatic_errors, "bad", "good"),
    _Measure("overturn", "The overturned share of reviews", lambda m: m.overturn, "watch", "good"),
    _Measure("false_confidence", "Sure and overturned", lambda m: m.false_confidence.overturned, "bad", "good"),
    _Measure("overdue", "Reviews past their deadline", lambda m: m.latency.overdue, "bad", "good"),
    _Measure("automation", "Automation", lambda m: m.automation, "unknown", "unknown"),
    _Measure("review", "The share of reviews", lambda m: m.review, "unknown", "unknown"),
    _Measure("escalation", "The share of escalations", lambda m: m.escalation, "watch", "good"),
    _Measure("override", "The share of overrides", lambda m: m.override, "watch", "good"),
    _Measure("rejection", "The share of rejections", lambda m: m.rejection, "watch", "good"),
    _Measure("modification", "The share of modifications", lambda m: m.modification, "watch", "good"),
)


def changes_between(before: Metrics, after: Metrics) -> tuple[Change, ...]:
    """Return each measure of both periods, the certain changes first, then those of groups that are certain.

    A change is certain if the 95 % intervals do not overlap. Of the groups, which are many, only certain changes are
    returned.
    """
    whole = [_change(each, each.title, each.share(before), each.share(after)) for each in _MEASURES]
    whole += _durations(before, after)
    groups = [change for change in _of_groups(before, after) if change.is_certain]
    return tuple(sorted([*whole, *groups], key=lambda change: not change.is_certain))


def _change(measure: _Measure, title: str, before: Share | EscapedErrors, after: Share | EscapedErrors) -> Change:
    known = (before.lowest, before.highest, after.lowest, after.highest, before.share, after.share)
    if any(end is None for end in known) or not (_is_enough(before) and _is_enough(after)):
        return Change(
            name=measure.name,
            title=title,
            before=before.share,
            after=after.share,
            is_certain=False,
            is_known=False,
            sentence=f"{title}: not enough data to compare ({_cases(before):,} and {_cases(after):,} cases).",
        )
    rose, fell = (after.lowest or 0) > (before.highest or 0), (after.highest or 0) < (before.lowest or 0)
    was, now = (_text(side) for side in (before, after))
    sentence = f"{title}: no certain change, {was} before and {now} now."
    if rose or fell:
        sentence = f"{title} {'rose' if rose else 'fell'} from {was} to {now}."
    return Change(
        name=measure.name,
        title=title,
        before=before.share,
        after=after.share,
        is_certain=rose or fell,
        sentence=sentence,
        severity=measure.rise if rose else measure.fall if fell else "unknown",
    )


def _text(share: Share | EscapedErrors) -> str:
    digits = DIGITS_OF_ERRORS if isinstance(share, EscapedErrors) else 0
    return f"{percent(share.share or 0, digits)} {percent_interval(share.lowest or 0, share.highest or 0, digits)}"


def _is_enough(share: Share | EscapedErrors) -> bool:
    if isinstance(share, EscapedErrors):
        return share.enough
    return share.of >= ENOUGH and share.why_not is None


def _cases(share: Share | EscapedErrors) -> int:
    return share.reviews if isinstance(share, EscapedErrors) else share.of


def _durations(before: Metrics, after: Metrics) -> Iterator[Change]:
    """Yield the median times, which have no interval here: their difference is never certain."""
    was, now = before.latency.total.median, after.latency.total.median
    if was is not None and now is not None:
        title = "Median time to a decision of a person"
        sentence = f"{title}: {duration_text(was)} before and {duration_text(now)} now."
        yield Change(name="median_latency", title=title, before=was, after=now, is_certain=False, sentence=sentence)


def _of_groups(before: Metrics, after: Metrics) -> Iterator[Change]:
    """Yield the changes of the overturned share, and of automation, in groups that both periods have."""
    for dimension in COMPARED_GROUPS:
        earlier = {group.key: group for group in before.by.get(dimension, ())}
        for group in after.by.get(dimension, ()):
            if (then := earlier.get(group.key)) is not None and group.key is not None:
                yield from _of_group(dimension, then, group)


def _of_group(dimension: str, before: Group, after: Group) -> Iterator[Change]:
    what = f"{dimension.replace('_', ' ')} {name(after.key)}"
    overturn = _Measure(f"overturn:{dimension}:{after.key}", "", lambda m: m.overturn, "bad", "good")
    yield _change(overturn, f"The overturned share of {what}", before.overturn, after.overturn)
    automation = _Measure(f"automation:{dimension}:{after.key}", "", lambda m: m.automation, "unknown", "unknown")
    yield _change(automation, f"Automation of {what}", before.automation, after.automation)


def certain(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return the certain changes."""
    return tuple(change for change in changes if change.is_certain)

"""The metrics of a store on one screen: shares as bars, the trend as sparklines, and groups by one dimension."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from hitl_orchestrator.cli.output.bars import Glyphs, bar, sparkline, thinned
from hitl_orchestrator.cli.output.blocks import Block, Cell, Line, Strip, inline
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.domain.shown.numbers import percent, percent_interval
from hitl_orchestrator.insights import (
    INTERVALS_IN_WORDS,
    EscapedErrors,
    Group,
    Mark,
    Metrics,
    Moment,
    Quantiles,
    Share,
    open_text,
)

NOTHING = "No decision in this period."
MOST_GROUPS = 10
TOLERATED = 0.05
"""The share of errors from which a bar is red."""

_NARROW, _WIDEST = 60, 100
_LABEL, _VALUE = 12, 6
_LEAST_NAME, _LONGEST_NAME = 10, 30


class Screen(NamedTuple):
    """The width of the screen, and the characters that it has."""

    width: int
    drawn: Glyphs

    @property
    def is_narrow(self) -> bool:
        """Whether there is no room for intervals."""
        return self.width < _NARROW

    @property
    def bar_width(self) -> int:
        """The width of the bars of shares."""
        return max(8, min(self.width, _WIDEST) - _LABEL - _VALUE - (4 if self.is_narrow else 34))


def stats(metrics: Metrics, dimension: str, screen: Screen) -> Iterator[Block]:
    """Write the metrics, with groups by one dimension."""
    yield from _head(metrics, screen)
    if not metrics.cases.decided:
        yield Line(NOTHING)
        yield from _open(metrics)
        yield from _unproven(metrics)
        return
    yield from _shares(metrics, screen)
    yield from _people(metrics, screen)
    yield from _trust(metrics, screen)
    yield from _trend(metrics, screen)
    yield from _groups(metrics.by.get(dimension, ()), metrics.left_out.get(dimension, 0), dimension, screen)
    yield from _open(metrics)
    yield from _unproven(metrics)


def _unproven(metrics: Metrics) -> Iterator[Block]:
    """Say that nothing was verified, and what is known to be wrong all the same."""
    unreadable = metrics.cases.unreadable
    if unreadable:
        rows = "1 row cannot be read, and is" if unreadable == 1 else f"{unreadable:,} rows cannot be read, and are"
        yield Line(f"{rows} left out.", "bold red")
    yield Line("Not verified: 'hitl audit verify' does it.", "dim")


def _head(metrics: Metrics, screen: Screen) -> Iterator[Block]:
    period, dot = metrics.period, screen.drawn.dot
    decided = metrics.cases.decided
    parts = [f"{decided:,} {'decision' if decided == 1 else 'decisions'}"]
    if period.first is not None and period.last is not None:
        parts.append(f"{period.first:%Y-%m-%d} to {period.last:%Y-%m-%d}")
    if metrics.cases.replayed:
        parts.append(f"{metrics.cases.replayed:,} replayed")
    yield Line(f" {dot} ".join(parts), "bold")
    yield Line()


def _shares(metrics: Metrics, screen: Screen) -> Iterator[Block]:
    yield _share("automated", metrics.automation, "green", screen)
    if uncounted := open_text(metrics):
        yield Line(f"{uncounted}.", "yellow", indent=_LABEL)
    yield _share("reviewed", metrics.review, "yellow", screen)
    yield _share("escalated", metrics.escalation, "red", screen)
    yield _share("overturned", metrics.overturn, _error_style(metrics.overturn), screen, "reviewed")
    yield Line()


def _share(label: str, share: Share, style: str, screen: Screen, of: str = "") -> Strip:
    """Return a labeled bar with the share, its number of cases, and its interval."""
    if share.share is None:
        return Strip((Cell(label.ljust(_LABEL)), Cell("none to measure", "dim")))
    filled, rest = bar(share.share, screen.bar_width, screen.drawn)
    cells = [Cell(label.ljust(_LABEL)), Cell(filled, style), Cell(rest, "dim"), Cell(_percent(share), "bold")]
    if not screen.is_narrow:
        cells.append(Cell(f" of {share.of:,}{f' {of}' if of else ''}", "dim"))
        cells.append(Cell(_interval(share), "dim"))
    return Strip(cells)


def _people(metrics: Metrics, screen: Screen) -> Iterator[Block]:
    verdicts, latency = metrics.verdicts, metrics.latency
    if verdicts.people:
        words = (("approve", "green"), ("modify", "yellow"), ("override", "magenta"), ("reject", "red"))
        figures = [_figure(getattr(verdicts, word), word, style) for word, style in words]
        halves = (figures[:2], figures[2:]) if screen.is_narrow else (figures,)
        for label, half in zip(("people" if metrics.judges == "people" else "answers", ""), halves, strict=False):
            yield Strip([Cell(label.ljust(_LABEL)), *(cell for figure in half for cell in figure)])
        yield from _mixture([getattr(verdicts, word) for word, _ in words], [style for _, style in words], screen)
    yield from _times("decided in", latency.total, screen)
    if verdicts.people and latency.total.median is None:
        yield Strip((Cell("decided in".ljust(_LABEL)), Cell("not known: the records state no times", "dim")))
    if not screen.is_narrow:
        yield from _times("waiting", latency.waiting, screen)
        yield from _times("working", latency.working, screen)
    if latency.overdue.count:
        yield Line(
            f"{'overdue'.ljust(_LABEL)}{_percent(latency.overdue).strip()} of {latency.overdue.of:,} deadlines", "red"
        )
    if verdicts.people or latency.total.of:
        yield Line()


def _figure(number: int, word: str, style: str) -> tuple[Cell, ...]:
    """Return the number of decisions of one kind."""
    return Cell(f"{number:,}", f"bold {style}" if number else "dim"), Cell(f" {word}  ", "dim")


def _mixture(numbers: Sequence[int], styles: Sequence[str], screen: Screen) -> Iterator[Block]:
    """Yield one bar of the decisions of people, each as wide as its share; none that occurs has no cell."""
    total, width = sum(numbers), screen.bar_width
    widths = [max(1, round(number / total * width)) if number else 0 for number in numbers]
    widths[widths.index(max(widths))] += width - sum(widths)
    marks = screen.drawn.full * 4 if screen.drawn.parts else "#=%x"
    parts = zip(marks, widths, styles, strict=True)
    yield Strip([Cell(" " * _LABEL), *(Cell(mark * wide, style) for mark, wide, style in parts if wide > 0)])


def _times(label: str, times: Quantiles, screen: Screen) -> Iterator[Block]:
    named = {"median": times.median, "p90": times.p90, "p99": times.p99}
    shown = [f"{name} {duration_text(value)}" for name, value in named.items() if value is not None]
    if shown:
        yield Strip((Cell(label.ljust(_LABEL)), Cell(", ".join(shown[: 2 if screen.is_narrow else 3]))))


def _trust(metrics: Metrics, screen: Screen) -> Iterator[Block]:
    """Say how far the agent can be trusted: errors of automatic cases, sure and wrong ones, calibration."""
    false, fitted = metrics.false_confidence, metrics.calibration
    sentences = [
        (f"errors among automatic: {_errors(metrics.automatic_errors)}", _automatic_style(metrics.automatic_errors))
    ]
    if false.overturned.share is not None:
        wrong = false.overturned
        sure = f"sure (from {false.bound:g}) and overturned: {_percent(wrong).strip()} of {wrong.of:,}"
        sentences.append((sure, _error_style(false.overturned)))
    if fitted.ece is not None:
        sentences.append((f"calibration error {fitted.ece:.2f}, Brier score {fitted.brier or 0:.2f}", ""))
    verdicts = {"never": "not fit at any confidence with enough looks", "above_bound": "fit above a bound"}
    for verdict, words in verdicts.items():
        types = [_with_bound(each.task_type, each.bound) for each in metrics.autonomy if each.verdict == verdict]
        if types:
            more = f" and {len(types) - 3} more" if len(types) > 3 else ""  # noqa: PLR2004
            sentences.append((f"{words}: {', '.join(types[:3])}{more}", "red" if verdict == "never" else "green"))
    for sentence, style in sentences:
        yield Line(sentence, style)
    yield Line()


def _with_bound(task_type: str | None, bound: float | None) -> str:
    name = "no type" if task_type is None else inline(task_type)
    return name if bound is None else f"{name} from {bound:g}"


def _errors(errors: EscapedErrors) -> str:
    if errors.share is None or errors.lowest is None or errors.highest is None:
        return errors.why_not or "not enough data"
    ends = percent_interval(errors.lowest, errors.highest, 1, bound=TOLERATED)
    found = f"{percent(errors.share, 1, bound=TOLERATED)} {ends}"
    return found if errors.enough else f"{found}, {errors.why_not}"


def _automatic_style(errors: EscapedErrors) -> str:
    if not errors.enough or errors.lowest is None or errors.highest is None:
        return "dim"
    return "red" if errors.lowest > TOLERATED else "green" if errors.highest <= TOLERATED else "yellow"


def _trend(metrics: Metrics, screen: Screen) -> Iterator[Block]:
    moments = metrics.trend
    if len(moments) < 2:  # noqa: PLR2004
        return
    intervals = count(len(moments), INTERVALS_IN_WORDS[metrics.every])
    yield Line(f"{intervals} with decisions, {moments[0].start:%Y-%m-%d} to {moments[-1].start:%Y-%m-%d}", "dim")
    courses = [(course, [course.read(each) for each in moments]) for course in _COURSES]
    known = [(course, values, _ends(course, values)) for course, values in courses]
    room = screen.width - _LABEL - max(len(ends) for _, _, ends in known)
    for course, values, ends in known:
        if ends:
            line = sparkline(thinned(values, max(3, min(screen.bar_width, room))), screen.drawn)
            yield Strip((Cell(course.label.ljust(_LABEL)), Cell(line, course.style), Cell(ends, "dim")))
    for mark in metrics.marks[-3:]:
        yield Line(f"{mark.at:%Y-%m-%d}  {_mark(mark)}", "dim", indent=_LABEL)
    yield Line()


def _mark(mark: Mark) -> str:
    label = inline(mark.label)
    return (
        f"new {mark.kind.replace('_', ' ')} {label}" if mark.of is None else f"agent {inline(mark.of)}: version {label}"
    )


def _ends(course: "_Course", values: Sequence[float | None]) -> str:
    """Return the first and the last value in words; empty where there are no two."""
    known = [value for value in values if value is not None]
    if len(known) < 2:  # noqa: PLR2004
        return ""
    return f"  from {course.written(known[0])} to {course.written(known[-1])}"


class _Course(NamedTuple):
    """What one sparkline shows."""

    label: str
    read: Callable[[Moment], float | None]
    style: str
    written: Callable[[float], str]


_COURSES = (
    _Course("decisions", lambda each: float(each.cases), "", lambda value: f"{value:,.0f}"),
    _Course("automated", lambda each: each.automation.share, "green", percent),
    _Course("overturned", lambda each: each.overturn.share, "red", percent),
    _Course("latency", lambda each: each.median_latency, "cyan", duration_text),
)


def _groups(groups: Sequence[Group], left_out: int, dimension: str, screen: Screen) -> Iterator[Block]:
    """Yield the largest groups, each with the bars of its automated and overturned share."""
    if not groups:
        return
    ordered = sorted(groups, key=lambda group: -group.cases)
    shown = ordered[:MOST_GROUPS]
    longest = max(len(_name(group)) for group in shown)
    name = max(_LEAST_NAME, min(longest, _LONGEST_NAME, screen.width - 2 * 14 - 10))
    wide = max(2, (min(screen.width, _WIDEST) - name - 10 - 2 * (_VALUE + 2)) // 2)
    titles = Cell(f"{'cases':>9} "), Cell("automated".ljust(wide + _VALUE + 2)), Cell("overturned")
    yield Strip(
        [
            Cell(dimension.replace("_", " ")[:name].ljust(name), "bold"),
            *(each._replace(style="bold") for each in titles),
        ]
    )
    for group in shown:
        cells = [Cell(_cut(_name(group), name).ljust(name)), Cell(f"{group.cases:>9,} ")]
        cells += [*_small(group.automation, wide, "green", screen), Cell("  ")]
        cells += _small(group.overturn, wide, _error_style(group.overturn), screen)
        yield Strip(cells)
    if left_out + len(ordered) > len(shown):
        yield Line(f"and {left_out + len(ordered) - len(shown)} more groups; --json has the largest", "dim")
    yield Line()


def _small(share: Share, wide: int, style: str, screen: Screen) -> list[Cell]:
    if share.share is None:
        return [Cell("-".rjust(wide + _VALUE), "dim")]
    filled, rest = bar(share.share, wide, screen.drawn)
    return [Cell(filled, style), Cell(rest, "dim"), Cell(_percent(share), "dim" if share.why_not else "")]


def _open(metrics: Metrics) -> Iterator[Block]:
    cases = metrics.cases
    parts = [f"{cases.open:,} open", *([f"{cases.overdue:,} overdue"] if cases.overdue else [])]
    if cases.unanswered_checks:
        parts.append(f"{count(cases.unanswered_checks, 'spot check')} without an answer")
    if cases.unreadable:
        parts.append(f"{cases.unreadable:,} unreadable")
    yield Line(f"Now: {', '.join(parts)}.", "red" if cases.overdue or cases.unreadable else "dim")


def _name(group: Group) -> str:
    return "(none)" if group.key is None else escape_invisible(group.key)


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 2]}.."


def _percent(share: Share) -> str:
    return "-".rjust(_VALUE) if share.share is None else percent(share.share).rjust(_VALUE)


def _interval(share: Share) -> str:
    if share.lowest is None or share.highest is None:
        return ""
    return f" {percent_interval(share.lowest, share.highest)}"


def _error_style(share: Share) -> str:
    """Color a share of errors by its interval: red is certainly more than tolerated, green certainly not."""
    if share.lowest is None or share.highest is None:
        return "dim"
    return "red" if share.lowest > TOLERATED else "green" if share.highest <= TOLERATED else "yellow"

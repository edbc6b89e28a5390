"""The report of a backtest: changed decisions, load of each role, escaped errors."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.backtest import Backtest, Change
from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table, routing
from hitl_orchestrator.cli.output.formatting import count, share
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.numbers import cut_off, highest_percent, lowest_percent, percent
from hitl_orchestrator.insights import EscapedErrors

_A_DAY, _ROWS = 86_400, 12


def report(result: Backtest, old: str | None) -> Iterator[Block]:
    """Report a backtest; `old` is the file of the policy that it was compared with, if any."""
    span = f", {result.first_day} to {result.last_day}" if result.first_day else ""
    yield Line(f"{result.policy_id} ({result.policy_hash[:12]}) on {count(result.cases, 'past case')}{span}", "bold")
    against = "the recorded decisions" if result.recorded else old
    yield Line(
        f"Compared with {against}: {result.flipped} of them ({share(result.flipped, result.cases, 1)}) would be routed "
        f"differently, {result.stricter} stricter and {result.looser} looser. Automated: "
        f"{percent(result.automated_before, 1)} before, {percent(result.automated_after, 1)} after."
    )
    if result.left_out:
        yield Line(f"{count(result.left_out, 'case')} left out: {_why_left_out(result)}.", "yellow")
    if result.flips:
        yield Line()
        yield from _flips(result)
    for noun, changes in (("domain", result.domains), ("task type", result.task_types)):
        yield Line()
        yield from _changes(noun, changes)
    if result.loads:
        yield Line()
        yield from _loads(result)
    yield Line()
    yield from _escape(result.escaped_errors)


def _why_left_out(result: Backtest) -> str:
    reasons = [
        (result.erased, "facts that the policy reads were erased"),
        (result.left_out - result.erased, "no domain or task type was recorded"),
    ]
    return "; ".join(f"in {number} {reason}" for number, reason in reasons if number)


def _flips(result: Backtest) -> Iterator[Block]:
    rows = [
        (
            routing(each.before),
            Cell(each.before_rule),
            routing(each.after),
            Cell(each.after_rule),
            Cell(f"{each.cases:,}"),
        )
        for each in result.flips[:_ROWS]
    ]
    names = ("from", "by rule", "to", "by rule")
    yield Table((*(Column(name) for name in names), Column("cases", right=True)), rows)
    yield from _more(len(result.flips))


def _changes(noun: str, changes: Sequence[Change]) -> Iterator[Block]:
    rows = [
        (
            Cell(each.name),
            Cell(f"{each.cases:,}"),
            Cell(f"{each.stricter:,}"),
            Cell(f"{each.looser:,}", "yellow" if each.looser else ""),
            Cell(percent(each.automated_before, 1)),
            Cell(percent(each.automated_after, 1)),
        )
        for each in changes[:_ROWS]
    ]
    names = ("cases", "stricter", "looser", "automated before", "after")
    yield Table((Column(noun, gives_way=True), *(Column(name, right=True) for name in names)), rows)
    yield from _more(len(changes))


def _loads(result: Backtest) -> Iterator[Block]:
    rows = [
        (
            Cell(load.role),
            Cell(cut_off(load.before_a_day, 1)),
            Cell(cut_off(load.a_day, 1)),
            Cell(f"{load.busiest_day:,}"),
            Cell("-" if load.capacity is None else cut_off(load.capacity, 0)),
            Cell("grows without bound", "red")
            if load.grows
            else Cell("-" if load.waits_days is None else duration_text(load.waits_days * _A_DAY)),
        )
        for load in result.loads
    ]
    names = ("per day before", "after", "busiest", "capacity", "wait")
    yield Table((Column("decisions of", gives_way=True), *(Column(name, right=True) for name in names)), rows)
    if result.spot_checks_a_day:
        yield Line(
            f"In addition, {cut_off(result.spot_checks_a_day, 1)} per day would be spot-checked after approval.",
            indent=2,
        )
    if all(load.capacity is None for load in result.loads):
        yield Line(
            "Give the decisions per day of each role with --capacity to estimate the waiting time.", "dim", indent=2
        )
    else:
        yield Line("Waiting time by M/M/c (Erlang C) for an even flow, without nights and weekends.", "dim", indent=2)


def _escape(errors: EscapedErrors) -> Iterator[Block]:
    yield Line("Escaped errors", "bold")
    if errors.share is not None and errors.lowest is not None and errors.highest is not None:
        seen = errors.cases - errors.unseen
        yield Line(
            f"Of the {seen:,} approved cases that reviews cover, {percent(errors.share, 1)} were wrong "
            f"(95 %: {lowest_percent(errors.lowest, 1)} to {highest_percent(errors.highest, 1)}); from "
            f"{count(errors.reviews, 'review')}, an effective {cut_off(errors.effective_reviews, 0)}, "
            "in strata of equal review probability.",
            indent=2,
        )
    if not errors.enough:
        why_not = str(errors.why_not).removeprefix("not enough data: ")
        yield Line(f"Not enough data about all cases: {why_not}.", "yellow", indent=2)
    if errors.unanswered:
        yield Line(
            f"The reviews of about {errors.unanswered:,} of them are due and not answered; the interval holds whatever "
            "they will find.",
            indent=2,
        )
    if errors.lowest_of_all is not None and errors.highest_of_all is not None and errors.unseen:
        lowest, highest = lowest_percent(errors.lowest_of_all, 1), highest_percent(errors.highest_of_all, 1)
        yield Line(
            f"Of all {errors.cases:,} cases that would be approved, between {lowest} and {highest} are wrong; "
            f"{errors.unseen:,} of them were never reviewed.",
            indent=2,
        )
    if errors.unseen and not errors.enough:
        yield Line("Spot checks (spot_check in an approving rule) would cover them as well.", indent=2)


def _more(number: int) -> Iterator[Block]:
    if number > _ROWS:
        yield Line(f"and {number - _ROWS} more; --json lists all", "dim", indent=2)

"""The report of a backtest: changed decisions, rules and fields, load of each role, rehearsal, escaped errors."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.backtest import Backtest, Change, FieldShare, Rehearsal, RuleShare
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
    if result.open:
        yield Line(f"{result.open:,} of the cases {'is' if result.open == 1 else 'are'} open, without a decision yet.")
    if result.left_out:
        yield Line(f"{count(result.left_out, 'case')} left out: {_why_left_out(result)}.", "yellow")
    if result.flips:
        yield Line()
        yield from _flips(result)
    for noun, changes in (("domain", result.domains), ("task type", result.task_types)):
        yield Line()
        yield from _changes(noun, changes)
    yield Line()
    yield from _rules(result.rules)
    if result.fields:
        yield Line()
        yield from _fields(result.fields)
    if result.loads:
        yield Line()
        yield from _loads(result)
    for noun, rehearsed in (("proposed label", result.labels), ("agent", result.agents)):
        if any(each.name is not None for each in rehearsed):
            yield Line()
            yield from _rehearsed(noun, rehearsed)
    yield Line()
    yield from _escape(result)


def _why_left_out(result: Backtest) -> str:
    reasons = [
        (result.erased, "facts that the policy reads were erased"),
        (result.unrouted, "no decision on the routing was made yet"),
        (result.left_out - result.erased - result.unrouted, "no domain or task type was recorded"),
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


def _rules(rules: Sequence[RuleShare]) -> Iterator[Block]:
    used = [each for each in rules if each.cases]
    rows = [
        (Cell(each.rule_id), routing(each.action), Cell(f"{each.cases:,}"), Cell(percent(each.share, 1)))
        for each in used[:_ROWS]
    ]
    columns = (Column("rule", gives_way=True), Column("decides"), Column("cases", right=True))
    yield Table((*columns, Column("share", right=True)), rows)
    yield from _more(len(used))
    unused = [each.rule_id for each in rules if not each.cases]
    if unused:
        yield Line(f"No past case meets {', '.join(unused)}.", "yellow", indent=2)


def _fields(fields: Sequence[FieldShare]) -> Iterator[Block]:
    rows = [
        (
            Cell(each.name),
            Cell(f"{each.cases:,}"),
            Cell(_of(each.missing, each.cases), "yellow" if each.missing == each.cases else ""),
            Cell(_of(each.mistyped, each.cases), "yellow" if each.mistyped else ""),
        )
        for each in fields
    ]
    columns = (Column("field", gives_way=True), Column("cases", right=True))
    yield Table((*columns, Column("missing", right=True), Column("unusable", right=True)), rows)
    for each in fields:
        if each.missing == each.cases:
            meant = f"; did you mean {each.suggestion!r}?" if each.suggestion else "; is its name right?"
            yield Line(f"No past case has {each.name}{meant}", "yellow", indent=2)


def _rehearsed(noun: str, rehearsed: Sequence[Rehearsal]) -> Iterator[Block]:
    rows = [
        (
            Cell("not stated" if each.name is None else each.name),
            Cell(f"{each.cases:,}"),
            Cell(percent(each.automated_before, 1)),
            Cell(percent(each.go_ahead / each.cases, 1)),
            Cell(f"{each.wrong:,} of {each.reviewed:,}" if each.reviewed else "-", "red" if each.wrong else ""),
        )
        for each in rehearsed[:_ROWS]
    ]
    names = ("cases", "automated before", "after", "known errors")
    yield Table((Column(noun, gives_way=True), *(Column(name, right=True) for name in names)), rows)
    yield from _more(len(rehearsed))


def _of(number: int, of: int) -> str:
    return percent(number / of, 1) if number else "-"


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
    if result.held_a_day:
        yield Line(f"In addition, {cut_off(result.held_a_day, 1)} per day would be held before approval.", indent=2)
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


def _escape(result: Backtest) -> Iterator[Block]:
    errors = result.escaped_errors
    yield Line("Escaped errors", "bold")
    if not errors.enough:
        why_not = str(errors.why_not).removeprefix("not enough data: ")
        yield Line(f"Not enough data about all cases: {why_not}.", "yellow", indent=2)
    if errors.lowest is not None:
        yield from _shares(result)
    if errors.lowest_of_all is not None and errors.highest_of_all is not None and errors.unseen:
        lowest, highest = lowest_percent(errors.lowest_of_all, 1), highest_percent(errors.highest_of_all, 1)
        yield Line(
            f"Of all {errors.cases:,} cases that would be approved, between {lowest} and {highest} are wrong; "
            f"{errors.unseen:,} of them were never reviewed.",
            indent=2,
        )
    if errors.unseen and not errors.enough:
        yield Line("Spot checks (spot_check in an approving rule) would cover them as well.", indent=2)


def _shares(result: Backtest) -> Iterator[Block]:
    """Show the shares of errors: the range first where reviews are not answered."""
    errors, unanswered = result.escaped_errors, result.escaped_errors.unanswered
    seen = errors.cases - errors.unseen
    yield Line(
        f"Of {count(seen, 'approved case')} that reviews cover, from {count(errors.reviews, 'review')}, an effective "
        f"{cut_off(errors.effective_reviews, 0)}, in strata of equal review probability:",
        indent=2,
    )
    kinds = {
        "corrected at all": errors,
        "rejected, or another label": result.label_errors,
        "same label, other fields changed": result.field_errors,
    }
    rows = [(Cell(name), *_estimate(each, unanswered=bool(unanswered))) for name, each in kinds.items()]
    names = ("if all right", "if all wrong", "95 % interval") if unanswered else ("share", "95 % interval")
    yield Table((Column("a person would have", gives_way=True), *(Column(name, right=True) for name in names)), rows)
    if unanswered:
        yield Line(
            f"The reviews of about {unanswered:,} of them are due and not answered: the range is from all of these "
            "right to all wrong, and the interval adds the sampling error of both ends.",
            indent=2,
        )


def _estimate(errors: EscapedErrors, *, unanswered: bool) -> Iterator[Cell]:
    middle = (errors.best, errors.worst) if unanswered else (errors.share,)
    yield from (Cell("-" if each is None else percent(each, 1)) for each in middle)
    if errors.lowest is None or errors.highest is None:
        yield Cell("-")
    else:
        yield Cell(f"{lowest_percent(errors.lowest, 1)} to {highest_percent(errors.highest, 1)}")


def _more(number: int) -> Iterator[Block]:
    if number > _ROWS:
        yield Line(f"and {number - _ROWS} more; --json lists all", "dim", indent=2)

"""`hitl policy simulate`: a new policy on all past cases, and what would be different."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from hitl_orchestrator.backtest import Backtest, Change, run_backtest, run_store_backtest
from hitl_orchestrator.backtest.history import scan
from hitl_orchestrator.backtest.vectorized import polars
from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table, routing
from hitl_orchestrator.cli.output.formatting import count, duration
from hitl_orchestrator.cli.output.progress import counted
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.escaped_errors import EscapedErrors
from hitl_orchestrator.insights.wait_times import Capacity, capacity_of
from hitl_orchestrator.policies import Policy
from hitl_orchestrator.wiring.build import load_people, load_policy

_A_DAY, _ROWS = 86_400, 12
_FILES = (".parquet", ".jsonl", ".ndjson")


class Asked(NamedTuple):
    """What is rehearsed: a policy, perhaps beside another, and what each role can do."""

    new: str
    past: str
    old: str | None = None
    capacity: Sequence[str] = ()


def simulate(session: Session, asked: Asked) -> None:
    """Rehearse a policy, and tell what would be different."""
    polars()
    chain = load_people(session.reviewers).chain
    new = load_policy(asked.new, chain)
    old = None if asked.old is None else load_policy(asked.old, chain)
    capacity = _capacity(asked.capacity, chain)
    where = f"--on {asked.past}"
    if Path(asked.past).suffix in _FILES:
        found = run_backtest(new, [scan(asked.past)], old=old, capacity=capacity, roles=chain, where=where)
    else:
        found = _on_store(session, asked.past, [new, *([] if old is None else [old])], capacity, chain)
    answer(session.as_json, found.model_dump(mode="json"), lambda: _report(found, asked))


def _on_store(
    session: Session, store: str, policies: Sequence[Policy], capacity: dict[str, Capacity], chain: RoleChain
) -> Backtest:
    there = session.on(store)
    with there.ledger() as ledger, counted(ledger.head().seq, "rehearsing") as on_cases:
        old = policies[1] if len(policies) > 1 else None
        where = f"--on {store}"
        return run_store_backtest(
            policies[0], ledger, old=old, capacity=capacity, roles=chain, where=where, on_read=on_cases
        )


def _capacity(given: Sequence[str], chain: RoleChain) -> dict[str, Capacity]:
    read = [capacity_of(one) for one in given]
    roles, known = [role for role, _ in read], ", ".join(chain.roles)
    strange = [one for one in roles if one not in chain.roles]
    found = [f"--capacity: {one!r} is not one of {known}{did_you_mean(one, chain.roles)}" for one in strange]
    twice = [one for one in dict.fromkeys(roles) if roles.count(one) > 1]
    found += [f"--capacity: {one!r} is given {roles.count(one)} times; say once what it can do" for one in twice]
    if found:
        raise InvalidInput(found)
    return dict(read)


def _report(found: Backtest, asked: Asked) -> Iterator[Block]:
    span = f", {found.first_day} to {found.last_day}" if found.first_day else ""
    yield Line(f"{found.policy_id} ({found.policy_hash[:12]}) on {count(found.cases, 'past case')}{span}", "bold")
    beside = "what was recorded" if found.recorded else asked.old
    yield Line(
        f"Against {beside}: {found.flipped} of them ({found.flipped / found.cases:.1%}) would go another way, "
        f"{found.stricter} stricter and {found.looser} looser. Automated: {found.automated_before:.1%} before, "
        f"{found.automated_after:.1%} after."
    )
    if found.left_out:
        yield Line(f"{count(found.left_out, 'case')} left out: {_why_left_out(found)}.", "yellow")
    if found.flips:
        yield Line()
        yield from _flips(found)
    for noun, changes in (("domain", found.domains), ("task type", found.task_types)):
        yield Line()
        yield from _changes(noun, changes)
    if found.loads:
        yield Line()
        yield from _loads(found)
    yield Line()
    yield from _escape(found.escaped_errors)


def _why_left_out(found: Backtest) -> str:
    told = [
        (found.erased, "what the policy asks about was erased"),
        (found.left_out - found.erased, "no domain or task type was recorded"),
    ]
    return "; ".join(f"in {number} {why}" for number, why in told if number)


def _flips(found: Backtest) -> Iterator[Block]:
    rows = [
        (routing(one.before), Cell(one.before_rule), routing(one.after), Cell(one.after_rule), Cell(f"{one.cases:,}"))
        for one in found.flips[:_ROWS]
    ]
    names = ("from", "by rule", "to", "by rule")
    yield Table((*(Column(name) for name in names), Column("cases", right=True)), rows)
    yield from _more(len(found.flips))


def _changes(noun: str, changes: Sequence[Change]) -> Iterator[Block]:
    rows = [
        (
            Cell(one.name),
            Cell(f"{one.cases:,}"),
            Cell(f"{one.stricter:,}"),
            Cell(f"{one.looser:,}", "yellow" if one.looser else ""),
            Cell(f"{one.automated_before:.1%}"),
            Cell(f"{one.automated_after:.1%}"),
        )
        for one in changes[:_ROWS]
    ]
    names = ("cases", "stricter", "looser", "automated before", "after")
    yield Table((Column(noun, gives_way=True), *(Column(name, right=True) for name in names)), rows)
    yield from _more(len(changes))


def _loads(found: Backtest) -> Iterator[Block]:
    rows = [
        (
            Cell(load.role),
            Cell(f"{load.before_a_day:,.1f}"),
            Cell(f"{load.a_day:,.1f}"),
            Cell(f"{load.busiest_day:,}"),
            Cell("-" if load.capacity is None else f"{load.capacity:,.0f}"),
            Cell("grows without bound", "red")
            if load.grows
            else Cell("-" if load.waits_days is None else duration(load.waits_days * _A_DAY)),
        )
        for load in found.loads
    ]
    names = ("a day before", "after", "busiest", "capacity", "would wait")
    yield Table((Column("answers of", gives_way=True), *(Column(name, right=True) for name in names)), rows)
    if found.spot_checks_a_day:
        yield Line(f"Besides, {found.spot_checks_a_day:,.1f} a day would be looked at after they went ahead.", indent=2)
    if all(load.capacity is None for load in found.loads):
        yield Line("How long cases would wait is told where --capacity says what a role can do a day.", "dim", indent=2)
    else:
        yield Line(
            "Waiting by M/M/c (Erlang's C), for an even flow: nights and weekends are not in it.", "dim", indent=2
        )


def _escape(found: EscapedErrors) -> Iterator[Block]:
    yield Line("Errors that would escape", "bold")
    if found.share is not None:
        seen = found.cases - found.unseen - found.unanswered
        yield Line(
            f"Of the {seen:,} cases that would go ahead and for which reviews speak, {found.share:.1%} were wrong "
            f"(95 %: {found.lowest:.1%} to {found.highest:.1%}); from {count(found.reviews, 'review')}, worth "
            f"{found.effective_reviews:,.0f}, each weighted by one over its chance of being asked for.",
            indent=2,
        )
    if not found.enough:
        yield Line(f"Not enough data to speak of all: {found.why_not}.", "yellow", indent=2)
    unknown = found.unseen + found.unanswered
    if found.highest_of_all is not None and unknown:
        yield Line(
            f"Of all {found.cases:,} that would go ahead it is {found.lowest_of_all:.1%} at least and "
            f"{found.highest_of_all:.1%} at most, whatever the {unknown:,} are like that nobody looked at.",
            indent=2,
        )
    if found.unseen and not found.enough:
        yield Line("Spot checks (spot_check in a rule that approves) would let reviews speak of them too.", indent=2)


def _more(number: int) -> Iterator[Block]:
    if number > _ROWS:
        yield Line(f"and {number - _ROWS} more; --json tells all", "dim", indent=2)

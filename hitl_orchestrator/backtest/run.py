"""Runs a policy over past cases: groups what has one answer, decides each group once, and adds up."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.backtest.history import (
    ERASED,
    NAMELESS,
    NOTHING_LEFT_OUT,
    first_line,
    frames,
    meanwhile,
    prepared,
)
from hitl_orchestrator.backtest.report import Backtest, Change, Flip, Load
from hitl_orchestrator.backtest.vectorized import WORDS, Vectors, polars
from hitl_orchestrator.domain.enums import DECISION_SPECS, Action
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.escaped_errors import SUMS, escape_of
from hitl_orchestrator.insights.wait_times import Capacity, expected_wait
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.language.model import Policy, policy_hash

if TYPE_CHECKING:
    import polars as pl

_ANSWERS = {name.value: not spec.approves_proposal for name, spec in DECISION_SPECS.items() if not spec.escalates}
"""The final answers of people, and whether each says that the agent was wrong."""

_RECORDED = ["routing_decision", "rule_id", "old_role", "old_answers"]
_COUNTS = list(SUMS)
LEAST_CHANCE = 1e-6
"""The least probability of a review that is taken for one: its weight is one over it."""


def run_backtest(
    policy: Policy,
    past: "Iterable[pl.LazyFrame]",
    *,
    old: Policy | None = None,
    capacity: Mapping[str, Capacity] | None = None,
    roles: RoleChain = DEFAULT_CHAIN,
    where: str = "past cases",
) -> Backtest:
    """Return what a policy would have done on past cases, which come in one frame or several.

    It is compared with what was recorded, or with what another policy, `old`, would have done.

    Raises:
        InvalidInput: there are no cases, or they lack what the policies ask for.
    """
    try:
        return _rehearsed(policy, past, old, capacity or {}, roles)
    except InvalidInput as exc:
        # Whatever refuses past cases does not know where they come from.
        raise InvalidInput([told.replace("past cases:", f"{where}:", 1) for told in exc.problems]) from exc


def _rehearsed(
    policy: Policy,
    past: "Iterable[pl.LazyFrame]",
    old: Policy | None,
    capacity: Mapping[str, Capacity],
    roles: RoleChain,
) -> Backtest:
    pl = polars()
    new = Vectors(policy, roles, "new_")
    other = None if old is None else Vectors(old, roles, "old_")
    both = [one for one in (new, other) if one is not None]
    needs = frozenset().union(*(each.needs for each in both))
    parts = list(meanwhile(lambda one: _grouped(pl, prepared(one, needs), both), past))
    left_out = _left_out(pl, parts)
    parts = [one.filter(pl.col("left_out") == NOTHING_LEFT_OUT) for one in parts]
    if not any(one["cases"].sum() for one in parts):
        told = (
            f"; {left_out['left_out']} were left out, {left_out['erased']} of them erased"
            if left_out["left_out"]
            else ""
        )
        raise InvalidInput([f"past cases: there are no cases to run_backtest on{told}"])
    keys = [name for name in parts[0].columns if name not in _COUNTS]
    groups = parts[0] if len(parts) == 1 else pl.concat(parts).group_by(keys).agg(pl.col(*_COUNTS).sum())
    decided = _decided(pl, groups, new, "after")
    decided = _recorded(pl, decided) if other is None else _decided(pl, decided, other, "before")
    found = _told(pl, decided, policy, capacity, recorded=old is None)
    return found.model_copy(update=left_out)


def run_store_backtest(
    policy: Policy,
    ledger: Ledger,
    *,
    old: Policy | None = None,
    capacity: Mapping[str, Capacity] | None = None,
    roles: RoleChain = DEFAULT_CHAIN,
    where: str = "this store",
    heard: Callable[[int], None] = lambda number: None,
) -> Backtest:
    """Return what a policy would have done with every finished case of a store. `heard` is told how many were read.

    Raises:
        InvalidInput: as `run_backtest`.
    """
    needs = frozenset().union(*(Vectors(one, roles).needs for one in (policy, old) if one is not None))
    past = frames(ledger, tasks=bool(needs & {"metadata", "moment"}), heard=heard)
    return run_backtest(policy, past, old=old, capacity=capacity, roles=roles, where=where)


def _left_out(pl: Any, parts: "list[pl.DataFrame]") -> dict[str, int]:
    """Return how many cases are left out, and how many of these because of what was erased in them."""
    erased, nameless = (
        sum(int(one.filter(pl.col("left_out") == why)["cases"].sum()) for one in parts) for why in (ERASED, NAMELESS)
    )
    return {"left_out": erased + nameless, "erased": erased}


def _recorded(pl: Any, groups: "pl.DataFrame") -> "pl.DataFrame":
    """Take what was recorded for what was answered before.

    Raises:
        InvalidInput: some of it is no answer.
    """
    strange = groups.filter(~pl.col("routing_decision").is_in(list(Action)) | pl.col("routing_decision").is_null())
    if len(strange):
        given, known = strange["routing_decision"][0], ", ".join(Action)
        raise InvalidInput([f"past cases: routing_decision: {given!r} is not one of {known}; correct the file"])
    if groups["rule_id"].null_count():
        raise InvalidInput(["past cases: rule_id: a recorded answer names no rule; correct the file"])
    names = {"routing_decision": "before", "rule_id": "before_rule", "old_role": "before_role"}
    return groups.rename(names | {"old_answers": "before_answers"}).with_columns(before_spot=pl.lit(0.0))


def _grouped(pl: Any, frame: "pl.LazyFrame", policies: list[Vectors]) -> "pl.DataFrame":
    """Return how many cases agree on all that counts, with the sums that an estimate needs."""
    for one in policies:
        frame = one.with_keys(frame)
    keys = dict.fromkeys([*WORDS, *(name for one in policies for name in one.columns), *_RECORDED, "day", "left_out"])
    chance = pl.col("review_probability")
    answered = (chance > 0) & pl.col("answer").is_in(list(_ANSWERS))
    weight = pl.when(answered).then(1 / chance).otherwise(0.0)
    wrong = pl.col("answer").is_in([answer for answer, is_wrong in _ANSWERS.items() if is_wrong]).fill_null(value=False)
    query = frame.with_columns(weight=weight.fill_null(0.0), answered=answered.fill_null(value=False)).group_by(*keys)
    # The bounds are those of a probability that can be a weight; NaN is beyond every number.
    strange = chance.filter(~((chance == 0) | chance.is_between(LEAST_CHANCE, 1)))
    summed = query.agg(
        strange=strange.first(),
        spread=((1 - chance) / chance).filter((chance > 0) & ~pl.col("again")).sum(),
        cases=(~pl.col("again")).sum().cast(pl.Int64),
        unseen=(~(chance > 0).fill_null(value=False) & ~pl.col("again")).sum().cast(pl.Int64),
        reviews=pl.col("answered").sum().cast(pl.Int64),
        weights=pl.col("weight").sum(),
        weights_squared=(pl.col("weight") ** 2).sum(),
        weights_wrong=(pl.col("weight") * wrong.cast(pl.Float64)).sum(),
    )
    try:
        found = summed.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as exc:
        told = next((one.problems for one in (exc.__cause__,) if isinstance(one, InvalidInput)), None)
        raise InvalidInput(told or [f"past cases: cannot be read: {first_line(exc)}"]) from exc
    for given in found["strange"].drop_nulls():
        remedy = f"0 or a number from {LEAST_CHANCE:g} to 1; export the audit records again"
        raise InvalidInput([f"past cases: review_probability: {given!r} is not {remedy}"])
    return found.drop("strange")


def _decided(pl: Any, groups: "pl.DataFrame", policy: Vectors, name: str) -> "pl.DataFrame":
    """Add what a policy answers: its action, rule, role, how many answers it asks for, and its share of spot checks."""
    distinct = groups.select(policy.columns).unique()
    made = policy.decisions(distinct.iter_rows(named=True))
    told = distinct.with_columns(
        pl.Series(name, [one.action.value for one in made], pl.String),
        pl.Series(f"{name}_rule", [one.rule_id for one in made], pl.String),
        pl.Series(f"{name}_role", [one.assigned_human_role for one in made], pl.String),
        pl.Series(f"{name}_answers", [one.requirements.approvals for one in made], pl.Int64),
        pl.Series(f"{name}_spot", [one.spot_check for one in made], pl.Float64),
    )
    return groups.join(told, on=policy.columns, how="left", nulls_equal=True)


def _told(
    pl: Any, decided: "pl.DataFrame", policy: Policy, capacity: Mapping[str, Capacity], *, recorded: bool
) -> Backtest:
    strict = {action.value: action.strictness for action in Action}
    decided = decided.with_columns(
        change=pl.col("after").replace_strict(strict) - pl.col("before").replace_strict(strict, default=None)
    )
    auto = Action.AUTO_APPROVE.value
    kinds = decided.filter(pl.col("after") == auto).group_by(*WORDS).agg(pl.col(*SUMS).sum())
    escape = escape_of({name: float(kinds[name].sum()) for name in SUMS}, kinds.iter_rows(named=True))
    # What was only looked at again is no case of its own.
    decided = decided.filter(pl.col("cases") > 0)
    cases = int(decided["cases"].sum())
    first, last = decided["day"].min(), decided["day"].max()
    days = 1 if first is None else (_day(last) - _day(first)).days + 1
    through = decided.filter(pl.col("after") == auto)
    spot = float((through["cases"] * through["after_spot"]).sum())
    return Backtest(
        policy_id=policy.policy_id,
        policy_hash=policy_hash(policy),
        recorded=recorded,
        cases=cases,
        first_day=None if first is None else str(first),
        last_day=None if last is None else str(last),
        days=days,
        automated_before=_count(pl, decided, pl.col("before") == auto) / cases,
        automated_after=int(through["cases"].sum()) / cases,
        flipped=_count(pl, decided, pl.col("change") != 0),
        stricter=_count(pl, decided, pl.col("change") > 0),
        looser=_count(pl, decided, pl.col("change") < 0),
        spot_checks_a_day=spot / days,
        flips=_flips(pl, decided),
        domains=_changes(pl, decided, "domain"),
        task_types=_changes(pl, decided, "task_type"),
        loads=_loads(pl, decided, days, capacity),
        escape=escape,
    )


def _day(given: object) -> date:
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise InvalidInput([f"past cases: task_timestamp: {given!r} begins with no day, such as 2025-01-06"]) from None


def _count(pl: Any, decided: "pl.DataFrame", which: "pl.Expr") -> int:
    return int(decided.filter(which)["cases"].sum())


def _flips(pl: Any, decided: "pl.DataFrame") -> tuple[Flip, ...]:
    keys = ["before", "before_rule", "after", "after_rule"]
    flipped = decided.filter(pl.col("change") != 0).group_by(keys).agg(pl.col("cases").sum())
    found = flipped.sort("cases", *keys, descending=[True, *[False] * len(keys)])
    return tuple(Flip.model_validate(row) for row in found.iter_rows(named=True))


def _changes(pl: Any, decided: "pl.DataFrame", column: str) -> tuple[Change, ...]:
    auto, cases = Action.AUTO_APPROVE.value, pl.col("cases")
    found = decided.group_by(name=column).agg(
        cases=cases.sum(),
        stricter=cases.filter(pl.col("change") > 0).sum(),
        looser=cases.filter(pl.col("change") < 0).sum(),
        automated_before=cases.filter(pl.col("before") == auto).sum() / cases.sum(),
        automated_after=cases.filter(pl.col("after") == auto).sum() / cases.sum(),
    )
    return tuple(
        Change.model_validate(row) for row in found.sort("cases", "name", descending=[True, False]).rows(named=True)
    )


def _loads(pl: Any, decided: "pl.DataFrame", days: int, capacity: Mapping[str, Capacity]) -> tuple[Load, ...]:
    """Return the load of each role that has any, or of which it is known what it can do."""
    before = _answers(pl, decided, "before").group_by("role").agg(pl.col("answers").sum())
    daily = _answers(pl, decided, "after").group_by("role", "day").agg(pl.col("answers").sum())
    after = daily.group_by("role").agg(pl.col("answers").sum(), busiest=pl.col("answers").max())
    was = dict(before.iter_rows())
    comes = {role: (answers, busiest) for role, answers, busiest in after.iter_rows()}
    found = []
    for role in sorted({*was, *comes, *capacity}):
        answers, busiest = comes.get(role, (0, 0))
        can = capacity.get(role)
        waits = None if can is None else expected_wait(answers / days, can)
        found.append(
            Load(
                role=role,
                before_a_day=was.get(role, 0) / days,
                a_day=answers / days,
                busiest_day=busiest,
                capacity=None if can is None else can.a_day,
                people=None if can is None else can.people,
                grows=can is not None and waits is None,
                waits_days=waits,
            )
        )
    return tuple(found)


def _answers(pl: Any, decided: "pl.DataFrame", when: str) -> "pl.DataFrame":
    asked = decided.filter((pl.col(when) != Action.AUTO_APPROVE.value) & pl.col(f"{when}_role").is_not_null())
    answers = pl.col("cases") * pl.col(f"{when}_answers")
    return asked.select("day", role=f"{when}_role", answers=answers)

"""Backtests: group past cases that have one answer, decide each group once, and sum up.

The estimand of `escaped_errors` is the share of past cases that a person would have corrected, among those that the new
policy lets go ahead. The reviews of these cases are a sample with known probabilities (see `insights.strata`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.backtest.history import (
    ERASED,
    INCLUDED,
    NAMELESS,
    ROWS_AT_A_TIME,
    UNROUTED,
    first_line,
    frames,
    names_in,
    prepared,
)
from hitl_orchestrator.backtest.report import Backtest
from hitl_orchestrator.backtest.stored import in_background
from hitl_orchestrator.backtest.sums.changes import changes, flips, loads
from hitl_orchestrator.backtest.sums.estimates import escaped, field_shares, rehearsals, rule_shares
from hitl_orchestrator.backtest.vectorized import WORDS, Vectors, polars
from hitl_orchestrator.domain.enums import DECISION_SPECS, Action
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.queue_forecast import Capacity
from hitl_orchestrator.insights.strata import stratum_of
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.language.model import Policy, policy_hash

if TYPE_CHECKING:
    import polars as pl

_ANSWERS = [name.value for name, spec in DECISION_SPECS.items() if not spec.escalates]
_WRONG = [name.value for name, spec in DECISION_SPECS.items() if not spec.escalates and not spec.approves_proposal]
_EDITS = [name.value for name, spec in DECISION_SPECS.items() if spec.takes_output]
"""The final answers of people, those that say that the agent was wrong, and those that may keep the label."""

_RECORDED = ["routing_decision", "rule_id", "old_role", "old_answers"]
_COUNTS = ["cases", "open", "due", "looks", "wrong", "edited", "mislabeled", "unknown"]
_NAMES = ["stated_label", "stated_agent"]
MOST_NAMES = 500
"""The most labels, and the most agents and versions, that the first `ROWS_AT_A_TIME` cases of a frame may have."""

LEAST_PROBABILITY = 1e-6
"""The lowest review probability that is accepted: the weight of a review is its inverse."""


def run_backtest(
    policy: Policy,
    past: "Iterable[pl.LazyFrame]",
    *,
    old: Policy | None = None,
    capacity: Mapping[str, Capacity] | None = None,
    roles: RoleChain = DEFAULT_CHAIN,
    where: str = "past cases",
) -> Backtest:
    """Return the answers of a policy to past cases, given in one frame or several.

    They are compared with the recorded answers, or with those of another policy, `old`.

    Raises:
        InvalidInput: there are no cases, or they lack facts that the policies read.
    """
    try:
        return _backtest(policy, past, old, capacity or {}, roles)
    except InvalidInput as exc:
        raise InvalidInput([problem.replace("past cases:", f"{where}:", 1) for problem in exc.problems]) from exc


def _backtest(
    policy: Policy,
    past: "Iterable[pl.LazyFrame]",
    old: Policy | None,
    capacity: Mapping[str, Capacity],
    roles: RoleChain,
) -> Backtest:
    pl = polars()
    new = Vectors(policy, roles, "new_")
    other = None if old is None else Vectors(old, roles, "old_")
    both = [vectors for vectors in (new, other) if vectors is not None]
    needs = frozenset().union(*(vectors.needs for vectors in both))
    read = list(in_background(lambda frame: _read(pl, prepared(frame, needs), both), past))
    parts, seen = [part for part, _ in read], frozenset[str]().union(*(names for _, names in read))
    left_out = _left_out(pl, parts)
    parts = [part.filter(pl.col("left_out") == INCLUDED) for part in parts]
    if not any(part["cases"].sum() for part in parts):
        number, erased, unrouted = (left_out[name] for name in ("left_out", "erased", "unrouted"))
        reason = f"; {number} were left out, {erased} of them erased" if number else ""
        reason += f" and {unrouted} not routed yet" if unrouted else ""
        raise InvalidInput([f"past cases: there are no cases for a backtest{reason}"])
    keys = [name for name in parts[0].columns if name not in _COUNTS]
    groups = parts[0] if len(parts) == 1 else pl.concat(parts).group_by(keys).agg(pl.col(*_COUNTS).sum())
    decided = _decided(pl, groups, new, "after")
    decided = _recorded(pl, decided) if other is None else _decided(pl, decided, other, "before")
    result = _report(pl, decided, policy, capacity, recorded=old is None)
    return result.model_copy(
        update={**left_out, "fields": field_shares(decided.filter(pl.col("cases") > 0), new.fields, seen)}
    )


def run_store_backtest(
    policy: Policy,
    ledger: Ledger,
    *,
    old: Policy | None = None,
    capacity: Mapping[str, Capacity] | None = None,
    roles: RoleChain = DEFAULT_CHAIN,
    where: str = "this store",
    on_read: Callable[[int], None] = lambda number: None,
) -> Backtest:
    """Return the answers of a policy to every finished case of a store. `on_read` receives the number of cases read.

    Raises:
        InvalidInput: as `run_backtest`.
    """
    needs = frozenset().union(*(Vectors(each, roles).needs for each in (policy, old) if each is not None))
    past = frames(ledger, needs=needs, on_read=on_read)
    return run_backtest(policy, past, old=old, capacity=capacity, roles=roles, where=where)


def _left_out(pl: Any, parts: "list[pl.DataFrame]") -> dict[str, int]:
    """Return the numbers of cases left out, of those with erased facts, and of those that were not routed yet."""
    erased, nameless, unrouted = (
        sum(int(part.filter(pl.col("left_out") == why)["cases"].sum()) for part in parts)
        for why in (ERASED, NAMELESS, UNROUTED)
    )
    return {"left_out": erased + nameless + unrouted, "erased": erased, "unrouted": unrouted}


def _recorded(pl: Any, groups: "pl.DataFrame") -> "pl.DataFrame":
    """Use the recorded answers as the answers before.

    Raises:
        InvalidInput: a recorded answer is invalid.
    """
    invalid = groups.filter(~pl.col("routing_decision").is_in(list(Action)) | pl.col("routing_decision").is_null())
    if len(invalid):
        value, actions = invalid["routing_decision"][0], ", ".join(Action)
        raise InvalidInput([f"past cases: routing_decision: {value!r} is not one of {actions}; correct the file"])
    if groups["rule_id"].null_count():
        raise InvalidInput(["past cases: rule_id: a recorded answer has no rule; correct the file"])
    names = {"routing_decision": "before", "rule_id": "before_rule", "old_role": "before_role"}
    return groups.rename(names | {"old_answers": "before_answers"}).with_columns(before_spot=pl.lit(0.0))


def _read(pl: Any, frame: "pl.LazyFrame", policies: list[Vectors]) -> "tuple[pl.DataFrame, frozenset[str]]":
    """Return the groups of a frame, and some names of the fields that its tasks have, if a policy reads them."""
    reads = any("metadata" in vectors.needs for vectors in policies)
    with _as_invalid(pl):
        names = names_in(frame) if reads else frozenset()
        few = _with_few_names(pl, frame)
        return _grouped(pl, few, policies), names


def _with_few_names(pl: Any, frame: "pl.LazyFrame") -> "pl.LazyFrame":
    """Leave out labels and agents where too many differ: free texts would make each case a group of its own."""
    some = frame.head(ROWS_AT_A_TIME).select(pl.col(_NAMES).n_unique())
    numbers = some.collect().row(0, named=True)
    many = [name for name, number in numbers.items() if number > MOST_NAMES]
    return frame.with_columns(pl.lit(None, pl.String).alias(name) for name in many)


@contextmanager
def _as_invalid(pl: Any) -> Iterator[None]:
    """Raise `InvalidInput` for a frame that cannot be read."""
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as exc:
        problems = exc.__cause__.problems if isinstance(exc.__cause__, InvalidInput) else None
        raise InvalidInput(problems or [f"past cases: cannot be read: {first_line(exc)}"]) from exc


def _grouped(pl: Any, frame: "pl.LazyFrame", policies: list[Vectors]) -> "pl.DataFrame":
    """Return the number of cases for each combination of keys, with the sums for the estimate."""
    for vectors in policies:
        frame = vectors.with_keys(frame)
    columns = (name for vectors in policies for name in vectors.columns)
    keys = dict.fromkeys([*WORDS, *columns, *_RECORDED, "day", "left_out", "stratum", *_NAMES])
    probability = pl.col("review_probability")
    answered = (probability > 0) & pl.col("answer").is_in(_ANSWERS)
    wrong, kept = pl.col("answer").is_in(_WRONG), ~pl.col("label_changed").fill_null(value=True)
    edited = pl.col("answer").is_in(_EDITS) & kept
    looked = frame.with_columns(answered=answered.fill_null(value=False), stratum=stratum_of(pl, probability))
    counted = pl.col("answered")
    query = looked.group_by(*keys)
    # The bounds exclude probabilities without a usable weight; NaN compares as larger than every number.
    invalid = probability.filter(~((probability == 0) | probability.is_between(LEAST_PROBABILITY, 1)))
    summed = query.agg(
        invalid=invalid.first(),
        cases=(~pl.col("again")).sum().cast(pl.Int64),
        open=(pl.col("is_open") & ~pl.col("again")).sum().cast(pl.Int64),
        due=pl.col("due").sum().cast(pl.Int64),
        unknown=pl.col("due").is_null().sum().cast(pl.Int64),
        looks=counted.sum().cast(pl.Int64),
        wrong=(counted & wrong).sum().cast(pl.Int64),
        edited=(counted & edited).sum().cast(pl.Int64),
        mislabeled=(counted & wrong & ~edited).sum().cast(pl.Int64),
    )
    groups = summed.collect(engine="streaming")
    for value in groups["invalid"].drop_nulls():
        remedy = f"0 or a number from {LEAST_PROBABILITY:g} to 1; export the audit records again"
        raise InvalidInput([f"past cases: review_probability: {value!r} is not {remedy}"])
    return groups.drop("invalid")


def _decided(pl: Any, groups: "pl.DataFrame", policy: Vectors, name: str) -> "pl.DataFrame":
    """Add the answers of a policy: action, rule, role, number of approvals, and the shares that are drawn."""
    distinct = groups.select(policy.columns).unique()
    decisions = policy.decisions(distinct.iter_rows(named=True))
    answers = distinct.with_columns(
        pl.Series(name, [decision.action.value for decision in decisions], pl.String),
        pl.Series(f"{name}_rule", [decision.rule_id for decision in decisions], pl.String),
        pl.Series(f"{name}_role", [decision.assigned_human_role for decision in decisions], pl.String),
        pl.Series(f"{name}_answers", [decision.requirements.approvals for decision in decisions], pl.Int64),
        pl.Series(f"{name}_spot", [decision.spot_check for decision in decisions], pl.Float64),
        pl.Series(f"{name}_hold", [decision.hold for decision in decisions], pl.Float64),
    )
    return groups.join(answers, on=policy.columns, how="left", nulls_equal=True)


def _report(
    pl: Any, decided: "pl.DataFrame", policy: Policy, capacity: Mapping[str, Capacity], *, recorded: bool
) -> Backtest:
    strict = {action.value: action.strictness for action in Action}
    decided = decided.with_columns(
        change=pl.col("after").replace_strict(strict) - pl.col("before").replace_strict(strict, default=None)
    )
    auto = Action.AUTO_APPROVE.value
    ahead = decided.filter(pl.col("after") == auto)
    labels, agents = (rehearsals(pl, decided, name) for name in _NAMES)
    # A spot check is a second review of a case, and no case of its own.
    decided = decided.filter(pl.col("cases") > 0)
    cases = int(decided["cases"].sum())
    first, last = decided["day"].min(), decided["day"].max()
    days = 1 if first is None else (_day(last) - _day(first)).days + 1
    through = decided.filter(pl.col("after") == auto)
    held = float((through["cases"] * through["after_hold"]).sum())
    spot = float((through["cases"] * (1 - through["after_hold"]) * through["after_spot"]).sum())
    return Backtest(
        policy_id=policy.policy_id,
        policy_hash=policy_hash(policy),
        recorded=recorded,
        cases=cases,
        open=int(decided["open"].sum()),
        first_day=None if first is None else str(first),
        last_day=None if last is None else str(last),
        days=days,
        automated_before=_count(pl, decided, pl.col("before") == auto) / cases,
        automated_after=int(through["cases"].sum()) / cases,
        flipped=_count(pl, decided, pl.col("change") != 0),
        stricter=_count(pl, decided, pl.col("change") > 0),
        looser=_count(pl, decided, pl.col("change") < 0),
        spot_checks_a_day=spot / days,
        held_a_day=held / days,
        flips=flips(pl, decided),
        domains=changes(pl, decided, "domain"),
        task_types=changes(pl, decided, "task_type"),
        loads=loads(pl, decided, days, capacity),
        rules=rule_shares(pl, decided, policy),
        fields=(),
        labels=labels,
        agents=agents,
        escaped_errors=escaped(pl, ahead, list(WORDS), "wrong"),
        label_errors=escaped(pl, ahead, list(WORDS), "mislabeled"),
        field_errors=escaped(pl, ahead, list(WORDS), "edited"),
    )


def _day(value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InvalidInput(
            [f"past cases: task_timestamp: {value!r} does not begin with a date such as 2025-01-06"]
        ) from None


def _count(pl: Any, decided: "pl.DataFrame", which: "pl.Expr") -> int:
    return int(decided.filter(which)["cases"].sum())

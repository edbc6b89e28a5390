"""Backtests: group past cases that have one answer, decide each group once, and sum up."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.backtest.history import ERASED, INCLUDED, NAMELESS, first_line, frames, prepared
from hitl_orchestrator.backtest.report import Backtest, Change, Flip, Load
from hitl_orchestrator.backtest.stored import in_background
from hitl_orchestrator.backtest.vectorized import WORDS, Vectors, polars
from hitl_orchestrator.domain.enums import DECISION_SPECS, Action
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.escaped_errors import EscapedErrors, escaped_errors
from hitl_orchestrator.insights.queue_forecast import Capacity, expected_wait
from hitl_orchestrator.insights.strata import Stratum, due_by_chance, stratum_of
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.language.model import Policy, policy_hash

if TYPE_CHECKING:
    import polars as pl

_ANSWERS = {name.value: not spec.approves_proposal for name, spec in DECISION_SPECS.items() if not spec.escalates}
"""The final answers of people, and whether each says that the agent was wrong."""

_RECORDED = ["routing_decision", "rule_id", "old_role", "old_answers"]
_COUNTS = ["cases", "due", "looks", "wrong", "unknown"]
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
    parts = list(in_background(lambda frame: _grouped(pl, prepared(frame, needs), both), past))
    left_out = _left_out(pl, parts)
    parts = [part.filter(pl.col("left_out") == INCLUDED) for part in parts]
    if not any(part["cases"].sum() for part in parts):
        number, erased = left_out["left_out"], left_out["erased"]
        reason = f"; {number} were left out, {erased} of them erased" if number else ""
        raise InvalidInput([f"past cases: there are no cases for a backtest{reason}"])
    keys = [name for name in parts[0].columns if name not in _COUNTS]
    groups = parts[0] if len(parts) == 1 else pl.concat(parts).group_by(keys).agg(pl.col(*_COUNTS).sum())
    decided = _decided(pl, groups, new, "after")
    decided = _recorded(pl, decided) if other is None else _decided(pl, decided, other, "before")
    return _report(pl, decided, policy, capacity, recorded=old is None).model_copy(update=left_out)


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
    past = frames(ledger, tasks=bool(needs & {"metadata", "moment"}), on_read=on_read)
    return run_backtest(policy, past, old=old, capacity=capacity, roles=roles, where=where)


def _left_out(pl: Any, parts: "list[pl.DataFrame]") -> dict[str, int]:
    """Return the number of cases left out, and the number of those with erased facts."""
    erased, nameless = (
        sum(int(part.filter(pl.col("left_out") == why)["cases"].sum()) for part in parts) for why in (ERASED, NAMELESS)
    )
    return {"left_out": erased + nameless, "erased": erased}


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


def _grouped(pl: Any, frame: "pl.LazyFrame", policies: list[Vectors]) -> "pl.DataFrame":
    """Return the number of cases for each combination of keys, with the sums for the estimate."""
    for vectors in policies:
        frame = vectors.with_keys(frame)
    columns = (name for vectors in policies for name in vectors.columns)
    keys = dict.fromkeys([*WORDS, *columns, *_RECORDED, "day", "left_out", "stratum"])
    probability = pl.col("review_probability")
    answered = (probability > 0) & pl.col("answer").is_in(list(_ANSWERS))
    wrong = pl.col("answer").is_in([answer for answer, is_wrong in _ANSWERS.items() if is_wrong])
    looked = frame.with_columns(answered=answered.fill_null(value=False), stratum=stratum_of(pl, probability))
    query = looked.group_by(*keys)
    # The bounds exclude probabilities without a usable weight; NaN compares as larger than every number.
    invalid = probability.filter(~((probability == 0) | probability.is_between(LEAST_PROBABILITY, 1)))
    summed = query.agg(
        invalid=invalid.first(),
        cases=(~pl.col("again")).sum().cast(pl.Int64),
        due=pl.col("due").sum().cast(pl.Int64),
        unknown=pl.col("due").is_null().sum().cast(pl.Int64),
        looks=pl.col("answered").sum().cast(pl.Int64),
        wrong=(pl.col("answered") & wrong).sum().cast(pl.Int64),
    )
    try:
        groups = summed.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as exc:
        problems = exc.__cause__.problems if isinstance(exc.__cause__, InvalidInput) else None
        raise InvalidInput(problems or [f"past cases: cannot be read: {first_line(exc)}"]) from exc
    for value in groups["invalid"].drop_nulls():
        remedy = f"0 or a number from {LEAST_PROBABILITY:g} to 1; export the audit records again"
        raise InvalidInput([f"past cases: review_probability: {value!r} is not {remedy}"])
    return groups.drop("invalid")


def _decided(pl: Any, groups: "pl.DataFrame", policy: Vectors, name: str) -> "pl.DataFrame":
    """Add the answers of a policy: action, rule, role, number of approvals, and share of spot checks."""
    distinct = groups.select(policy.columns).unique()
    decisions = policy.decisions(distinct.iter_rows(named=True))
    answers = distinct.with_columns(
        pl.Series(name, [decision.action.value for decision in decisions], pl.String),
        pl.Series(f"{name}_rule", [decision.rule_id for decision in decisions], pl.String),
        pl.Series(f"{name}_role", [decision.assigned_human_role for decision in decisions], pl.String),
        pl.Series(f"{name}_answers", [decision.requirements.approvals for decision in decisions], pl.Int64),
        pl.Series(f"{name}_spot", [decision.spot_check for decision in decisions], pl.Float64),
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
    escaped = _escaped(pl, decided.filter(pl.col("after") == auto))
    # A spot check is a second review of a case, and no case of its own.
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
        escaped_errors=escaped,
    )


def _escaped(pl: Any, through: "pl.DataFrame") -> EscapedErrors:
    """Return the share of errors among the cases that would be approved.

    Where the cases do not say which of them were drawn, their number follows from the probability; then missing looks
    of one kind of cases are not offset by those of another kind.
    """
    kinds = through.group_by("stratum", *WORDS).agg(pl.col(*_COUNTS).sum())
    strata = []
    for (probability,), rows in kinds.sort("stratum").partition_by("stratum", as_dict=True).items():
        cases, due, looks, wrong, unknown = (int(rows[name].sum()) for name in _COUNTS)
        if unknown:
            lacks = (due_by_chance(probability, *row) - row[1] for row in rows.select("cases", "looks").iter_rows())
            due = max(due_by_chance(probability, cases, looks), looks + sum(lacks))
        due = max(due, looks)
        strata.append(Stratum(probability, cases, due, looks, wrong))
    return escaped_errors(strata)


def _day(value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InvalidInput(
            [f"past cases: task_timestamp: {value!r} does not begin with a date such as 2025-01-06"]
        ) from None


def _count(pl: Any, decided: "pl.DataFrame", which: "pl.Expr") -> int:
    return int(decided.filter(which)["cases"].sum())


def _flips(pl: Any, decided: "pl.DataFrame") -> tuple[Flip, ...]:
    keys = ["before", "before_rule", "after", "after_rule"]
    flipped = decided.filter(pl.col("change") != 0).group_by(keys).agg(pl.col("cases").sum())
    ordered = flipped.sort("cases", *keys, descending=[True, *[False] * len(keys)])
    return tuple(Flip.model_validate(row) for row in ordered.iter_rows(named=True))


def _changes(pl: Any, decided: "pl.DataFrame", column: str) -> tuple[Change, ...]:
    auto, cases = Action.AUTO_APPROVE.value, pl.col("cases")
    groups = decided.group_by(name=column).agg(
        cases=cases.sum(),
        stricter=cases.filter(pl.col("change") > 0).sum(),
        looser=cases.filter(pl.col("change") < 0).sum(),
        automated_before=cases.filter(pl.col("before") == auto).sum() / cases.sum(),
        automated_after=cases.filter(pl.col("after") == auto).sum() / cases.sum(),
    )
    return tuple(
        Change.model_validate(row) for row in groups.sort("cases", "name", descending=[True, False]).rows(named=True)
    )


def _loads(pl: Any, decided: "pl.DataFrame", days: int, capacity: Mapping[str, Capacity]) -> tuple[Load, ...]:
    """Return the workload of each role that has any, or whose capacity is known."""
    before = _answers(pl, decided, "before").group_by("role").agg(pl.col("answers").sum())
    daily = _answers(pl, decided, "after").group_by("role", "day").agg(pl.col("answers").sum())
    after = daily.group_by("role").agg(pl.col("answers").sum(), busiest=pl.col("answers").max())
    old = dict(before.iter_rows())
    new = {role: (answers, busiest) for role, answers, busiest in after.iter_rows()}
    loads = []
    for role in sorted({*old, *new, *capacity}):
        answers, busiest = new.get(role, (0, 0))
        able = capacity.get(role)
        waits = None if able is None else expected_wait(answers / days, able)
        loads.append(
            Load(
                role=role,
                before_a_day=old.get(role, 0) / days,
                a_day=answers / days,
                busiest_day=busiest,
                capacity=None if able is None else able.a_day,
                people=None if able is None else able.people,
                grows=able is not None and waits is None,
                waits_days=waits,
            )
        )
    return tuple(loads)


def _answers(pl: Any, decided: "pl.DataFrame", when: str) -> "pl.DataFrame":
    asked = decided.filter((pl.col(when) != Action.AUTO_APPROVE.value) & pl.col(f"{when}_role").is_not_null())
    answers = pl.col("cases") * pl.col(f"{when}_answers")
    return asked.select("day", role=f"{when}_role", answers=answers)

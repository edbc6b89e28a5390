"""What past reviews say about the cases that would go ahead, and what each rule and field does with past cases."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.backtest.report import FieldShare, Rehearsal, RuleShare
from hitl_orchestrator.domain.decision import FALLBACK
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.insights.escaped_errors import EscapedErrors, escaped_errors
from hitl_orchestrator.insights.strata import Stratum, due_by_chance
from hitl_orchestrator.policies.engine.axes.base import Axis
from hitl_orchestrator.policies.language.model import Policy

if TYPE_CHECKING:
    import polars as pl

_AUTO = Action.AUTO_APPROVE.value


def escaped(pl: Any, through: "pl.DataFrame", kinds: list[str], wrong: str) -> EscapedErrors:
    """Return the share of errors among the cases that would be approved; `wrong` is the column that counts errors.

    Where the cases do not say which of them were drawn, their number follows from the probability; then missing looks
    of one of the `kinds` of cases are not offset by those of another kind.
    """
    names = ["cases", "due", "looks", wrong, "unknown"]
    counted = through.group_by("stratum", *kinds).agg(pl.col(*names).sum())
    strata = []
    for (probability,), rows in counted.sort("stratum").partition_by("stratum", as_dict=True).items():
        cases, due, looks, errors, unknown = (int(rows[name].sum()) for name in names)
        if unknown:
            lacks = (due_by_chance(probability, *row) - row[1] for row in rows.select("cases", "looks").iter_rows())
            due = max(due_by_chance(probability, cases, looks), looks + sum(lacks))
        strata.append(Stratum(probability, cases, max(due, looks), looks, errors))
    return escaped_errors(strata)


def rehearsals(pl: Any, decided: "pl.DataFrame", column: str) -> tuple[Rehearsal, ...]:
    """Return what would happen to the cases of each value of a column, the most frequent value first."""
    cases, ahead = pl.col("cases"), pl.col("after") == _AUTO
    groups = decided.group_by(name=column).agg(
        cases=cases.sum(),
        automated_before=cases.filter(pl.col("before") == _AUTO).sum() / cases.sum(),
        go_ahead=cases.filter(ahead).sum(),
        reviewed=pl.col("looks").filter(ahead).sum(),
        wrong=pl.col("wrong").filter(ahead).sum(),
        edited=pl.col("edited").filter(ahead).sum(),
    )
    ordered = groups.filter(cases > 0).sort("cases", "name", descending=[True, False], nulls_last=True)
    return tuple(Rehearsal.model_validate(row) for row in ordered.iter_rows(named=True))


def rule_shares(pl: Any, decided: "pl.DataFrame", policy: Policy) -> tuple[RuleShare, ...]:
    """Return the cases of every rule, in the order of the policy, then those of rules that are built in."""
    counted = decided.group_by("after_rule", "after").agg(pl.col("cases").sum())
    found = {rule: (action, number) for rule, action, number in counted.sort("after_rule", "after").iter_rows()}
    listed = {rule.rule_id: rule.action.value for _, layer in policy.parts for rule in layer.rules}
    others = {rule: action for rule, (action, _) in found.items() if rule not in listed and rule != FALLBACK}
    fallback = {FALLBACK: found[FALLBACK][0]} if FALLBACK in found else {}
    total = int(decided["cases"].sum())
    return tuple(
        RuleShare(rule_id=rule, action=Action(action), cases=number, share=number / total)
        for rule, action in {**listed, **others, **fallback}.items()
        for number in (found.get(rule, (action, 0))[1],)
    )


def field_shares(decided: "pl.DataFrame", fields: Mapping[str, Axis], seen: Iterable[str]) -> tuple[FieldShare, ...]:
    """Return how often each field that rules read is missing or mistyped. `fields` are the columns of their steps.

    `seen` are the names of fields that past tasks have.
    """
    names = sorted(seen)
    total, shares = int(decided["cases"].sum()), []
    for column, axis in fields.items():
        steps = dict(decided.select(column, "cases").group_by(column).sum().iter_rows())
        missing = steps.get(0, 0)
        unusable = sum(number for step, number in steps.items() if step and axis.missing >> step & 1)
        field = axis.name.removeprefix(f"{axis.source}.")
        meant = did_you_mean(field, names) if missing == total and axis.source == "metadata" else ""
        shares.append(
            FieldShare(
                name=axis.name,
                cases=total,
                missing=missing,
                mistyped=unusable,
                suggestion=meant.split("'")[1] if meant else None,
            )
        )
    return tuple(shares)

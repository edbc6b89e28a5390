"""What changes: flips, the cases of each domain and task type, and the workload of each role."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.backtest.report import Change, Flip, Load
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.insights.queue_forecast import Capacity, expected_wait

if TYPE_CHECKING:
    import polars as pl


def flips(pl: Any, decided: "pl.DataFrame") -> tuple[Flip, ...]:
    """Return the changes of actions and rules, the most frequent first."""
    keys = ["before", "before_rule", "after", "after_rule"]
    flipped = decided.filter(pl.col("change") != 0).group_by(keys).agg(pl.col("cases").sum())
    ordered = flipped.sort("cases", *keys, descending=[True, *[False] * len(keys)])
    return tuple(Flip.model_validate(row) for row in ordered.iter_rows(named=True))


def changes(pl: Any, decided: "pl.DataFrame", column: str) -> tuple[Change, ...]:
    """Return the changes by the values of a column, the most frequent value first."""
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


def loads(pl: Any, decided: "pl.DataFrame", days: int, capacity: Mapping[str, Capacity]) -> tuple[Load, ...]:
    """Return the workload of each role that has any, or whose capacity is known."""
    before = _answers(pl, decided, "before").group_by("role").agg(pl.col("answers").sum())
    daily = _answers(pl, decided, "after").group_by("role", "day").agg(pl.col("answers").sum())
    after = daily.group_by("role").agg(pl.col("answers").sum(), busiest=pl.col("answers").max())
    old = dict(before.iter_rows())
    new = {role: (answers, busiest) for role, answers, busiest in after.iter_rows()}
    listed = []
    for role in sorted({*old, *new, *capacity}):
        answers, busiest = new.get(role, (0, 0))
        able = capacity.get(role)
        waits = None if able is None else expected_wait(answers / days, able)
        listed.append(
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
    return tuple(listed)


def _answers(pl: Any, decided: "pl.DataFrame", when: str) -> "pl.DataFrame":
    asked = decided.filter((pl.col(when) != Action.AUTO_APPROVE.value) & pl.col(f"{when}_role").is_not_null())
    answers = pl.col("cases") * pl.col(f"{when}_answers")
    return asked.select("day", role=f"{when}_role", answers=answers)

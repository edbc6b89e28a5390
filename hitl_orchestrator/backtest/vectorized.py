"""The answers of a policy for millions of cases at once, equal to its answers for each single case.

polars expressions compute for every row on which step of each axis it lies (see `partition`). Rows on the same steps
have the same answer, so each combination that occurs is evaluated once, by the engine that decides single cases. polars
comes with the extra `lab`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from math import inf, nextafter
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import REQUESTED_BY, requesters
from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.policies.engine.axes.base import Axis, bounds_reached
from hitl_orchestrator.policies.engine.axes.fields.column import read_fields
from hitl_orchestrator.policies.engine.calculated import Calculation
from hitl_orchestrator.policies.engine.compiled import compile_policy
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.language.model import Policy, PolicyStack

if TYPE_CHECKING:
    import polars as pl

WORDS = ("risk_level", "domain", "task_type")
"""The columns of every case that are keys themselves."""

FIELD_SOURCES = ("metadata", "proposal", "agent", "history", "derived")
"""The columns of JSON texts with fields that a policy declares."""


def polars() -> Any:
    """Return the module polars.

    Raises:
        InvalidInput: it is not installed.
    """
    try:
        return import_module("polars")
    except ImportError:
        raise InvalidInput([f"a backtest needs polars, which is missing; {install_hint('lab')}"]) from None


class Key(NamedTuple):
    """A computed column. Rows that differ in it may have different answers."""

    name: str
    source: str
    expression: "pl.Expr"


class Vectors:
    """A policy prepared to decide data frames.

    A frame has the columns risk_level, domain, task_type, confidence_score and has_proposal, and, if the policy reads
    them, signals (JSON text), metadata (JSON text) and moment (a datetime in UTC).
    """

    def __init__(self, policy: Policy, roles: RoleChain = DEFAULT_CHAIN, prefix: str = "_") -> None:
        self.policy, self._compiled, self._prefix = policy, compile_policy(policy, roles), prefix
        self._pl = polars()
        space = FactSpace([layer for _, layer in policy.parts])
        # Steps below 0 and above 1, where NaN ends up too, are no confidences.
        self._bounds = (*space.bounds, nextafter(1.0, inf))
        self._layers = [Calculation(layer) for _, layer in policy.parts]
        self._inputs = {source for each in self._layers for source in each.inputs}
        self._users = tuple(policy.users) if isinstance(policy, PolicyStack) else ()
        self._reads_users = f"metadata.{REQUESTED_BY}" in space.index
        self._axes: dict[str, Axis] = {}
        self.keys: tuple[Key, ...] = tuple(self._all_keys(space))

    @property
    def needs(self) -> frozenset[str]:
        """The columns that it reads besides `WORDS`."""
        sources = {key.source for key in self.keys}
        return frozenset(sources - {"derived"} | (self._inputs if "derived" in sources else set()))

    @property
    def fields(self) -> Mapping[str, Axis]:
        """The axes of the fields that rules read, by the names of their keys."""
        return {name: axis for name, axis in self._axes.items() if axis.source in FIELD_SOURCES}

    @property
    def columns(self) -> list[str]:
        """The names of `WORDS` and of the keys: rows that agree in all of them have one answer."""
        return [*WORDS, *(key.name for key in self.keys)]

    def with_keys(self, frame: "pl.LazyFrame") -> "pl.LazyFrame":
        """Add the keys to a frame, whose own columns stay as they are for other policies."""
        columns, keys = frame.collect_schema().names(), [key.expression.alias(key.name) for key in self.keys]
        calculated = self._calculated(
            frame.with_columns(_given=self._pl.col("history")) if "history" in columns else frame
        )
        keyed = calculated.with_columns(keys)
        if "history" in columns:
            keyed = keyed.with_columns(history="_given")
        return keyed.select(*columns, *(key.name for key in self.keys))

    def _calculated(self, frame: "pl.LazyFrame") -> "pl.LazyFrame":
        """Add the columns `history` and `derived` under the names of the policy, as far as it reads them.

        A frame without the values of counters leaves them unknown; one that has `derived` keeps it.
        """
        read = {"history", "derived"} & {key.source for key in self.keys}
        if not read:
            return frame
        pl, has = self._pl, frame.collect_schema().names()
        given = [
            name for name in ("metadata", "proposal", "history", "confidence_score", "has_proposal") if name in has
        ]
        kind = pl.Struct({"history": pl.String, "derived": pl.String})
        values = pl.struct(given).map_batches(partial(_calculated, self._layers), return_dtype=kind)
        added = [name for name in ("history", "derived") if name == "history" or name not in has]
        return frame.with_columns(values.alias("_calculated")).with_columns(
            pl.col("_calculated").struct.field(name) for name in added
        )

    def decisions(self, combinations: Iterable[Mapping[str, Any]]) -> list[RoutingDecision]:
        """Return the decision for each combination of words and keys.

        Raises:
            InvalidInput: a risk level or a confidence is invalid.
        """
        return [self._compiled.decide(self._facts(combination)) for combination in combinations]

    def answers(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        """Return the columns action, rule and role for the rows of a frame, in their order."""
        pl = self._pl
        keyed = self.with_keys(frame.lazy()).select(self.columns).collect()
        distinct = keyed.unique()
        decisions = self.decisions(distinct.iter_rows(named=True))
        answers = distinct.with_columns(
            pl.Series("action", [decision.action.value for decision in decisions], pl.String),
            pl.Series("rule", [decision.rule_id for decision in decisions], pl.String),
            pl.Series("role", [decision.assigned_human_role for decision in decisions], pl.String),
        )
        joined = keyed.join(answers, on=self.columns, how="left", nulls_equal=True, maintain_order="left")
        return joined.select("action", "rule", "role")

    def _all_keys(self, space: FactSpace) -> Iterator[Key]:
        pl, prefix = self._pl, self._prefix
        confidence = bounds_reached(pl, pl.col("confidence_score"), self._bounds)
        yield Key(f"{prefix}confidence", "confidence_score", confidence)
        yield Key(f"{prefix}proposed", "has_proposal", pl.col("has_proposal"))
        for number, axis in enumerate(space.axes):
            column = axis.column(pl)
            if column is not None:
                name = f"{prefix}axis_{number}"
                self._axes[name] = axis
                yield Key(name, axis.source, column)
        if self._users:
            read = partial(_requested_by, None if self._reads_users else self._users)
            requested_by = pl.col("metadata").map_batches(read, return_dtype=pl.String)
            yield Key(f"{prefix}requested_by", "metadata", requested_by)

    def _facts(self, row: Mapping[str, Any]) -> Facts:
        """Return facts on the steps of a row."""
        prefix, level, step = self._prefix, row["risk_level"], row[f"{self._prefix}confidence"]
        if level not in set(RiskLevel):
            raise InvalidInput([f"past cases: risk_level: {level!r} is not one of {', '.join(RiskLevel)}"])
        if step is not None and not 0 < step < len(self._bounds):
            raise InvalidInput(["past cases: confidence_score: one of them is not a number in [0, 1]"])
        confidence = None if step is None else self._bounds[step - 1]
        facts = Facts(RiskLevel(level), row["domain"], row["task_type"], confidence)
        for name, axis in self._axes.items():
            facts = axis.place(facts, row[name])
        metadata = dict(facts.metadata)
        if self._users:
            metadata[REQUESTED_BY] = json.loads(row[f"{prefix}requested_by"])
        return replace(facts, has_proposal=row[f"{prefix}proposed"], metadata=metadata)


def _calculated(layers: Sequence[Calculation], rows: "pl.Series") -> "pl.Series":
    """Return the values of counters and of arithmetic for each row, each as JSON text by name."""
    pl, values = polars(), list[dict[str, str]]()
    for row in rows:
        metadata, proposal, history = (read_fields(row.get(name), name) for name in ("metadata", "proposal", "history"))
        plain = Facts(RiskLevel.LOW, "any", "any", row.get("confidence_score"), has_proposal=bool(row["has_proposal"]))
        given = replace(plain, metadata=metadata, proposal=proposal, history=history)
        facts = [layer.of(given) for layer in layers]
        found: dict[str, dict[str, float]] = {"history": {}, "derived": {}}
        for each in facts:
            found["history"] |= each.history
            found["derived"] |= each.derived or {}
        values.append({name: json.dumps(one) for name, one in found.items()})
    kind = pl.Struct({"history": pl.String, "derived": pl.String})
    return pl.Series(rows.name, values, kind)  # type: ignore[no-any-return]


def _requested_by(users: Sequence[str] | None, texts: "pl.Series") -> "pl.Series":
    """Return the users who requested each task, as JSON text: those of `users`, or the value itself if that is None."""
    fields = (read_fields(text, "metadata") for text in texts)
    values = [json.dumps(each.get(REQUESTED_BY) if users is None else _among(users, each)) for each in fields]
    return polars().Series(texts.name, values, polars().String)  # type: ignore[no-any-return]


def _among(users: Sequence[str], metadata: Mapping[str, Any]) -> list[str]:
    """Return the users whose layers answer a task: all of them if the metadata do not name the users readably."""
    named = requesters(metadata)
    return sorted(users) if named is None else [user for user in named if user in users]

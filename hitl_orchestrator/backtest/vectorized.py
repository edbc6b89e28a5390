"""What a policy answers for millions of cases at once, as it would answer for each.

From a policy polars expressions are built that find, for every row, on which step of each axis it stands (see `cells`).
Rows on the same steps have the same answer, so it is worked out once for each combination that occurs, by the same
engine that decides single cases. polars comes with the extra `lab`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from math import inf, nextafter
from typing import TYPE_CHECKING, Any, NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.task import REQUESTED_BY, requesters
from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.policies.engine.compiled import compile_policy
from hitl_orchestrator.policies.engine.partition import FactSpace, MetadataAxis, SignalsAxis, TimeAxis
from hitl_orchestrator.policies.engine.timezones import TimesAxis
from hitl_orchestrator.policies.language.conditions import MINUTES_OF_A_DAY
from hitl_orchestrator.policies.language.model import MAX_NUMBER, Policy, PolicyStack

if TYPE_CHECKING:
    import polars as pl

WORDS = ("risk_level", "domain", "task_type")
"""The columns of every case that stand for themselves."""

# An object of JSON that holds nothing nested and nothing escaped.
_TEXT = r'"[^"\\\x00-\x1f]*"'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_FIELD = rf"\s*{_TEXT}\s*:\s*(?:{_TEXT}|{_NUMBER}|true|false|null)\s*"
_FLAT = rf"^\{{(?:{_FIELD}(?:,{_FIELD})*|\s*)\}}$".replace(r"\s", r"[ \t\r\n]")
_PLAIN_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_MOST_SURE_DIGITS = 15


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
    """A column to be computed, which tells apart what a policy tells apart."""

    name: str
    needs: str
    expression: "pl.Expr"


class Vectors:
    """A policy made ready to decide frames.

    A frame has the columns risk_level, domain, task_type, confidence_score and has_proposal; and as far as the policy
    asks for them signals (a list, or JSON text), metadata (JSON text) and moment (a datetime in UTC).
    """

    def __init__(self, policy: Policy, roles: RoleChain = DEFAULT_CHAIN, prefix: str = "_") -> None:
        self.policy, self._compiled, self._prefix = policy, compile_policy(policy, roles), prefix
        self._pl = polars()
        self._space = FactSpace([part for _, part in policy.parts])
        axes = self._space.axes
        # One step beyond 1 and one below 0: what stands there, and NaN, is no confidence.
        self._bounds = (*axes[self._space.confidence].bounds, nextafter(1.0, inf))  # type: ignore[attr-defined]
        self._signals = next((axis for axis in axes if isinstance(axis, SignalsAxis)), None)
        self._fields = [axis for axis in axes if isinstance(axis, MetadataAxis)]
        self._times = [axis for axis in axes if isinstance(axis, TimeAxis)]
        self._zones = any(isinstance(axis, TimesAxis) for axis in axes)
        self._users = isinstance(policy, PolicyStack) and bool(policy.users)
        self.keys: tuple[Key, ...] = tuple(self._all_keys())

    @property
    def needs(self) -> frozenset[str]:
        """The columns that it looks at besides `WORDS`."""
        return frozenset(key.needs for key in self.keys)

    @property
    def columns(self) -> list[str]:
        """The names of `WORDS` and of the keys: rows that agree on all of these have one answer."""
        return [*WORDS, *(key.name for key in self.keys)]

    def with_keys(self, frame: "pl.LazyFrame") -> "pl.LazyFrame":
        """Add the keys to a frame."""
        return frame.with_columns([key.expression.alias(key.name) for key in self.keys])

    def decisions(self, combinations: Iterable[Mapping[str, Any]]) -> list[RoutingDecision]:
        """Return the decision for each combination of words and keys.

        Raises:
            InvalidInput: some risk level or confidence is none.
        """
        return [self._compiled.decide(self._facts(one)) for one in combinations]

    def answers(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        """Return the columns action, rule and role for the rows of a frame, in their order."""
        pl = self._pl
        keyed = self.with_keys(frame.lazy()).select(self.columns).collect()
        distinct = keyed.unique()
        decided = self.decisions(distinct.iter_rows(named=True))
        told = distinct.with_columns(
            pl.Series("action", [one.action.value for one in decided], pl.String),
            pl.Series("rule", [one.rule_id for one in decided], pl.String),
            pl.Series("role", [one.assigned_human_role for one in decided], pl.String),
        )
        joined = keyed.join(told, on=self.columns, how="left", nulls_equal=True, maintain_order="left")
        return joined.select("action", "rule", "role")

    def _all_keys(self) -> Iterable[Key]:
        pl, prefix = self._pl, self._prefix
        given = pl.col("confidence_score")
        yield Key(f"{prefix}confidence", "confidence_score", _steps(pl, given, self._bounds))
        yield Key(f"{prefix}proposed", "has_proposal", pl.col("has_proposal"))
        if self._signals is not None:
            yield Key(f"{prefix}signals", "signals", self._raised(self._signals))
        for number, axis in enumerate(self._fields):
            step = pl.col("metadata").map_batches(partial(_located, axis), return_dtype=pl.UInt32)
            yield Key(f"{prefix}metadata_{number}", "metadata", step)
        if len(self._times) == 1:
            yield Key(f"{prefix}time", "moment", _of_the_week(pl, self._times[0]))
        elif self._zones:
            # What is of the same minute is on the same steps of every time zone.
            yield Key(f"{prefix}minute", "moment", pl.col("moment").dt.truncate("1m"))
        if self._users:
            asked = any(axis.field == REQUESTED_BY for axis in self._fields)
            read = partial(_requested_by, None if asked else tuple(self.policy.users))  # type: ignore[attr-defined]
            named = pl.col("metadata").map_batches(read, return_dtype=pl.String)
            yield Key(f"{prefix}requested_by", "metadata", named)

    def _raised(self, axis: SignalsAxis) -> Any:
        pl = self._pl
        texts = pl.col("signals")
        return pl.sum_horizontal(
            [
                texts.str.contains(f'"{signal.value}"', literal=True).fill_null(value=False).cast(pl.UInt32)
                * (1 << place)
                for place, signal in enumerate(axis.signals)
            ]
        )

    def _facts(self, row: Mapping[str, Any]) -> Facts:
        """Return facts that stand where the row stands."""
        prefix, level, step = self._prefix, row["risk_level"], row[f"{self._prefix}confidence"]
        if level not in set(RiskLevel):
            raise InvalidInput([f"past cases: risk_level: {level!r} is not one of {', '.join(RiskLevel)}"])
        if step is not None and not 0 < step < len(self._bounds):
            raise InvalidInput(["past cases: confidence_score: one of them is not a number in [0, 1]"])
        confidence = None if step is None else self._bounds[step - 1]
        facts = Facts(RiskLevel(level), row["domain"], row["task_type"], confidence)
        if self._signals is not None:
            facts = self._signals.place(facts, row[f"{prefix}signals"])
        for number, axis in enumerate(self._fields):
            facts = axis.place(facts, row[f"{prefix}metadata_{number}"])
        moment = row.get(f"{prefix}minute")
        if len(self._times) == 1:
            moment = self._times[0].place(facts, row[f"{prefix}time"]).moment
        metadata = dict(facts.metadata)
        if self._users:
            metadata[REQUESTED_BY] = json.loads(row[f"{prefix}requested_by"])
        words = facts.domain, facts.task_type, facts.confidence, facts.signals
        return Facts(facts.risk_level, *words, row[f"{prefix}proposed"], metadata, moment)


def _steps(pl: Any, given: "pl.Expr", bounds: Sequence[float]) -> Any:
    """Return how many of these bounds a number reaches; nothing where there is none."""
    reached = pl.sum_horizontal([(given >= bound).cast(pl.UInt32) for bound in bounds])
    return pl.when(given.is_null()).then(None).otherwise(reached)


def _of_the_week(pl: Any, axis: TimeAxis) -> Any:
    local = pl.col("moment").dt.convert_time_zone(axis.timezone)
    days, hours, minutes = (getattr(local.dt, part)().cast(pl.Int32) for part in ("weekday", "hour", "minute"))
    minute = (days - 1) * MINUTES_OF_A_DAY + hours * 60 + minutes
    return _steps(pl, minute, axis.edges).fill_null(0)


def _requested_by(users: Sequence[str] | None, texts: "pl.Series") -> "pl.Series":
    """Return who wanted each task, as JSON text: those of `users`, or what stands there where rules ask for it."""
    given = map(_read, texts)
    told = [json.dumps(one.get(REQUESTED_BY) if users is None else _concerned(one, users)) for one in given]
    return polars().Series(texts.name, told, polars().String)  # type: ignore[no-any-return]


def _concerned(metadata: Mapping[str, Any], users: Sequence[str]) -> list[str]:
    """Return which users a task concerns: all of them where nobody can tell from it who wanted it."""
    named = requesters(metadata)
    return sorted(users) if named is None else [one for one in named if one in users]


def _located(axis: MetadataAxis, texts: "pl.Series") -> "pl.Series":
    """Return the step of a field for each JSON text of metadata.

    Most texts hold nothing nested and nothing escaped: there a field and its value are found where they stand. All
    others are read one by one.
    """
    pl = polars()
    frame = pl.DataFrame({"text": texts.cast(pl.String).fill_null("{}")})
    text, value = pl.col("text"), pl.col("value")
    named = rf'"{axis.field}"\s*:'
    found = frame.select(
        text,
        plain=text.str.contains(_FLAT)
        & (text.str.count_matches(named) <= 1)
        & pl.lit(pl.Series([axis.field]).str.contains(_PLAIN_NAME).item()),
        value=text.str.extract(named + r'\s*("[^"]*"|[^,}\s]+)'),
    ).with_columns(plain=pl.col("plain") & (~_is_number(value) | (value.str.len_bytes() <= _MOST_SURE_DIGITS)))
    steps = found.select(step=_step_of(pl, axis, value), plain="plain")
    told, hard = steps["step"], (~steps["plain"]).arg_true()
    if len(hard):
        slow = pl.Series([axis.locate(_with(one)) for one in frame["text"].gather(hard)], dtype=pl.UInt32)
        told = told.scatter(hard, slow)
    return told.alias(texts.name)  # type: ignore[no-any-return]


def _step_of(pl: Any, axis: MetadataAxis, value: "pl.Expr") -> Any:
    """Return the step of a value that stands as plain JSON text."""
    other, is_text = pl.lit(1, pl.UInt32), value.str.starts_with('"')
    step = pl.when(value.is_null() | (value == "null")).then(pl.lit(0, pl.UInt32))
    if axis.booleans:
        step = step.when(value.is_in(["true", "false"])).then(2 + (value == "true").cast(pl.UInt32))
    if axis.texts is not None:
        quoted = [f'"{one}"' for one in axis.texts]
        places = list(range(axis.first_text, axis.first_text + len(quoted)))
        elsewhere = axis.first_text + len(quoted)
        told = value.replace_strict(quoted, places, default=elsewhere, return_dtype=pl.UInt32) if quoted else elsewhere
        step = step.when(is_text).then(told)
    if axis.numbers is not None:
        number = value.cast(pl.Float64, strict=False)
        sides = [side for one in axis.numbers for side in _sides(one)]
        reached = [(number >= side).cast(pl.UInt32) for side in sides]
        whole = axis.first_number + pl.sum_horizontal(reached) if reached else pl.lit(axis.first_number, pl.UInt32)
        step = step.when(_is_number(value) & (number.abs() <= MAX_NUMBER).fill_null(value=False)).then(whole)
    return step.otherwise(other).cast(pl.UInt32)


def _sides(bound: float) -> tuple[float, float]:
    """Return the least float that reaches a bound, and the least beyond it; a bound may lie between floats."""
    near = float(bound)
    above = nextafter(near, inf)
    return (near if near >= bound else above, near if near > bound else above)


def _is_number(value: "pl.Expr") -> "pl.Expr":
    return value.str.contains("^[-0-9]").fill_null(value=False)


def _with(text: str) -> Facts:
    return Facts(RiskLevel.LOW, "", "", None, metadata=_read(text))


def _read(text: str | None) -> dict[str, Any]:
    try:
        read = {} if text is None else json.loads(text)
    except ValueError:
        raise InvalidInput([f"past cases: metadata: not JSON: {str(text)[:60]!r}"]) from None
    if not isinstance(read, dict):
        raise InvalidInput([f"past cases: metadata: not an object: {str(text)[:60]!r}"])
    return read

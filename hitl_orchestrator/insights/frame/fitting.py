"""Rows whose values no version writes: left out of a frame, so that one altered row cannot spoil every figure."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from hitl_orchestrator.domain.enums import (
    Action,
    Assessment,
    ConfidenceSource,
    DecisionSource,
    FinalDecision,
    HumanDecision,
    QualityCheckKind,
    RiskLevel,
    Signal,
)
from hitl_orchestrator.domain.value import FIRST_YEAR, ID_PATTERN, LAST_YEAR, Label
from hitl_orchestrator.insights.frame.columns import FRAME, polars

if TYPE_CHECKING:
    from enum import StrEnum

    import polars as pl

NEEDED = ("case_id", "risk_level", "routing_decision", "rule_id", "final_decision", "timestamp")
"""The columns without which a row says nothing; exported records may lack the other ones."""

_IDS = frozenset({"case_id", "task_id", "quality_check_of", "reviewer_id", "submitted_by"})
_SETS: "Mapping[str, type[StrEnum]]" = {
    "risk_level": RiskLevel,
    "confidence_source": ConfidenceSource,
    "routing_decision": Action,
    "final_decision": FinalDecision,
    "decision_source": DecisionSource,
    "human_decision": HumanDecision,
    "confidence_assessment": Assessment,
    "quality_check": QualityCheckKind,
    "quality_check_expected": HumanDecision,
}
_LONGEST_SECONDS = 86_400 * 366 * (LAST_YEAR + 1 - FIRST_YEAR)
_MOST = 10**9
_LAST_SEQ = 2**53
_RANGES: Mapping[str, tuple[float, float]] = {
    "finished_seq": (1, _LAST_SEQ),
    "confidence_score": (0, 1),
    "review_probability": (0, 1),
    "approvals_needed": (1, _MOST),
    "escalations": (0, _MOST),
    "shown_length": (0, _MOST),
    "latency_seconds": (0, _LONGEST_SECONDS),
    "review_seconds": (0, _LONGEST_SECONDS),
    "seconds_looked_at": (0, _LONGEST_SECONDS),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = (
    (each - _EPOCH) // timedelta(microseconds=1)
    for each in (datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC))
)
"""The years of a time, in microseconds as polars holds them."""
_LONGEST_LABEL = 200
_VOTE = 3
_DECISIONS = [each.value for each in HumanDecision]
_SIGNALS = frozenset(each.value for each in Signal)


class Fitted(NamedTuple):
    """The rows of a frame that fit, and the numbers of the others: all of them, and by the first column that shows it.

    `first` is the first such row, from 1, and the column that shows it; 0 without one.
    """

    frame: "pl.DataFrame"
    left_out: int = 0
    columns: Mapping[str, int] = {}
    first: tuple[int, str] = (0, "")

    @property
    def sentence(self) -> str:
        """What was left out, and by which columns one sees it."""
        named = ", ".join(f"{name} ({number:,})" for name, number in self.columns.items())
        rows = "1 row has a value" if self.left_out == 1 else f"{self.left_out:,} rows have values"
        return f"{rows} that no version writes: {named}"


def fitted(frame: "pl.DataFrame", columns: Sequence[str] = tuple(FRAME), needed: Iterable[str] = NEEDED) -> Fitted:
    """Return the rows whose values in these columns are of the closed sets and ranges that the ledger's table has.

    A case that occurs twice is left out but for its first row. `needed` columns have a value in every row.
    """
    pl, must, found = polars(), frozenset(needed), dict[str, Any]()
    for name in (each for each in columns if each in frame.columns):
        bad = _misfits(frame[name], name, is_needed=name in must)
        if bad is not None:
            found[name] = bad
    if not found:
        return Fitted(frame)
    out, numbers = pl.Series([False]).new_from_index(0, frame.height), dict[str, int]()
    for name, bad in found.items():
        if number := int((bad & ~out).sum()):
            numbers[name] = number
        out = out | bad
    row = int(out.arg_max() or 0)
    return Fitted(
        frame.filter(~out), int(out.sum()), numbers, (row + 1, next(name for name in found if found[name][row]))
    )


def _misfits(values: "pl.Series", name: str, *, is_needed: bool) -> "pl.Series | None":
    """Return which values of a column do not fit; None where all do."""
    bad = _outside(values, name)
    if is_needed and values.null_count():
        bad = values.is_null() if bad is None else bad | values.is_null()
    return bad if bad is not None and bad.any() else None


def _outside(values: "pl.Series", name: str) -> "pl.Series | None":
    kind = FRAME[name]
    if kind == "time":
        return _out_of(values.to_physical(), _FIRST, _LAST - 1)
    if name in _RANGES:
        return _out_of(values, *_RANGES[name])
    if name == "case_id":
        return ~_matching(values) | (~values.is_first_distinct() & values.is_not_null())
    if name in _IDS:
        return ~_matching(values)
    fits = _text_rule(name)
    if kind != "text" or fits is None:
        return None
    strange = [value for value in values.unique().drop_nulls().to_list() if not fits(value)]
    return values.is_in(strange).fill_null(value=False) if strange else None


def _out_of(values: "pl.Series", low: Any, high: Any) -> "pl.Series":
    return (~values.is_between(low, high)).fill_null(value=False)


def _matching(values: "pl.Series") -> "pl.Series":
    return values.str.contains(ID_PATTERN).fill_null(value=True)


def _text_rule(name: str) -> "Callable[[str], bool] | None":
    """Return what tells whether a text of a column fits."""
    if name in _SETS:
        return frozenset(each.value for each in _SETS[name]).__contains__
    return {"votes": _are_votes, "signals": _are_signals, "predicted_label": _is_short}.get(name, _is_label)


def _are_signals(text: str) -> bool:
    return frozenset(text.split()) <= _SIGNALS


def _is_short(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_LABEL


@cache
def _label() -> TypeAdapter[str]:
    return TypeAdapter(Label)


def _is_label(text: str) -> bool:
    try:
        _label().validate_python(text)
    except ValidationError:
        return False
    return True


def _are_votes(text: str) -> bool:
    """Return whether a text is a JSON list of `[person, human_decision, role]`, of which the person may be null."""
    try:
        votes = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(votes, list) and bool(votes) and all(map(_is_vote, votes))


def _is_vote(vote: Any) -> bool:
    if not isinstance(vote, list) or len(vote) != _VOTE:
        return False
    person, decision, role = vote
    is_person = person is None or (isinstance(person, str) and re.search(ID_PATTERN, person) is not None)
    return is_person and decision in _DECISIONS and isinstance(role, str) and _is_label(role)

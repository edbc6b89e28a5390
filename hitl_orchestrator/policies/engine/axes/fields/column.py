"""The steps of a field for a whole column of JSON texts, as polars expressions.

Most texts hold nothing nested and nothing escaped: there a regular expression finds the field. The rest is parsed.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from math import inf, nextafter
from typing import Any, NamedTuple

from hitl_orchestrator.domain.counting.field_path import value_at
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.engine.axes.fields.parts import Booleans, Numbers, Part
from hitl_orchestrator.policies.engine.axes.fields.texts import Texts
from hitl_orchestrator.policies.language.declarations import MAX_NUMBER

# A JSON object that holds nothing nested and nothing escaped.
_TEXT = r'"[^"\\\x00-\x1f]*"'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_FIELD = rf"\s*{_TEXT}\s*:\s*(?:{_TEXT}|{_NUMBER}|true|false|null)\s*"
_FLAT = rf"^\{{(?:{_FIELD}(?:,{_FIELD})*|\s*)\}}$".replace(r"\s", r"[ \t\r\n]")
_PLAIN_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_MOST_SURE_DIGITS = 15


class FieldSteps(NamedTuple):
    """How an axis numbers the steps of a field: each part with its first step."""

    source: str
    field: str
    parts: Sequence[tuple[int, Part]]
    step_of: Callable[[Any], int]


def column_of(pl: Any, steps: FieldSteps) -> Any:
    """Return the step of a field for each JSON text of the column of its source."""
    return pl.col(steps.source).map_batches(partial(_located, pl, steps), return_dtype=pl.UInt32)


def read_fields(text: str | None, source: str) -> dict[str, Any]:
    """Return the values of a source in a past case.

    Raises:
        InvalidInput: the text is not a JSON object.
    """
    try:
        fields = {} if text is None else json.loads(text)
    except ValueError:
        raise InvalidInput([f"past cases: {source}: not JSON: {str(text)[:60]!r}"]) from None
    if not isinstance(fields, dict):
        raise InvalidInput([f"past cases: {source}: not an object: {str(text)[:60]!r}"])
    return fields


def _located(pl: Any, layout: FieldSteps, texts: Any) -> Any:
    frame = pl.DataFrame({"text": texts.cast(pl.String).fill_null("{}")})
    text, value = pl.col("text"), pl.col("value")
    named = rf'"{layout.field}"\s*:'
    values = frame.select(
        plain=text.str.contains(_FLAT)
        & (text.str.count_matches(named) <= 1)
        & pl.lit(pl.Series([layout.field]).str.contains(_PLAIN_NAME).item()),
        value=text.str.extract(named + r'\s*("[^"]*"|[^,}\s]+)'),
    ).with_columns(plain=pl.col("plain") & (~_is_number(value) | (value.str.len_bytes() <= _MOST_SURE_DIGITS)))
    steps = values.select(step=_step_of(pl, layout.parts, value), plain="plain")
    column, hard = steps["step"], (~steps["plain"]).arg_true()
    if len(hard):
        read = (read_fields(each, layout.source) for each in frame["text"].gather(hard))
        found = [layout.step_of(value_at(fields, layout.field)) for fields in read]
        column = column.scatter(hard, pl.Series(found, dtype=pl.UInt32))
    return column.alias(texts.name)


def _step_of(pl: Any, parts: Sequence[tuple[int, Part]], value: Any) -> Any:
    """Return the step of a value that is written as plain JSON."""
    step = pl.when(value.is_null() | (value == "null")).then(pl.lit(0, pl.UInt32))
    for first, part in parts:
        if isinstance(part, Texts):
            step = step.when(value.str.starts_with('"')).then(_text_step(pl, part, first, value))
        elif isinstance(part, Numbers):
            number = value.cast(pl.Float64, strict=False)
            reached = [(number >= side).cast(pl.UInt32) for bound in part.bounds for side in _sides(bound)]
            place = pl.sum_horizontal(reached) if reached else pl.lit(0, pl.UInt32)
            steps = list(range(first, first + len(part.places)))
            whole = place.replace_strict(list(part.places), steps, default=1, return_dtype=pl.UInt32)
            step = step.when(_is_number(value) & (number.abs() <= MAX_NUMBER).fill_null(value=False)).then(whole)
        elif isinstance(part, Booleans):
            step = step.when(value.is_in(["true", "false"])).then(first + (value == "true").cast(pl.UInt32))
    return step.otherwise(pl.lit(1, pl.UInt32)).cast(pl.UInt32)


def _text_step(pl: Any, part: Texts, first: int, value: Any) -> Any:
    if part.beginnings or part.parts:
        return value.map_batches(partial(_steps_of_texts, pl, part, first), return_dtype=pl.UInt32)
    quoted, other = [f'"{text}"' for text in part.texts], 1 if part.other is None else first + part.other
    steps = list(range(first, first + len(quoted)))
    return value.replace_strict(quoted, steps, default=other, return_dtype=pl.UInt32) if quoted else other


def _steps_of_texts(pl: Any, part: Texts, first: int, values: Any) -> Any:
    """Return the step of each quoted text, computed once for each text that occurs."""
    texts = [text for text in values.unique().to_list() if text is not None and text.startswith('"')]
    located = [part.locate(text[1:-1]) for text in texts]
    steps = [1 if step is None else first + step for step in located]
    if not texts:
        return pl.Series([1], dtype=pl.UInt32).new_from_index(0, len(values))
    return values.replace_strict(texts, steps, default=1, return_dtype=pl.UInt32)


def _sides(bound: float) -> tuple[float, float]:
    """Return the least float that reaches a bound, and the least float above it; a bound may lie between floats."""
    near = float(bound)
    above = nextafter(near, inf)
    return (near if near >= bound else above, near if near > bound else above)


def _is_number(value: Any) -> Any:
    return value.str.contains("^[-0-9]").fill_null(value=False)

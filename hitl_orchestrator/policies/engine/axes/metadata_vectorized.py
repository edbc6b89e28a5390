"""The steps of a metadata field for a whole column of JSON texts, as polars expressions.

Most texts hold nothing nested and nothing escaped: there a regular expression finds the field. The rest is parsed.
"""

import json
from collections.abc import Callable
from functools import partial
from math import inf, nextafter
from typing import Any, NamedTuple

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.errors import InvalidInput

# A JSON object that holds nothing nested and nothing escaped.
_TEXT = r'"[^"\\\x00-\x1f]*"'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_FIELD = rf"\s*{_TEXT}\s*:\s*(?:{_TEXT}|{_NUMBER}|true|false|null)\s*"
_FLAT = rf"^\{{(?:{_FIELD}(?:,{_FIELD})*|\s*)\}}$".replace(r"\s", r"[ \t\r\n]")
_PLAIN_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_MOST_SURE_DIGITS = 15


class MetadataSteps(NamedTuple):
    """How a metadata axis numbers its steps (see `MetadataAxis`)."""

    field: str
    booleans: bool
    texts: tuple[str, ...] | None
    numbers: tuple[float, ...] | None
    first_text: int
    first_number: int
    locate: Callable[[Facts], int]


def metadata_column(pl: Any, layout: MetadataSteps, most: float) -> Any:
    """Return the step of a field for each JSON text of the column `metadata`."""
    return pl.col("metadata").map_batches(partial(_located, pl, layout, most), return_dtype=pl.UInt32)


def read_metadata(text: str | None) -> dict[str, Any]:
    """Return the metadata of a past case.

    Raises:
        InvalidInput: the text is not a JSON object.
    """
    try:
        metadata = {} if text is None else json.loads(text)
    except ValueError:
        raise InvalidInput([f"past cases: metadata: not JSON: {str(text)[:60]!r}"]) from None
    if not isinstance(metadata, dict):
        raise InvalidInput([f"past cases: metadata: not an object: {str(text)[:60]!r}"])
    return metadata


def _located(pl: Any, layout: MetadataSteps, most: float, texts: Any) -> Any:
    frame = pl.DataFrame({"text": texts.cast(pl.String).fill_null("{}")})
    text, value = pl.col("text"), pl.col("value")
    named = rf'"{layout.field}"\s*:'
    values = frame.select(
        plain=text.str.contains(_FLAT)
        & (text.str.count_matches(named) <= 1)
        & pl.lit(pl.Series([layout.field]).str.contains(_PLAIN_NAME).item()),
        value=text.str.extract(named + r'\s*("[^"]*"|[^,}\s]+)'),
    ).with_columns(plain=pl.col("plain") & (~_is_number(value) | (value.str.len_bytes() <= _MOST_SURE_DIGITS)))
    steps = values.select(step=_step_of(pl, layout, most, value), plain="plain")
    column, hard = steps["step"], (~steps["plain"]).arg_true()
    if len(hard):
        facts = (
            Facts(RiskLevel.LOW, "", "", None, metadata=read_metadata(each)) for each in frame["text"].gather(hard)
        )
        column = column.scatter(hard, pl.Series(list(map(layout.locate, facts)), dtype=pl.UInt32))
    return column.alias(texts.name)


def _step_of(pl: Any, layout: MetadataSteps, most: float, value: Any) -> Any:
    """Return the step of a value that is written as plain JSON."""
    step = pl.when(value.is_null() | (value == "null")).then(pl.lit(0, pl.UInt32))
    if layout.booleans:
        step = step.when(value.is_in(["true", "false"])).then(2 + (value == "true").cast(pl.UInt32))
    if layout.texts is not None:
        quoted, other = [f'"{text}"' for text in layout.texts], layout.first_number - 1
        steps = list(range(layout.first_text, other))
        step = step.when(value.str.starts_with('"')).then(
            value.replace_strict(quoted, steps, default=other, return_dtype=pl.UInt32) if quoted else other
        )
    if layout.numbers is not None:
        number = value.cast(pl.Float64, strict=False)
        reached = [(number >= side).cast(pl.UInt32) for bound in layout.numbers for side in _sides(bound)]
        first = layout.first_number
        whole = first + pl.sum_horizontal(reached) if reached else pl.lit(first, pl.UInt32)
        step = step.when(_is_number(value) & (number.abs() <= most).fill_null(value=False)).then(whole)
    return step.otherwise(pl.lit(1, pl.UInt32)).cast(pl.UInt32)


def _sides(bound: float) -> tuple[float, float]:
    """Return the least float that reaches a bound, and the least float above it; a bound may lie between floats."""
    near = float(bound)
    above = nextafter(near, inf)
    return (near if near >= bound else above, near if near > bound else above)


def _is_number(value: Any) -> Any:
    return value.str.contains("^[-0-9]").fill_null(value=False)

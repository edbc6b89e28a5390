"""Enum members as SQL literals, and lists of ids as parameters of statements that are compiled once.

A database uses a partial index for a literal, not for a parameter.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, literal_column

_AT_ONCE = 100


def literal_of(member: StrEnum) -> ColumnElement[str]:
    """Return an enum member as a literal."""
    return literal_column(f"'{member.value}'", String)


def literals_of(members: Iterable[StrEnum]) -> list[ColumnElement[str]]:
    """Return enum members as literals, for IN."""
    return [literal_of(member) for member in members]


def any_of(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of the ids that `batches` passes."""
    return column.in_([bindparam(f"id_{number}") for number in range(_AT_ONCE)])


def batches(ids: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yield the parameters of `any_of` for each hundred ids."""
    for first in range(0, len(ids), _AT_ONCE):
        some = ids[first : first + _AT_ONCE]
        yield {f"id_{number}": some[min(number, len(some) - 1)] for number in range(_AT_ONCE)}

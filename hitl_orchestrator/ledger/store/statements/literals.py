"""Enum members as SQL literals: a database uses a partial index for a literal, not for a parameter."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import ColumnElement, String, literal_column


def literal_of(member: StrEnum) -> ColumnElement[str]:
    """Return an enum member as a literal."""
    return literal_column(f"'{member.value}'", String)


def literals_of(members: Iterable[StrEnum]) -> list[ColumnElement[str]]:
    """Return enum members as literals, for IN."""
    return [literal_of(member) for member in members]

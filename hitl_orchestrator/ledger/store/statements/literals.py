"""Parts of the definitions: enum members as SQL literals, lists of ids as parameters, and marks of templates.

A database uses a partial index for a literal, not for a parameter.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, literal_column

from hitl_orchestrator.ledger.database.statement import AT_ONCE


def literal_of(member: StrEnum) -> ColumnElement[str]:
    """Return an enum member as a literal."""
    return literal_column(f"'{member.value}'", String)


def literals_of(members: Iterable[StrEnum]) -> list[ColumnElement[str]]:
    """Return enum members as literals, for IN."""
    return [literal_of(member) for member in members]


def any_of(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of the ids that `batches` passes."""
    return column.in_([bindparam(f"id_{number}") for number in range(AT_ONCE)])


def mark(name: str) -> ColumnElement[Any]:
    """Return the mark of a template, which a part replaces: see `Statement.filled`."""
    return literal_column(f"{{{name}}}")

"""Sentences and tables as plain values, before they are drawn."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible, warning

BAR = "│ "
"""Begins each line of a text of an agent, a submitter or a reviewer. No other line begins with it."""

_PLAIN_NAME = re.compile(r"[\w.@:/+-]{1,40}")


def inline(text: str) -> str:
    """Return a text of others within a sentence: a plain name as it is, any other text in quotation marks."""
    if _PLAIN_NAME.fullmatch(text):
        return text
    escaped = escape_invisible(text).replace('"', "<U+0022>")
    return f'"{escaped}"'


class Cell(NamedTuple):
    """A text in a table, and its style. The further lines of a `quoted` text begin with a bar."""

    text: str
    style: str = ""
    quoted: bool = False


@dataclass(frozen=True)
class Column:
    """A column. If the screen is narrow, columns that `gives_way` shrink: cut, or wrapped if it `folds`.

    Columns that are cut shrink before columns that wrap. If that does not help, `optional` columns are left out.
    """

    name: str
    right: bool = False
    folds: bool = False
    gives_way: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under column names."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Line:
    """A sentence, or a `quoted` text of others: it keeps its line breaks, and each of its lines begins with a bar.

    A text of others within a sentence is passed through `inline`.
    """

    text: str = ""
    style: str = ""
    indent: int = 0
    quoted: bool = False


@dataclass(frozen=True)
class Strip:
    """Texts in a row, each with its own style. It is never wrapped, so keep it short."""

    cells: Sequence[Cell]
    indent: int = 0


Block = Table | Line | Strip

COMMAND = "cyan"
"""The style of commands to copy."""

ROUTING_STYLE = {"auto_approve": "green", "human_review": "yellow", "escalate": "red"}
RISK_STYLE = {"low": "green", "medium": "yellow", "high": "red"}
OUTCOME_STYLE = {"rejected": "red", "replayed": "yellow", "waiting": "bold", "received": "dim", "decided": "dim"}


def quotation(text: str, style: str = "", indent: int = 2) -> Iterator[Line]:
    """Yield a text of others with its line breaks, and a warning if it contains invisible characters."""
    yield Line(text, style, indent, quoted=True)
    yield from flagged("this", text, indent=indent)


def flagged(about: str, *values: Any, indent: int = 0) -> Iterator[Line]:
    """Yield a warning if the values contain invisible characters."""
    problem = warning(*values)
    if problem is not None:
        yield Line(f"Beware: {about} {problem}.", "bold red", indent=indent)


def routing(action: str | None) -> Cell:
    """Color an action: green is approved, yellow is reviewed, red is escalated."""
    return Cell(action or "-", ROUTING_STYLE.get(action or "", ""))


def risk(level: str | None) -> Cell:
    """Color a risk level."""
    return Cell(level or "-", RISK_STYLE.get(level or "", ""))


def outcome(status: str) -> Cell:
    """Color a case status; approved is green."""
    return Cell(status, OUTCOME_STYLE.get(status, "green"))

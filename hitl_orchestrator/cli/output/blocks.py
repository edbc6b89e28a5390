"""What a command has to say to a person, before it is drawn: sentences and tables as plain values. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hitl_orchestrator.domain.invisible_characters import warning


class Cell(NamedTuple):
    """A text in a table, and how it is colored."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column:
    """A column. One that `gives_way` is narrowed where the screen asks for it: cut, or with `folds` continued below.

    Columns that are cut give way before columns that fold.
    """

    name: str
    right: bool = False
    folds: bool = False
    gives_way: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under names."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Line:
    """A sentence, which may be indented. Only what is `quoted` keeps its line breaks: nothing else may forge a line."""

    text: str = ""
    style: str = ""
    indent: int = 0
    quoted: bool = False


@dataclass(frozen=True)
class Strip:
    """Texts in a row, each with a style of its own. It is never broken: whoever writes it keeps it short."""

    cells: Sequence[Cell]
    indent: int = 0


Block = Table | Line | Strip

COMMAND = "cyan"
"""The style of lines that are there to be copied."""

ROUTING_STYLE = {"auto_approve": "green", "human_review": "yellow", "escalate": "red"}
RISK_STYLE = {"low": "green", "medium": "yellow", "high": "red"}
OUTCOME_STYLE = {"rejected": "red", "waiting": "bold", "received": "dim", "decided": "dim"}


def flagged(about: str, *values: Any, indent: int = 0) -> Iterator[Line]:
    """Yield a line that says that something holds characters which nobody would see; none where it does not."""
    told = warning(*values)
    if told is not None:
        yield Line(f"Beware: {about} {told}.", "bold red", indent=indent)


def routing(action: str | None) -> Cell:
    """Color an action: green goes ahead, yellow is reviewed, red is escalated."""
    return Cell(action or "-", ROUTING_STYLE.get(action or "", ""))


def risk(level: str | None) -> Cell:
    """Color a risk level."""
    return Cell(level or "-", RISK_STYLE.get(level or "", ""))


def outcome(status: str) -> Cell:
    """Color how a case stands: what was approved is green."""
    return Cell(status, OUTCOME_STYLE.get(status, "green"))

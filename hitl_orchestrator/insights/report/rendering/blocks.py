"""A report as a reader sees it, before it has a format: sections of sentences, lists, tables and pictures.

All three formats render these values, so they say the same. Every text is plain text: a renderer escapes it for its
format. `Cell.kind` and `quoted` say which texts stem from tasks, agents or people.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from hitl_orchestrator.insights.report.model import Severity

TOP = 2
"""The level of a chapter; the title of the report is level 1."""

CellKind = Literal["own", "quoted", "number", "code"]


class Interval(NamedTuple):
    """A share with its interval, from 0 to 1, to be drawn as a point on a line."""

    lowest: float
    share: float
    highest: float


class Cell(NamedTuple):
    """One cell of a table: a text, and a smaller second and third line. Empty lines are left out."""

    text: str
    kind: CellKind = "own"
    second: str = ""
    third: str = ""
    interval: Interval | None = None
    tone: Severity | None = None
    lack: str = ""
    """Why a share is not stated, in a note under a table most of whose shares are not."""


class Column(NamedTuple):
    """The head of a column. `weight` is its part of the width on paper."""

    title: str
    weight: float = 1.0
    is_number: bool = False


@dataclass(frozen=True)
class Paragraph:
    """One paragraph."""

    text: str
    quoted: bool = False
    muted: bool = False


Tone = Severity | Literal["note"]
"""The tone of a sentence. What is neither good nor bad is a note; `unknown` is what the data do not say."""


class Item(NamedTuple):
    """One entry of a list: a sentence, what supports it, what to do, and a command to begin with."""

    text: str
    tone: Tone | None = None
    label: str = ""
    evidence: str = ""
    step: str = ""
    command: str = ""


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    entries: tuple[Item, ...]


@dataclass(frozen=True)
class Table:
    """A table with a caption. `left_out` is the number of rows that are only in the JSON form.

    The caption of a `titled` table is the title of its section, so it is not shown twice.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0
    note: str = ""
    empty: str = "No rows."
    titled: bool = False


@dataclass(frozen=True)
class Figure:
    """A picture by its name, and how to read it."""

    name: str
    caption: str


@dataclass(frozen=True)
class Terms:
    """Words and their meanings."""

    terms: tuple[tuple[str, str], ...]


Block = Paragraph | Items | Table | Figure | Terms


@dataclass(frozen=True)
class Section:
    """A part of the report. Level 2 is a chapter, level 3 a part of it."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    level: Literal[2, 3] = 2


class Tile(NamedTuple):
    """One figure of the signal line."""

    label: str
    figure: str


class Rule(NamedTuple):
    """One rule of a judgment. `tone` is good where it holds, bad where it does not, unknown without enough data."""

    text: str
    measured: str
    tone: Severity


@dataclass(frozen=True)
class Card:
    """A judgment: its word, the sentence that settled it, and all of its rules."""

    title: str
    word: str
    tone: Severity
    because: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Front:
    """The first screen."""

    store: str
    period: str
    made: str
    alarms: tuple[str, ...]
    signal: str
    tiles: tuple[Tile, ...]
    cards: tuple[Card, ...]
    changes: Items | None
    uncertain: tuple[str, ...]
    no_changes: str
    compared: str = ""
    too_few: str = ""
    where_safe: str = ""


@dataclass(frozen=True)
class Document:
    """The whole report."""

    title: str
    generated_at: str
    front: Front
    sections: tuple[Section, ...]

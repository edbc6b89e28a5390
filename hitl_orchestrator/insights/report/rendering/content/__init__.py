"""The content of the report, part by part, from the values of the model."""

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar, cast

from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.insights.report.model import Report
from hitl_orchestrator.insights.report.rendering.blocks import Block, Cell, Document, Table
from hitl_orchestrator.insights.report.rendering.cells import DASH, moment
from hitl_orchestrator.insights.report.rendering.content.definitions import definitions
from hitl_orchestrator.insights.report.rendering.content.findings import findings
from hitl_orchestrator.insights.report.rendering.content.front import front
from hitl_orchestrator.insights.report.rendering.content.governance import governance
from hitl_orchestrator.insights.report.rendering.content.groups import comparisons
from hitl_orchestrator.insights.report.rendering.content.people import people
from hitl_orchestrator.insights.report.rendering.content.trust import struggles, trust

TITLE = "Oversight report"
_Part = TypeVar("_Part")
NO_BREAK = "\u00a0"
_PERCENT = re.compile(r"(\d) %")


def document(report: Report) -> Document:
    """Return the report in the order in which it is read: the answer first, then the evidence, then the definitions.

    Characters that a reader cannot see, or that reorder others, are written out.
    """
    made = Document(
        title=TITLE,
        generated_at=moment(report.generated_at),
        front=front(report),
        sections=(
            *findings(report),
            *trust(report.metrics),
            *struggles(report.metrics),
            *people(report.metrics),
            *comparisons(report.metrics),
            *governance(report),
            definitions(),
        ),
    )
    sections = tuple(replace(each, blocks=tuple(map(_without_lacks, each.blocks))) for each in made.sections)
    return visible(replace(made, sections=sections))


def _without_lacks(block: Block) -> Block:
    """Return a table with a dash for the shares without data of a column that has most of them, and why once below."""
    if not isinstance(block, Table):
        return block
    columns = [tuple(row[place] for row in block.rows) for place in range(len(block.columns))]
    short = [_mostly_lacks(column) for column in columns]
    lacking = [cell.lack for column, is_short in zip(columns, short, strict=True) if is_short for cell in column]
    reasons = f"{DASH}: {' or '.join(dict.fromkeys(filter(None, lacking)))}. " if any(short) else ""
    dash = Cell(DASH, "number")
    rows = tuple(
        tuple(dash if is_short and cell.lack else cell for cell, is_short in zip(row, short, strict=True))
        for row in block.rows
    )
    return replace(block, rows=rows, note=f"{reasons}{block.note}".rstrip())


def _mostly_lacks(column: Sequence[Cell]) -> bool:
    lacking = sum(bool(cell.lack) for cell in column)
    return lacking > 0 and lacking >= sum(cell.interval is not None for cell in column)


def visible(value: _Part) -> _Part:
    """Return a part of a document with every invisible character escaped, and no line break before a percent sign."""
    if isinstance(value, str):
        return cast(_Part, _PERCENT.sub(rf"\1{NO_BREAK}%", escape_invisible(value)))
    if isinstance(value, tuple):
        parts = map(visible, value)
        return cast(_Part, type(value)._make(parts) if hasattr(value, "_make") else tuple(parts))
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: visible(getattr(value, field.name)) for field in fields(value)})
    return value

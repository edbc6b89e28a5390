"""The report as GitHub-flavored Markdown that reads well as plain text too. It needs nothing beyond this package."""

import re
from collections.abc import Iterator

from hitl_orchestrator.insights.report.model import Report, Severity
from hitl_orchestrator.insights.report.rendering.blocks import (
    Block,
    Card,
    Cell,
    Figure,
    Front,
    Item,
    Items,
    Paragraph,
    Table,
    Tone,
)
from hitl_orchestrator.insights.report.rendering.content import document

_WORDS: dict[Tone, str] = {"good": "GOOD", "watch": "WATCH", "bad": "BAD", "unknown": "NOT KNOWN", "note": "NOTE"}
_MARKS: dict[Severity, str] = {"good": "yes", "watch": "watch", "bad": "**no**", "unknown": "not known"}
_SIGNS = re.compile(r"[\\`*|~$@]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])|#(?=\d)")
_OPENING = re.compile(r"^(\d*)([.)](?=\s|$)|[-+](?=[-+\s]|$)|[=#\[])")
_BAR = re.compile(r"[|\\]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|www|mailto|xmpp)(?=[:.])")


def to_markdown(report: Report) -> str:
    """Return the report as Markdown, without pictures; the tables hold their figures."""
    made = document(report)
    lines = [f"# {made.title}: {escaped(made.front.store)}", "", *_front(made.front)]
    for section in made.sections:
        lines += [f"{'#' * section.level} {escaped(section.title)}", ""]
        for block in section.blocks:
            lines += _block(block)
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """Return a text as a line of Markdown that shows it as it is: no markup, no link, no tag, no list."""
    return _OPENING.sub(r"\1\\\2", inside(text))


def inside(text: str) -> str:
    """Return a text for the middle of a line, or for a cell of a table."""
    shown = _SIGNS.sub(r"\\\g<0>", " ".join(text.split()))
    shown = "".join(_ENTITIES.get(sign, sign) for sign in shown)
    return _ADDRESS.sub(r"\1\\", shown)


def code(text: str) -> str:
    """Return a text as code; a text with backticks, which would end the code, as escaped text."""
    one_line = " ".join(text.split())
    return escaped(one_line) if "`" in one_line or not one_line else f"`{one_line}`"


def _front(front: Front) -> Iterator[str]:
    if front.alarms:
        yield "\n>\n".join(f"> **ALARM: {escaped(alarm)}**" for alarm in front.alarms)
        yield ""
    yield f"{escaped(front.period)}. {escaped(front.made)}."
    yield ""
    yield code(front.signal)
    yield ""
    for card in front.cards:
        yield from _card(card)
    yield escaped(front.where_safe)
    yield ""
    yield "## What changed since the last period"
    yield ""
    if front.compared:
        yield escaped(front.compared)
        yield ""
    yield from _items(front.changes) if front.changes else (escaped(front.no_changes), "")
    if front.uncertain:
        yield "May be chance:"
        yield ""
        yield from (f"- {escaped(each)}" for each in front.uncertain)
        yield ""
    if front.too_few:
        yield escaped(front.too_few)
        yield ""


def _card(card: Card) -> Iterator[str]:
    yield f"**{card.title}: {escaped(card.word)}** ({_WORDS[card.tone]}). {escaped(card.because)}"
    yield ""
    if card.rules:
        yield "| Rule | Measured | Holds |"
        yield "| --- | --- | --- |"
        for rule in card.rules:
            yield f"| {inside(rule.text)} | {inside(rule.measured)} | {_MARKS[rule.tone]} |"
        yield ""


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield escaped(block.text)
        yield ""
    elif isinstance(block, Items):
        yield from _items(block)
    elif isinstance(block, Table):
        yield from _table(block)
    elif not isinstance(block, Figure):
        yield from (f"- **{escaped(term)}**: {escaped(meaning)}" for term, meaning in block.terms)
        yield ""


def _items(block: Items) -> Iterator[str]:
    for item in block.entries:
        yield from _item(item)
    yield ""


def _item(item: Item) -> Iterator[str]:
    tone = f"**{_WORDS[item.tone]}** " if item.tone else ""
    label = f" ({item.label})" if item.label else ""
    if not item.text:
        yield f"- Next: {escaped(item.step)}{_command(item)}"
        return
    yield f"- {tone}{escaped(item.text)}{label}"
    if item.evidence:
        yield f"  - {escaped(item.evidence)}"
    if item.step or item.command:
        yield f"  - Next: {escaped(item.step)}{_command(item)}"


def _command(item: Item) -> str:
    return f" {code(item.command)}" if item.command else ""


def _table(table: Table) -> Iterator[str]:
    if not table.rows:
        yield f"{escaped(table.caption)}: {table.empty}"
        yield ""
        return
    if not table.titled:
        yield f"*{escaped(table.caption)}*"
        yield ""
    yield f"| {' | '.join(inside(column.title) for column in table.columns)} |"
    yield f"| {' | '.join('---:' if column.is_number else '---' for column in table.columns)} |"
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in table.rows)
    yield ""
    if table.left_out:
        yield f"{table.left_out:,} more are in the JSON form of this report."
        yield ""
    if table.note:
        yield escaped(table.note)
        yield ""


def _cell(cell: Cell) -> str:
    text = code(cell.text) if cell.kind == "code" and not _BAR.search(cell.text) else inside(cell.text)
    more = "; ".join(inside(part) for part in (cell.second, cell.third) if part)
    return f"{text} ({more})" if more else text

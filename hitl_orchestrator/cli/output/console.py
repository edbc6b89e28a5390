"""Draws blocks on the terminal, with rich. Texts of agents are never interpreted as markup."""

from collections.abc import Iterable, Iterator
from typing import Literal, NoReturn

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from hitl_orchestrator.cli.output.blocks import BAR, COMMAND, Block, Cell, Line, Strip, Table, inline
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible

GAP = 2
LEAST = 8
"""The minimum width of a column."""
LONG = 30
"""The width to which long texts are wrapped before other columns are cut."""

_MARK = '"'


class _Screen(Console):
    """A console that leaves a closed pipe to `main`."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise, where rich would exit with its own code."""
        raise BrokenPipeError


def draw(blocks: Iterable[Block]) -> None:
    """Draw blocks on stdout, in color where the terminal and NO_COLOR allow it."""
    screen = _Screen(highlight=False, markup=False, emoji=False)
    for block in blocks:
        if isinstance(block, Table) and _fits(block, screen.width):
            screen.print(_table(block, screen.width))
        elif isinstance(block, Table):
            for text in (text for line in _stacked(block) for text in _lines(line, screen)):
                screen.print(text, soft_wrap=True)
        elif isinstance(block, Strip):
            parts = ((escape_invisible(cell.text), cell.style) for cell in block.cells)
            screen.print(Text.assemble(" " * block.indent, *parts), soft_wrap=True)
        else:
            for text in _lines(block, screen):
                screen.print(text, soft_wrap=True)


def _lines(line: Line, screen: Console) -> Iterator[Text]:
    """Yield the wrapped lines of a sentence. A command stays on one line, so that it can be copied."""
    margin = " " * line.indent
    if line.style == COMMAND:
        yield Text(margin).append(escape_invisible(line.text), style=line.style)
        return
    for paragraph in line.text.replace("\r\n", "\n").split("\n") if line.quoted else [line.text]:
        text = Text(escape_invisible(paragraph), style=line.style)
        yield from _with_bars(text, screen, max(screen.width - line.indent, LEAST), margin, line.quoted)


def _with_bars(text: Text, screen: Console, width: int, margin: str, quoted: bool) -> Iterator[Text]:
    """Yield the wrapped lines of a text; a line that begins within a quotation begins with a bar."""
    within = quoted
    for part in text.wrap(screen, width - cell_len(BAR) if quoted or _MARK in text.plain else width):
        within_next = within if quoted else within ^ (part.plain.count(_MARK) % 2 == 1)
        part.rstrip()
        begin = f"{margin}{BAR}" if within else margin if part else ""
        yield Text(begin if part else begin.rstrip()).append_text(part)
        within = within_next


def _table(table: Table, available: int) -> RichTable:
    rich_table = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    rich_table.header_style = "bold"
    shown = _shown(table, available)
    widths = _widths(table, shown, available)
    for index, width in widths.items():
        column = table.columns[index]
        justify: Literal["left", "right"] = "right" if column.right else "left"
        overflow: Literal["fold", "ellipsis"] = "fold" if column.folds else "ellipsis"
        rich_table.add_column(column.name, justify=justify, overflow=overflow, no_wrap=not column.folds, width=width)
    for row in table.rows:
        rich_table.add_row(*(_cell(row[index], widths[index], folds=table.columns[index].folds) for index in shown))
    return rich_table


def _cell(cell: Cell, width: int, *, folds: bool) -> Text:
    """Return the text of a cell. The further lines of a quoted text that is wrapped begin with a bar."""
    text = Text(escape_invisible(cell.text), style=cell.style)
    if not (cell.quoted and folds and cell_len(text.plain) > width):
        return text
    first, *others = text.wrap(Console(width=width), max(width - cell_len(BAR), 1))
    return Text("\n").join([first, *(Text(BAR).append_text(part) for part in others)])


def _fits(table: Table, available: int) -> bool:
    """Return whether the columns that are not optional fit with their least widths."""
    return _least_of(table, [index for index, column in enumerate(table.columns) if not column.optional]) <= available


def _stacked(table: Table) -> Iterator[Line]:
    """Yield the rows below one another, each with its values in sentences, for a screen that is too narrow."""
    for row in table.rows:
        named = [
            f"{column.name} {inline(cell.text) if cell.quoted else cell.text}"
            for column, cell in zip(table.columns, row, strict=True)
            if not column.optional
        ]
        yield Line(named[0], "bold")
        yield Line("; ".join(named[1:]), indent=2)


def _shown(table: Table, available: int) -> list[int]:
    """Return the indices of the columns to show: without optional ones, from the right, until the rest fits."""
    shown = list(range(len(table.columns)))
    optional = [index for index in shown if table.columns[index].optional]
    while optional and _least_of(table, shown) > available:
        shown.remove(optional.pop())
    return shown


def _least_of(table: Table, shown: list[int]) -> int:
    return sum(_least(table, index) for index in shown) + GAP * (len(shown) - 1)


def _widths(table: Table, shown: list[int], available: int) -> dict[int, int]:
    """Return the width of each shown column: its content, or less if the screen is narrow and the column may shrink.

    Long texts are wrapped first, down to `LONG`, so that the columns that are cut keep some room.
    """
    widths = {index: _content(table, index) for index in shown}
    excess = sum(widths.values()) + GAP * (len(shown) - 1) - available
    for folds, least in ((True, LONG), (False, LEAST), (True, LEAST)):
        shrinking = [each for each in shown if table.columns[each].gives_way and table.columns[each].folds is folds]
        while excess > 0 and shrinking:
            widest = max(shrinking, key=lambda index: widths[index])
            if widths[widest] <= max(least, _least(table, widest)):
                shrinking.remove(widest)
                continue
            widths[widest] -= 1
            excess -= 1
    return widths


def _content(table: Table, index: int) -> int:
    return max(
        [cell_len(table.columns[index].name), *(cell_len(escape_invisible(row[index].text)) for row in table.rows)]
    )


def _least(table: Table, index: int) -> int:
    """Return the minimum width of a column, whose name is never cut."""
    column, content = table.columns[index], _content(table, index)
    return min(content, max(LEAST, cell_len(column.name))) if column.gives_way else content

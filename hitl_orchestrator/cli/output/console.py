"""Draws blocks on the terminal, with rich. Texts of agents are never interpreted as markup."""

from collections.abc import Iterable, Iterator
from typing import Literal, NoReturn

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line, Strip, Table
from hitl_orchestrator.domain.invisible_characters import escape_invisible

GAP = 2
LEAST = 8
"""The minimum width of a column."""


class _Screen(Console):
    """A console that leaves a closed pipe to `main`."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise, where rich would exit with its own code."""
        raise BrokenPipeError


def draw(blocks: Iterable[Block]) -> None:
    """Draw blocks on stdout, in color where the terminal and NO_COLOR allow it."""
    screen = _Screen(highlight=False, markup=False, emoji=False)
    for block in blocks:
        if isinstance(block, Table):
            screen.print(_table(block, screen.width))
        elif isinstance(block, Strip):
            parts = ((escape_invisible(cell.text), cell.style) for cell in block.cells)
            screen.print(Text.assemble(" " * block.indent, *parts), soft_wrap=True)
        else:
            for text in _lines(block, screen):
                screen.print(text, soft_wrap=True)


def _lines(line: Line, screen: Console) -> Iterator[Text]:
    """Yield the wrapped lines of a sentence. A command stays on one line, so that it can be copied."""
    margin = " " * line.indent
    for paragraph in line.text.replace("\r\n", "\n").split("\n") if line.quoted else [line.text]:
        text = Text(escape_invisible(paragraph), style=line.style)
        wrapped = [text] if line.style == COMMAND else text.wrap(screen, max(screen.width - line.indent, LEAST))
        for part in wrapped:
            part.rstrip()
            yield Text(margin).append_text(part) if part else part


def _table(table: Table, available: int) -> RichTable:
    rich_table = RichTable(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold"
    )
    for column, width in zip(table.columns, _widths(table, available), strict=True):
        justify: Literal["left", "right"] = "right" if column.right else "left"
        overflow: Literal["fold", "ellipsis"] = "fold" if column.folds else "ellipsis"
        rich_table.add_column(column.name, justify=justify, overflow=overflow, no_wrap=not column.folds, width=width)
    for row in table.rows:
        rich_table.add_row(*(Text(escape_invisible(cell.text), style=cell.style) for cell in row))
    return rich_table


def _widths(table: Table, available: int) -> list[int]:
    """Return the width of each column: its content, or less if the screen is narrow and the column may shrink."""
    widths = [
        max([cell_len(column.name), *(cell_len(escape_invisible(row[index].text)) for row in table.rows)])
        for index, column in enumerate(table.columns)
    ]
    excess = sum(widths) + GAP * (len(widths) - 1) - available
    for folds in (False, True):
        shrinking = [index for index, column in enumerate(table.columns) if column.gives_way and column.folds is folds]
        while excess > 0 and shrinking:
            widest = max(shrinking, key=lambda index: widths[index])
            if widths[widest] <= LEAST:
                break
            widths[widest] -= 1
            excess -= 1
    return widths

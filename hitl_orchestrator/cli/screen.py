"""Draws blocks on the terminal. The one module that knows rich; what agents wrote is never read as markup."""

from collections.abc import Iterable
from typing import Literal, NoReturn

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from hitl_orchestrator.cli.blocks import COMMAND, Block, Line, Table
from hitl_orchestrator.cli.words import visible

GAP = 2
LEAST = 8
"""No column is made narrower than this."""


class _Screen(Console):
    """A console that leaves a closed pipe to the outermost line."""

    def on_broken_pipe(self) -> NoReturn:
        """Pass on what rich would turn into an exit code of its own."""
        raise BrokenPipeError


def draw(blocks: Iterable[Block]) -> None:
    """Draw blocks on stdout, in colour where the terminal and NO_COLOR allow it."""
    screen = _Screen(highlight=False, markup=False, emoji=False)
    for block in blocks:
        if isinstance(block, Table):
            screen.print(_table(block, screen.width))
        elif block.style == COMMAND:
            # A command stands on one line, however narrow the screen, so that it can be copied.
            screen.print(Text(" " * block.indent + visible(block.text), style=COMMAND), soft_wrap=True)
        else:
            screen.print(_line(block))


def _line(line: Line) -> Padding | Text:
    text = Text("\n".join(visible(one) for one in line.text.split("\n")), style=line.style)
    return Padding(text, (0, 0, 0, line.indent), expand=False) if line.text else text


def _table(table: Table, available: int) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    for column, width in zip(table.columns, _widths(table, available), strict=True):
        justify: Literal["left", "right"] = "right" if column.right else "left"
        overflow: Literal["fold", "ellipsis"] = "fold" if column.folds else "ellipsis"
        drawn.add_column(column.name, justify=justify, overflow=overflow, no_wrap=not column.folds, width=width)
    for row in table.rows:
        drawn.add_row(*(Text(visible(cell.text), style=cell.style) for cell in row))
    return drawn


def _widths(table: Table, available: int) -> list[int]:
    """Return the width of each column: what it holds, or less where the screen is narrow, and the column may."""
    widths = [
        max([cell_len(column.name), *(cell_len(visible(row[place].text)) for row in table.rows)])
        for place, column in enumerate(table.columns)
    ]
    too_much = sum(widths) + GAP * (len(widths) - 1) - available
    for folds in (False, True):
        giving = [place for place, column in enumerate(table.columns) if column.gives_way and column.folds is folds]
        while too_much > 0 and giving:
            widest = max(giving, key=lambda place: widths[place])
            if widths[widest] <= LEAST:
                break
            widths[widest] -= 1
            too_much -= 1
    return widths

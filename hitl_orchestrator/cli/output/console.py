"""Draws blocks on the terminal, with rich. What agents wrote is never read as markup."""

from collections.abc import Iterable, Iterator
from typing import Literal, NoReturn

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line, Strip, Table
from hitl_orchestrator.domain.invisible_characters import visible

GAP = 2
LEAST = 8
"""No column is made narrower than this."""


class _Screen(Console):
    """A console that leaves a closed pipe to the outermost line."""

    def on_broken_pipe(self) -> NoReturn:
        """Pass on what rich would turn into an exit code of its own."""
        raise BrokenPipeError


def draw(blocks: Iterable[Block]) -> None:
    """Draw blocks on stdout, in color where the terminal and NO_COLOR allow it."""
    screen = _Screen(highlight=False, markup=False, emoji=False)
    for block in blocks:
        if isinstance(block, Table):
            screen.print(_table(block, screen.width))
        elif isinstance(block, Strip):
            parts = ((visible(cell.text), cell.style) for cell in block.cells)
            screen.print(Text.assemble(" " * block.indent, *parts), soft_wrap=True)
        else:
            for text in _lines(block, screen):
                screen.print(text, soft_wrap=True)


def _lines(line: Line, screen: Console) -> Iterator[Text]:
    """Yield the lines that a sentence takes. A command takes one, so that it can be copied."""
    margin = " " * line.indent
    for written in line.text.replace("\r\n", "\n").split("\n") if line.quoted else [line.text]:
        text = Text(visible(written), style=line.style)
        broken = [text] if line.style == COMMAND else text.wrap(screen, max(screen.width - line.indent, LEAST))
        for part in broken:
            part.rstrip()
            yield Text(margin).append_text(part) if part else part


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

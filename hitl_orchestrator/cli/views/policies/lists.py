"""The lists that a policy keeps in files."""

from collections.abc import Iterator, Sequence

from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.orchestrator import ListFile

_SHORT = 12


def lists(files: Sequence[ListFile], policy: str, *, written: bool) -> Iterator[Block]:
    """Describe each list with its file, its number of values and its hash."""
    if not files:
        yield Line(f"{policy} keeps no list in a file.")
        return
    names = (Column("list", gives_way=True), Column("file", gives_way=True))
    yield Table((*names, Column("values", right=True), Column("hash")), [_row(each, written=written) for each in files])
    changed = [each for each in files if not each.is_current]
    if not changed:
        return
    yield Line()
    if written:
        yield Line(f"{policy} names the present content of {count(len(changed), 'list')} now.", "green")
    else:
        differ = f"{count(len(changed), 'file')} not as {policy} states; --write writes the new hash"
        yield Line(f"{differ}.", "red")


def _row(each: ListFile, *, written: bool) -> tuple[Cell, ...]:
    state = "as stated" if each.is_current else "written" if written else "differs"
    style = "red" if state == "differs" else "green"
    hashed = Cell(f"{each.actual[:_SHORT]} {state}", style)
    return Cell(inline(f"{each.layer}{each.name}")), Cell(inline(each.file)), Cell(f"{each.values:,}"), hashed

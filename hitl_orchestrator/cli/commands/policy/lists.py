"""`hitl policy lists`: the lists of a policy that are in files, and their hashes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.commands.policy.check import PolicyFile
from hitl_orchestrator.cli.context import command, option
from hitl_orchestrator.cli.output.data import write_file
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.render import answer

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()


@command(group, "lists")
def list_the_lists(
    session: "Session",
    file: PolicyFile,
    write: Annotated[bool, option(None, "Write the hashes of the present files into the policy.", "--write")] = False,
) -> None:
    """Compare the lists that a policy keeps in files with their hashes in the policy.

    Exit code 1 if a file is not the one that the policy names, unless --write.
    """
    from hitl_orchestrator.cli.views.policies import lists as view
    from hitl_orchestrator.orchestrator import list_files, with_hashes

    files = list_files(file)
    changed = [each for each in files if not each.is_current]
    if write and changed:
        write_file(file, with_hashes(file, files), force=True)
    data = [each._asdict() | {"is_current": each.is_current} for each in files]
    answer(
        session.as_json,
        {"file": Path(file).name, "lists": data, "written": bool(write and changed)},
        lambda: view.lists(files, Path(file).name, written=write),
    )
    if changed and not write:
        raise typer.Exit(NO)

"""`hitl generate`: files of tasks, agent outputs and recorded reviews, of any number, from a seed."""

import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.commands.cases.demo import TRY_OUT
from hitl_orchestrator.cli.context import Force, command, option
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line
from hitl_orchestrator.cli.output.data import check_new_file, new_text_file
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()


@command(group, "generate", (), panel=TRY_OUT)
def generate(
    session: "Session",
    tasks: Annotated[int, option("N", "Number of tasks.", "--tasks", min=1, max=1_000_000)] = 50,
    seed: Annotated[int, option("S", "Random seed; the same seed gives the same files.", "--seed")] = 0,
    out: Annotated[str, option("FOLDER", "Folder of the files; it is made if it is missing.", "--out")] = "generated",
    policy: Annotated[
        str | None, option("FILE", "Policy that routes the tasks. Default: default_policy_v1.", "--policy")
    ] = None,
    force: Force = False,
) -> None:
    """Write invented tasks with agent outputs, recorded reviews, a policy and reviewers that fit.

    The tasks come from eight lines of work. The agent's confidence is informative, and too high in places that
    manifest.json names; the model changes after half of the tasks; reviewers are right most of the time. The first five
    tasks are the same in every set. hitl run replays the reviews.
    """
    from hitl_orchestrator.cli.output.progress import counted
    from hitl_orchestrator.orchestrator import load_people, load_policy
    from hitl_orchestrator.testing import GENERATED, write_generated

    folder, routes = Path(out), None if policy is None else load_policy(policy, load_people(None).chain)
    for name in GENERATED:
        check_new_file(str(folder / name), force=force)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise InvalidInput([f"{out}: cannot be made: {exc.strerror or exc}"]) from exc
    with counted(tasks, "cases") as on_cases:
        create = partial(_create, folder, force)
        write_generated(tasks, seed, create, on_cases, policy=routes)
    written = [str(folder / name) for name in GENERATED]
    answer(session.as_json, {"tasks": tasks, "seed": seed, "files": written}, lambda: _next_commands(tasks, folder))


def _create(folder: Path, force: bool, name: str) -> AbstractContextManager[IO[str]]:
    return new_text_file(str(folder / name), force=force)


def _next_commands(tasks: int, folder: Path) -> Iterator[Block]:
    from hitl_orchestrator.cli.session import program
    from hitl_orchestrator.testing import GENERATED, REPLAYS

    names = [str(folder / name) for name in GENERATED]
    yield Line(f"{count(tasks, 'task')} in {folder}: {', '.join(GENERATED)}. Next:")
    files = ["--outputs", names[1], "--reviews", names[2], "--policy", names[4], "--reviewers", names[5]]
    store = ["--store", "sqlite:///generated.db"]
    for words in (["run", names[0], *files, "--reviewer", REPLAYS, *store], ["report", *store]):
        yield Line(f"{program()} {shlex.join(words)}", COMMAND, 2)

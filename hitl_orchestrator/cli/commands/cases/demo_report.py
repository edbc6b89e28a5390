"""The end of `hitl demo`: the first screen of the report on the starter data, and the report as a page."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line
from hitl_orchestrator.cli.output.data import write_file
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.orchestrator import FullReport

_NAME, _PREFIX = "the starter data", "hitl-demo-"


def starter_report(folder: Path) -> Iterator[Block]:
    """Replay the starter data of a folder in a store next to them, and describe their report.

    Where an extra is missing, a line says so.
    """
    from hitl_orchestrator.cli.views.reporting.report import first_screen

    try:
        full = _reported(folder)
    except InvalidInput as exc:
        yield Line(f"The report is left out: {exc}", "dim")
        return
    yield from first_screen(full.report)
    yield Line()
    try:
        yield Line(f"The full report of {_NAME}: {_page(full)}", COMMAND)
    except InvalidInput as exc:
        yield Line(f"The page of the full report is left out: {exc}", "dim")


def _reported(folder: Path) -> "FullReport":
    from hitl_orchestrator.cli.commands.cases.run_files import Files, read_intake
    from hitl_orchestrator.cli.commands.cases.submission import submit_all
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.testing import GENERATED, REPLAYS

    tasks, outputs, reviews, _, policy, people, _ = (str(folder / name) for name in GENERATED)
    session = Session(store=f"sqlite:///{folder / 'starter.db'}", policy=policy, reviewers=people, as_json=False)
    intake = read_intake(session, Files(tasks, outputs, reviews))
    opened = session.open_or_create(intake.policy, intake.people, reviewer=REPLAYS)
    with closing(intake.files), opened as hitl:
        submit_all(hitl, intake, lambda case: None)
    with session.audit() as audit:
        full = audit.full_report(stake="amount:EUR")
    # The store is gone when the report is read, so no command may name it.
    steps = tuple(step.model_copy(update={"command": None}) for step in full.report.next_steps)
    return full._replace(report=full.report.model_copy(update={"store": _NAME, "next_steps": steps}))


def _page(full: "FullReport") -> str:
    from hitl_orchestrator.orchestrator import rendered

    page = rendered(full, "html")
    path = str(Path(mkdtemp(prefix=_PREFIX)) / "report.html")
    write_file(path, page)
    return path

"""`hitl desk`: the full-screen review queue. It needs an interactive terminal and the `desk` extra."""

import sys
from collections.abc import Collection
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

import typer

from hitl_orchestrator.cli.commands.reviews.inbox import REVIEW
from hitl_orchestrator.cli.context import App, Reviewer, command
from hitl_orchestrator.errors import InvalidInput, install_hint

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.orchestrator import Orchestrator

group = typer.Typer()
NO_TEXTUAL = f"the review desk needs Textual, which is missing; {install_hint('desk')}"
NO_TERMINAL = "the review desk needs a terminal; 'hitl inbox', 'hitl next' and 'hitl decide' work without one"


@command(group, "review", hidden=True)
@command(group, "desk", panel=REVIEW)
def desk(session: "Session", reviewer: Reviewer, app: App = None) -> None:
    """Open the full-screen review queue.

    Opening a case claims it, leaving it releases the claim. Enter records a pending decision; ? lists the keys.
    With --app the orchestrator of an application records decisions, and resumes the callers that wait for them.
    """
    check_terminal()
    with session.open(reviewer=reviewer, app=app) as hitl:
        sit(hitl, reviewer)


def check_terminal() -> None:
    """Raise `InvalidInput` unless the desk can be opened here."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput([NO_TERMINAL])
    try:
        import_module("hitl_orchestrator.cli.desk.app")
    except ModuleNotFoundError as exc:
        if (exc.name or "").split(".")[0] != "textual":
            raise
        raise InvalidInput([NO_TEXTUAL]) from exc


def sit(hitl: "Orchestrator", reviewer: str, only: "Collection[str] | None" = None) -> None:
    """Open the desk until its reviewer quits. Its queue has all reviews that they may decide, or `only` these cases."""
    from hitl_orchestrator.cli.desk.app import DeskApp
    from hitl_orchestrator.cli.desk.client import DeskClient
    from hitl_orchestrator.cli.output.formatting import now

    screen = DeskApp(replace(DeskClient.of(hitl, reviewer), only=only), now=now)
    screen.run()
    if screen.fault is not None:
        raise screen.fault

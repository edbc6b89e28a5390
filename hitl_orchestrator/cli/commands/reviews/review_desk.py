"""`hitl review`: sits somebody down at the terminal desk, if there is a terminal, and Textual to draw it with."""

import sys

from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.wiring.build import now_in_utc

NO_TEXTUAL = f"the review desk needs Textual, which is missing; {install_hint('desk')}"
NO_TERMINAL = "the review desk needs a terminal; 'hitl inbox', 'hitl next' and 'hitl resume' work without one"


def review(session: Session, reviewer_id: str) -> None:
    """Open the desk of one reviewer, until they quit.

    Raises:
        InvalidInput: there is no terminal, or no Textual.
        NotAuthorized: nobody has this id.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput([NO_TERMINAL])
    try:
        from hitl_orchestrator.cli.desk.app import DeskApp  # noqa: PLC0415 - Textual is an extra, and slow to import
    except ModuleNotFoundError as exc:
        if (exc.name or "").split(".")[0] != "textual":
            raise
        raise InvalidInput([NO_TEXTUAL]) from exc
    from hitl_orchestrator.cli.desk.client import DeskClient  # noqa: PLC0415

    with session.open() as hitl:
        app = DeskApp(DeskClient(hitl, hitl.services.people.named(reviewer_id)), now=now_in_utc)
        app.run()
        if app.fault is not None:
            raise app.fault

"""`hitl people show`, `propose`, `diff` and `history`: the people of a store."""

from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE, STORE_AND_PEOPLE, Reason, Reviewer, argument, command
from hitl_orchestrator.cli.output.errors import NO, WAITS
from hitl_orchestrator.cli.output.render import answer

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()

File = Annotated[str, argument("FILE", "The reviewers file: JSON or YAML.")]


@command(group, "show", STORE_AND_PEOPLE)
def show(
    session: "Session",
    version: Annotated[str | None, argument("[HASH]", "Hash of a version, or its start. Default: in force.")] = None,
) -> None:
    """Show the people in force, or another version.

    With --json it is a reviewers file.
    """
    from hitl_orchestrator.cli.views import people as view

    with session.open() as hitl:
        people = hitl.people.active() if version is None else hitl.people.version(version)
        status = hitl.people.status()
    answer(session.as_json, people.document, lambda: view.people(people, status, session))


@command(group, "propose", STORE)
def propose(session: "Session", file: File, reviewer: Reviewer, reason: Reason) -> None:
    """Change the people of a store.

    A change that widens any right (more roles, domains, accounts or persons, another chain, fewer members in a team
    that the policy asks) waits in the inbox until a second person approves it. Any other change is in force at once.
    The store is created if it is missing.
    """
    from hitl_orchestrator.cli.views import people as view

    with session.governed().open_or_create(None, None) as hitl:
        result = hitl.people.propose(file, reviewer=reviewer, reason=reason)
    data = {
        "people_hash": result.people_hash,
        "in_force": result.in_force,
        "case_id": result.case and result.case.case_id,
        "wider": list(result.wider),
        "alone": result.alone,
    }
    answer(session.as_json, data, lambda: view.change(session, result))
    if not result.in_force:
        raise typer.Exit(WAITS)


@command(group, "diff", STORE)
def diff(session: "Session", file: File) -> None:
    """Compare a reviewers file with the people in force.

    Exit code 1 if it widens rights.
    """
    from hitl_orchestrator.cli.views import people as view
    from hitl_orchestrator.orchestrator import Effect

    with session.governed().open() as hitl:
        found = hitl.people.differences(file)
    data = [{"effect": each.effect.value, "difference": each.sentence} for each in found]
    answer(session.as_json, data, lambda: view.differences(found))
    if any(each.effect is Effect.WIDER for each in found):
        raise typer.Exit(NO)


@command(group, "history", STORE)
def history(session: "Session") -> None:
    """List the versions of the people, with who changed them and why."""
    from hitl_orchestrator.cli.views import people as view

    with session.governed().open() as hitl:
        status = hitl.people.status()
    rows = [view.plain(version, status) for version in status.versions.values()]
    answer(session.as_json, rows, lambda: view.history(rows))

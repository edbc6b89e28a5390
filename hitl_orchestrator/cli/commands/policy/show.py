"""`hitl policy show`: a policy in plain words, for sign-off."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE_AND_PEOPLE, Force, argument, command, option
from hitl_orchestrator.cli.output.data import write_file
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.domain.roles import RoleChain
    from hitl_orchestrator.policies import Document, Policy

group = typer.Typer()
_ENDINGS = {".md", ".html"}


@command(group, "show", STORE_AND_PEOPLE)
def show(
    session: "Session",
    policy: Annotated[
        str | None, argument("[POLICY]", "A file, or a version of the store. Default: the policy in force.")
    ] = None,
    out: Annotated[str | None, option("FILE", "Write the document as .md or .html.", "--out")] = None,
    force: Force = False,
) -> None:
    """Show a policy in plain words, for people who sign it off.

    What goes ahead without a person comes first, then who decides the rest and by when, layer by layer, the facts that
    the rules read, and places for signatures. An HTML file contains the map and is made for screens, phones and paper.
    """
    from hitl_orchestrator.cli.views.policies.overview import document as view
    from hitl_orchestrator.orchestrator import load_policy
    from hitl_orchestrator.policies import policy_document, policy_hash

    if out is not None and Path(out).suffix not in _ENDINGS:
        raise InvalidInput([f"--out: {out!r} is neither Markdown nor HTML; end it with .md or .html"])
    is_file = policy is not None and (policy == "-" or bool(Path(policy).suffix) or Path(policy).is_file())
    # A policy of the store needs the store; a file does not.
    roles = (session.people_for_files() if is_file or not session.is_governed() else session.people()).chain
    shown, version = (load_policy(policy, roles), None) if is_file else _of_store(session, policy, roles)
    made = policy_document(shown, roles, version)
    if out is not None:
        write_file(out, _written(made, shown, Path(out).suffix), force=force)
    data = {"policy_id": shown.policy_id, "policy_hash": policy_hash(shown), "document": view.plain(made), "file": out}
    answer(session.as_json, data, lambda: view.terminal(made) if out is None else view.written(out))


def _of_store(session: "Session", name: str | None, roles: "RoleChain") -> "tuple[Policy, str | None]":
    """Return a policy of the store and its version there; without a store the bundled one."""
    from hitl_orchestrator.policies import policy_hash

    if not session.is_governed():
        return session.policy_in_force(roles), None
    with session.governed().open() as hitl:
        found = hitl.policy.active() if name is None else hitl.policy.version(name)
        version = hitl.policy.status().name(policy_hash(found))
    return found, version


def _written(made: "Document", policy: "Policy", ending: str) -> bytes:
    from hitl_orchestrator.policies import PHONE, policy_map, svg, to_html, to_markdown

    if ending == ".md":
        return to_markdown(made).encode()
    try:
        drawn = policy_map(policy)
    except InvalidInput:  # a policy that is too complex to draw is still a policy to sign
        return to_html(made).encode()
    return to_html(made, (svg(drawn), svg(drawn, PHONE))).encode()

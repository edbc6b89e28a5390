"""`hitl init`: make a store with its first people and its first policy."""

from typing import TYPE_CHECKING

import typer

from hitl_orchestrator.cli.commands.cases.run import SUBMIT
from hitl_orchestrator.cli.context import command
from hitl_orchestrator.cli.output.blocks import Line
from hitl_orchestrator.cli.output.render import answer

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()


@command(group, "init", panel=SUBMIT)
def init(session: "Session") -> None:
    """Make a store, and record its first policy and its first people.

    Afterwards both change with `hitl policy activate` and `hitl people propose` alone. `hitl run` makes a missing store
    too. On a store that exists, the command checks that these are in force.
    """
    with session.open_or_create(session.policy, session.reviewers) as hitl:
        policy, status = hitl.policy.active(), hitl.people.status()
        sentence = session.made(hitl)
        data = {
            "policy_id": policy.policy_id,
            "policy_hash": hitl.policy.status().active,
            "people_hash": status.current,
            "placeholders": status.only_placeholders,
        }
    answer(session.as_json, data, lambda: [Line(f"{sentence[:1].upper()}{sentence[1:]}.")])

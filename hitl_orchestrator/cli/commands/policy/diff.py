"""`hitl policy diff` and `hitl policy schema`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import typer

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.policies import Policy, policy_hash
from hitl_orchestrator.policies.analysis.describe import say_facts
from hitl_orchestrator.policies.analysis.diff import MOST_USERS, Difference, Direction, differences, looks_at_every_list
from hitl_orchestrator.policies.analysis.findings import plain
from hitl_orchestrator.policies.language.json_schema import policy_json_schema
from hitl_orchestrator.services.config_files import load_people, load_policy

_STYLE = {Direction.LOOSER: "red", Direction.STRICTER: "green", Direction.OTHER: "yellow"}


def diff(session: Session, old_path: str, new_path: str) -> None:
    """Tell what changes from one policy to the other, and end with no where anything gets looser."""
    chain = load_people(session.reviewers).chain
    old, new = load_policy(old_path, chain), load_policy(new_path, chain)
    found = differences(old, new, chain)
    looser = any(one.direction is Direction.LOOSER for one in found)
    every_list = looks_at_every_list(old, new)
    data = {
        "old": {"policy_id": old.policy_id, "policy_hash": policy_hash(old)},
        "new": {"policy_id": new.policy_id, "policy_hash": policy_hash(new)},
        "looser": looser,
        "differences": [_plain(one) for one in found],
        "every_list_of_users": every_list,
    }
    answer(session.as_json, data, lambda: (*_blocks(old, new, found), *_not_looked_at(every_list)))
    if looser:
        raise typer.Exit(NO)


def schema(session: Session) -> None:
    """Print the JSON Schema, which is JSON whether or not it is asked for."""
    answer(True, policy_json_schema(), tuple)


def _plain(one: Difference) -> dict[str, Any]:
    return {
        "direction": one.direction,
        "before": one.before._asdict(),
        "after": one.after._asdict(),
        "aspects": one.aspects,
        "where": one.where,
        "example": plain(one.example),
    }


def _blocks(old: Policy, new: Policy, found: Sequence[Difference]) -> Iterator[Block]:
    yield Line(f"{old.policy_id} ({policy_hash(old)[:12]}) to {new.policy_id} ({policy_hash(new)[:12]}):", "bold")
    for one in found:
        yield Line()
        yield Line(f"{one.direction}: {one.change}", _STYLE[one.direction], indent=2)
        for where in one.where:
            yield Line(f"for {where}", indent=4)
        yield Line(f"such as {say_facts(one.example)}", "dim", indent=4)
    yield Line()
    counted = Counter(one.direction for one in found)
    told = ", ".join(f"{counted[way]} {way}" for way in Direction if counted[way])
    yield Line(f"{told}." if found else "Every case is answered as before.", "bold" if found else "green")


def _not_looked_at(every_list: bool) -> Iterator[Block]:
    if not every_list:
        told = f"Where layers of more than {MOST_USERS} users answer one case, what several of them request together"
        yield Line(f"{told} was not looked at.", "yellow")

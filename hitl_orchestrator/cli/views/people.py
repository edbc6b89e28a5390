"""The people of a store: their accounts, versions and changes."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table, quotation
from hitl_orchestrator.cli.output.formatting import local_minute
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.orchestrator import (
    Effect,
    People,
    PeopleChange,
    PeopleDifference,
    PeopleHistory,
    PeopleVersion,
)

SHORT = 12
_STYLE = {Effect.WIDER: "red", Effect.NARROWER: "green", Effect.NEUTRAL: "dim"}


def people(shown: People, status: PeopleHistory, session: Session) -> Iterator[Block]:
    """Draw the accounts of a version, the chain, and the proposals that wait."""
    state = "in force" if shown.hash == status.current else "not in force"
    placeholders = ", the bundled placeholders" if status.only_placeholders and state == "in force" else ""
    yield Line(f"People {shown.hash[:SHORT]}, {state}{placeholders}", "bold")
    yield Line(f"Escalation chain: {' -> '.join(shown.chain.roles)}")
    columns = (Column("account"), Column("name"), Column("person"), Column("roles"), Column("domains"))
    rows = [
        tuple(Cell(text) for text in (each.reviewer_id, each.name, each.human, ", ".join(each.roles), _domains(each)))
        for each in shown
    ]
    yield Table(columns, rows)
    for proposal in status.pending.values():
        yield Line(f"Proposed by {proposal.by}: {proposal.people_hash[:SHORT]}. Another person decides it:", "yellow")
        yield Line(session.command("show", proposal.case_id), COMMAND, indent=2)


def change(session: Session, result: PeopleChange) -> Iterator[Block]:
    """Describe a change of the people: in force, or waiting for a second person."""
    version = result.people_hash[:SHORT]
    if result.in_force:
        yield Line(f"In force: people {version}.", "green")
        if result.alone:
            alone = "Only one person may change the people of this store, so this change was made by one person alone"
            yield Line(f"{alone}; the ledger records it.", "yellow")
    else:
        yield Line(f"Not in force yet: people {version} widen rights.", "yellow")
    for sentence in result.wider:
        yield Line(sentence, indent=2)
    if result.case is not None:
        yield Line("Another person decides it:")
        yield Line(session.command("show", result.case.case_id), COMMAND, indent=2)


def differences(found: Sequence[PeopleDifference]) -> Iterator[Block]:
    """List the differences, those that widen rights first."""
    if not found:
        yield Line("These people are in force.", "green")
    for each in found:
        yield Line(f"{each.effect}: {each.sentence}", _STYLE[each.effect])


def plain(version: PeopleVersion, status: PeopleHistory) -> dict[str, Any]:
    """Return a version with its state, for machines. `hitl people show HASH --json` has the people themselves."""
    cases = [each.case_id for each in status.pending.values() if each.people_hash == version.people_hash]
    by = next((each.by for each in status.pending.values() if each.people_hash == version.people_hash), None)
    now = {"in_force": version.people_hash == status.current, "proposed_in": cases, "proposed_by": by}
    return {**version.model_dump(mode="json", exclude={"people"}), **now}


def history(rows: Sequence[dict[str, Any]]) -> Iterator[Block]:
    """List the versions, the latest last."""
    for row in rows:
        state = "in force" if row["in_force"] else "proposed" if row["proposed_in"] else ""
        yield Line(f"{row['people_hash'][:SHORT]}{state and f': {state}'}", "green" if row["in_force"] else "")
        at = local_minute(datetime.fromisoformat(row["at"]))
        by = _origin(row)
        approved = f", approved by {row['approved_by']}" if row["approved_by"] else ""
        alone = ", by one person alone" if row["alone"] else ""
        yield Line(f"{at}  {by}{approved}{alone}", "dim", indent=2)
        if row["reason"]:
            yield from quotation(row["reason"], indent=2)
        for sentence in row["wider"]:
            yield Line(sentence, indent=4)
        for case_id in row["proposed_in"]:
            yield Line(f"proposed: case {case_id}", indent=2)


def _origin(row: dict[str, Any]) -> str:
    """Return where a version comes from. Of a declined proposal the entries name the author."""
    if row["author"]:
        return f"changed by {row['author']}"
    if row["proposed"]:
        return f"proposed by {row['proposed_by']}" if row["proposed_by"] else "proposed, and never in force"
    return "recorded when the store was opened"


def _domains(account: Any) -> str:
    return "all" if "*" in account.domains else ", ".join(account.domains)

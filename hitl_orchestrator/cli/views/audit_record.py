"""One audit record, told to people: in a few lines below a story, or whole, field by field. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import duration
from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.review import StoredReview


def table(record: AuditRecord) -> Iterator[Block]:
    """Tell every field that says something, in the order in which a record names them."""
    yield Line()
    yield Line("The audit record", "bold")
    said = record.model_dump(mode="json")
    rows = [(Cell(name), Cell(_text(value))) for name, value in said.items() if value not in (None, "", [])]
    yield Table((Column("field"), Column("value", gives_way=True, folds=True)), rows)


def competence(row: StoredReview) -> Iterator[Line]:
    """Tell by what right somebody decided, and what they had before them. Of a record of the past little is known."""
    verdict = row.verdict
    if verdict is None:
        return
    if verdict.roles_held:
        held = f"holds {', '.join(verdict.roles_held)} in {_domains(verdict.domains_held)}"
        yield Line(f"{held}; known as {verdict.authenticated}, through {verdict.channel}", "dim", indent=4)
    if verdict.options_offered:
        took = duration(max(0.0, (verdict.decided_at - row.opened_at).total_seconds()))
        could = ", ".join(verdict.options_offered)
        yield Line(f"saw {row.digest[:12]}; could {could}; answered after {took}", "dim", indent=4)


def versions(record: AuditRecord) -> Iterator[Line]:
    """Tell under which versions a case was decided, as far as they were recorded."""
    ours = [("software", record.software_version), ("graph", record.graph_version)]
    agent = [("agent", record.agent_id), ("model", record.model), ("model version", record.model_version)]
    known = [f"{name} {value}" for name, value in [*ours, *agent, ("prompt", record.prompt_version)] if value]
    if known:
        yield Line("; ".join(known), "dim", indent=2)


def _domains(domains: tuple[str, ...]) -> str:
    return "every domain" if "*" in domains else ", ".join(domains) or "domains that were not recorded"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

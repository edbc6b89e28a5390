"""Audit records, ledger entries and redaction receipts for people."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.formatting import count, local_time
from hitl_orchestrator.cli.views import tables
from hitl_orchestrator.cli.views.policies.events import sentences
from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.orchestrator import PolicyHistory, Redaction


def entries(
    events: Sequence[Event], record: AuditRecord | None, policies: PolicyHistory, about: str
) -> Iterator[Block]:
    """List ledger entries, and the audit record if there is one. `policies` numbers the versions of the policy."""
    if not events:
        yield Line(f"No entry about {about} yet.")
        return
    yield tables.entries(events)
    yield from sentences(events, policies)
    if record is not None:
        yield from _table(record)
    yield from tables.flagged_entries(events)


def erasure(case: Case) -> str:
    """Return the question that precedes a redaction."""
    return f"Erase the texts of case {case.case_id} (task {escape_invisible(case.task_id)}) for good?"


def redaction(receipt: Redaction, *, repeated: bool) -> Iterator[Block]:
    """Describe a redaction; `repeated` if the case was redacted before."""
    if repeated:
        at, by = local_time(receipt.at), receipt.actor.id
        yield Line(f"Case {receipt.case_id} was redacted at {at} by {inline(str(by))}; nothing was changed.")
        yield from _copies(receipt)
        return
    values = count(receipt.destroyed, "value")
    yield Line(f"Case {receipt.case_id} is redacted: {values} erased, with the key of their digests.")
    yield Line("Its entries, decisions, times and names remain, and 'hitl audit verify' accepts them.", indent=2)
    yield Line("Not erased: backups, exports, earlier proofs, and copies that others have made.", indent=2)
    yield from _copies(receipt)


def _copies(receipt: Redaction) -> Iterator[Block]:
    if receipt.scrub_due:
        why = "another process reads it"
        yield Line(f"The database may still hold copies, because {why}; 'hitl recover' erases them later.", indent=2)


def _table(record: AuditRecord) -> Iterator[Block]:
    """List every field that has a value."""
    yield Line()
    yield Line("The audit record", "bold")
    fields = record.model_dump(mode="json")
    rows = [
        (Cell(name), Cell(_text(value), quoted=True)) for name, value in fields.items() if value not in (None, "", [])
    ]
    yield Table((Column("field"), Column("value", gives_way=True, folds=True)), rows)


def competence(row: StoredReview) -> Iterator[Line]:
    """Describe the rights of the reviewer, the shown content, and the time taken, as far as recorded."""
    verdict = row.verdict
    if verdict is None:
        return
    if verdict.roles_held:
        roles = f"holds {', '.join(map(inline, verdict.roles_held))} in {_domains(verdict.domains_held)}"
        yield Line(f"{roles}; authentication {verdict.authenticated}, channel {verdict.channel}", "dim", indent=4)
    if verdict.options_offered:
        took = duration_text(max(0.0, (verdict.decided_at - row.opened_at).total_seconds()))
        choices = ", ".join(verdict.options_offered)
        yield Line(f"saw {row.digest[:12]}; choices: {choices}; decided after {took}", "dim", indent=4)


def software(record: AuditRecord) -> Iterator[Line]:
    """List the software and agent versions, as far as recorded."""
    ours = [("software", record.software_version), ("graph", record.graph_version)]
    agent = [("agent", record.agent_id), ("model", record.model), ("model version", record.model_version)]
    versions = [
        f"{name} {inline(value)}" for name, value in [*ours, *agent, ("prompt", record.prompt_version)] if value
    ]
    if versions:
        yield Line("; ".join(versions), "dim", indent=2)


def _domains(domains: tuple[str, ...]) -> str:
    return "every domain" if "*" in domains else ", ".join(map(inline, domains)) or "unrecorded domains"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

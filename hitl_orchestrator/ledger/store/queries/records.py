"""Queries on audit records, filtered by the columns of their outcomes."""

from functools import cache
from typing import Any

from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.ledger.database.statement import Statement, all_of
from hitl_orchestrator.ledger.events.chain import time_text
from hitl_orchestrator.ledger.ports.records import RecordFilter
from hitl_orchestrator.ledger.store.sql.records import CONDITIONS, RECORDS_MATCHING


def records_matching(wanted: RecordFilter) -> tuple[Statement, dict[str, Any]]:
    """Return the statement for the final entries of the cases that may match, in order, and its parameters.

    The database may compare texts more loosely than `RecordFilter.matches`, which has the last word. The filter has at
    least one field.
    """
    given = {name: value for name, value in wanted._asdict().items() if value is not None}
    values = {
        f"wanted_{name}": time_text(value) if name in ("since", "until") else value for name, value in given.items()
    }
    if wanted.reviewer is not None:
        values["wanted_votes"] = f"%{_escaped(canonical_json(wanted.reviewer))}%"
    return _filtered(tuple(given)), values


@cache
def _filtered(names: tuple[str, ...]) -> Statement:
    return RECORDS_MATCHING.filled(conditions=all_of(CONDITIONS[name] for name in names))


def _escaped(text: str) -> str:
    """Return a text that LIKE reads as itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

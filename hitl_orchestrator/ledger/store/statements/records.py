"""Statements on audit records, filtered by the columns of their outcomes."""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, literal_column, or_, select

from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.ledger.database.tables import contents, events, outcomes
from hitl_orchestrator.ledger.events.chain import time_text
from hitl_orchestrator.ledger.ports.records import RecordFilter

_VOTED = outcomes.c.votes.like(bindparam("wanted_votes"), escape="\\")
_DECIDED: ColumnElement[str] = bindparam("wanted_decision")
_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "since": outcomes.c.timestamp >= bindparam("wanted_since"),
    "until": outcomes.c.timestamp < bindparam("wanted_until"),
    "reviewer": or_(outcomes.c.reviewer_id == bindparam("wanted_reviewer"), _VOTED),
    "domain": outcomes.c.domain == bindparam("wanted_domain"),
    "decision": or_(outcomes.c.final_decision == _DECIDED, outcomes.c.human_decision == _DECIDED),
    "rule": outcomes.c.rule_id == bindparam("wanted_rule"),
}
_ROW = events.c.seq, events.c.case_id, events.c.entry, events.c.digest, events.c.mac, contents.c.key, contents.c.body


def records_matching(wanted: RecordFilter) -> tuple[Select[Any], dict[str, Any]]:
    """Return the statement for the final entries of the cases that may match, in order, and its parameters.

    The database may compare texts more loosely than `RecordFilter.matches`, which has the last word.
    """
    given = {name: value for name, value in wanted._asdict().items() if value is not None}
    values = {
        f"wanted_{name}": time_text(value) if name in ("since", "until") else value for name, value in given.items()
    }
    if wanted.reviewer is not None:
        values["wanted_votes"] = f"%{_escaped(canonical_json(wanted.reviewer))}%"
    return _filtered(tuple(given)), values


@cache
def _filtered(names: tuple[str, ...]) -> Select[Any]:
    joined = outcomes.join(events, events.c.seq == outcomes.c.finished_seq)
    query = select(*_ROW).select_from(joined.outerjoin(contents, contents.c.case_id == events.c.case_id))
    after = outcomes.c.finished_seq > bindparam("after")
    kind = events.c.kind == literal_column("'finished'")
    return query.where(after, kind, *[_CONDITIONS[name] for name in names]).order_by(outcomes.c.finished_seq)


def _escaped(text: str) -> str:
    """Return a text that LIKE reads as itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

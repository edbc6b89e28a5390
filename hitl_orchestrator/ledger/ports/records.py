"""Which audit records to read, and outcomes as they are read in bulk."""

from datetime import datetime
from typing import NamedTuple

from hitl_orchestrator.domain.audit import AuditRecord

VALUE_END, ROW_END = "\x1f", "\n"
"""The separators of values and rows in an `OutcomeText`. No column of the table has one, unless it was altered."""

NO_NUMBER = "NULL"
"""A missing number in an `OutcomeText`; it may also be empty, as other missing values are."""


class RecordFilter(NamedTuple):
    """A filter for audit records. A field at its default filters nothing.

    Decided from `since` on and before `until`. `reviewer` is an account or a person who gave one of the votes.
    `decision` is a final decision, or the decision of a person.
    """

    since: datetime | None = None
    until: datetime | None = None
    reviewer: str | None = None
    domain: str | None = None
    decision: str | None = None
    rule: str | None = None

    def matches(self, record: AuditRecord) -> bool:
        """Return whether a record passes the filter."""
        return (
            (self.since is None or record.timestamp >= self.since)
            and (self.until is None or record.timestamp < self.until)
            and (self.reviewer is None or self.reviewer in _people_of(record))
            and self.domain in (None, record.domain)
            and self.decision in (None, record.final_decision, record.human_decision)
            and self.rule in (None, record.rule_id)
        )


ALL_RECORDS = RecordFilter()
"""Every record."""


def _people_of(record: AuditRecord) -> set[str | None]:
    votes = (name for vote in record.votes for name in (vote.reviewer_id, vote.person))
    return {record.reviewer_id, *votes}


class RecordWithTask(NamedTuple):
    """An audit record with facts of its case that it lacks.

    `metadata` of the task is JSON text, None once erased. `history` has the values of the counters by which the case
    was routed, as JSON text by their keys; None without any, and once erased.
    """

    record: AuditRecord
    task_timestamp: str
    metadata: str | None
    redacted: bool
    history: str | None


class OutcomeSpan(NamedTuple):
    """The number of outcomes, and the entries of the first and of the last one; all are 0 without any."""

    rows: int
    first: int
    last: int


class OutcomeText(NamedTuple):
    """Outcomes as one text: their number, the entry of the last one, and the text."""

    rows: int
    last: int
    text: str

"""What a report reads from the cases themselves: duties, who decided what, and what was first seen when.

A frame is that of `insights.frame.prepared`.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.domain.enums import Action, FinalDecision
from hitl_orchestrator.insights.frame import polars, rows_of
from hitl_orchestrator.insights.report.judgments.verdict import DAYS_FOR_A_CHECK, Duties
from hitl_orchestrator.insights.report.model import Decided
from hitl_orchestrator.insights.report.periods import Span

if TYPE_CHECKING:
    import polars as pl

CASE = "case"
MOST_DECIDED = 200
"""The rows of who decided what."""

_GOES_AHEAD = (FinalDecision.APPROVED, FinalDecision.MODIFIED_AND_APPROVED, FinalDecision.OVERRIDE_APPROVED)
_COLUMNS = {
    "case_id": "case_id",
    "task_id": "task_id",
    "task_type": "task_type",
    "domain": "domain",
    "risk_level": "risk_level",
    "confidence": "confidence_score",
    "routing": "routing_decision",
    "rule_id": "rule_id",
    "final_decision": "final_decision",
    "source": "decision_source",
    "human_decision": "human_decision",
    "person": "reviewer_id",
    "role": "human_role",
    "at": "timestamp",
    "replayed": "replayed",
}
_OF_DUTIES = (
    "case_id",
    "routing_decision",
    "final_decision",
    "decision_source",
    "reviewer_id",
    "submitted_by",
    "votes",
)
NEW_KINDS = {
    "labels": "predicted_label",
    "task types": "task_type",
    "domains": "domain",
    "agents": "agent_id",
    "agent versions": "model_version",
    "rules": "rule_id",
}
"""What a report looks for that was never seen before, and its column."""


def duties_in(frame: "pl.DataFrame", now: datetime) -> Duties:
    """Return the duties of people that were not met in live cases. Replayed ones are records of other systems."""
    is_live = (frame["kind"] != "quality_check") & frame["is_decided"] & ~frame["replayed"].fill_null(False)
    live = frame.select(_OF_DUTIES).filter(is_live)
    needed = live.filter(
        (live["routing_decision"] != Action.AUTO_APPROVE.value) & live["final_decision"].is_in(_words(_GOES_AHEAD))
    )
    missing = needed.filter((needed["decision_source"] != "human") | needed["reviewer_id"].is_null())
    by_people = live.filter(live["reviewer_id"].is_not_null())
    asked = by_people.filter(by_people["submitted_by"].is_not_null())
    alone = asked.filter(asked["submitted_by"] == asked["reviewer_id"])["case_id"]
    voted = asked.filter(asked["votes"].is_not_null()).select("case_id", "submitted_by", "votes").rows()
    own = dict.fromkeys([*alone, *(case_id for case_id, by, votes in voted if by in _people(votes))])
    drawn = frame.select("check_overturned", "timestamp").filter(frame["is_drawn"].fill_null(False))
    late = drawn.filter(drawn["check_overturned"].is_null())
    late = late.filter(late["timestamp"] < now - timedelta(days=DAYS_FOR_A_CHECK))
    return Duties(
        without_person=tuple(missing["case_id"]),
        own=tuple(own),
        reviewed=needed.height,
        late_checks=late.height,
        drawn=drawn.height,
        by_people=by_people.height,
        known=asked.height,
    )


def decided_rows(frame: "pl.DataFrame", most: int = MOST_DECIDED) -> tuple[tuple[Decided, ...], int]:
    """Return the latest decisions, the latest first, and the number of those left out."""
    decided = frame.select("finished_seq", *_COLUMNS.values()).filter((frame["kind"] == CASE) & frame["is_decided"])
    shown = decided.top_k(most, by=["timestamp", "finished_seq"])
    rows = [
        Decided(**{name: row[column] for name, column in _COLUMNS.items()})
        for row in rows_of(shown.sort("timestamp", "finished_seq", descending=True))
    ]
    return tuple(rows), decided.height - len(rows)


def first_seen(frame: "pl.DataFrame", column: str) -> Mapping[str, datetime]:
    """Return the values of a column of cases, and when each first occurred."""
    known = frame.select(column, "timestamp").filter((frame["kind"] == CASE) & frame[column].is_not_null())
    earliest = known.group_by(column).min().sort("timestamp", column)
    return {row[column]: row["timestamp"] for row in rows_of(earliest)}


def ends_of(frame: "pl.DataFrame") -> tuple[datetime, datetime] | None:
    """Return the times of the first and the last decision; None without any."""
    at = polars().col("timestamp")
    ends = next(rows_of(frame.select(first=at.min(), last=at.max())))
    return None if ends["first"] is None else (ends["first"], ends["last"])


def _people(votes: str) -> set[str]:
    """Return the people who voted on a case."""
    return {vote[0] for vote in json.loads(votes)}


def _words(members: Iterable[Any]) -> list[str]:
    return [member.value for member in members]


def within(frame: "pl.DataFrame", span: Span) -> "pl.DataFrame":
    """Return the rows that were decided within a span."""
    rows = frame if span.since is None else frame.filter(frame["timestamp"] >= span.since)
    return rows if span.until is None else rows.filter(rows["timestamp"] < span.until)

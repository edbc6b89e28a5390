"""Rows of a SQL store, read as what they hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from hitl_orchestrator.domain.review import ReviewRow, Shown, Verdict
from hitl_orchestrator.errors import StoredOtherwise
from hitl_orchestrator.ledger.chain import time_of


@contextmanager
def as_stored(case_id: str, graph_version: str | None = None) -> Iterator[None]:
    """Say of which case it is that a row has a form which this code does not read."""
    try:
        yield
    except ValidationError as exc:
        why = f"{exc.title} has {exc.error_count()} problems, the first: {exc.errors()[0]['msg']}"
        raise StoredOtherwise(case_id, graph_version, why) from exc
    except (ValueError, TypeError) as exc:
        raise StoredOtherwise(case_id, graph_version, str(exc)) from exc


def review_of(row: Any) -> ReviewRow:
    """Read a row of the reviews. Raises `StoredOtherwise` where it cannot be read."""
    with as_stored(str(row["case_id"])):
        return as_review(row)


def as_review(row: Any) -> ReviewRow:
    """Read a row of the reviews, within `as_stored`."""
    fields = dict(row)
    fields.pop("answer_key")
    fields |= {name: time_of(fields[name]) for name in ("due_at", "expires_at")}
    fields["claimed_until"] = fields["claimed_until"] and time_of(fields["claimed_until"])
    fields["shown"] = Shown.model_validate_json(fields["shown"])
    fields["verdict"] = fields["verdict"] and Verdict.model_validate_json(fields["verdict"])
    return ReviewRow.model_validate(fields)

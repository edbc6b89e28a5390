"""A store that an earlier version made is brought up to date, and says of every review what it said before."""

import pytest
from sqlalchemy import text
from support.builders import AGENT, NINE, PERSON, a_shown, a_submission, a_verdict

from hitl_orchestrator.wiring.stores import database_of, open_ledger

NEW = ("delegated_by", "remind_at", "task_type", "risk_level", "confidence", "answer", "answered_by", "answered_at")
INDEXES = (
    "open_reviews_of_a_kind",
    "reviews_to_remind_of",
    "claimed_reviews",
    "decided_by_confidence",
    "decided_of_a_kind",
    "answered_by_whom",
    "answered_of_a_customer",
    "life_of_policies",
    "ends_of_cases",
    "beginnings_of_cases",
)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path):
    return (
        f"sqlite:///{tmp_path / 'hitl.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_store")
    )


def rows(store):
    database = database_of(store)
    with database.engine().begin() as connection:
        found = connection.execute(text(f"SELECT review_id, {', '.join(NEW)} FROM reviews ORDER BY review_id")).all()
    database.close()
    return found


def taken_back(store):
    """Take from the store what the later migrations brought."""
    database = database_of(store)
    with database.engine().begin() as connection:
        for name in INDEXES:
            connection.execute(text(f"DROP INDEX IF EXISTS {name}"))
        connection.execute(text("DROP TABLE spot_checks"))
        for name in (*NEW, "affinity"):
            connection.execute(text(f"ALTER TABLE reviews DROP COLUMN {name}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    database.close()


def test_reviews_of_before_are_found_by_what_they_show_and_said(store):
    ledger = open_ledger(store)
    for name in ("case-1", "case-2"):
        ledger.receive(a_submission(name, a_submission().task.model_copy(update={"task_id": name + "t"})), AGENT)
        ledger.open_review(a_shown(name), NINE)
    ledger.decide(ledger.latest_review("case-1"), a_verdict(), PERSON)
    ledger.close()
    before = rows(store)

    taken_back(store)
    ledger = open_ledger(store)

    assert rows(store) == before
    assert ledger.proven("case-1.0").verdict is not None
    assert [row.case_id for row in ledger.inbox()] == ["case-2"]
    ledger.close()

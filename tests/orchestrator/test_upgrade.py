"""A store of this release under later code: cases that wait continue, and two versions on one store do no harm."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from support.builders import a_review, a_task, an_output
from support.frozen_store import OPTIONS, restore
from support.internals import services_of
from support.postgres_server import direct_connection

import hitl_orchestrator.ledger.database.migrate
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import GraphVersionMismatch, RecoveryIncomplete, StoreUnavailable
from hitl_orchestrator.graph import topology
from hitl_orchestrator.ledger.database.ports import NEWEST
from hitl_orchestrator.wiring.stores import database_of

MIGRATIONS = Path(hitl_orchestrator.ledger.database.migrate.__file__).parent / "migrations"
NEXT_REVISION = f'''
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9000", "{NEWEST}", None, None


def upgrade():
    op.add_column("cases", sa.Column("tenant", sa.String(200), nullable=False, server_default="one"))
    op.create_table("tenants", sa.Column("name", sa.String(200), primary_key=True))
'''


@pytest.fixture(params=["sqlite", "postgres"])
def frozen(request, tmp_path):
    """A store that this release has made."""
    is_server = request.param == "postgres"
    store = request.getfixturevalue("empty_database") if is_server else f"sqlite:///{tmp_path / 'frozen.db'}"
    restore(store)
    return store


def migrate_further(store, folder):
    """Let a later version migrate the tables: with one more column and one more table."""
    from alembic import command  # noqa: PLC0415 - slow to import
    from alembic.config import Config  # noqa: PLC0415

    shutil.copytree(MIGRATIONS, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "migrations" / "versions" / "9000_next.py").write_text(NEXT_REVISION)
    config = Config()
    config.set_main_option("script_location", str(folder / "migrations"))
    with closing(database_of(store)) as database, database.engine().begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def rows_in(store):
    """Return the number of entries, and all cases."""
    with direct_connection(store) as connection:
        (entries,) = connection.execute("SELECT count(*) FROM events").fetchone()
        return entries, connection.execute("SELECT case_id, stage FROM cases ORDER BY case_id").fetchall()


def stored_version(store):
    with Orchestrator.open(store, **OPTIONS) as hitl:
        return hitl.cases.get(task_id="waiting").submission.graph_version


def test_this_code_opens_a_store_of_the_release_and_verifies_it(frozen):
    with Orchestrator.open(frozen, **OPTIONS) as hitl:
        verified = hitl.audit.verify()

        assert (verified.problem, len(verified.scrub_due)) == (None, 1)
        assert hitl.cases.get(task_id="approved").status == "approved"
        assert hitl.cases.get(task_id="modified").final_output.predicted_label == "Edited"
        assert hitl.cases.get(task_id="redacted").redacted


@pytest.fixture
def continued(frozen, monkeypatch):
    """The frozen store under code whose graph has another version, which continues that of the release."""
    version = stored_version(frozen)
    monkeypatch.setattr(topology, "RESUMES", frozenset({version}))
    with Orchestrator.open(frozen, **OPTIONS) as hitl:
        services_of(hitl).reader.graph_version = "g-later"
        yield hitl


def test_cases_at_every_stage_continue_under_a_graph_that_lists_theirs(continued):
    hitl = continued
    recovered = {case.task_id: case.status for case in hitl.recover()}
    assert recovered.items() >= {"received": "waiting", "enqueued": "waiting", "decided": "approved"}.items()

    for name in ("waiting", "claimed", "received", "enqueued"):
        assert hitl.decide(task_id=name, decision=a_review("approve", "ana")).status == "approved"
    assert hitl.decide(task_id="escalated", decision=a_review("approve", "max")).status == "approved"
    assert hitl.decide(task_id="voted", decision=a_review("approve", "ben")).status == "approved"
    again = a_review("modify", "ana", idempotency_key="key")
    assert hitl.decide(task_id="modified", decision=again).status == "modified_and_approved"
    (pending,) = hitl.policy.status().pending
    hitl.decide(pending, a_review("approve", "zoe"))

    assert hitl.submit(a_task("later"), an_output("later", 0.75)).status == "approved"
    assert (hitl.cases.unfinished(), hitl.audit.verify().problem, hitl.audit.verify().scrub_due) == ([], None, ())


def test_cases_of_a_graph_that_is_not_listed_are_refused_by_name_and_unchanged(frozen):
    with Orchestrator.open(frozen, **OPTIONS) as hitl:
        services_of(hitl).reader.graph_version = "g-later"
        before = rows_in(frozen)[1]

        with pytest.raises(GraphVersionMismatch, match="this code runs graph 'g-later'; resume it with the version"):
            hitl.decide(task_id="waiting", decision=a_review("approve", "ana"))
        with pytest.raises(RecoveryIncomplete, match="3 unfinished cases could not be moved on"):
            hitl.recover()

        assert rows_in(frozen)[1] == before


def test_an_older_version_does_not_open_a_store_that_was_migrated_further(frozen, tmp_path):
    migrate_further(frozen, tmp_path)
    before = rows_in(frozen)

    with pytest.raises(StoreUnavailable, match=r"does not know its tables .*'9000'.*use the version that created it"):
        Orchestrator.open(frozen, **OPTIONS)

    assert rows_in(frozen) == before


def test_an_older_version_that_is_running_stops_writing_once_a_newer_one_has_migrated(frozen, tmp_path):
    with Orchestrator.open(frozen, **OPTIONS) as older:
        older.submit(a_task("before"), an_output("before", 0.5))
        migrate_further(frozen, tmp_path)
        before = rows_in(frozen)

        calls = (
            lambda: older.submit(a_task("after"), an_output("after")),
            lambda: older.decide(task_id="before", decision=a_review("approve", "ana")),
            lambda: older.reviews.claim(task_id="before", reviewer="ben"),
        )
        for call in calls:
            with pytest.raises(
                StoreUnavailable, match=r"revision '9000', and this one knows .*; nothing was written: end"
            ):
                call()

        assert rows_in(frozen) == before
        assert older.cases.get(task_id="before").status == "waiting"

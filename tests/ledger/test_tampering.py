"""Every manipulation by an owner of the database is detected, in a SQLite file and on a PostgreSQL server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from support.attacker import Intruder
from support.builders import a_task, an_output
from support.postgres_fixtures import new_store
from support.stores import address_of
from support.tampering import ENTRY_EDITS, TABLE_EDITS, fill

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.keys.signing import new_signing_key
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.wiring.clocks import now_in_utc
from hitl_orchestrator.wiring.stores import open_to_audit

CASES = 60
KEY = new_signing_key()
TABLES = ("ledger_head", "policies", "events", "cases", "reviews", "refusals", "outcomes")


class Made:
    """A store of cases of every kind, a copy of its tables, and heads signed on the way."""

    def __init__(self, store: str) -> None:
        self.store, self.intruder = store, Intruder(store)
        with Orchestrator.open(store, head_key=KEY, head_file=False) as hitl:
            fill(hitl, 0, CASES // 2)
            self.heads = [hitl.audit.sign_head()]
            (self.earlier_end,) = self.intruder.run("SELECT seq, digest, governed, latest, mac FROM ledger_head")
            fill(hitl, CASES // 2, CASES // 2)
            self.heads.append(hitl.audit.sign_head())
        self.size = self.heads[-1].size
        self._everywhere(
            *(["CREATE SCHEMA kept"] if self.intruder.is_postgres else []),
            *(f"CREATE TABLE kept.{table} AS SELECT * FROM {table}" for table in TABLES),
        )

    def restore(self) -> None:
        self._everywhere(
            *(f"DELETE FROM {table}" for table in reversed(TABLES)),
            *(f"INSERT INTO {table} SELECT * FROM kept.{table}" for table in TABLES),
        )

    def change(self, sql: str, *values: Any) -> int:
        """Run a statement without triggers and foreign key checks; return the number of changed rows."""
        with self._unguarded() as connection:
            return connection.execute(sql.replace("?", "%s") if self.intruder.is_postgres else sql, values).rowcount

    def _everywhere(self, *statements: str) -> None:
        with self._unguarded() as connection:
            for sql in statements:
                connection.execute(sql)

    @contextmanager
    def _unguarded(self) -> Iterator[Any]:
        """Connect without triggers and foreign key checks, and with a place for copies that is no part of the store."""
        self.intruder.disarm()
        with self.intruder.connected() as connection:
            if self.intruder.is_postgres:
                connection.execute("SET session_replication_role = replica")
            else:
                connection.execute("ATTACH ? AS kept", (f"{self.store.removeprefix('sqlite:///')}.kept",))
            yield connection
        self.intruder.rearm()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def once(request, tmp_path_factory):
    if request.param == "sqlite":
        return Made(address_of("sqlite", tmp_path_factory.mktemp("made")))
    return Made(new_store(request.getfixturevalue("postgres")))


@pytest.fixture
def made(once):
    yield once
    once.restore()


def verified(made, heads=(), public=None):
    with closing(open_to_audit(made.store)) as ledger:
        return LedgerSigner(ledger, now_in_utc, new_signing_key).verify(heads, public)


def test_an_unaltered_store_verifies(made):
    answer = verified(made, made.heads, KEY.public)

    assert (answer.problem, answer.entries, answer.heads) == (None, made.size, 2)


@pytest.mark.parametrize("share", [0.0, 0.004, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("sql", ENTRY_EDITS)
def test_every_edit_of_an_entry_is_detected_at_its_position(made, sql, share):
    place = 1 + int(share * (made.size - 2))
    assert made.change(sql, place) == 1

    answer = verified(made)

    assert not answer.sound
    last = made.size + 1 if sql.startswith("INSERT") else place + 1
    assert 0 <= answer.bad_entry <= last


@pytest.mark.parametrize("place", [1, 2, 57, 150])
def test_swapped_entries_are_detected(made, place):
    made.change("UPDATE events SET seq = -1 WHERE seq = ?", place)
    made.change("UPDATE events SET seq = ? WHERE seq = ?", place, place + 1)
    made.change("UPDATE events SET seq = ? WHERE seq = -1", place + 1)

    assert verified(made).bad_entry == place


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 8, 13, 21, 34, 50])
def test_a_truncated_end_is_detected_by_the_tables(made, cut):
    made.change("DELETE FROM events WHERE seq > ?", made.size - cut)

    assert not verified(made).sound
    answer = verified(made, made.heads, KEY.public)
    assert answer.bad_entry == made.size - cut + 1


@pytest.mark.parametrize("sql", TABLE_EDITS)
def test_every_edit_of_a_table_is_detected(made, sql):
    assert made.change(sql) > 0

    answer = verified(made)

    assert answer.problem is not None
    assert answer.entries == made.size


def test_an_altered_ledger_is_neither_signed_nor_proven(made):
    made.change(ENTRY_EDITS[0], 20)

    with closing(open_to_audit(made.store)) as ledger:
        signer = LedgerSigner(ledger, now_in_utc, new_signing_key)
        with pytest.raises(LedgerDamaged, match="entry 20"):
            signer.sign()
        with pytest.raises(LedgerDamaged, match="entry 20"):
            signer.prove("task-1")


def test_a_truncated_end_stops_all_writing(made):
    made.change("DELETE FROM events WHERE seq > ?", made.size - 1)

    with Orchestrator.open(made.store, head_key=KEY, head_file=False) as hitl:
        with pytest.raises(LedgerDamaged, match="the end was truncated"):
            hitl.submit(a_task("task-new"), an_output("task-new"))
        with pytest.raises(LedgerDamaged, match="the end was truncated"):
            hitl.audit.sign_head()


def test_an_end_rewritten_after_an_earlier_head_row_is_detected_with_a_head(made):
    """An owner who kept an earlier head row can return to it; only a signed head outside of the database tells."""
    made.change("DELETE FROM events WHERE seq > ?", made.heads[0].size)
    made.change(
        "UPDATE ledger_head SET seq = ?, digest = ?, governed = ?, latest = ?, mac = ?", *made.earlier_end.values()
    )
    made.change("DELETE FROM outcomes WHERE finished_seq > ?", made.heads[0].size)
    with Orchestrator.open(made.store, head_key=KEY, head_file=False) as hitl:
        fill(hitl, 1000, CASES)

        answer = hitl.audit.verify(made.heads, KEY.public)

    assert answer.bad_entry == made.heads[1].size
    assert f"entries {made.heads[0].size + 1} to {made.heads[1].size} are not those of the head" in answer.problem

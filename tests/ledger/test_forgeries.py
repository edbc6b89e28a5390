"""A writer of the database without the key: every forgery is found with the key, and lets no case go ahead."""

from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from typing import Any

import pytest
from support.every_row import PEOPLE, POLICY, fill
from support.forgeries import Forged, Forgery, rewritings, row_forgeries, sampled
from support.postgres_fixtures import new_store
from support.schema_forgeries import schema_forgeries
from support.stores import address_of, found

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.ledger.keys.files import new_key

KEY = new_key()
ROWS = 600
"""The number of altered rows in each run; the soak form alters every row in every way, more than 10,000."""
IN_PARTS_ON_POSTGRES = 6
"""One of so many forgeries on PostgreSQL is also verified in parts, as all are on SQLite."""
HARMLESS = ("payloads deleted", "wakeups deleted")
"""A payload repeats what the entries and contents hold: a case that needs a missing one is run again from them.

A caller that is not woken, since its wake-up is missing, finds the decision when it asks again."""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def forged(request, tmp_path_factory) -> Iterator[Forged]:
    """A store with a row of every kind, and a connection that forges it."""
    if request.param == "postgres":
        store = new_store(request.getfixturevalue("postgres"))
        found(store, KEY)
    else:
        store = address_of("sqlite", tmp_path_factory.mktemp("forged"))
    with Orchestrator.open(store, reviewers=PEOPLE, policy=POLICY, seal_key=KEY, head_file=False) as hitl:
        fill(hitl)
        heads = [hitl.audit.sign_head()]
    with closing(Forged(store, KEY)) as forged:
        forged.heads = heads
        yield forged


def missed(forged: Forged, forgeries: Iterator[Forgery] | list[Forgery]) -> tuple[int, list[str]]:
    """Return the number of forgeries that the database accepted, and the names of those that were not found."""
    names, accepted, every = [], 0, IN_PARTS_ON_POSTGRES if forged.is_postgres else 1
    for forgery in forgeries:
        with forged.applied(forgery) as is_accepted:
            if is_accepted:
                accepted += 1
                names += [forgery.name] if forged.verified().problem is None else []
                if accepted % every == 0 and forged.is_sound_in_parts():
                    names.append(f"{forgery.name}, in parts")
    return accepted, names


def test_every_table_has_rows_and_an_unaltered_store_verifies(forged):
    assert [name for name, rows in forged.tables().items() if not rows] == []
    with forged.applied(Forgery("nothing", [])):
        answer = forged.verified()
        assert forged.is_sound_in_parts(forged.heads)
        assert forged.is_sound_in_parts(forged.heads, with_key=False)
    assert (answer.problem, answer.seals_checked) == (None, True)


def some_rows(forged: Forged, number: int) -> list[Forgery]:
    every = (each for each in row_forgeries(forged.tables()) if each.kind not in HARMLESS)
    return sampled(every, number)


@pytest.mark.parametrize("part", range(4))
def test_every_change_of_a_row_is_found(forged, part):
    accepted, names = missed(forged, some_rows(forged, int(ROWS * 1.5))[part::4])

    assert names == []
    assert accepted >= ROWS / 8


@pytest.mark.soak
def test_every_change_of_every_row_is_found(forged):
    _, names = missed(forged, some_rows(forged, 100_000))

    assert names == []


def test_every_change_of_the_schema_is_found(forged):
    accepted, names = missed(forged, schema_forgeries(forged))

    assert names == []
    assert accepted >= 150


@pytest.mark.parametrize("part", range(2))
def test_every_consistent_rewriting_is_found(forged, part):
    accepted, names = missed(forged, list(rewritings(forged.tables()))[part::2])

    assert names == []
    assert accepted >= 75


def test_the_sentence_names_the_task_and_the_column(forged):
    rows = {row["case_id"]: row["task_id"] for row in forged.tables()["cases"]}
    for row in forged.tables()["reviews"]:
        change = "UPDATE reviews SET due_at = '2030-01-01T00:00:00.000000Z' WHERE review_id = ?"
        with forged.applied(Forgery("later", [(change, (row["review_id"],))])):
            problem = forged.verified().problem

        assert repr(rows[row["case_id"]]) in problem
        assert "due_at" in problem


SET_BACK = "UPDATE ledger_head SET seq = seq - 1"
CLAIMED = "UPDATE reviews SET claimed_until = '2099-01-01T00:00:00.000000Z' WHERE claimed_by IS NOT NULL"
NEEDED = "UPDATE reviews SET needed_under = 'derived:other' WHERE needed_seal IS NOT NULL"
LEASED = "UPDATE cases SET fence = fence + 1 WHERE fence IS NOT NULL"
WITHOUT_KEY = {
    "a changed row": ("UPDATE reviews SET role = 'other'", True),
    "a deleted row": ("DELETE FROM contents", True),
    "a changed entry": ("UPDATE events SET entry = replace(entry, ':', ': ') WHERE seq = 9", True),
    "a cut-off end": ("DELETE FROM events WHERE seq > 9", True),
    "the head row set back": (SET_BACK, True),
    "another schema": ("DROP INDEX events_of_case", True),
    "a seal of an entry": ("UPDATE events SET mac = '' WHERE seq = 9", False),
    "the times of a claim": (CLAIMED, False),
    "a derived role": (NEEDED, False),
    "a lease": (LEASED, False),
}


@pytest.mark.parametrize("name", WITHOUT_KEY)
def test_without_the_key_what_bears_a_seal_alone_is_not_checked(forged, name):
    sql, is_found = WITHOUT_KEY[name]
    with forged.applied(Forgery(name, [(sql, ())])) as is_accepted:
        assert is_accepted
        assert forged.verified().problem is not None
        answer = forged.verified(with_key=False)
    assert (answer.seals_checked, answer.problem is not None) == (False, is_found)


def test_a_head_file_finds_every_rewriting_without_the_key(forged):
    rewritten = [each for each in rewritings(forged.tables()) if each.kind == "rewritten"]
    unseen = 0
    for forgery in rewritten:
        with forged.applied(forgery):
            unseen += forged.verified(with_key=False).problem is None
            assert forged.verified(with_key=False, heads=forged.heads).problem is not None
            assert not forged.is_sound_in_parts(forged.heads, with_key=False)

    assert unseen > 0


def approved(hitl: Orchestrator) -> dict[str, Any]:
    """Return the outputs that are handed out for all cases that can be read."""
    handed_out: dict[str, Any] = {}
    for case_id in {row.case_id for row in hitl.audit.records()}:
        with suppress(HitlError):
            handed_out[case_id] = hitl.cases.get(case_id).final_output
    return handed_out


def handed_out_by(store: str) -> dict[str, Any]:
    """Open a forged store, run what can be run, and return the outputs that it hands out."""
    with suppress(HitlError), Orchestrator.open(store, reviewers=PEOPLE, seal_key=KEY, head_file=False) as hitl:
        with suppress(HitlError):
            hitl.recover()
        return approved(hitl)
    return {}


DECISIVE = ("events", "cases.stage", "reviews.status", "reviews.verdict", "reviews.shown", "reviews copied", "contents")
GOES_NOWHERE = 40


def test_no_forgery_lets_a_case_go_ahead(tmp_path):
    """After a forgery no call reports an approval that was none, and none hands out another output."""
    store = address_of("sqlite", tmp_path)
    with Orchestrator.open(store, reviewers=PEOPLE, policy=POLICY, seal_key=KEY, head_file=False) as hitl:
        fill(hitl)
    with closing(Forged(store, KEY)) as forged:
        tables = forged.tables()
        decisive = [each for each in row_forgeries(tables) if each.kind.startswith(DECISIVE)]
        harmless = [each for each in row_forgeries(tables) if each.kind in HARMLESS]
        some = [*harmless, *sampled(iter(decisive), GOES_NOWHERE)[:GOES_NOWHERE], *islice(rewritings(tables), 100, 110)]
        original = forged.connection.serialize()
    file = tmp_path / "forged.db"
    file.write_bytes(original)
    before = handed_out_by(f"sqlite:///{file}")
    assert len(before) > 10
    for forgery in some:
        file.write_bytes(original)
        with closing(Forged(f"sqlite:///{file}", KEY)) as forged:
            forged.apply_for_good(forgery)
        for _ in range(2):
            after = handed_out_by(f"sqlite:///{file}")
            assert {case: after[case] for case in after if after[case] != before.get(case)} == {}, forgery.name

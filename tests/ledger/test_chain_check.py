"""Every manipulation of a ledger is detected: edits, deletions, swaps, duplicates, truncation and rewriting.

The product writes a ledger of about a thousand entries. Most tests change the list of rows that a database passes to
the verifier; `test_tampering.py` changes a real database.
"""

import random
import shutil
import sqlite3
from contextlib import closing
from hashlib import sha256
from typing import Any

import pytest
from support.builders import a_task, an_output
from support.internals import services_of
from support.stores import address_of
from support.tampering import fill

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.value import canonical_json, read_canonical
from hitl_orchestrator.ledger.events.chain import GENESIS, Entry, Head
from hitl_orchestrator.ledger.keys.signing import new_signing_key
from hitl_orchestrator.ledger.verification.chain_check import START, walk
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.wiring.clocks import now_in_utc
from hitl_orchestrator.wiring.stores import open_to_audit

CASES = 230
KEY = new_signing_key()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a file of about a thousand entries, and the heads signed on the way."""
    file = tmp_path_factory.mktemp("made") / "hitl.db"
    with Orchestrator.open(f"sqlite:///{file}", head_key=KEY) as hitl:
        heads = []
        for number in range(3):
            fill(hitl, number * CASES // 3, CASES // 3)
            heads.append(hitl.audit.sign_head())
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    return file, heads


@pytest.fixture(scope="module")
def heads(made):
    return made[1]


@pytest.fixture(scope="module")
def rows(made) -> list[Entry]:
    with closing(open_to_audit(f"sqlite:///{made[0]}")) as ledger, ledger.snapshot() as snapshot:
        return list(snapshot.entries())


def bad_entry(rows, heads=()):
    """Return the number of the first bad entry, None if there is none."""
    answer = walk(iter(rows), heads)
    assert answer.problem is None or answer.problem[1]
    return answer.problem and answer.problem[0]


def bad_entry_after(rows, place, changed):
    """Return the same for rows that are unaltered up to `place`."""
    start = Head(place, rows[place - 1].digest) if place else START
    answer = walk(iter(changed), start=start)
    assert answer.problem is None or answer.problem[1]
    return answer.problem and answer.problem[0]


def places(rows):
    return range(len(rows))


def test_an_unaltered_ledger_verifies(made, rows, heads):
    assert len(rows) >= 1000
    assert bad_entry(rows) is None
    assert bad_entry(rows, heads) is None

    with Orchestrator.open(f"sqlite:///{made[0]}") as hitl:
        answer = hitl.audit.verify(heads, KEY.public)

    assert (answer.sound, answer.problem, answer.entries, answer.heads) == (True, None, len(rows), len(heads))
    assert answer.until is not None


def test_every_edit_is_detected_at_its_position(rows, heads):
    chance = random.Random(7)
    for place in places(rows):
        entry = rows[place]
        spot = chance.randrange(len(entry.entry))
        letter = "0" if entry.entry[spot] != "0" else "1"
        text = entry.entry[:spot] + letter + entry.entry[spot + 1 :]
        for edited in (
            entry._replace(entry=text),
            entry._replace(entry=text, digest=sha256(text.encode()).hexdigest()),
            entry._replace(digest="0" * 64),
            entry._replace(case_id="case-of-another"),
            entry._replace(case_id=None) if entry.case_id else entry._replace(case_id="x"),
            entry._replace(kind="finished" if entry.kind != "finished" else "refused"),
            entry._replace(entry=None),
            entry._replace(entry="{}"),
        ):
            # One that is whole in itself is given away by the entry behind it, which holds the digest of another, and
            # the last one by a head.
            if place + 1 == len(rows):
                assert bad_entry([*rows[:place], edited], heads) == len(rows)
            else:
                assert bad_entry_after(rows, place, [edited, *rows[place + 1 : place + 3]]) in (
                    place + 1,
                    place + 2,
                ), edited


def test_an_edit_of_the_last_entry_is_detected_with_a_head(rows, heads):
    content = read_canonical(rows[-1].entry)
    text = canonical_json({**content, "at": "2001-01-01T00:00:00.000000Z"})
    forged = [*rows[:-1], rows[-1]._replace(entry=text, digest=sha256(text.encode()).hexdigest())]

    assert bad_entry(forged) is None
    assert bad_entry(forged, heads) == len(rows)


def test_every_deletion_is_detected(rows, heads):
    for place in places(rows):
        # Without a head the chain does not miss its last entry; the tables do.
        assert bad_entry_after(rows, place, rows[place + 1 :]) == (place + 1 if place + 1 < len(rows) else None)
    assert bad_entry(rows[:-1], heads) == len(rows)


def test_every_swap_of_neighbors_is_detected(rows):
    for place in places(rows)[:-1]:
        one, two = rows[place], rows[place + 1]
        by_rows = [two, one, *rows[place + 2 : place + 4]]
        by_numbers = [two._replace(seq=one.seq), one._replace(seq=two.seq), *rows[place + 2 : place + 4]]

        assert bad_entry_after(rows, place, by_rows) == bad_entry_after(rows, place, by_numbers) == place + 1


def test_every_duplicate_is_detected(rows):
    for place in places(rows):
        renumbered = [rows[place]._replace(seq=len(rows) + 1)]

        assert bad_entry_after(rows, place, [rows[place], *rows[place : place + 2]]) == place + 1
        assert bad_entry_after(rows, len(rows), renumbered) == len(rows) + 1


@pytest.mark.parametrize("cut", range(1, 51))
def test_a_truncated_tail_is_detected_with_a_head(rows, heads, cut):
    assert bad_entry(rows[:-cut], heads) == len(rows) - cut + 1


def rehashed(rows, changed_at: int) -> list[Entry]:
    """Return the ledger rewritten from an altered entry on: every digest matches again."""
    head, rewritten = GENESIS, []
    for number, entry in enumerate(rows, start=1):
        content = {**read_canonical(entry.entry), "previous": head}
        if number == changed_at:
            content["at"] = "2001-01-01T00:00:00.000000Z"
        text = canonical_json(content)
        head = sha256(text.encode()).hexdigest()
        rewritten.append(entry._replace(entry=text, digest=head))
    return rewritten


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.7, 1.0])
def test_a_rewritten_ledger_is_detected_with_a_head(rows, heads, share):
    changed_at = 1 + int(share * (len(rows) - 1))
    rewritten = rehashed(rows, changed_at)

    assert bad_entry(rewritten) is None
    assert bad_entry(rewritten, heads) == min(head.size for head in heads if head.size >= changed_at)


def test_a_fork_is_detected_with_a_head_of_the_other_branch(tmp_path, rows, heads):
    """Two histories with one beginning: a copy of the file that went on by itself."""
    with Orchestrator.open(f"sqlite:///{tmp_path / 'one.db'}", head_key=KEY) as one:
        fill(one, 0, 10)
    for suffix in ("", ".key"):
        shutil.copy(tmp_path / f"one.db{suffix}", tmp_path / f"two.db{suffix}")
    with Orchestrator.open(f"sqlite:///{tmp_path / 'one.db'}", head_key=KEY) as one:
        common = one.audit.sign_head()
        fill(one, 100, 5)
        mine = one.audit.sign_head()
    with Orchestrator.open(f"sqlite:///{tmp_path / 'two.db'}", head_key=KEY) as two:
        fill(two, 200, 5)

        answer = two.audit.verify([common, mine], KEY.public)

    assert answer.bad_entry == mine.size
    assert f"entries {common.size + 1} to {mine.size} are not those of the head" in answer.problem


def verified(file, heads=(), public=None) -> Any:
    with closing(open_to_audit(f"sqlite:///{file}")) as ledger:
        return LedgerSigner(ledger, now_in_utc, new_signing_key).verify(heads, public)


def test_a_head_with_another_key_or_content_is_rejected(made, heads):
    file = made[0]
    spoiled = heads[1].model_copy(update={"size": heads[1].size - 1})

    assert "the trusted key is" in verified(file, heads, new_signing_key().public).problem
    assert verified(file, [heads[0], spoiled], KEY.public).problem
    assert "one is missing" in verified(file, [heads[0], heads[2]], KEY.public).problem


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_all_stores_verify_alike(request, tmp_path, store):
    url = request.getfixturevalue("postgres_store") if store == "postgres" else address_of(store, tmp_path)
    with Orchestrator.open(url) as hitl:
        fill(hitl, 0, 10)

        answer, size = hitl.audit.verify(), services_of(hitl).ledger.head().seq

    assert (answer.problem, answer.entries) == (None, size)
    assert size > 40


def test_free_fields_that_imitate_an_entry_neither_deceive_nor_alarm(tmp_path):
    """Free fields are stored beside the ledger, so that no text in them can pass for a field of an entry."""
    imitation = {
        "task_id": "x",
        "task_type": '"},"case_id":"y',
        "output": {"a": 1},
        "policy_hash": "h",
        "replayed": False,
    }
    with Orchestrator.open(f"sqlite:///{tmp_path / 'hitl.db'}") as hitl:
        for number in range(3):
            name = f"task-{number}"
            task = a_task(name, metadata={**imitation, "task": imitation, "zz": {"case_id": "z", "task": {}}})
            hitl.submit(task, an_output(name, policy_hash="h", policy_id="p", task=imitation))

        assert hitl.audit.verify().problem is None

    with closing(sqlite3.connect(tmp_path / "hitl.db")) as connection:
        connection.execute("UPDATE cases SET task_id = 'x' WHERE task_id = 'task-1'")
        connection.commit()
    assert "another task" in verified(tmp_path / "hitl.db").problem

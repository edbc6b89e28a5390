"""Key files: made once, private, and refused where they are not."""

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from support.builders import AGENT, NINE, a_shown, a_submission

from hitl_orchestrator.errors import InvalidKey, SealKeyMissing, TamperedReview
from hitl_orchestrator.ledger.keys.files import encryption_key, keys_in, new_key, private_text, seal_keys_from
from hitl_orchestrator.ledger.keys.mac import ephemeral_keys
from hitl_orchestrator.wiring.stores import open_ledger


@pytest.fixture
def key_file(store_file) -> Path:
    return store_file.with_name("hitl.db.key")


def a_waiting_case(ledger):
    ledger.receive(a_submission(), AGENT)
    return ledger.open_review(a_shown(), NINE)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_key_is_created_with_the_store_for_its_owner_only(sqlite_ledger, key_file):
    assert mode(key_file) == 0o600
    assert len(keys_in(key_file.read_text(), key_file)[0]) == 32


def test_files_beside_the_store_are_private(sqlite_ledger, store_file):
    a_waiting_case(sqlite_ledger)

    modes = {path.name: mode(path) for path in store_file.parent.iterdir()}

    assert set(modes) == {"hitl.db", "hitl.db-wal", "hitl.db-shm", "hitl.db.key"}
    assert set(modes.values()) == {0o600}


def test_the_key_is_not_in_the_database(sqlite_ledger, store_file, key_file):
    a_waiting_case(sqlite_ledger)

    with closing(sqlite3.connect(store_file)) as connection:
        dump = "\n".join(connection.iterdump())
    assert key_file.read_text().strip() not in dump


@pytest.mark.parametrize("others", [0o640, 0o604, 0o660, 0o644, 0o666])
def test_a_key_readable_by_other_users_is_rejected_with_the_remedy(store_file, key_file, others):
    key_file.write_text(new_key())
    key_file.chmod(others)

    with pytest.raises(InvalidKey, match=f"chmod 600 {key_file}"):
        open_ledger(f"sqlite:///{store_file}")

    assert not store_file.exists()


@pytest.mark.parametrize(
    "text",
    ["", "\n", "secret", "ab" * 31, f"{'ab' * 32}\n{'cd' * 16}", "é" * 64],
    ids=["empty", "a line", "a word", "31 bytes", "a second one of 16 bytes", "no ascii"],
)
def test_an_invalid_key_is_rejected_with_the_remedy(tmp_path, text):
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidKey) as refusal:
        seal_keys_from(key, tmp_path / "unused")
    assert str(key) in str(refusal.value)

    if text.isascii() and text:
        with pytest.raises(InvalidKey, match="openssl rand -hex 32"):
            seal_keys_from(text, tmp_path / "unused")


def test_a_missing_key_file_is_rejected(tmp_path):
    with pytest.raises(InvalidKey, match="there is no such file"):
        seal_keys_from(tmp_path / "lost", tmp_path / "unused")

    assert list(tmp_path.iterdir()) == []


def test_one_of_many_concurrent_processes_creates_the_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: private_text(tmp_path / "key", new_key), range(64)))

    assert len(set(made)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_store_is_not_opened_without_its_key(store_file, key_file):
    store = f"sqlite:///{store_file}"
    with closing(open_ledger(store)) as ledger:
        a_waiting_case(ledger)
    key = key_file.read_text()
    key_file.unlink()

    with pytest.raises(SealKeyMissing, match="restore it from a backup, or give the key with HITL_SEAL_KEY"):
        open_ledger(store)
    assert not key_file.exists()

    with closing(open_ledger(store, key)) as ledger:
        assert ledger.verified_review("case-1.0")[0].review_id == "case-1.0"


def test_a_store_without_cases_creates_no_second_key(store_file, key_file):
    store = f"sqlite:///{store_file}"
    open_ledger(store).close()
    key_file.unlink()

    with pytest.raises(SealKeyMissing, match="was sealed with a key that is missing"):
        open_ledger(store)

    assert not key_file.exists()


def test_each_memory_store_has_its_own_key():
    with closing(open_ledger("memory://")) as one, closing(open_ledger("memory://")) as other:
        row, same = a_waiting_case(one), a_waiting_case(other)

    assert row == same.model_copy(update={"seal": row.seal, "queued_at": row.queued_at})
    assert row.seal != same.seal


@pytest.mark.parametrize("key", ["ab" * 16, "ab" * 33, "x"])
def test_a_key_for_encryption_has_32_bytes(key):
    with pytest.raises(InvalidKey, match="HITL_CHECKPOINT_KEY"):
        encryption_key(key)


def test_a_key_is_never_shown():
    assert "lambda" not in repr(ephemeral_keys())
    with pytest.raises(InvalidKey) as refusal:
        seal_keys_from("ab" * 31, Path("unused"))
    assert "abab" not in str(refusal.value)


def test_a_missing_review_is_reported_as_tampered(ledger):
    with pytest.raises(TamperedReview, match="its row is missing"):
        ledger.verified_review("case-1.0")


def test_an_alarm_is_recorded_once_per_case_and_cause(ledger):
    for case_id in ("case-1", "case-1", "case-2"):
        ledger.alarm(case_id, "a row was forged", NINE)
    ledger.alarm("case-1", "another row was forged", NINE)

    alarms = [(event.case_id, event.body["cause"]) for event in ledger.events()]
    assert alarms == [
        ("case-1", "a row was forged"),
        ("case-2", "a row was forged"),
        ("case-1", "another row was forged"),
    ]


def test_a_failed_key_creation_leaves_no_file(tmp_path):
    def fails() -> str:
        raise KeyError

    with pytest.raises(KeyError):
        private_text(tmp_path / "key", fails)

    assert list(tmp_path.iterdir()) == []

"""`hitl audit` behaves the same on SQLite and PostgreSQL."""

import json

import pytest
from support.attacker import Intruder


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, folder):
    return request.getfixturevalue("postgres_store") if request.param == "postgres" else "sqlite:///hitl.db"


@pytest.fixture
def filled(hitl, store, monkeypatch):
    """A store with the canonical five cases, all finished, which the environment names."""
    monkeypatch.setenv("HITL_STORE", store)
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviews", "human_reviews.json").code == 0
    return hitl


@pytest.fixture
def intruder(store):
    intruder = Intruder(store)
    yield intruder
    intruder.rearm()


def test_untouched_ledger_verifies_and_is_signed(filled):
    assert filled("audit", "head", "--out", "heads.jsonl").code == 0
    assert filled("audit", "key", "--out", "ledger.pub").code == 0

    data = filled("audit", "verify", "--head", "heads.jsonl", "--public-key", "ledger.pub", "--json").data

    assert (data["sound"], data["problem"], data["heads"]) == (True, None, 1)


def test_altered_entry_before_the_last_head_is_not_proven(filled, intruder):
    intruder.disarm()
    intruder.run("UPDATE events SET entry = replace(entry, 'task_002', 'task_009')")

    refused = filled("audit", "prove", "task_002")

    assert (refused.code, "damaged" in refused.err) == (1, True)


def test_altered_ledger_is_named_and_neither_signed_nor_proven(filled, intruder, monkeypatch):
    monkeypatch.setenv("HITL_HEAD_FILE", "off")
    intruder.disarm()
    intruder.run("UPDATE events SET entry = replace(entry, 'task_002', 'task_009')")

    answer = filled("audit", "verify")

    bad = filled("audit", "verify", "--json").data["bad_entry"]
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"hitl: entry {bad}: its text or its digest was altered")
    for command in (["head"], ["prove", "task_001"]):
        refused = filled("audit", *command)
        assert (refused.code, f"entry {bad}" in refused.err) == (1, True)


def test_truncation_is_found_with_a_signed_head(filled, intruder):
    filled("audit", "head", "--out", "heads.jsonl")
    intruder.disarm()
    intruder.run("DELETE FROM events WHERE seq > (SELECT max(seq) FROM events) - 3")

    answer = filled("audit", "verify", "--head", "heads.jsonl")

    assert (answer.code, "the end was truncated" in answer.err) == (1, True)


def test_a_proof_is_checked_without_the_database(filled, folder):
    assert filled("audit", "prove", "task_002", "--out", "proof.json").code == 0
    filled("audit", "key", "--out", "ledger.pub")

    proven = filled("audit", "check", "proof.json", "--public-key", "ledger.pub")
    text = (folder / "proof.json").read_text()
    (folder / "proof.json").write_text(text.replace("approve", "reject!"))

    assert proven.code == 0
    assert filled("audit", "check", "proof.json").code == 1


def test_records_and_entries_are_listed_and_exported_alike(filled, folder):
    listed = filled("audit", "list", "--json").data
    results = filled("audit", "export", "--events", "--out", "entries.jsonl", "--json").data

    # Those that go ahead finish with their chunk, and the others with their recorded reviews.
    assert [record["task_id"] for record in listed] == [f"task_00{number}" for number in (1, 4, 2, 3, 5)]
    exported = [json.loads(line) for line in filled("audit", "export").out.splitlines()]
    names = ("metadata", "task_timestamp", "redacted", "history")
    of_the_tasks = [tuple(record.pop(name) for name in names) for record in exported]
    assert exported == listed
    assert of_the_tasks[0] == ("{}", "2025-01-10T09:15:00Z", False, None)
    entries = [json.loads(line) for line in (folder / "entries.jsonl").read_text().splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(1, results["rows"] + 1))

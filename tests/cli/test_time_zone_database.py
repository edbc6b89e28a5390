"""A machine without a time zone database."""

import json

import pytest

UTC_NEEDS_NONE = ("inbox", "show task_002", "audit list", "policy versions", "recover", "sweep")


def submit(warm, folder, **policy):
    stored = json.loads((folder / "routing_policy.json").read_text())
    (folder / "zoned.json").write_text(json.dumps(stored | policy))
    words = ("run", "tasks.json", "--outputs", "agent_outputs.json", "--policy", "zoned.json")
    assert warm.run(*words, cwd=folder).code == 0


def test_utc_needs_no_database(warm, folder):
    submit(warm, folder)
    for words in UTC_NEEDS_NONE:
        ran = warm.run(*words.split(), cwd=folder, zones=False)
        assert (ran.code, ran.err) == (0, b""), words


@pytest.mark.parametrize("words", ["inbox", "show task_002", "recover"])
def test_a_recorded_policy_whose_zone_is_missing_here_is_not_called_altered(warm, folder, words):
    submit(warm, folder, timezone="Asia/Tokyo")
    ran = warm.run(*words.split(), cwd=folder, zones=False)
    assert ran.code == 2
    assert ran.err.count(b"\n") == 1
    assert b"stored as the ledger records it, and this installation cannot read it: policy: timezone: " in ran.err
    assert b"the time zone database of this machine is missing; run: pip install tzdata" in ran.err
    assert b"who changed" not in ran.err
    assert warm.run("audit", "verify", cwd=folder, zones=False).code == 0


def test_a_name_that_is_no_zone_is_called_so_only_where_there_are_zones(warm, folder):
    (folder / "zoned.json").write_text('{"policy_id": "p", "timezone": "Mars/Base", "rules": []}')
    words = ("policy", "check", "zoned.json")
    assert b"no such time zone" in warm.run(*words, cwd=folder).err
    assert b"database of this machine is missing" in warm.run(*words, cwd=folder, zones=False).err

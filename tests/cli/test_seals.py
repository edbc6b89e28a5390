"""The seal key at the command line: what verification checks with it and without it, and empty variables of keys."""

from pathlib import Path

import pytest


def test_verification_states_the_ledger_and_whether_seals_were_checked(canonical, folder):
    with_key, read = canonical("audit", "verify", "--json").data, canonical("audit", "verify").out
    (folder / "hitl.db.key").rename(folder / "elsewhere")
    without = canonical("audit", "verify", "--json").data

    assert (with_key["seals_checked"], without["seals_checked"]) == (True, False)
    assert with_key["ledger_id"] == without["ledger_id"]
    assert f"Ledger {with_key['ledger_id']}: its seals are valid." in " ".join(read.split())
    assert "seals not checked (no key)" in canonical("audit", "verify").out
    assert not (folder / "hitl.db.key").exists()


def test_a_head_and_a_proof_name_the_ledger(canonical):
    ledger_id = canonical("audit", "verify", "--json").data["ledger_id"]

    assert canonical("audit", "head", "--out", "heads", "--json").data["ledger_id"] == ledger_id
    assert f"of ledger {ledger_id}" in " ".join(canonical("audit", "head", "--out", "heads").out.split())
    assert canonical("audit", "prove", "task_001", "--out", "proof.json", "--json").data["ledger_id"] == ledger_id


@pytest.mark.parametrize("name", ["HITL_SEAL_KEY", "HITL_HEAD_KEY", "HITL_HEAD_KEY_FILE", "HITL_CHECKPOINT_KEY"])
@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_variable_of_a_key_is_an_error(hitl, monkeypatch, name, text):
    monkeypatch.setenv(name, text)

    ran = hitl("run", "tasks.json", "--outputs", "agent_outputs.json")

    assert (ran.code, ran.out) == (2, "")
    assert f"key '{name}' cannot be used: the variable is empty; set it to a key, or unset it" in ran.err
    assert not Path("hitl.db").exists()

"""Rotation of keys at the command line, and the note about a clock that was moved back."""

from datetime import UTC, datetime, timedelta

from support.builders import a_task, an_output

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.ledger.keys.files import new_key


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_rotation_is_one_command_and_verification_names_it(canonical, folder):
    changed = canonical("audit", "rotate", "--json").data
    kept = (folder / "hitl.db.key").read_text().split()
    verified = canonical("audit", "verify")

    assert (verified.code, len(kept)) == (0, 2)
    assert f"Its key changed at entry {changed['valid_from'] - 1}." in words(verified.out)
    assert "key changed" in canonical("audit", "show", "--ledger").out
    assert "verifies the entries before, and seals nothing new" in words(canonical("audit", "rotate").out)
    assert canonical("recover").code == 0


def test_a_key_of_the_environment_needs_both_keys_and_says_so(canonical, folder, monkeypatch):
    old, new = (folder / "hitl.db.key").read_text().strip(), new_key()
    monkeypatch.setenv("HITL_SEAL_KEY", old)
    alone = canonical("audit", "rotate")
    monkeypatch.setenv("HITL_SEAL_KEY", f"{new},{old}")
    early = canonical("inbox")

    assert (alone.code, early.code) == (2, 2)
    assert "put the new key before the present one, separated by a comma" in alone.err
    assert "'hitl audit rotate' makes it valid" in early.err
    assert canonical("audit", "rotate").code == 0
    assert canonical("inbox").code == 0


def test_a_new_head_key_is_followed_from_the_pinned_one(canonical, folder):
    key = folder / "hitl.db.head-key"
    canonical("audit", "head", "--out", "heads")
    canonical("audit", "key", "--out", "old.pub")
    old = key.read_text()
    key.write_text(new_key())
    unendorsed = canonical("audit", "head", "--out", "heads")
    key.write_text(f"{new_key()}\n{old}")
    canonical("audit", "head", "--out", "heads")
    canonical("audit", "key", "--out", "new.pub")

    assert unendorsed.code == 2
    assert "put the retired key after it, which endorses the new one" in unendorsed.err
    for pinned in ("old.pub", "new.pub"):
        assert canonical("audit", "verify", "--head", "heads", "--public-key", pinned).code == 0
    (folder / "other.pub").write_text(new_key())
    assert canonical("audit", "verify", "--head", "heads", "--public-key", "other.pub").code == 1


def test_a_head_under_the_retired_key_is_refused(canonical, folder):
    key = folder / "hitl.db.head-key"
    canonical("audit", "head", "--out", "heads")
    old, new = key.read_text(), new_key()
    key.write_text(f"{new}\n{old}")
    canonical("audit", "head", "--out", "heads")
    # A person with the retired key alone, who makes up the endorsement.
    key.write_text(f"{old}\n{new}")
    canonical("audit", "head", "--out", "heads")
    lines = (folder / "heads").read_text().splitlines()
    endorsement = lines[2].split('"endorsement":"')[1][:128]
    (folder / "heads").write_text("\n".join([*lines[:2], lines[2].replace(endorsement, "0" * 128)]) + "\n")
    key.write_text(f"{new}\n{old}")

    refused = canonical("audit", "verify", "--head", "heads")

    assert refused.code == 1
    assert "which the key of the previous head does not endorse" in words(refused.err)


def test_a_clock_that_was_moved_back_is_mentioned(canonical):
    later = datetime.now(UTC) + timedelta(hours=3)
    with Orchestrator.open("sqlite:///hitl.db", clock=lambda: later) as hitl:
        hitl.submit(a_task("ahead"), an_output("ahead", confidence=0.95))
    with Orchestrator.open("sqlite:///hitl.db") as hitl:
        hitl.submit(a_task("back"), an_output("back", confidence=0.95))

    jumps = canonical("audit", "verify", "--json").data["clock_jumps"]

    note = f"The clock was moved back at entry {jumps[0]}: times before and after do not compare."
    assert len(jumps) == 1
    for command in ("verify", "list"):
        assert note in words(canonical("audit", command).out)
    assert "clock moved back" in canonical("audit", "show", "--ledger").out

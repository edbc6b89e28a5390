"""Rotation of the seal key: each entry counts under the key that was valid at its number, and no retired key counts."""

import hmac
import stat
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.attacker import Intruder
from support.builders import NINE, a_task, an_output
from support.stores import found

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import HitlError, InvalidKey, LedgerDamaged, TamperedReview, UnknownLedgerKey
from hitl_orchestrator.ledger.database.address import is_postgres
from hitl_orchestrator.ledger.events import builders
from hitl_orchestrator.ledger.events.chain import Head, HeadRow, link
from hitl_orchestrator.ledger.keys.files import new_key, seal_keys_from
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.orchestrator import LedgerAudit
from hitl_orchestrator.wiring.stores import key_file_of

OLD, NEW, LATER = (new_key() for _ in range(3))


class Rotated(NamedTuple):
    """A store that a person with the tables and a retired key attacks."""

    store: str
    intruder: Intruder

    def open(self, *keys: str) -> Orchestrator:
        return Orchestrator.open(self.store, seal_key=list(keys), head_file=False)

    def rotate(self, *keys: str) -> Any:
        with LedgerAudit(self.store, seal_key=list(keys)) as audit:
            return audit.rotate_key()

    def problem(self, *keys: str) -> str | None:
        with LedgerAudit(self.store, seal_key=list(keys)) as audit:
            return audit.verify().problem

    def forge(self, sql: str, *values: Any) -> None:
        """Change rows without the triggers, which are put back as they were."""
        self.intruder.disarm()
        self.intruder.run(sql, *values)
        self.intruder.rearm()

    def seals(self, key: str) -> Seals:
        """Return the seals of a person who has this key alone."""
        (row,) = self.intruder.run("SELECT ledger_id FROM ledger_head")
        return Seals(seal_keys_from(key, Path()), row["ledger_id"])

    def end(self) -> Head:
        (last,) = self.intruder.run("SELECT seq, digest FROM events ORDER BY seq DESC LIMIT 1")
        return Head(*last.values())


@pytest.fixture(params=["sqlite", "postgres"])
def rotated(request, tmp_path) -> Rotated:
    store = f"sqlite:///{tmp_path}/hitl.db"
    if request.param == "postgres":
        store = request.getfixturevalue("postgres_store")
        found(store, OLD)
        key_file_of(store).unlink()
    with closing(Orchestrator.open(store, seal_key=OLD)):
        intruder = Intruder(store)
    return Rotated(store, intruder)


def submit(hitl: Orchestrator, name: str, confidence: float = 0.5) -> Any:
    return hitl.submit(a_task(name), an_output(name, confidence=confidence))


def key_ids(rotated: Rotated) -> list[str]:
    rows = rotated.intruder.run("SELECT mac FROM events ORDER BY seq")
    return [row["mac"].split(":")[1] for row in rows]


def test_after_a_rotation_the_new_key_seals_and_both_verify(rotated):
    with rotated.open(OLD) as hitl:
        case = submit(hitl, "before")
    before = key_ids(rotated)

    change = rotated.rotate(NEW, OLD)

    assert (set(before), change.valid_from) == ({change.old_key}, len(before) + 2)
    with rotated.open(NEW, OLD) as hitl:
        assert hitl.decide(case.case_id, "approve", reviewer="domain_reviewer").status == "approved"
        submit(hitl, "after")
        with LedgerAudit(rotated.store, seal_key=[NEW, OLD]) as audit:
            (event,) = audit.own_events()
            result = audit.verify()
    assert key_ids(rotated)[: len(before) + 1] == [change.old_key] * (len(before) + 1)
    assert set(key_ids(rotated)[len(before) + 1 :]) == {change.new_key}
    assert event.body == {"old_key": change.old_key, "new_key": change.new_key, "valid_from": change.valid_from}
    assert (result.problem, result.key_changes) == (None, (event.seq,))


def test_the_change_is_sealed_with_both_keys(rotated):
    with rotated.open(OLD) as hitl:
        submit(hitl, "before")
    change = rotated.rotate(NEW, OLD)
    seq = change.valid_from - 1
    (row,) = rotated.intruder.run("SELECT mac FROM events WHERE seq = ?", seq)
    by_old, by_new = row["mac"].split(" ")

    assert (by_old.split(":")[1], by_new.split(":")[1]) == (change.old_key, change.new_key)
    for altered in (by_old, by_new, f"{by_old} {by_old}", f"{by_new} {by_new}", f"{by_old} {by_new[:-1]}g"):
        rotated.forge("UPDATE events SET mac = ? WHERE seq = ?", altered, seq)
        with pytest.raises(LedgerDamaged, match=f"entry {seq}"):
            rotated.open(NEW, OLD)
        assert f"entry {seq}" in (rotated.problem(NEW, OLD) or "")


def test_another_first_key_without_a_rotation_is_refused_with_the_remedy(rotated):
    with rotated.open(OLD) as hitl:
        submit(hitl, "before")

    with pytest.raises(InvalidKey, match="'hitl audit rotate' makes it valid"):
        rotated.open(NEW, OLD)
    assert "'hitl audit rotate'" in (rotated.problem(NEW, OLD) or "")
    with rotated.open(OLD, NEW) as prepared:
        submit(prepared, "prepared")
    rotated.rotate(NEW, OLD)
    with rotated.open(OLD, NEW) as prepared:
        submit(prepared, "after")
    assert rotated.problem(NEW, OLD) is None


def test_without_the_new_key_or_without_the_old_one_nothing_is_read(rotated):
    with rotated.open(OLD) as running:
        submit(running, "before")
        rotated.rotate(NEW, OLD)

        with pytest.raises(UnknownLedgerKey):
            submit(running, "after")
    for key in (OLD, NEW):
        with pytest.raises(UnknownLedgerKey):
            rotated.open(key)
        assert "which is not configured here" in (rotated.problem(key) or "")


def test_a_running_process_follows_a_rotation(rotated):
    with rotated.open(OLD, NEW) as running, rotated.open(OLD, NEW) as other:
        first, second = submit(running, "first"), submit(running, "second")
        change = rotated.rotate(NEW, OLD)

        assert running.decide(first.case_id, "approve", reviewer="domain_reviewer").status == "approved"
        assert len(other.cases.history(first.case_id)) > 2
        assert other.decide(second.case_id, "reject", reviewer="domain_reviewer").status == "rejected"
    assert set(key_ids(rotated)[change.valid_from - 1 :]) == {change.new_key}
    assert rotated.problem(NEW, OLD) is None


def test_an_entry_after_the_change_under_the_retired_key_counts_nowhere(rotated):
    with rotated.open(OLD) as hitl:
        case = submit(hitl, "before")
    change = rotated.rotate(NEW, OLD)
    seals = rotated.seals(OLD)
    labeled = builders.labeled(case.open_review, builders.SYSTEM, NINE, "Refund")
    (forged,) = link(rotated.end(), [labeled], seals.entry)
    rotated.forge("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", *forged)

    with rotated.open(NEW, OLD) as hitl, pytest.raises(HitlError, match=f"the key '{change.new_key}' was valid for it"):
        hitl.decide(case.case_id, "approve", reviewer="domain_reviewer")
    assert f"entry {forged.seq} was not written by this ledger" in (rotated.problem(NEW, OLD) or "")


def test_a_decision_under_the_retired_key_decides_nothing(rotated):
    with rotated.open(OLD) as hitl:
        before, case = submit(hitl, "before"), submit(hitl, "case")
        hitl.decide(before.case_id, "approve", reviewer="domain_reviewer")
    rotated.rotate(NEW, OLD)
    with rotated.open(NEW, OLD) as hitl:
        after = submit(hitl, "after")
        row = hitl.cases.get(after.case_id).open_review
        forged = rotated.seals(OLD).sealed(row.model_copy(update={"role": "domain_reviewer"}))
        rotated.intruder.change(row.review_id, seal=forged.seal, role=forged.role)

        with pytest.raises(TamperedReview, match="was valid for it"):
            hitl.decide(after.case_id, "approve", reviewer="domain_reviewer")
        assert hitl.decide(case.case_id, "approve", reviewer="domain_reviewer").status == "approved"


def test_a_ledger_rolled_back_behind_the_change_is_refused(rotated):
    with rotated.open(OLD) as hitl:
        submit(hitl, "before")
    (head,) = rotated.intruder.run("SELECT ledger_id, seq, digest, governed, latest, mac FROM ledger_head")
    with rotated.open(OLD, NEW) as running:
        rotated.rotate(NEW, OLD)
        submit(running, "after")
        rotated.forge("DELETE FROM events WHERE seq > ?", head["seq"])
        moved = HeadRow(**head)
        rotated.forge(
            "UPDATE ledger_head SET seq = ?, digest = ?, governed = ?, latest = ?, mac = ?",
            *moved[1:5],
            rotated.seals(OLD).head(moved),
        )

        with pytest.raises(LedgerDamaged):
            submit(running, "again")
    with pytest.raises(InvalidKey, match="If it was valid before, the ledger was rolled back"):
        rotated.open(NEW, OLD)
    assert "the ledger was rolled back" in (rotated.problem(NEW, OLD) or "")


def test_a_change_that_is_removed_or_made_with_the_old_key_alone_is_found(rotated):
    with rotated.open(OLD) as hitl:
        submit(hitl, "before")
    change = rotated.rotate(NEW, OLD)
    rotated.forge("UPDATE events SET kind = 'alarm' WHERE seq = ?", change.valid_from - 1)

    with pytest.raises(LedgerDamaged):
        rotated.open(NEW, OLD)
    assert rotated.problem(NEW, OLD) is not None


def test_a_retired_key_is_never_valid_again(rotated):
    rotated.rotate(NEW, OLD)

    with pytest.raises(InvalidKey, match="was retired; make a new one"):
        rotated.rotate(OLD, NEW)
    with pytest.raises(InvalidKey, match="is the one that seals this ledger now"):
        rotated.rotate(NEW, OLD)
    rotated.rotate(LATER, NEW, OLD)
    with rotated.open(LATER, NEW, OLD) as hitl:
        submit(hitl, "after")
    assert rotated.problem(LATER, NEW, OLD) is None


def test_functions_of_a_key_service_rotate(rotated):
    old, new = (lambda message, key=key: hmac.digest(bytes.fromhex(key), message, "sha256") for key in (OLD, NEW))
    with Orchestrator.open(rotated.store, seal_key=old) as hitl:
        case = submit(hitl, "before")
        change = hitl.audit.rotate_key(new)
        assert hitl.decide(case.case_id, "approve", reviewer="domain_reviewer").status == "approved"
        assert hitl.audit.verify().key_changes == (change.valid_from - 1,)
    with Orchestrator.open(rotated.store, seal_key=[new, old]) as hitl:
        submit(hitl, "after")


def test_a_key_file_gets_the_new_key_first_and_other_processes_read_it(tmp_path):
    store, file = f"sqlite:///{tmp_path}/hitl.db", tmp_path / "hitl.db.key"
    with Orchestrator.open(store) as hitl, Orchestrator.open(store) as other:
        submit(hitl, "before")
        old = file.read_text().split()
        hitl.audit.rotate_key()
        submit(other, "after")
        submit(hitl, "later")
        assert hitl.audit.verify().problem is None

    assert (file.read_text().split()[1:], stat.S_IMODE(file.stat().st_mode)) == (old, 0o600)
    assert sorted(path.name for path in tmp_path.glob("hitl.db.key*")) == ["hitl.db.key"]
    with Orchestrator.open(store) as hitl:
        submit(hitl, "at-last")


def test_a_rotation_that_ended_after_writing_the_file_is_continued(tmp_path):
    store, file = f"sqlite:///{tmp_path}/hitl.db", tmp_path / "hitl.db.key"
    with Orchestrator.open(store) as hitl:
        submit(hitl, "before")
    made = new_key()
    file.write_text(f"{made}\n{file.read_text()}")

    with pytest.raises(InvalidKey, match="hitl audit rotate"):
        Orchestrator.open(store)
    with LedgerAudit(store) as audit:
        audit.rotate_key()

    assert file.read_text().split()[0] == made
    with Orchestrator.open(store) as hitl:
        assert hitl.audit.verify().problem is None


def test_a_missing_key_file_is_not_made_again(tmp_path):
    store, file = f"sqlite:///{tmp_path}/hitl.db", tmp_path / "hitl.db.key"
    with Orchestrator.open(store) as hitl:
        file.unlink()
        with pytest.raises(InvalidKey, match="the file is gone"):
            hitl.audit.rotate_key()
        submit(hitl, "still-sealed")
    assert not file.exists()


def test_a_store_in_memory_rotates_to_a_given_key():
    with Orchestrator.open("memory://") as hitl:
        submit(hitl, "before")
        hitl.audit.rotate_key(NEW)
        submit(hitl, "after")
        assert hitl.audit.verify().problem is None


def test_the_kind_of_store_is_the_one_meant(rotated, request):
    assert is_postgres(rotated.store) is ("postgres" in request.node.name)

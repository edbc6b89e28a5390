"""Entries that this ledger did not write: without the key none counts, and with the key verification names each."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from itertools import product
from typing import Any, NamedTuple

import pytest
from support.attacker import Intruder
from support.builders import NINE, a_review, a_task, an_output
from support.internals import look_at, services_of
from support.people_changes import change_policy
from support.policy_changes import LOOSE, STRICT, USUAL, hash_of
from support.stores import found

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import PolicyChange
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import CheckpointUnreadable, HitlError, LedgerDamaged, TaskConflict, UnknownLedgerKey
from hitl_orchestrator.ledger.events import builders, policy_builders
from hitl_orchestrator.ledger.events.chain import Draft, Entry, Head, link
from hitl_orchestrator.ledger.events.contents import Contents, content_digest, marked
from hitl_orchestrator.ledger.keys.files import new_key
from hitl_orchestrator.orchestrator import LedgerAudit
from hitl_orchestrator.wiring.stores import key_file_of

KEY = new_key()
MAX = {"reviewer": "max", "reason": "we agreed so"}
PEOPLE = [
    {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"]},
    {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"]},
    {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"]},
]
BY_ANA = Actor(kind="human", id="ana", channel="library")


class Attacked(NamedTuple):
    """A store, and an attacker who can write its tables without the key."""

    store: str
    intruder: Intruder

    def open(self) -> Orchestrator:
        """Open the store. Seals alone tell what this ledger wrote: there are no signed heads."""
        return Orchestrator.open(self.store, reviewers=PEOPLE, seal_key=KEY, head_file=False)

    def end(self) -> Head:
        (last,) = self.intruder.run("SELECT seq, digest FROM events ORDER BY seq DESC LIMIT 1")
        return Head(*last.values())

    def insert(
        self, *drafts: Draft, seal: Callable[[int, str], str] | None = None, move_head: bool = True
    ) -> list[Entry]:
        """Append entries that follow the last one, and move the head row to their end."""
        made = link(self.end(), drafts, seal or self.borrowed)
        for entry in made:
            self.intruder.run("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", *entry)
        if move_head:
            self.intruder.run("UPDATE ledger_head SET seq = ?, digest = ?", made[-1].seq, made[-1].digest)
        return made

    def borrowed(self, seq: int, digest: str) -> str:
        """Return the seal of another entry."""
        return str(self.intruder.run("SELECT mac FROM events WHERE seq = 1")[0]["mac"])

    def problem(self, key: str | None = KEY) -> str | None:
        self.intruder.rearm()
        with LedgerAudit(self.store, seal_key=key) as audit:
            found = audit.verify()
        self.intruder.disarm()
        assert found.seals_checked is (key is not None and found.ledger_id is not None)
        return found.problem


@pytest.fixture(params=["sqlite", "postgres"])
def attacked(request, tmp_path) -> Iterator[Attacked]:
    store = f"sqlite:///{tmp_path}/hitl.db"
    if request.param == "postgres":
        store = request.getfixturevalue("postgres_store")
        found(store, KEY)
        key_file_of(store).unlink()
    with closing(Orchestrator.open(store, reviewers=PEOPLE, seal_key=KEY, head_file=False)):
        intruder = Intruder(store)
    intruder.disarm()
    yield Attacked(store, intruder)
    intruder.rearm()


def submit(hitl: Orchestrator, name: str, confidence: float = 0.5) -> Any:
    return hitl.submit(a_task(name), an_output(name, confidence=confidence))


SEALS: dict[str, Callable[[int, str], str] | None] = {
    "no seal": lambda seq, digest: "",
    "a seal of another entry": None,
    "a made-up seal": lambda seq, digest: f"hmac-sha256:{'0' * 16}:{'f' * 64}",
}


@pytest.mark.parametrize("seal", SEALS.values(), ids=SEALS)
def test_inserted_entries_activate_no_policy(attacked, seal):
    with attacked.open() as running:
        running.policy.activate(STRICT, **MAX)
        looser = {"policy_id": "sure", "policy_hash": hash_of(LOOSE), "policy": LOOSE, "reason": "r", "findings": []}
        change = {"policy_hash": hash_of(LOOSE), "before": hash_of(STRICT), "reason": "r"}
        drafts = [
            policy_builders.version(looser, BY_ANA, NINE),
            policy_builders.activated(PolicyChange.ACTIVATE, change, BY_ANA, NINE),
        ]
        (version, _) = attacked.insert(*drafts, seal=seal)
        row = hash_of(LOOSE), "sure", canonical_json(LOOSE), version.seq
        attacked.intruder.run("INSERT INTO policies VALUES (?, ?, ?, ?)", *row)

        with pytest.raises(LedgerDamaged, match="the head row was not written by this ledger"):
            submit(running, "task-1", confidence=0.6)
    with pytest.raises(LedgerDamaged, match=f"entry {version.seq}"):
        attacked.open()
    assert f"entry {version.seq}" in (attacked.problem() or "")


def record_of(hitl: Orchestrator, case: Any) -> Any:
    """Return an approving audit record of a waiting case, made from that of another case."""
    record = submit(hitl, "sure", confidence=0.95).record
    texts = {"case_id": case.case_id, "task_id": case.task_id, "log_id": f"log_{case.case_id}"}
    return record.model_copy(update=texts)


def test_an_inserted_outcome_finishes_no_case(attacked):
    with attacked.open() as running:
        case = submit(running, "task-1")
        forged = builders.finished(record_of(running, case), NINE)
        (entry,) = attacked.insert(forged, move_head=False)
        attacked.intruder.move(case.case_id, "finished")

        with attacked.open() as again:
            uses = [
                lambda hitl: hitl.cases.get(case.case_id),
                lambda hitl: submit(hitl, "task-1"),
                lambda hitl: hitl.decide(case.case_id, "approve", reviewer="ana"),
                lambda hitl: hitl.recover() or hitl.cases.get(case.case_id),
            ]
            for hitl, use in product((running, again), uses):
                with pytest.raises(LedgerDamaged, match=f"entry {entry.seq} was"):
                    use(hitl)
                assert [record.task_id for record in hitl.audit.records()] == ["sure"]
    assert f"entry {entry.seq} was not written by this ledger" in (attacked.problem() or "")


def test_a_row_that_says_finished_is_no_approval(attacked):
    with attacked.open() as hitl:
        case = submit(hitl, "task-1")
        attacked.intruder.move(case.case_id, "finished")

        for use in (lambda: hitl.cases.get(case.case_id), lambda: submit(hitl, "task-1")):
            with pytest.raises(HitlError, match="no reviewer's decision is recorded for it"):
                use()


def test_an_inserted_entry_about_a_case_stops_its_decision(attacked):
    with attacked.open() as hitl:
        case = submit(hitl, "task-1")
        attacked.insert(builders.labeled(case.open_review, BY_ANA, NINE, "Refund"))

        with pytest.raises(HitlError, match="was not written by this ledger"):
            hitl.decide(case.case_id, "approve", reviewer="ana")

        assert attacked.intruder.run("SELECT stage FROM cases") == [{"stage": "waiting"}]


def test_a_rewritten_last_entry_is_found_and_stops_all_writing(attacked):
    with attacked.open() as hitl:
        submit(hitl, "task-1")
        last = attacked.end()
        (row,) = attacked.intruder.run("SELECT entry FROM events WHERE seq = ?", last.seq)
        text = row["entry"].replace("domain_reviewer", "senior_manager")
        digest = sha256(text.encode()).hexdigest()
        attacked.intruder.run("UPDATE events SET entry = ?, digest = ? WHERE seq = ?", text, digest, last.seq)
        attacked.intruder.run("UPDATE ledger_head SET digest = ?", digest)

        with pytest.raises(LedgerDamaged, match="the head row was not written by this ledger"):
            submit(hitl, "task-2")
        with pytest.raises(LedgerDamaged, match="the head row was not written by this ledger"):
            services_of(hitl).ledger.head()
    assert f"entry {last.seq} was not written by this ledger" in (attacked.problem() or "")


def tightened(attacked: Attacked) -> int:
    """Activate a policy, then a stricter one; return the number of the entry before the second activation."""
    with attacked.open() as hitl:
        submit(hitl, "before")
        change_policy(hitl, USUAL)
        seen = attacked.end().seq
        hitl.policy.activate(STRICT, **MAX)
    return seen


def test_a_tightening_that_was_cut_off_stays_in_force_or_nothing_is(attacked):
    seen = tightened(attacked)
    attacked.intruder.run("DELETE FROM events WHERE seq > ?", seen)

    with pytest.raises(LedgerDamaged, match="entries about policies"):
        attacked.open()
    assert "the end was truncated" in (attacked.problem() or "")
    assert "the end was truncated" in (attacked.problem(key=None) or "")


HIDDEN = {
    "removed": "DELETE FROM events WHERE kind = 'policy_activated' AND seq > ?",
    "renamed": "UPDATE events SET kind = 'policy_recorded' WHERE kind = 'policy_activated' AND seq > ?",
    "moved to a case": "UPDATE events SET kind = 'alarm' WHERE kind = 'policy_activated' AND seq > ?",
}


@pytest.mark.parametrize("sql", HIDDEN.values(), ids=HIDDEN)
def test_a_tightening_in_the_middle_cannot_be_hidden(attacked, sql):
    seen = tightened(attacked)
    with attacked.open() as hitl:
        submit(hitl, "after")
    attacked.intruder.run(sql, seen)

    if "policy_recorded" in sql:
        # Its text still says what it is, and that counts.
        with attacked.open() as hitl:
            assert hitl.policy.status().active == hash_of(STRICT)
    else:
        with pytest.raises(LedgerDamaged, match="entries about policies"):
            attacked.open()
    assert attacked.problem() is not None


HEAD_ROWS = {
    "missing": ("DELETE FROM ledger_head", "is missing"),
    "another end": ("UPDATE ledger_head SET seq = seq - 1", "head row"),
    "another ledger": ("UPDATE ledger_head SET ledger_id = '00000000-0000-0000-0000-000000000000'", "ledger"),
    "another seal": ("UPDATE ledger_head SET mac = ''", "it has no seal"),
    "other governing entries": ("UPDATE ledger_head SET governed = digest", "head row"),
}


@pytest.mark.parametrize(("sql", "says"), HEAD_ROWS.values(), ids=HEAD_ROWS)
def test_an_altered_head_row_is_named_and_stops_all_writing(attacked, sql, says):
    with attacked.open() as hitl:
        submit(hitl, "task-1")
        attacked.intruder.run(sql)

        with pytest.raises(LedgerDamaged, match=says):
            submit(hitl, "task-2")
        with pytest.raises(LedgerDamaged, match=says):
            services_of(hitl).ledger.head()
    assert attacked.problem() is not None


def test_a_second_head_row_is_found(attacked):
    attacked.intruder.run(
        "INSERT INTO ledger_head SELECT 2, ledger_id, seq, digest, governed, latest, mac FROM ledger_head"
    )

    assert "has 2 rows" in (attacked.problem() or "")


def test_a_key_that_is_not_configured_has_its_own_sentence(attacked):
    with attacked.open() as hitl:
        submit(hitl, "task-1")

    assert "which is not configured here" in (attacked.problem(key=new_key()) or "")
    with attacked.open() as rotated:
        rotated.audit.rotate_key(new_key())
        submit(rotated, "task-2")
    with pytest.raises(UnknownLedgerKey, match="add that key to HITL_SEAL_KEY"):
        submit(attacked.open(), "task-3")


@pytest.fixture
def two(tmp_path) -> tuple[Attacked, Attacked]:
    """Two stores of one organization, with the same key and the same first entries."""
    stores = [f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "other")]
    for store in stores:
        with Orchestrator.open(store, reviewers=PEOPLE, seal_key=KEY, head_file=False) as hitl:
            hitl.cases.enqueue(a_task("task-1"), an_output("task-1", confidence=0.5))
            hitl.recover()
    one, other = (Attacked(store, Intruder(store)) for store in stores)
    one.intruder.disarm()
    return one, other


def copied(table: str, one: Attacked, other: Attacked, where: str = "1 = 1") -> None:
    """Copy rows of the other store into the one."""
    with closing(sqlite3.connect(one.store.removeprefix("sqlite:///"))) as connection:
        connection.execute("ATTACH ? AS other", (other.store.removeprefix("sqlite:///"),))
        connection.execute(f"INSERT OR REPLACE INTO main.{table} SELECT * FROM other.{table} WHERE {where}")
        connection.commit()


@pytest.mark.parametrize("table", ["events", "ledger_head"])
def test_rows_of_another_store_with_the_same_key_do_not_count(two, table):
    one, other = two
    with other.open() as hitl:
        submit(hitl, "task-2", confidence=0.95)
    with one.open() as running:
        copied(table, one, other)

        with pytest.raises(LedgerDamaged, match=r"was added without the head row|is of ledger"):
            submit(running, "task-3")
    assert re.search(r"entry 1 was not written by this ledger|is of ledger", one.problem() or "")


def test_a_review_of_another_store_with_the_same_key_decides_nothing(two):
    one, other = two
    with other.open() as hitl:
        decided = hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))
    with one.open() as hitl:
        case = hitl.cases.get(task_id="task-1")
        (given,) = other.intruder.run("SELECT * FROM reviews WHERE case_id = ?", decided.case_id)
        columns = {name: given[name] for name in ("status", "version", "verdict", "seal", "shown", "digest")}
        one.intruder.change(case.open_review.review_id, **columns)
        one.intruder.move(case.case_id, "decided")

        with pytest.raises(HitlError):
            hitl.recover()
        assert list(hitl.audit.records()) == []


def test_a_signed_head_of_another_store_is_refused_by_name(two, tmp_path):
    one, other = two
    with LedgerAudit(other.store, seal_key=KEY, head_file=tmp_path / "heads") as audit:
        head = audit.sign_head()
    with LedgerAudit(one.store, seal_key=KEY, head_file=tmp_path / "heads") as audit:
        assert f"is of ledger {head.ledger_id}" in (audit.verify([head]).problem or "")
        with pytest.raises(LedgerDamaged, match=f"is of ledger {head.ledger_id}"):
            audit.sign_head()
        with pytest.raises(LedgerDamaged, match=f"is of ledger {head.ledger_id}"):
            audit.prove("task-1")


def test_a_proof_names_its_ledger(two):
    names = set()
    for each in two:
        with each.open() as hitl:
            names.add((hitl.audit.prove(task_id="task-1").head.ledger_id, hitl.audit.verify().ledger_id))

    assert len(names) == 2
    assert all(proven == verified for proven, verified in names)


def test_a_checkpoint_of_another_store_is_not_resumed(two):
    one, other = two
    with one.open() as hitl, other.open() as foreign:
        mine, theirs = (each.cases.get(task_id="task-1").case_id for each in (hitl, foreign))
        look_at(hitl, mine)
        look_at(foreign, theirs)
        one.intruder.run("DELETE FROM checkpoints")
        copied("checkpoints", one, other)
        one.intruder.run("UPDATE checkpoints SET thread_id = ? WHERE thread_id = ?", mine, theirs)

        with pytest.raises(CheckpointUnreadable, match="it is of ledger"):
            look_at(hitl, mine)
        (cause,) = [event.body["cause"] for event in hitl.cases.history(mine) if event.kind == "alarm"]
        assert "it is of ledger" in cause
        assert hitl.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"


def test_without_the_key_only_the_chain_and_the_tables_are_compared(attacked):
    """Who rewrites the end consistently, with the head row, is found with the key only."""
    with attacked.open() as hitl:
        submit(hitl, "task-1", confidence=0.95)
    attacked.insert(builders.alarm(hitl_case(attacked), "all is well", NINE))

    assert attacked.problem(key=None) is None
    assert "was not written by this ledger" in (attacked.problem() or "")


def hitl_case(attacked: Attacked) -> str:
    return str(attacked.intruder.run("SELECT case_id FROM cases")[0]["case_id"])


def test_no_other_content_and_no_other_task_is_answered_with_an_approval(attacked):
    with attacked.open() as hitl:
        approved, other = submit(hitl, "task-1", confidence=0.95), submit(hitl, "task-2", confidence=0.95)
        looser = a_task("task-1", task_description="Pay everything")
        output = an_output("task-1", confidence=0.95)
        intake = builders.submitted(approved.submission.model_copy(update={"task": looser}), BY_ANA)
        (keys,) = attacked.intruder.run("SELECT key, body FROM contents WHERE case_id = ?", approved.case_id)
        content = content_digest(marked(intake, Contents(**keys)).body)
        attacked.intruder.run("UPDATE cases SET content = ? WHERE case_id = ?", content, approved.case_id)
        with pytest.raises(TaskConflict):
            hitl.submit(looser, output)

        attacked.intruder.run("UPDATE cases SET task_id = 'task-9' WHERE case_id = ?", other.case_id)
        with pytest.raises(HitlError, match="names task 'task-9', and its first entry task 'task-2'"):
            hitl.cases.get(task_id="task-9")

"""The cost of a finished task by its path: commits, rows, and bytes of checkpoints."""

import sqlite3
import struct
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from support.builders import a_review, a_task, an_output
from support.counted_calls import calls_of
from support.internals import look_at

from hitl_orchestrator import Orchestrator, RequestRejected

TABLES = ("cases", "reviews", "events", "payloads", "refusals", "checkpoints", "writes")


class Counter:
    """Counts the writes to a store between two readings."""

    def __init__(self, store: str) -> None:
        self.file = Path(store.removeprefix("sqlite:///"))
        self.look()

    def look(self) -> tuple[int, dict[str, int]]:
        before = getattr(self, "_seen", (0, {}))
        self._seen = self.commits(), self.rows()
        added = {table: self._seen[1][table] - before[1].get(table, 0) for table in TABLES}
        return self._seen[0] - before[0], {table: count for table, count in added.items() if count}

    def commits(self) -> int:
        """Count the commits in the write-ahead log: frames that carry the size of the database."""
        log = self.file.with_name(self.file.name + "-wal").read_bytes()
        page_size, salt = struct.unpack(">I", log[8:12])[0], log[16:24]
        frames = (log[start : start + 24] for start in range(32, len(log), 24 + page_size))
        return sum(1 for frame in frames if frame[8:16] == salt and frame[4:8] != b"\0\0\0\0")

    def rows(self) -> dict[str, int]:
        with closing(sqlite3.connect(self.file)) as connection:
            return {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES}

    def checkpoint_bytes(self) -> int:
        with closing(sqlite3.connect(self.file)) as connection:
            sizes = "length(checkpoint) + length(metadata) FROM checkpoints UNION ALL SELECT length(value) FROM writes"
            return sum(size for (size,) in connection.execute(f"SELECT {sizes}"))


@pytest.fixture
def durable(opened, sqlite_store) -> Orchestrator:
    """On SQLite, whose commits can be counted in its file."""
    return opened(sqlite_store)


@pytest.fixture
def warm(durable) -> None:
    """The first case makes the tables of the checkpoints."""
    look_at(durable, durable.submit(a_task("first"), an_output("first", confidence=0.5)).case_id)
    durable.decide(task_id="first", decision=a_review("reject", "ana"))


@pytest.fixture
def counter(warm, sqlite_store) -> Counter:
    return Counter(sqlite_store)


def test_an_auto_approved_task_takes_one_commit_and_leaves_no_checkpoint(durable, counter):
    durable.submit(a_task(), an_output())

    assert counter.look() == (1, {"cases": 1, "events": 3})


def test_the_same_submission_again_writes_nothing(durable, counter):
    durable.submit(a_task(), an_output())
    counter.look()

    durable.submit(a_task(), an_output())

    assert counter.look() == (0, {})


def test_a_waiting_task_takes_one_commit_and_leaves_no_checkpoint(durable, counter):
    durable.submit(a_task(), an_output(confidence=0.5))

    assert counter.look() == (1, {"cases": 1, "events": 3, "reviews": 1})


def test_a_client_that_looks_at_a_waiting_task_first_takes_two_commits_for_its_checkpoint(durable, counter):
    case = durable.submit(a_task(), an_output(confidence=0.5))
    counter.look()

    look_at(durable, case.case_id)

    assert counter.look() == (2, {"checkpoints": 1, "writes": 1})
    assert counter.checkpoint_bytes() < 8_000
    look_at(durable, case.case_id)
    assert counter.look() == (0, {})


def test_a_decision_takes_one_commit(durable, counter):
    durable.submit(a_task(), an_output(confidence=0.5))
    counter.look()

    durable.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert counter.look() == (1, {"events": 3})


def test_a_decision_takes_one_more_commit_to_delete_a_checkpoint(durable, counter):
    case = durable.submit(a_task(), an_output(confidence=0.5))
    look_at(durable, case.case_id)
    counter.look()

    durable.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert counter.look() == (1 + 1, {"events": 3, "checkpoints": -1, "writes": -1})
    assert counter.checkpoint_bytes() == 0


def test_a_repeated_answer_writes_nothing_and_a_rejected_one_is_recorded_once(durable, counter):
    durable.submit(a_task(), an_output(confidence=0.5))
    durable.decide(task_id="task-1", decision=a_review("approve", "ana"))
    counter.look()

    durable.decide(task_id="task-1", decision=a_review("approve", "ana"))
    for answer in [a_review("reject", "zoe"), a_review("approve", "ben")] * 3:
        with pytest.raises(RequestRejected):
            durable.decide(task_id="task-1", decision=answer)

    assert counter.look() == (2, {"events": 2, "refusals": 2})


@pytest.mark.parametrize("path", ["auto", "approve", "modify", "escalate"])
def test_a_finished_case_leaves_only_its_ledger_entries(durable, counter, path):
    durable.submit(a_task(), an_output(confidence=0.9 if path == "auto" else 0.5))
    if path == "escalate":
        durable.decide(task_id="task-1", decision=a_review("escalate", "ana"))
    if path != "auto":
        durable.decide(task_id="task-1", decision=a_review("approve" if path == "escalate" else path, "zoe"))

    _, rows = counter.look()
    assert set(rows) - {"reviews"} == {"cases", "events"}
    assert counter.checkpoint_bytes() == 0


def test_reading_writes_nothing(durable, counter):
    durable.inbox()
    durable.cases.get(task_id="first")
    durable.cases.history(task_id="first")
    list(durable.audit.records())
    durable.recover()

    assert counter.look() == (0, {})


def test_opening_a_store_that_is_up_to_date_writes_nothing(durable, opened, sqlite_store, counter):
    opened(sqlite_store)

    assert counter.look() == (0, {})


def statements_of(work) -> int:
    """Count the statements of an operation, which is done twice; one statement may add several rows."""
    return sum(calls_of(name, partial(work, f"task-{name}")) for name in ("execute", "executemany"))


def test_a_submission_and_a_decision_run_a_fixed_number_of_statements(durable, warm):
    def submit(task_id, confidence):
        durable.submit(a_task(task_id), an_output(task_id, confidence=confidence))

    def decide(task_id):
        durable.decide(task_id=task_id, decision=a_review("approve", "ana"))

    submit("warm", 0.9)

    assert statements_of(lambda name: submit(f"{name}-auto", 0.9)) == 11
    assert statements_of(lambda name: submit(name, 0.5)) == 11
    assert statements_of(decide) == 22


def test_counters_cost_one_statement_that_counts_and_one_that_notes_the_case(opened, sqlite_store):
    counters = {"all": {"count": "cases", "within": "P1D"}, "mine": {"count": "cases", "same": "who", "within": "P1D"}}
    rule = {"rule_id": "ok", "priority": 1, "conditions": {}, "action": "auto_approve"}
    policy = {"policy_id": "p", "metadata": {"who": "text"}, "history": counters, "rules": [rule]}
    hitl = opened(sqlite_store, policy=policy)

    def submit(task_id):
        hitl.submit(a_task(task_id, metadata={"who": "ann"}), an_output(task_id))

    submit("warm")

    assert statements_of(submit) == 11 + 2

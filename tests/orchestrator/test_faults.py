"""A full disk, a file that may only be read, a writer that does not released: a clear error, and nothing half done."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.database import sqlite
from hitl_orchestrator.ledger.database.writers import sqlite as writers

UNPRIVILEGED = 65534

LIMITED = """
import json, os, resource, signal, sys, tempfile
from hitl_orchestrator import AgentOutput, Orchestrator, Task
from hitl_orchestrator.errors import StoreUnavailable

store, room, unprivileged = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "unprivileged"
if unprivileged:  # root may write read-only files; import the late imports before dropping rights
    with Orchestrator.open(f"sqlite:///{tempfile.mkdtemp()}/warm.db") as hitl:
        hitl._services.runner
    os.setuid(int(sys.argv[4]))
acknowledged, reported = [], None
try:
    with Orchestrator.open(store) as hitl:
        hitl._services.runner
        if room:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        for number in range(400):
            name = f"task-{number}"
            task = Task(task_id=name, task_type="t", task_description="d" * 400, domain="customer_support",
                        risk_level="low" if number % 2 else "high", timestamp="2025-01-10T09:00:00Z")
            output = AgentOutput(task_id=name, agent_output={"predicted_label": "x" * 400}, confidence_score=0.9)
            acknowledged.append([name, hitl.submit(task, output).status])
except StoreUnavailable as exc:
    reported = str(exc)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(json.dumps([acknowledged, reported]))
"""


def submit_until_it_fails(store, room=0, who="me"):
    """Submit in a process with a file size limit; return the acknowledged tasks and the reported error."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, store, str(room), who, str(UNPRIVILEGED)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SIZES = [1, 40, 150, 400, 700]
MORE_SIZES = [5, 10, 20, 60, 80, 100, 125, 175, 200, 230, 260, 300, 350, 450, 500]


@pytest.mark.parametrize("kilobytes", [*SIZES, *(pytest.param(size, marks=pytest.mark.soak) for size in MORE_SIZES)])
def test_a_full_disk_is_reported_and_no_acknowledged_work_is_lost(sqlite_store, kilobytes):
    Orchestrator.open(sqlite_store).close()

    acknowledged, reported = submit_until_it_fails(sqlite_store, room=kilobytes * 1024)

    assert reported is not None
    assert "cannot be used" in reported
    with Orchestrator.open(sqlite_store) as hitl:
        hitl.recover()
        assert [[name, hitl.cases.get(task_id=name).status] for name, _ in acknowledged] == acknowledged
        finished = [record.case_id for record in hitl.audit.records()]
        assert len(finished) == len(set(finished))


def test_a_read_only_file_is_reported(sqlite_store, tmp_path):
    Orchestrator.open(sqlite_store).close()
    file = Path(sqlite_store.removeprefix("sqlite:///"))
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    file.chmod(0o444)
    is_root = os.geteuid() == 0
    if is_root:  # that user may read the key
        os.chown(f"{file}.key", UNPRIVILEGED, UNPRIVILEGED)

    acknowledged, reported = submit_until_it_fails(sqlite_store, who="unprivileged" if is_root else "me")

    assert acknowledged == []
    assert any(words in reported for words in ("Permission denied", "readonly", "may not write the file"))
    assert sqlite_store in reported


class Writer:
    """Another process that holds the write lock until `release`."""

    def __init__(self, store):
        self._connection = sqlite3.connect(store.removeprefix("sqlite:///"), isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self):
        self._connection.execute("ROLLBACK")
        self._connection.close()


# The seconds that a writer waits for the lock; None is the default, half a minute.
@pytest.mark.parametrize(
    "patience", [0.05, pytest.param(3, marks=pytest.mark.soak), pytest.param(None, marks=pytest.mark.soak)]
)
def test_a_blocked_database_is_reported_and_nothing_is_written(sqlite_store, monkeypatch, patience):
    if patience is not None:
        for module in (sqlite, writers):
            monkeypatch.setattr(module, "BUSY_TIMEOUT_SECONDS", patience)
    with Orchestrator.open(sqlite_store) as hitl:
        hitl.submit(a_task("before", risk_level="high"), an_output("before"))
        events = len(list(services_of(hitl).ledger.events()))
        other = Writer(sqlite_store)

        with pytest.raises(StoreUnavailable, match="database is locked"):
            hitl.submit(a_task(), an_output())
        with pytest.raises(StoreUnavailable, match="database is locked"):
            hitl.decide(task_id="before", decision=a_review("approve", "senior_manager"))

        other.release()
        assert len(list(services_of(hitl).ledger.events())) == events
        assert hitl.cases.get(task_id="before").status == "waiting"
        assert hitl.submit(a_task(), an_output()).status == "approved"


@pytest.mark.parametrize(
    "seconds", [0, pytest.param(3, marks=pytest.mark.soak), pytest.param(10, marks=pytest.mark.soak)]
)
def test_a_write_waits_for_a_short_lock(sqlite_store, seconds):
    """However long the other one holds on, within half a minute."""
    with Orchestrator.open(sqlite_store) as hitl, closing(services_of(hitl).runner):
        other, trying, done, statuses = Writer(sqlite_store), Event(), Event(), []

        def submit():
            trying.set()
            statuses.append(hitl.submit(a_task(), an_output()).status)
            done.set()

        thread = Thread(target=submit)
        thread.start()
        trying.wait()
        assert not done.wait(seconds)
        other.release()
        thread.join()

    assert statuses == ["approved"]

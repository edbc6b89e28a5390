"""A large ledger is verified by several processes that read one state; they never call a ledger sound that is not."""

import os
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.attacker import Intruder
from support.builders import a_task, an_output
from support.parts import in_parts
from support.postgres_fixtures import new_store
from support.stores import address_of
from support.tampering import ENTRY_EDITS, TABLE_EDITS, fill

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.ledger.database.sqlite import SqliteDatabase
from hitl_orchestrator.ledger.keys.files import new_key
from hitl_orchestrator.ledger.keys.signing import new_signing_key
from hitl_orchestrator.ledger.verification.parallel.processes import Workers
from hitl_orchestrator.ledger.verification.parallel.sound import Parallel, find_sound
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.wiring.clocks import now_in_utc
from hitl_orchestrator.wiring.stores import open_ledger, open_to_audit

KEY = new_signing_key()
PROCESSES = Parallel(2, entries=16, cases=5, least=0)
"""Two real processes, and parts so small that each gets several."""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def filled(request, tmp_path_factory):
    """A store of cases, whose key was changed, and heads that were signed on the way."""
    if request.param == "postgres":
        store = new_store(request.getfixturevalue("postgres"))
    else:
        store = address_of("sqlite", tmp_path_factory.mktemp("parts"))
    with Orchestrator.open(store, head_key=KEY, head_file=False) as hitl:
        heads = [hitl.audit.sign_head()]
        for number in range(8):
            fill(hitl, 4 * number, 4)
            heads.append(hitl.audit.sign_head())
            if number == 3:
                hitl.audit.rotate_key()
    return store, heads


@contextmanager
def signer_of(store):
    with closing(open_to_audit(store)) as ledger:
        yield LedgerSigner(ledger, now_in_utc, new_signing_key)


def alone(store, heads=(), public=None):
    with signer_of(store) as signer:
        return signer.verify(heads, public)


def by_processes(store, heads=(), public=None, how=PROCESSES):
    with signer_of(store) as signer:
        return signer.verify(heads, public, how=how)


def found_by(store, heads=(), how=PROCESSES, on_entries=lambda number: None):
    with closing(open_to_audit(store)) as ledger:
        return find_sound(ledger, heads, None, on_entries, how)


def test_processes_find_what_one_process_finds(filled):
    store, heads = filled

    assert found_by(store, heads) is not None
    assert by_processes(store, heads, KEY.public) == alone(store, heads, KEY.public)


def test_every_entry_is_reported_twice_as_when_one_process_verifies(filled):
    store, _ = filled
    entries: list[int] = []

    assert found_by(store, on_entries=entries.append) is not None

    everything = alone(store)
    with signer_of(store) as signer:
        counted: list[int] = []
        signer.verify(on_entries=counted.append)
    assert sum(entries) == sum(counted) > everything.entries


@given(st.integers(0, 9), st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_ranges_of_any_size_agree_with_the_signed_heads_and_with_no_others(filled, power, cases):
    store, heads = filled
    head = heads[len(heads) // 2]
    other = head.model_copy(update={"root": "0" * 64})
    with closing(open_to_audit(store)) as ledger, ledger.snapshot() as snapshot:
        how = in_parts(snapshot, 2**power, cases)._replace(start=lambda *args: in_parts(snapshot).start(*args))

        assert find_sound(ledger, heads, KEY.public, lambda entries: None, how) is not None
        assert find_sound(ledger, [head, other], None, lambda entries: None, how) is None


@pytest.mark.parametrize("edit", [ENTRY_EDITS[0], ENTRY_EDITS[-1], TABLE_EDITS[0], TABLE_EDITS[-1]])
@pytest.mark.parametrize("filled", ["sqlite"], indirect=True)
def test_an_altered_ledger_gets_the_sentence_of_one_process(filled, tmp_path, edit):
    """The altered copy is a file; `test_forgeries.py` alters a server."""
    store, heads = filled
    copy = copy_of(store, tmp_path)
    intruder = Intruder(copy)
    intruder.disarm()
    with intruder.connected() as connection:
        connection.execute(edit, (20,) if "?" in edit else ())
    intruder.rearm()

    assert found_by(copy, heads) is None
    answer = by_processes(copy, heads)
    assert answer.problem is not None
    assert answer == alone(copy, heads)


def copy_of(store, folder) -> str:
    """Return a copy of a SQLite store with its key."""
    source = Path(store.removeprefix("sqlite:///"))
    with closing(open_ledger(store)):
        for name in (source.name, f"{source.name}.key"):
            (folder / name).write_bytes((source.parent / name).read_bytes())
            (folder / name).chmod(0o600)
    return f"sqlite:///{folder / source.name}"


class Harmed:
    """Starts processes, and sends a signal to one of them as soon as entries were verified."""

    def __init__(self, harm: signal.Signals) -> None:
        self._harm, self.workers = harm, list[Workers]()

    def start(self, *args) -> Workers:
        self.workers.append(Workers(*args))
        return self.workers[0]

    def on_entries(self, number: int) -> None:
        os.kill(self.workers[0].pids[0], self._harm)


@pytest.mark.parametrize("harm", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_hangs_finds_nothing_sound(filled, harm):
    store, _ = filled
    harmed = Harmed(harm)
    how = PROCESSES._replace(start=harmed.start, patience=5)

    assert found_by(store, how=how, on_entries=harmed.on_entries) is None
    assert alone(store).sound


def test_no_process_survives_the_verification(filled):
    store, _ = filled
    started = Harmed(signal.SIGCONT)

    found_by(store, how=PROCESSES._replace(start=started.start))

    for pid in started.workers[0].pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="it has no /proc")
def test_keys_are_neither_arguments_nor_in_the_environment_of_a_process(tmp_path, monkeypatch):
    store, key = address_of("sqlite", tmp_path), new_key()
    monkeypatch.setenv("HITL_SEAL_KEY", key)
    with Orchestrator.open(store, seal_key=key, head_file=False) as hitl:
        fill(hitl, 0, 8)
    started, shown = Harmed(signal.SIGCONT), list[bytes]()

    def look(number: int) -> None:
        for pid in started.workers[0].pids:
            shown.extend(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))

    with closing(open_to_audit(store, key)) as ledger:
        found = find_sound(ledger, (), None, look, PROCESSES._replace(start=started.start))
        seals = ledger.seals

    assert found is not None
    assert seals is not None
    secrets = [key, *seals.derived().values()]
    assert shown
    assert [secret for secret in secrets for text in shown if secret.encode() in text] == []


def test_a_program_without_a_guard_around_its_main_code_runs_once(filled, tmp_path):
    store, _ = filled
    program = tmp_path / "program.py"
    program.write_text(
        "print('begins')\n"
        "from hitl_orchestrator.ledger.verification.parallel.sound import Parallel, find_sound\n"
        "from hitl_orchestrator.wiring.stores import open_to_audit\n"
        f"ledger = open_to_audit({store!r})\n"
        "how = Parallel(2, entries=16, cases=5, least=0)\n"
        "print(find_sound(ledger, (), None, lambda entries: None, how) is not None)\n"
    )

    output = subprocess.run([sys.executable, program], check=True, capture_output=True, text=True).stdout

    assert output.split() == ["begins", "True"]


def test_a_store_in_memory_and_a_small_one_are_verified_by_one_process(tmp_path):
    with Orchestrator.open("memory://") as hitl:
        fill(hitl, 0, 4)
        assert hitl.audit.verify().sound
    store = address_of("sqlite", tmp_path)
    with Orchestrator.open(store, head_file=False) as hitl:
        fill(hitl, 0, 4)

    assert found_by(store, how=PROCESSES._replace(least=10_000)) is None


def test_processes_begin_again_until_no_writer_came_between(tmp_path):
    store = address_of("sqlite", tmp_path)
    with closing(open_ledger(store)):
        pass
    path = store.removeprefix("sqlite:///")
    database, other, begun = SqliteDatabase(path, store), SqliteDatabase(path, store), list[str]()

    def begin(name: str) -> None:
        begun.append(name)
        if len(begun) < 4:
            with other.write() as transaction:
                transaction._connection.execute("UPDATE ledger_head SET latest = ?", (str(len(begun)),))

    with database.shared_read(begin) as transaction:
        assert transaction is not None
        (latest,) = transaction._connection.execute("SELECT latest FROM ledger_head").fetchone()

    assert (len(begun), latest) == (4, "3")
    database.close()
    other.close()


def test_a_ledger_that_grows_meanwhile_is_verified_in_one_of_its_states(filled):
    """Every case that a writer adds moves the head and other rows: two states side by side would not agree."""
    store, heads = filled
    is_done, written = Event(), list[str]()
    with Orchestrator.open(store, head_file=False) as hitl:

        def write() -> None:
            while not is_done.is_set():
                name = f"meanwhile-{len(written)}"
                hitl.submit(a_task(name), an_output(name))
                written.append(name)

        writer = Thread(target=write)
        writer.start()
        try:
            answers = [by_processes(store, heads) for _ in range(3)]
            found = [found_by(store, heads) is not None for _ in range(3)]
        finally:
            is_done.set()
            writer.join()

    assert [answer.problem for answer in answers] == [None] * 3
    assert any(found)
    assert written

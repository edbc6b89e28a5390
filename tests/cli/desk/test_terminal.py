"""The desk in a real terminal: a process behind a pseudo-terminal."""

import fcntl
import json
import os
import pty
import runpy
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.desk_driver import PEOPLE, policy, submit
from support.scripted_agents import started

from hitl_orchestrator import Orchestrator, Review

pyte = pytest.importorskip("pyte", reason="the screen of the test")

HITL = ("-m", "hitl_orchestrator.cli")
TESTS = Path(__file__).parents[2]
WITHOUT_TEXTUAL = "import sys; sys.modules['textual'] = None; from hitl_orchestrator.cli import main; sys.exit(main())"
LONGEST = 60.0
"""So many seconds a text may take to appear: a deadline for a test that fails, not a time that passes."""


class Terminal:
    """A terminal: keys go in, the visible screen comes out."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]", columns: int, lines: int) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.process = process
        self._master, self._stream = master, pyte.ByteStream(self.screen)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def shows(self, *texts: str) -> str:
        """Return the screen as soon as all these texts stand on it."""
        until = time.monotonic() + LONGEST
        while missing := [text for text in texts if text not in self.text]:
            if not self._read(until):
                raise AssertionError(f"{missing} never appeared:\n{self.text}")
        return self.text

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def ends(self) -> int:
        """Read on until the process ends, and return its exit code."""
        until = time.monotonic() + LONGEST
        while self._read(until):
            pass
        return self.process.wait(LONGEST)

    def _read(self, until: float) -> bool:
        """Draw the next output; False if the other side has closed, or at the timeout."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
        try:
            written = os.read(self._master, 65536) if ready else b""
        except OSError:  # the other side has closed the terminal
            return False
        self._stream.feed(written)
        return bool(written)


@contextmanager
def terminal(
    folder, *words: str, columns: int = 80, lines: int = 24, program: tuple[str, ...] = HITL
) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    command = [sys.executable, *program, *words]
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    try:
        yield Terminal(master, process, columns, lines)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.fixture
def store(tmp_path):
    """A store in a file with two cases, and the people who may decide them."""
    (tmp_path / "people.json").write_text(json.dumps(PEOPLE))
    with Orchestrator.open(f"sqlite:///{tmp_path / 'hitl.db'}", policy=policy(), reviewers=PEOPLE) as hitl:
        submit(hitl, "t-1")
        submit(hitl, "t-2")
        yield hitl


REVIEW = ("review", "--reviewer", "r01", "--reviewers", "people.json")


def test_reviewer_modifies_records_and_opens_the_next_case(store, tmp_path):
    with terminal(tmp_path, *REVIEW) as screen:
        screen.shows("review desk", "r01", "t-1", "t-2", "Enter open")
        screen.type("\r")
        screen.shows("t-1", "Refund in full", "The box was crushed", "a approve")
        assert store.cases.get(task_id="t-1").open_review.claimed_by == "r01"

        screen.type("m")
        screen.shows("your output, as JSON", '"predicted_label": "Refund in full"')
        screen.type("\x1b[B\x1b[F\x1b[D\x1b[D")
        screen.shows("line 2 column 37")
        screen.type(", less 10")
        screen.shows("1 field differs", "+ Refund in full, less 10")
        screen.type("\x13")
        screen.shows("modify   pending, not recorded yet", "- Refund in full", "+ Refund in full, less 10")

        screen.resize(132, 40)
        screen.shows("modify   pending", "choices", "Esc queue")
        screen.resize(80, 24)
        screen.type("t")
        screen.shows("Enter finish the text")
        screen.type("a fee applies\r")
        screen.shows("a fee applies", "Enter record")
        assert store.cases.get(task_id="t-1").status == "waiting"
        screen.type("\r")
        screen.shows("Recorded: modify; the case is finished: modified_and_approved.")
        record = store.cases.get(task_id="t-1").record
        assert (record.final_output.predicted_label, record.reviewer_id) == ("Refund in full, less 10", "r01")
        assert (record.human_feedback, record.channel) == ("a fee applies", "cli")

        screen.type("n")
        screen.shows("t-2", "Refund in full", "a approve")
        screen.type("\x11")
        assert screen.ends() == 0
    assert store.cases.get(task_id="t-2").open_review.claimed_by is None


def test_second_terminal_is_rejected_and_keeps_its_draft(store, tmp_path):
    with terminal(tmp_path, *REVIEW) as screen:
        screen.shows("t-1", "Enter open")
        screen.type("\r")
        screen.shows("a approve")
        screen.type("r")
        screen.shows("reject   pending")
        screen.type("t")
        screen.type("no receipt\r")
        screen.shows("no receipt", "Enter record")
        store.reviews.release(task_id="t-1", reviewer="r01")
        store.decide(task_id="t-1", decision=Review(human_decision="approve"), reviewer="r02")
        screen.type("\r")
        screen.shows("r02 has decided this review: approve at", "Your draft is kept.", "no receipt")
        assert store.cases.get(task_id="t-1").record.reviewer_id == "r02"


def test_unknown_reviewer_is_rejected_before_the_screen_opens(store, tmp_path):
    words = ("review", "--reviewer", "r1", "--reviewers", "people.json")
    with terminal(tmp_path, *words) as screen:
        screen.shows("hitl: reviewer 'r1' may not decide this: there is no such reviewer")
        assert screen.ends() == 1


def test_without_textual_it_says_what_to_install(store, tmp_path):
    with terminal(tmp_path, *REVIEW, columns=120, program=("-c", WITHOUT_TEXTUAL)) as screen:
        screen.shows(
            "hitl: the review desk needs Textual, which is missing; install the extra 'desk': pip install '.[desk]'"
        )
        assert screen.ends() == 2


AN_AGENT = """
import sqlite3
from pathlib import Path
from langgraph.checkpoint.sqlite import SqliteSaver
from support.scripted_agents import an_agent

def agent_of(hitl, folder):
    saver = SqliteSaver(sqlite3.connect(folder / "threads.db", check_same_thread=False))
    calls = [("refund", {"amount": 50, "to": who}, who) for who in ("ana", "bob")]
    return an_agent(hitl, folder / "ran", *calls, checkpointer=saver, interrupt_mode="per_call")
"""
AN_APP = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from pathlib import Path
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli import main
import agents

sys.modules["app"] = agents
with Orchestrator.open("sqlite:///hitl.db") as hitl:
    agents.hitl, agents.agent = hitl, agents.agent_of(hitl, Path())
    sys.exit(main())
"""


def test_the_calls_of_a_thread_are_decided_at_the_desk_and_the_thread_goes_on(store, tmp_path):
    (tmp_path / "agents.py").write_text(AN_AGENT)
    agents = runpy.run_path(str(tmp_path / "agents.py"))
    started(agents["agent_of"](store, tmp_path))
    words = (str(TESTS), "calls", "app:agent", "thread-1", "--reviewer", "r02", "--store", "sqlite:///hitl.db")

    with terminal(tmp_path, *words, columns=120, program=("-c", AN_APP)) as screen:
        assert "t-1" not in screen.shows("review desk", "2 open", "to=ana", "to=bob")
        screen.type("\r")
        # The calls of one message are asked about at once, in any order.
        first, second = ("ana", "bob") if '"to": "ana"' in screen.shows("a approve", '"to": ') else ("bob", "ana")
        screen.type("a")
        screen.shows("approve   pending", "Enter record")
        screen.type("\r")
        screen.shows("Recorded: approve")
        assert not (tmp_path / "ran").exists()
        screen.type("n")
        screen.shows(f'"to": "{second}"', "a approve")
        screen.type("r")
        screen.shows("reject   pending")
        screen.type("t")
        screen.type("no order\r")
        screen.shows("no order", "Enter record")
        screen.type("\r")
        screen.shows("Recorded: reject")
        screen.type("\x11")
        screen.shows("No call of this thread waits.")
        assert screen.ends() == 0

    assert (tmp_path / "ran").read_text() == f"('refund', 50, '{first}')\n"
    assert store.audit.verify().sound

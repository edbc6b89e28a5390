"""A SQLite file that was cut off, or in which a bit has flipped: an error of ours, a finding, or all reads as before.

Never does a decision or an entry get lost or change without a word, and never is the word a foreign one.
"""

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.builders import FakeClock, a_review, a_task, an_output
from support.internals import decide_and_stop, services_of
from support.sizes import sized

from hitl_orchestrator import Case, HitlError, Orchestrator
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.errors import LedgerDamaged

ROUNDS = 2
# Deciding and recovering takes longer than all the rest, and hardly ever depends on the bit.
ACTS_EVERY = 5
DECIDED, WAITING = "decided-0", "waiting-0"


def fill(hitl: Orchestrator) -> list[str]:
    """Cases that were approved, decided, edited, escalated, rejected, are waiting, or only received."""
    names = []
    for number in range(ROUNDS):
        for kind in ("auto", "waiting", "escalated", "finished", "edited", "decided", "received"):
            name = f"{kind}-{number}"
            names.append(name)
            given = (
                a_task(name, metadata={"number": number}),
                an_output(name, confidence=0.9 if kind == "auto" else 0.5),
            )
            if kind == "received":
                hitl.cases.enqueue(*given)
                continue
            hitl.submit(*given)
            if kind == "escalated":
                hitl.decide(task_id=name, decision=a_review("escalate", "domain_reviewer"))
            if kind == "finished":
                hitl.decide(task_id=name, decision=a_review("reject", "senior_manager"))
            if kind == "edited":
                hitl.decide(task_id=name, decision=a_review("modify", "senior_manager"))
            if kind == "decided":
                decide_and_stop(hitl, a_review("override", "domain_reviewer"), task_id=name)
    return names


@dataclass
class Read:
    """The readable contents of a store, and the errors about the rest."""

    values: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, HitlError] = field(default_factory=dict)

    def ask(self, what: str, question: Any) -> None:
        try:
            self.values[what] = question()
        except HitlError as exc:
            self.refused[what] = exc


def everything(hitl: Orchestrator, names: list[str]) -> Read:
    """All that can be read of a store, through every method."""
    read = Read()
    read.ask("records", lambda: list(hitl.audit.records()))
    read.ask("entries", lambda: list(services_of(hitl).ledger.events()))
    read.ask("inbox", lambda: list(hitl.inbox()))
    read.ask("inbox of one role", lambda: list(hitl.inbox(role="domain_reviewer")))
    for name in names:
        read.ask(name, lambda: shown(hitl, name))  # noqa: B023 - asked at once
    return read


def unsealed(row: StoredReview) -> StoredReview:
    """An open review without its seal, which no reader checks: a broken one is found when the review is decided."""
    return row if row.verdict else row.model_copy(update={"seal": ""})


def shown(hitl: Orchestrator, name: str) -> Case:
    case = hitl.cases.get(task_id=name)
    return case.model_copy(update={"reviews": tuple(map(unsealed, case.reviews))})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file of many cases with its log written back, and all of its contents."""
    file = tmp_path_factory.mktemp("made") / "hitl.db"
    with Orchestrator.open(f"sqlite:///{file}", clock=FakeClock()) as hitl:
        names = fill(hitl)
        reported = everything(hitl, names)
        assert reported.refused == {}
        assert hitl.audit.verify().sound
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file, names, reported.values


def copied(file: Path, folder: Path, content: bytes) -> str:
    copy = folder / "hitl.db"
    for left in folder.glob("hitl.db*"):
        left.unlink()
    copy.write_bytes(content)
    copy.chmod(0o600)
    shutil.copy(f"{file}.key", f"{copy}.key")
    return f"sqlite:///{copy}"


def check(store: str, names: list[str], before: dict[str, Any], *, act: bool = True) -> str:
    """Open, read and verify, decide and recover; return the results."""
    try:
        opened = Orchestrator.open(store, clock=FakeClock())
    except HitlError:
        return "not opened"
    so_far = "found"
    try:
        with opened as hitl:
            so_far = outcome_of(hitl, names, before)
            if act:
                go_on(hitl, so_far)
    except LedgerDamaged:
        # Closing signs the head of no ledger that is damaged.
        assert so_far != "as before"
    return so_far


def outcome_of(hitl: Orchestrator, names: list[str], before: dict[str, Any]) -> str:
    """Read and verify; return whether damage was found, something was refused, or all is as before."""
    read, verification = everything(hitl, names), Read()
    verification.ask("sound", lambda: hitl.audit.verify().sound)
    found = verification.values.get("sound") is not True
    changed = [what for what, value in read.values.items() if value != before[what]]
    assert found or not changed, f"{changed[0]} reads otherwise, and nothing was found"
    return "found" if found else "refused" if read.refused else "as before"


def go_on(hitl: Orchestrator, so_far: str) -> None:
    """Decide waiting cases and resume decided ones: with the right result, or with an error of ours."""
    acts = Read()
    acts.ask("decide", lambda: hitl.decide(task_id=WAITING, decision=a_review("reject", "domain_reviewer")).status)
    acts.ask("recover", lambda: len(hitl.recover()))
    acts.ask("shown", lambda: hitl.cases.get(task_id=DECIDED).status)
    if so_far == "as before":
        assert acts.values.get("decide", "rejected") == "rejected"
        ways = {"override_approved", *(["decided"] if "recover" in acts.refused else [])}
        assert acts.values.get("shown", "override_approved") in ways, acts.refused


@pytest.mark.parametrize("share", [0, 0.0005, 0.1, 0.35, 0.6, 0.85, 0.9999])
def test_a_truncated_file_is_reported(made, tmp_path, share):
    file, names, before = made
    content = file.read_bytes()

    assert check(copied(file, tmp_path, content[: int(share * len(content))]), names, before) != "as before"


@sized("flips", ci=200, soak=2000)
def test_a_flipped_bit_never_goes_unreported(made, tmp_path, flips):
    file, names, before = made
    content, chance = file.read_bytes(), random.Random(flips)
    written = [place for place, byte in enumerate(content) if byte]
    became: dict[str, int] = {}
    for number in range(flips):
        # Every other one where something is written: most of a small file is room for more.
        place = chance.choice(written) if number % 2 else chance.randrange(len(content))
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        try:
            store = copied(file, tmp_path, bytes(flipped))
            outcome = check(store, names, before, act=number % ACTS_EVERY == 0)
        except Exception as exc:
            exc.add_note(f"the bits of byte {place} went from {content[place]:08b} to {flipped[place]:08b}")
            raise
        became[outcome] = became.get(outcome, 0) + 1

    assert sum(became.values()) == flips
    assert became["as before"]
    assert became["found"]

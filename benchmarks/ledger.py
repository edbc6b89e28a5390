"""The ledger: entries appended a second, alone and by eight writers at once, and the verification of a million.

The million is written in bulk: whole cases with all their rows, each entry linked to the one before, as the product
writes them. Verifying reads every entry and compares every row of the tables with the ledger.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time
from typing import Any

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Routing, RoutingDecision, Score
from hitl_orchestrator.domain.enums import Action, ActorKind, CaseStage, ConfidenceSource, EventKind, RiskLevel
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.ledger.database.sqlite import SqliteDatabase
from hitl_orchestrator.ledger.events import builders as entries
from hitl_orchestrator.ledger.events.chain import GENESIS, Draft, Head, HeadRow, link
from hitl_orchestrator.ledger.events.contents import Contents, content_digest, marked, new_contents
from hitl_orchestrator.ledger.events.outcomes import outcome_of
from hitl_orchestrator.ledger.keys.mac import SealCheck
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.store.statements.cases import ADD_CASE, ADD_OUTCOME
from hitl_orchestrator.ledger.store.statements.events import ADD_CONTENTS, APPEND, MOVE_HEAD
from hitl_orchestrator.ledger.verification.chain_check import START, walk
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead
from hitl_orchestrator.services.config_files import canonical
from hitl_orchestrator.services.reviews.audit_records import by_agent
from hitl_orchestrator.wiring.signing import signer_of
from hitl_orchestrator.wiring.stores import MEMORY, open_ledger, open_to_audit

ENTRIES, ENTRIES_A_CASE, CASES_AT_ONCE = 1_000_000, 3, 2_000
APPENDS, WRITERS = 2_000, 8
NINE = datetime(2025, 1, 10, 9, tzinfo=UTC)
AGENT = Actor(kind=ActorKind.AGENT)
TASK = Task.model_validate(json.loads(canonical("tasks.json"))[0])
OUTPUT = AgentOutput.model_validate(json.loads(canonical("agent_outputs.json"))[0])
ROUTING = Routing(
    risk_level=RiskLevel.LOW,
    output=OUTPUT,
    score=Score(confidence=0.91, source=ConfidenceSource.REPORTED),
    decision=RoutingDecision(
        action=Action.AUTO_APPROVE,
        rule_id="rule_004",
        assigned_human_role=None,
        reason="rule_004 holds: the risk is low and the confidence at least 0.8",
        policy_id="p",
        policy_hash="a" * 64,
    ),
)


def submission(number: int, prefix: str = "case") -> Submission:
    """Return the intake of a case."""
    name = f"{prefix}-{number:09}"
    return Submission(
        case_id=name,
        task=TASK.model_copy(update={"task_id": name}),
        output=OUTPUT.model_copy(update={"task_id": name}),
        policy_id="p",
        policy_hash="a" * 64,
        graph_version="1",
        received_at=NINE + timedelta(seconds=number),
    )


def append(ledger: Ledger, count: int, prefix: str) -> None:
    """Submit this number of cases: one entry each, in its own transaction that waits for the disk."""
    for number in range(count):
        ledger.receive(submission(number, prefix), AGENT)


def appends_per_second(folder: Path) -> dict[str, float]:
    """Return entries a second by one writer, by eight threads of one process, and by eight processes."""
    with closing(open_ledger(f"sqlite:///{folder / 'alone.db'}")) as ledger:
        append(ledger, 10, "warm")
        alone = _seconds(lambda: append(ledger, APPENDS, "one"))
    with closing(open_ledger(f"sqlite:///{folder / 'threads.db'}")) as ledger, ThreadPoolExecutor(WRITERS) as pool:
        append(ledger, 10, "warm")
        names = [f"thread-{number}" for number in range(WRITERS)]
        threads = _seconds(lambda: list(pool.map(lambda name: append(ledger, APPENDS // WRITERS, name), names)))
    processes = _seconds_of_processes(f"sqlite:///{folder / 'processes.db'}")
    return {
        "appends_alone": APPENDS / alone,
        "appends_threads": APPENDS / threads,
        "appends_processes": APPENDS / processes,
    }


def _seconds_of_processes(store: str) -> float:
    """Start writers that open the store and wait, start them together, and wait for the last."""
    open_ledger(store).close()
    command = [sys.executable, "-m", "benchmarks.ledger", "--write-into", store]
    writers = [
        subprocess.Popen([*command, f"process-{number}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(WRITERS)
    ]
    pipes = [(writer.stdin, writer.stdout) for writer in writers if writer.stdin and writer.stdout]
    for _, out in pipes:
        out.readline()

    def run() -> None:
        for into, _ in pipes:
            into.write("go\n")
            into.flush()
        for _, out in pipes:
            out.readline()

    seconds = _seconds(run)
    assert [writer.communicate() and writer.returncode for writer in writers] == [0] * WRITERS
    return seconds


def _be_a_writer(store: str, name: str) -> None:
    with closing(open_ledger(store)) as ledger:
        append(ledger, 5, f"warm-{name}")
        print("ready", flush=True)
        sys.stdin.readline()
        append(ledger, APPENDS // WRITERS, name)
        print("done", flush=True)


def fill(store: str, size: int) -> None:
    """Write whole cases in bulk: every entry linked to the one before and sealed, and every row that belongs to it."""
    with closing(open_ledger(store)) as ledger:
        ledger_id, seals = ledger.ledger_id, ledger.seals
    assert seals is not None
    database, head = SqliteDatabase(store.removeprefix("sqlite:///"), store), START
    for first in range(0, size // ENTRIES_A_CASE, CASES_AT_ONCE):
        numbers = range(first, min(first + CASES_AT_ONCE, size // ENTRIES_A_CASE))
        drafts: list[Draft] = []
        rows, outcomes = [], []
        for number in numbers:
            contents, seq = new_contents(), head.seq + len(drafts)
            plain = _drafts(number)
            intake, routed, finished = (marked(draft, contents) for draft in plain)
            rows.append(_rows(number, seq + 1, intake, contents))
            outcomes.append(outcome_of(seq + ENTRIES_A_CASE, plain[-1].body, intake.body)._asdict())
            drafts += intake, routed, finished
        linked = link(head, drafts, seals.entry)
        with database.write(flush=False) as transaction:
            transaction.run_each(APPEND, [entry._asdict() for entry in linked])
            transaction.run_each(ADD_CASE, [row for row, _ in rows])
            transaction.run_each(ADD_CONTENTS, [contents for _, contents in rows])
            transaction.run_each(ADD_OUTCOME, outcomes)
        head = Head(linked[-1].seq, linked[-1].digest)
    end = HeadRow(ledger_id, *head, governed=GENESIS)
    with database.write() as transaction:
        moved = {**end._asdict(), "mac": seals.head(end)}
        transaction.run(MOVE_HEAD, **{f"new_{name}": value for name, value in moved.items()})
    database.close()


_FIRST = submission(0)
_BODY = _FIRST.model_dump(mode="json", exclude={"case_id"})
_ROUTED = entries.routed("case", ROUTING, NINE)
_FINISHED = entries.finished(by_agent(_FIRST, ROUTING, NINE), NINE)


def _drafts(number: int) -> list[Draft]:
    name, at = f"case-{number:09}", NINE + timedelta(seconds=number)
    task, output = {**_BODY["task"], "task_id": name}, {**_BODY["output"], "task_id": name}
    record = {**_FINISHED.body, "case_id": name, "task_id": name, "log_id": f"log_{name}"}
    return [
        Draft(name, EventKind.SUBMITTED, at, AGENT, {**_BODY, "task": task, "output": output}),
        _ROUTED._replace(case_id=name, at=at),
        _FINISHED._replace(case_id=name, at=at, body=record),
    ]


# No process runs a finished case.
NO_LEASE = dict.fromkeys(("fence", "holder", "held_since", "held_until", "lease_seal"))


def _rows(number: int, seq: int, intake: Draft, stated: Contents) -> tuple[dict[str, Any], dict[str, Any]]:
    name, content = f"case-{number:09}", content_digest(intake.body)
    place = {"submitter": _FIRST.submitter, "attempt": 1, "stage": CaseStage.FINISHED.value, "submitted_seq": seq}
    return (
        {"case_id": name, "task_id": name, "content": content, **place, **NO_LEASE},
        {"case_id": name, "key": stated.key, "body": stated.body},
    )


def verification(folder: Path, size: int = ENTRIES) -> dict[str, float]:
    """Return the seconds that a million entries take, in a process that does nothing else, and its peak memory."""
    store = f"sqlite:///{folder / 'large.db'}"
    fill(store, size)
    command = [sys.executable, "-m", "benchmarks.ledger", "--verify", store]
    reported: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return reported


def _verify(store: str) -> dict[str, float]:
    ledger = open_to_audit(store)
    notary = signer_of(ledger, MEMORY)
    with ledger.snapshot() as books:
        seals = ledger.seals
        assert seals is not None
        chain = _cpu_seconds(lambda: walk(books.entries(), seals=SealCheck(seals)))
    before = getrusage(RUSAGE_SELF).ru_maxrss
    head = notary.sign_now()

    def verify(*against: SignedHead) -> None:
        found = notary.verify(against)
        assert found.sound, found.problem

    figures = {"verify_chain_s": chain, "verify_s": _cpu_seconds(verify)}
    figures["verify_with_head_s"] = _cpu_seconds(lambda: verify(head))
    peak = getrusage(RUSAGE_SELF).ru_maxrss
    figures["verify_peak_mb"] = peak / 1024
    return {**figures, "verify_more_mb": (peak - before) / 1024, "verify_entries": float(notary.size())}


def measure(size: int = ENTRIES) -> dict[str, float]:
    """Return all figures of the ledger."""
    with tempfile.TemporaryDirectory() as name:
        return {**appends_per_second(Path(name)), **verification(Path(name), size)}


def _seconds(work: Callable[[], Any]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _cpu_seconds(work: Callable[[], Any]) -> float:
    """Return the CPU seconds of this thread, which do not depend on the load of the machine."""
    began = process_time()
    work()
    return process_time() - began


def main() -> None:
    """Measure and print; or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=ENTRIES)
    parser.add_argument("--write-into", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--verify", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write_into:
        _be_a_writer(*given.write_into)
    else:
        print(json.dumps(_verify(given.verify) if given.verify else measure(given.size), indent=2))


if __name__ == "__main__":
    main()

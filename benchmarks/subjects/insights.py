"""The time and memory of reading a SQLite store into a frame, of all metrics, of a report and of `hitl stats`.

Each runs in a process of its own, so that its peak is its own. The cases are rows of the outcomes, made by a seeded
generator and inserted in bulk, without entries: running that many cases through the graph would take hours.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from benchmarks.report import Aim, Row, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.timing import child
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.testing.generator.outcomes import SPOT_CHECKED, outcomes

CASES, LARGE = 20_000, 1_000_000
_OF_AUDIT = (
    "import sys; from hitl_orchestrator.orchestrator import LedgerAudit\nwith LedgerAudit(sys.argv[1]) as audit: "
)
COMMANDS: dict[str, tuple[list[str], Aim | None]] = {
    "frame": (["-c", f"{_OF_AUDIT}print(audit.frame().height)", "{store}"], None),
    "metrics": (["-c", f"{_OF_AUDIT}print(audit.metrics().cases.decided)", "{store}"], None),
    "report": (
        ["-c", f"{_OF_AUDIT}print(audit.full_report(verify=False).report.signal.text)", "{store}"],
        at_most(15, LARGE),
    ),
    "hitl stats": (["-m", "hitl_orchestrator.cli", "--store", "{store}", "stats"], at_most(3, LARGE)),
}
ROWS_AT_A_TIME = 10_000


def write_store(path: Path, count: int) -> None:
    """Create a SQLite store with this number of finished cases and their spot checks."""
    Orchestrator.open(f"sqlite:///{path}", policy=SPOT_CHECKED).close()
    rows = outcomes(count, policy=SPOT_CHECKED)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        while batch := list(islice(rows, ROWS_AT_A_TIME)):
            columns = ", ".join(batch[0])
            places = ", ".join(f":{name}" for name in batch[0])
            connection.executemany(f"INSERT INTO outcomes ({columns}) VALUES ({places})", batch)


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield time and peak memory of each reading of a SQLite store."""
    count, path = size.of(300, 5_000, CASES), stores.file("db")
    write_store(path, count)
    store = f"sqlite:///{path}"
    for what in size.of(("report",), tuple(COMMANDS), tuple(COMMANDS)):
        command, aim = COMMANDS[what]
        ran = child([each.format(store=store) for each in command])
        yield Row(f"{what} of {count:,} cases: time", ran.s, "s", ran.cpu_s, aim, count)
        yield Row(f"{what} of {count:,} cases: peak memory", ran.peak_mb, "MB", None, at_most(2_000, LARGE), count)

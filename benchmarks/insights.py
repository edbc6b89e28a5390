"""The time and memory of reading a SQLite store into a frame, of all metrics, of a report and of `hitl stats`.

Each runs in a process of its own, so that its peak is its own. The cases are rows of the outcomes, made by a seeded
generator and inserted in bulk, without entries: running that many cases through the graph would take hours.
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from itertools import islice
from pathlib import Path

CASES = 20_000
_FRAME = "print(audit.frame().height)"
_METRICS = "print(audit.metrics().cases.decided)"
_REPORT = "print(audit.full_report(verify=False).report.signal.text)"
_OF_AUDIT = (
    "import sys; from hitl_orchestrator.orchestrator import LedgerAudit\nwith LedgerAudit(sys.argv[1]) as audit: "
)
ROWS_AT_A_TIME = 10_000


def write_store(path: Path, count: int) -> None:
    """Create a SQLite store with this number of finished cases and their spot checks."""
    from hitl_orchestrator import Orchestrator  # noqa: PLC0415
    from hitl_orchestrator.testing.generator.outcomes import SPOT_CHECKED, outcomes  # noqa: PLC0415

    Orchestrator.open(f"sqlite:///{path}", policy=SPOT_CHECKED).close()
    rows = outcomes(count, policy=SPOT_CHECKED)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        while batch := list(islice(rows, ROWS_AT_A_TIME)):
            columns = ", ".join(batch[0])
            places = ", ".join(f":{name}" for name in batch[0])
            connection.executemany(f"INSERT INTO outcomes ({columns}) VALUES ({places})", batch)


def run(command: list[str]) -> dict[str, float]:
    """Run a process, and return its seconds, CPU seconds and peak memory in megabytes.

    On Linux that peak includes the memory of this process, which therefore makes no frames itself.
    """
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    seconds, unit = time.perf_counter() - start, 1024 if sys.platform == "darwin" else 1
    return {"s": seconds, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / unit / 1024}


def measure(count: int = CASES) -> dict[str, float]:
    """Return seconds, CPU seconds and the peak memory of each reading of a SQLite store, and the number of cases."""
    figures: dict[str, float] = {"insights_cases": count}
    with tempfile.TemporaryDirectory(prefix="hitl-bench-") as folder:
        path = Path(folder) / "hitl.db"
        run(["-m", "benchmarks.insights", "--cases", str(count), "--write", str(path)])
        store = f"sqlite:///{path}"
        commands = {
            "frame": ["-c", _OF_AUDIT + _FRAME, store],
            "metrics": ["-c", _OF_AUDIT + _METRICS, store],
            "report": ["-c", _OF_AUDIT + _REPORT, store],
            "stats": ["-m", "hitl_orchestrator.cli", "--store", store, "stats"],
        }
        for what, command in commands.items():
            figures |= {f"insights_{what}_{name}": value for name, value in run(command).items()}
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--write", type=Path, help="only write the store to this file")
    given = parser.parse_args()
    if given.write is not None:
        write_store(given.write, given.cases)
        return
    for key, value in measure(given.cases).items():
        print(f"{key:32} {value:14,.2f}")


if __name__ == "__main__":
    main()

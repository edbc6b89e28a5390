"""Print one table of what oversight costs beside bare LangGraph; or measure the named subjects alone."""

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from benchmarks.picture import write
from benchmarks.report import Row, Screen, as_json, as_markdown, head, keep, load, progress
from benchmarks.size import Size
from benchmarks.stores import MISSING, Stores, new_stores
from benchmarks.subjects.data import VARIABLE

MEASURES = {
    "cases": "one case, beside bare LangGraph and the floor of its rows",
    "middleware": "a reviewed tool call, beside LangChain's own middleware",
    "bulk": "many tasks at once: submit_many, and a file by `hitl run`",
    "processes": "1, 2 and 4 processes on one PostgreSQL, beside bare LangGraph",
    "appends": "entries a second by many writers",
    "queues": "the inbox of 1,000,000 open reviews, the next best case of 100,000",
    "commands": "`hitl inbox` as a whole process",
    "verification": "the verification of 1,000,000 entries",
}
SUBJECTS = {
    "promises": "a submission and its parts: graph, rows, flush, the rest",
    "policies": "routing decisions, beside other engines",
    "seals": "a submission with and without seals",
    "executions": "an execution, beside its submission",
    "embedding": "a gated call of a graph of one's own",
    "desk": "the review desk with 32 reviewers",
    "insights": "frame, metrics, report and statistics",
    "backtest": "a policy on millions of past cases",
    "coverage": "how often the interval of a backtest holds the truth",
    "confidence": "confidence scorers on public data",
    "unusual": "the signal `unusual` on public data",
    "autonomy": "certified bounds on confidence, on public data",
}
DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURE = DOCS / "explanation" / "performance.md", DOCS / "img" / "performance.svg"
START, END = "<!-- measured -->", "<!-- end of what was measured -->"


def main() -> None:
    """Measure, and print for people or for programs."""
    given = _arguments()
    logging.disable(logging.WARNING)
    size = Size.QUICK if given.quick else Size.FULL
    rows: list[Row] = []
    with new_stores() as stores:
        about = head(stores.postgres_version)
        if not stores.has_postgres:
            progress(f"Nothing is measured on PostgreSQL: {MISSING}.")
        try:
            for subject in given.subjects or MEASURES:
                progress(f"{subject} ...")
                before = len(rows)
                rows.extend(measured(subject, size, stores))
                if len(rows) == before:
                    progress(f"{subject}: nothing was measured; it needs PostgreSQL, or public data in {VARIABLE}")
        except KeyboardInterrupt:
            progress("Stopped; what was measured before:")
        about["load_after"] = load()
    if given.keep:
        keep(PAGE, as_markdown(about, rows), start=START, end=END)
        write(PICTURE, rows)
    if given.json:
        json.dump(as_json(about, rows), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        Screen(about).show(rows)


def _arguments() -> argparse.Namespace:
    listed = [f"  {name:14}{what}" for name, what in (MEASURES | SUBJECTS).items()]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join([f"subjects; without a name, the first {len(MEASURES)} are one table:", *listed]),
    )
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help="measure these alone")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, in about a minute")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--keep", action="store_true", help=f"also write the table and a picture into {PAGE.name}")
    given = parser.parse_args()
    for unknown in {*given.subjects} - {*MEASURES, *SUBJECTS}:
        parser.error(f"there is no subject {unknown!r}; choose from {', '.join([*MEASURES, *SUBJECTS])}")
    return given


def measured(subject: str, size: Size, stores: Stores) -> Iterator[Row]:
    """Return the rows of a subject. Its modules are imported now, because some need an extra."""
    package = "measures" if subject in MEASURES else "subjects"
    try:
        module = import_module(f"benchmarks.{package}.{subject}")
    except ModuleNotFoundError as exc:
        needed = "bench" if package == "subjects" else "dev"
        sys.exit(f"{subject}: the module {exc.name!r} is not installed; run `pip install -e '.[{needed}]'`")
    yield from module.rows(size, stores)


if __name__ == "__main__":
    main()

"""Rows of figures with their aims, and the one table of them: for people, for programs and for the documentation."""

import os
import platform
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

_PACKAGES = ("langgraph", "langgraph-checkpoint-sqlite", "langgraph-checkpoint-postgres", "psycopg", "langchain")


class Aim(NamedTuple):
    """A bound for a figure. `at` is the number of records for which it holds; a smaller run is not judged."""

    bound: float
    is_least: bool = False
    at: int | None = None

    @property
    def text(self) -> str:
        """Return the aim as people read it."""
        return f"{'>=' if self.is_least else '<='} {_number(self.bound)}"


def at_most(bound: float, at: int | None = None) -> Aim:
    """Return an upper bound."""
    return Aim(bound, at=at)


def at_least(bound: float, at: int | None = None) -> Aim:
    """Return a lower bound."""
    return Aim(bound, is_least=True, at=at)


class Row(NamedTuple):
    """One figure. `cpu` is the same figure by CPU time; `of` is the number of records, where the aim names one."""

    what: str
    value: float | None
    unit: str
    cpu: float | None = None
    aim: Aim | None = None
    of: int | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return in a word whether the aim is met."""
        if self.aim is None:
            return ""
        if self.value is None:
            return "not measured"
        if self.aim.at is not None and self.of is not None and self.of < self.aim.at:
            return f"not judged: {self.of:,} of {self.aim.at:,}"
        is_met = self.value >= self.aim.bound if self.aim.is_least else self.value <= self.aim.bound
        return "met" if is_met else "missed"

    def cells(self) -> tuple[str, ...]:
        """Return the row as texts."""
        aim = "" if self.aim is None else self.aim.text
        return self.what, _figure(self.value, self.unit), _figure(self.cpu, self.unit), aim, self.verdict, self.note


COLUMNS = ("measure", "wall", "CPU", "aim", "", "from")
_MACHINE = {"at", "cores", "load_before", "load_after"}
_NUMBERS, _WIDTH = {"wall", "CPU", "aim"}, 170


def head(server: str | None) -> dict[str, Any]:
    """Return when and on what is measured: load of the machine, and versions."""
    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "cores": os.cpu_count(),
        "load_before": load(),
        "load_after": None,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgres": server,
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def load() -> float:
    """Return how many processes wanted to run, as a mean over the last minute."""
    return round(os.getloadavg()[0], 2)


def head_lines(about: dict[str, Any]) -> list[str]:
    """Return the head in two lines for people."""
    kept = {name: value for name, value in about.items() if name not in _MACHINE and value}
    busy = about["load_before"] > about["cores"]
    return [
        f"{about['at']}, {about['cores']} cores, load {about['load_before']} before and {about['load_after']} after"
        + ("; a busy machine: trust the ratios of CPU time" if busy else ""),
        ", ".join(f"{name} {value}" for name, value in kept.items()),
    ]


class Screen:
    """A table that grows on a terminal: each row is printed as soon as it is measured."""

    def __init__(self, about: dict[str, Any]) -> None:
        console = Console(highlight=False)
        self._console = console if console.is_terminal else Console(highlight=False, width=_WIDTH)
        self._about = about

    def show(self, rows: Sequence[Row]) -> None:
        """Print the table."""
        table = Table(title="\n".join(head_lines(self._about)), title_justify="left", box=box.SIMPLE_HEAD)
        for column in COLUMNS:
            table.add_column(column, justify="right" if column in _NUMBERS else "left", no_wrap=column in _NUMBERS)
        for row in rows:
            what, wall, cpu, aim, verdict, note = row.cells()
            color = {"met": "green", "missed": "yellow"}.get(verdict)
            table.add_row(what, wall, cpu, aim, f"[{color}]{verdict}[/]" if color else verdict, note)
        self._console.print(table)


def progress(line: str) -> None:
    """Say on standard error what is measured now."""
    sys.stderr.write(f"{line}\n")


def as_json(about: dict[str, Any], rows: Iterable[Row]) -> dict[str, Any]:
    """Return head and rows as plain values."""
    shown = [
        {
            **row._asdict(),
            "aim": None if row.aim is None else row.aim.text,
            "verdict": row.verdict or None,
        }
        for row in rows
    ]
    return {"head": about, "rows": shown}


def as_markdown(about: dict[str, Any], rows: Iterable[Row]) -> str:
    """Return head and rows as a table for the documentation."""
    lines = ["| measure | wall | CPU | aim | | from |", "|---|---:|---:|---:|---|---|"]
    lines += [f"| {' | '.join(row.cells())} |" for row in rows]
    return "\n\n".join(["\n".join(lines), "\n".join(f"{line}." for line in head_lines(about))])


def keep(page: Path, text: str, *, start: str, end: str) -> None:
    """Replace the text between two marks of a page."""
    before, found, rest = page.read_text("utf-8").partition(start)
    _, also, after = rest.partition(end)
    if not found or not also:
        raise ValueError(f"{page}: the marks {start!r} and {end!r} are missing")
    page.write_text(f"{before}{start}\n\n{text}\n\n{end}{after}", "utf-8")


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{_number(value)} {unit}" if unit else f"{value:.3f}"


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2f}"

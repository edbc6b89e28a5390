"""Run every benchmark and print one table: what was measured, and what we aim at."""

import argparse
import json
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import cases, policies

# Name, the figure, the aim, whether more is better.
RATIOS = (
    ("submit, auto-approved: ours / bare graph", "auto_ratio", 1.15, False),
    ("submit + decide: ours / bare graph", "reviewed_ratio", 1.25, False),
    ("submit, auto-approved: ours / bare graph as SqliteSaver comes", "auto_ratio_to_default", 1.15, False),
    ("submit + decide: ours / bare graph as SqliteSaver comes", "reviewed_ratio_to_default", 1.25, False),
    ("policy decisions: ours / loop that sorts per task", "ours_over_loop", 4.0, True),
    ("policy decisions: ours / zen-engine", "ours_over_zen", 10.0, True),
)
FIGURES = (
    ("auto-approved, bare graph", "auto_bare_ms", "ms"),
    ("auto-approved, bare graph as SqliteSaver comes", "auto_default_ms", "ms"),
    ("auto-approved, ours", "auto_ours_ms", "ms"),
    ("reviewed and resumed, bare graph", "reviewed_bare_ms", "ms"),
    ("reviewed and resumed, bare graph as SqliteSaver comes", "reviewed_default_ms", "ms"),
    ("reviewed and resumed, ours", "reviewed_ours_ms", "ms"),
)


def main() -> None:
    """Measure, and print for people or for programs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="rounds of which the median is taken")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    figures = {**policies.measure(given.rounds), **cases.measure(given.rounds)}
    if given.json:
        json.dump(figures, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    console = Console()
    console.print(_ratios(figures))
    console.print(_milliseconds(figures))


def _ratios(figures: dict[str, float]) -> Table:
    table = Table(title="Ratios, medians of one run", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("aim", justify="right")
    for name, key, aim, more_is_better in RATIOS:
        reached = figures[key] >= aim if more_is_better else figures[key] <= aim
        colour = "green" if reached else "yellow"
        table.add_row(name, f"[{colour}]{figures[key]:.2f}[/]", f"{'≥' if more_is_better else '≤'} {aim:g}")
    return table


def _milliseconds(figures: dict[str, float]) -> Table:
    table = Table(title="Time a case", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    for name, key, unit in FIGURES:
        table.add_row(name, f"{figures[key]:.2f} {unit}")
    return table


if __name__ == "__main__":
    main()

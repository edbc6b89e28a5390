"""Run every benchmark and print one table of the measured values and their targets."""

import argparse
import json
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import (
    backtest,
    cases,
    confidence,
    desk,
    embedding,
    executions,
    inbox,
    insights,
    ledger,
    middleware,
    policies,
    postgres,
    queues,
    seals,
    unusual,
)

# Name, the figure, the aim, whether more is better.
RATIOS = (
    ("submit, auto-approved: ours / bare graph", "auto_ratio", 1.15, False),
    ("submit + decide: ours / bare graph", "reviewed_ratio", 1.25, False),
    ("submit, auto-approved: ours / bare graph as SqliteSaver comes", "auto_ratio_to_default", 1.15, False),
    ("submit + decide: ours / bare graph as SqliteSaver comes", "reviewed_ratio_to_default", 1.25, False),
    ("submit on PostgreSQL, auto-approved: ours / bare graph", "postgres_auto_ratio", 1.15, False),
    ("the same / bare graph as PostgresSaver comes", "postgres_auto_ratio_to_default", 1.15, False),
    ("submit + decide on PostgreSQL: ours / bare graph", "postgres_reviewed_ratio", 1.25, False),
    ("the same / bare graph as PostgresSaver comes", "postgres_reviewed_ratio_to_default", 1.25, False),
    ("submit, auto-approved: with seals / without, CPU", "seals_auto_ratio", 1.03, False),
    ("submit, waiting: with seals / without, CPU", "seals_waiting_ratio", 1.03, False),
    ("an execution: begin and done / submit, auto-approved", "begin_and_done_over_submit", 1.0, False),
    ("a reviewed call of a LangChain agent: ours / LangChain's own", "middleware_batched_ratio", 1.0, False),
    ("the same, one pause for each call", "middleware_per_call_ratio", 1.0, False),
    ("gated call of a graph, auto-approved: gate / ask inlined", "embedding_auto_gate_to_inlined", 1.0, False),
    ("gated call of a graph, reviewed: gate / ask inlined", "embedding_reviewed_gate_to_inlined", 1.0, False),
    ("policy decisions: ours / loop that sorts per task", "ours_over_loop", 4.0, True),
    ("policy decisions: ours / zen-engine", "ours_over_zen", 10.0, True),
    ("policy decisions: ours / the best other engine", "ours_over_best", 5.0, True),
    ("policy decisions, 200 rules: ours / the best other engine", "many_ours_over_best", 1.0, True),
)
FIGURES = (
    ("auto-approved, bare graph", "auto_bare_ms", "ms"),
    ("auto-approved, bare graph as SqliteSaver comes", "auto_default_ms", "ms"),
    ("auto-approved, ours", "auto_ours_ms", "ms"),
    ("reviewed and resumed, bare graph", "reviewed_bare_ms", "ms"),
    ("reviewed and resumed, bare graph as SqliteSaver comes", "reviewed_default_ms", "ms"),
    ("reviewed and resumed, ours", "reviewed_ours_ms", "ms"),
    ("auto-approved on PostgreSQL, bare graph", "postgres_auto_bare_ms", "ms"),
    ("auto-approved on PostgreSQL, ours", "postgres_auto_ours_ms", "ms"),
    ("reviewed and resumed on PostgreSQL, bare graph", "postgres_reviewed_bare_ms", "ms"),
    ("reviewed and resumed on PostgreSQL, ours", "postgres_reviewed_ours_ms", "ms"),
    ("a gated call of a graph, auto-approved", "embedding_auto_gate_ms", "ms"),
    ("the same call in a bare node", "embedding_auto_bare_ms", "ms"),
    ("a gated call of a graph, reviewed and resumed", "embedding_reviewed_gate_ms", "ms"),
    ("the same call in a bare node that pauses", "embedding_reviewed_bare_ms", "ms"),
    ("an execution alone, begun and done", "embedding_execution_ms", "ms"),
)

LEDGER = (
    ("appends, one writer, each flushed", "appends_alone", "a second"),
    ("appends, 8 threads", "appends_threads", "a second"),
    ("appends, 8 processes", "appends_processes", "a second"),
    ("verification of the chain, CPU", "verify_chain_s", "s"),
    ("verification of chain and tables, CPU", "verify_s", "s"),
    ("the same against a signed head, CPU", "verify_with_head_s", "s"),
    ("peak memory of the process", "verify_peak_mb", "MB"),
    ("of it, taken by the verification", "verify_more_mb", "MB"),
)

INBOX = (
    ("of all roles", "all"),
    ("of one role", "role"),
    ("of one domain", "domain"),
    ("of one role in one domain", "role_and_domain"),
)

DESK = (
    ("the next best case, of one role everywhere", "next_everywhere_ms", "ms"),
    ("the same, the slowest in twenty", "next_everywhere_p95_ms", "ms"),
    ("the next best case, of two roles in three domains", "next_in_three_domains_ms", "ms"),
    ("32 reviewers: claimed and decided", "decided_a_second", "a second"),
    ("32 reviewers: one case, from asking for it to its decision", "decided_median_ms", "ms"),
    ("32 reviewers: the slowest of all", "decided_slowest_ms", "ms"),
    ("32 reviewers: least done by one", "decided_least_by_one", "cases"),
    ("32 reviewers: most done by one", "decided_most_by_one", "cases"),
    ("32 reviewers: errors", "decided_errors", ""),
)

QUEUES = (
    ("the inbox", "inbox"),
    ("the inbox of the lowest role", "domain_reviewer"),
    ("the inbox of a role that the active policy requires for a few", "senior_manager"),
    ("the same, the first time in a process", "first_senior_manager"),
    ("the inbox of the highest role", "compliance_officer"),
    ("the inbox of a reviewer of all roles", "reviewer"),
    ("the inbox of a reviewer of one role and domain", "reviewer_in_one_domain"),
    ("the queue of the desk, of at most 500", "desk"),
    ("the next best case", "next"),
    ("fifty assignments", "assign"),
    ("maintenance, with fifty claims", "maintenance"),
)

BACKTEST = (
    ("from Parquet", "parquet", 5),
    ("from a SQLite store", "store", 30),
)

INSIGHTS = (
    ("the frame of all cases", "frame", None),
    ("all metrics", "metrics", None),
    ("the report, without verification", "report", 15),
    ("hitl stats", "stats", 3),
)


def main() -> None:
    """Measure, and print for people or for programs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="rounds of which the median is taken")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--entries", type=int, default=ledger.ENTRIES, help="entries of the ledger that is verified")
    parser.add_argument("--reviews", type=int, default=inbox.MANY, help="open reviews of the inbox that is read")
    parser.add_argument("--waiting", type=int, default=queues.MANY, help="open reviews of the queues, of real cases")
    parser.add_argument("--cases", type=int, default=insights.CASES, help="finished cases of the insights")
    parser.add_argument(
        "only",
        nargs="?",
        choices=["inbox", "desk", "queues", "policies", "backtest", "confidence", "embedding", "insights"],
        help="measure this alone",
    )
    given = parser.parse_args()
    _one(given) if given.only else _all(given)


def _one(given: argparse.Namespace) -> None:
    if given.only == "confidence":
        confidence.report(as_json=given.json)
        return
    measure, shown = {
        "inbox": (lambda: inbox.measure(given.reviews), lambda found: [_inbox(found)]),
        "queues": (lambda: queues.measure(given.waiting), lambda found: [_queues(found)]),
        "desk": (desk.measure, lambda found: [_desk(found)]),
        "policies": (lambda: policies.measure(given.rounds), lambda found: [policies.table(found)]),
        "embedding": (lambda: embedding.measure(given.rounds), lambda found: [_ratios(found), _milliseconds(found)]),
        "backtest": (backtest.measure, lambda found: [_backtest(found)]),
        "insights": (lambda: insights.measure(given.cases), lambda found: [_insights(found)]),
    }[given.only]
    figures = measure()
    print(json.dumps(figures, indent=2)) if given.json else Console().print(*shown(figures))


def _all(given: argparse.Namespace) -> None:
    figures = {**policies.measure(given.rounds), **cases.measure(given.rounds), **postgres.measure(given.rounds)}
    figures |= {**backtest.measure(), **seals.measure()}
    figures |= {**embedding.measure(given.rounds), **middleware.measure()}
    figures |= {**ledger.measure(given.entries), **inbox.measure(given.reviews), **desk.measure()}
    figures |= {**queues.measure(given.waiting), **unusual.measure(), **executions.measure()}
    figures |= insights.measure(given.cases)
    if given.json:
        json.dump(figures, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    console = Console()
    console.print(_ratios(figures))
    console.print(_milliseconds(figures))
    console.print(_ledger(figures))
    console.print(_inbox(figures))
    console.print(_desk(figures))
    console.print(_queues(figures))
    console.print(_backtest(figures))
    console.print(_insights(figures))
    console.print(policies.table(figures))
    confidence.report()
    console.print(*unusual.lines(figures if any(key.startswith("unusual_") for key in figures) else {}), sep="\n")
    if postgres.WHY_NOT:
        console.print(f"Nothing was measured on PostgreSQL: {postgres.WHY_NOT}.")


def _ratios(figures: dict[str, float]) -> Table:
    table = Table(title="Ratios, medians of one run", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("aim", justify="right")
    for name, key, aim, more_is_better in RATIOS:
        if key not in figures:
            continue
        reached = figures[key] >= aim if more_is_better else figures[key] <= aim
        color = "green" if reached else "yellow"
        table.add_row(name, f"[{color}]{figures[key]:.2f}[/]", f"{'≥' if more_is_better else '≤'} {aim:g}")
    return table


def _milliseconds(figures: dict[str, float]) -> Table:
    table = Table(title="Time a case", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    for name, key, unit in FIGURES:
        if key not in figures:
            continue
        table.add_row(name, f"{figures[key]:.2f} {unit}")
    return table


def _ledger(figures: dict[str, float]) -> Table:
    table = Table(title=f"The ledger; verification of {figures['verify_entries']:,.0f} entries", title_justify="left")
    table.add_column("what")
    table.add_column("measured", justify="right")
    for name, key, unit in LEDGER:
        table.add_row(name, f"{figures[key]:,.1f} {unit}")
    return table


def _inbox(figures: dict[str, float]) -> Table:
    table = Table(title="The first fifty open reviews; aims: at most 2 ms, and 2 times", title_justify="left")
    for column in ("what", "of few", "of many", "times"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for database in ("sqlite", "postgres"):
        for name, key in INBOX:
            few, many, ratio = (figures.get(f"inbox_{database}_{key}_{end}") for end in ("few_ms", "many_ms", "ratio"))
            if few is not None:
                table.add_row(f"{database}, {name}", f"{few:.2f} ms", f"{many:.2f} ms", f"{ratio:.2f}")
    return table


def _queues(figures: dict[str, float]) -> Table:
    table = Table(title="Queues of real cases under two policies; aim: at most 2 times", title_justify="left")
    for column in ("what", f"of {queues.FEW}", "of many", "times"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for database in ("sqlite", "postgres"):
        for name, key in QUEUES:
            few, many, ratio = (figures.get(f"queues_{database}_{key}_{end}") for end in ("few_ms", "many_ms", "ratio"))
            if few is not None:
                table.add_row(f"{database}, {name}", f"{few:.1f} ms", f"{many:.1f} ms", f"{ratio:.2f}")
    return table


def _desk(figures: dict[str, float]) -> Table:
    table = Table(
        title=f"The review desk, of {desk.MANY:,} open reviews; aim: a next case in 5 ms", title_justify="left"
    )
    table.add_column("what")
    for database in ("sqlite", "postgres"):
        table.add_column(database, justify="right")
    for name, key, unit in DESK:
        measured = (figures.get(f"desk_{database}_{key}") for database in ("sqlite", "postgres"))
        table.add_row(name, *("-" if value is None else f"{value:,.1f} {unit}" for value in measured))
    return table


def _backtest(figures: dict[str, float]) -> Table:
    table = Table(title="Backtest of past cases; aim: under 2 GB", title_justify="left")
    for column in ("what", "cases", "seconds", "CPU seconds", "peak MB", "aim for 10,000,000"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, key, aim in BACKTEST:
        reported = (figures[f"backtest_{key}_{one}"] for one in ("cases", "s", "cpu_s", "peak_mb"))
        cases_, seconds, spent, peak = reported
        table.add_row(name, f"{cases_:,.0f}", f"{seconds:.1f}", f"{spent:.1f}", f"{peak:,.0f}", f"{aim} s")
    return table


def _insights(figures: dict[str, float]) -> Table:
    cases_ = figures["insights_cases"]
    table = Table(title=f"Insights of {cases_:,.0f} cases, SQLite; aim: under 2 GB", title_justify="left")
    for column in ("what", "seconds", "CPU seconds", "peak MB", "aim for 1,000,000"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, key, aim in INSIGHTS:
        if f"insights_{key}_s" in figures:
            seconds, spent, peak = (figures[f"insights_{key}_{one}"] for one in ("s", "cpu_s", "peak_mb"))
            goal = "-" if aim is None else f"{aim} s"
            table.add_row(name, f"{seconds:.1f}", f"{spent:.1f}", f"{peak:,.0f}", goal)
    return table


if __name__ == "__main__":
    main()

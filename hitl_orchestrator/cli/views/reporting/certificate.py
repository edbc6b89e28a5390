"""A certificate, for the person who would give an agent more autonomy."""

from collections.abc import Iterator

from hitl_orchestrator.cli.output.blocks import Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.domain.shown.numbers import bound_percent, confidence_text, highest_percent, percent
from hitl_orchestrator.learning import Certificate


def certificate(found: Certificate) -> Iterator[Block]:
    """State the promise or why there is none, then the evidence and the assumptions."""
    promised, certainty = bound_percent(found.alpha), percent(1 - found.delta)
    if found.bound is None:
        yield Line(f"{inline(found.group)}: no certificate", "bold yellow")
        yield Line(f"{found.why_not}.")
    else:
        yield Line(
            f"{inline(found.group)}: certified from a confidence of {confidence_text(found.bound)}", "bold green"
        )
        yield Line(f"At most {promised} of the cases at or above it are wrong, with a confidence of {certainty}.")
    yield Line()
    yield Table(
        (Column("evidence"), Column("", gives_way=True, folds=True)),
        [(Cell(name, "dim"), Cell(text)) for name, text in _evidence(found)],
    )
    yield Line()
    yield Line("It holds as long as this does:", "bold")
    for assumption in found.assumptions:
        yield Line(f"- {assumption}", "dim")


def _evidence(found: Certificate) -> Iterator[tuple[str, str]]:
    window = "" if found.first is None else f", decided {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}"
    yield "cases", f"{count(found.cases, 'decided case')} with a confidence{window}"
    unanswered = f"; {found.unanswered:,} unanswered ones count as wrong" if found.unanswered else ""
    yield "labels", f"{found.labels:,} of equal probability{unanswered}"
    if found.bound is not None and found.coverage is not None and found.upper is not None:
        yield (
            "above the bound",
            f"{percent(found.coverage)} of the cases; {found.errors_above} of {found.labels_above} wrong",
        )
        yield "errors at most", highest_percent(found.upper, 1, bound=found.alpha)
    yield "promise", f"alpha {found.alpha:g}, delta {found.delta:g}"
    yield "method", f"{found.method} {found.version}: exact binomial tests in a fixed sequence"
    yield "data", f"SHA-256 {found.evidence_hash[:16]}"

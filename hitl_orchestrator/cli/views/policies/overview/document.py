"""A policy in plain words, for the terminal and for machines."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.policies import SIGNATURE, SIGNERS, Document


def plain(made: Document) -> dict[str, Any]:
    """Return the document for machines."""
    return asdict(made)


def terminal(made: Document) -> Iterator[Block]:
    """Yield the document as text."""
    yield Line(made.title, "bold")
    if made.description:
        yield Line(made.description)
    for name, value in made.facts:
        yield Line(f"{name}: {value}", "dim")
    for place, section in enumerate(made.sections):
        yield Line()
        yield Line(section.title.upper(), "bold green" if place == 0 else "bold")
        yield Line(section.intro, "dim")
        for entry in section.entries:
            number = f"{entry.place}. " if entry.place else ""
            yield Line()
            yield Line(f"{number}{entry.name}", "bold", indent=2)
            yield Line(entry.text, indent=2)
            if entry.decision:
                yield Line(entry.decision, indent=4)
            for note in entry.notes:
                yield Line(note, "dim", indent=2)
    yield Line()
    yield Line("SIGN-OFF", "bold")
    for signer in SIGNERS:
        yield Line()
        yield Line(signer, indent=2)
        yield Line("  ".join(f"{field} ________" for field in SIGNATURE), "dim", indent=2)


def written(path: str) -> Iterator[Block]:
    """Say where the document was written."""
    yield Line(f"Written to {path}.", "green")

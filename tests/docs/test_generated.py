"""The generated parts of the documentation are up to date, and reference pages cover the code."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import typer

from hitl_orchestrator.cli import main
from hitl_orchestrator.cli.app import app
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.lifecycle import ReviewState
from hitl_orchestrator.graph.topology import NEXT

DOCS = Path(__file__).parents[2] / "docs"
PACKAGE = DOCS.parent / "hitl_orchestrator"


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def first_cells(text: str) -> list[str]:
    """Return the names in backticks in the first cell of each table row."""
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that is not a group, with the words that invoke it."""
    below = getattr(command, "commands", {})
    if not below:
        yield words, command
    for word, inner in below.items():
        if not inner.hidden:
            yield from commands(inner, (*words, word))


def test_generated_parts_are_up_to_date():
    script = DOCS / "generate.py"
    done = subprocess.run(
        [sys.executable, "-B", script, "--check"], check=False, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_help_shows_every_text_of_the_reference_uncut(capfd):
    missing = []
    for words, command in commands(typer.main.get_command(app)):
        main([*words, "--help"])
        shown = re.sub(r"[\s│]+", " ", capfd.readouterr().out)
        texts = [*command.help.split("\n\n"), *(param.help for param in command.params if not param.hidden)]
        missing += [(words, text) for text in texts if re.sub(r"\s+", " ", text) not in shown]

    assert missing == []


def test_each_setting_is_documented_once():
    settings = (PACKAGE / "settings.py").read_text("utf-8")

    assert sorted(first_cells(page("reference/settings.md"))) == sorted(set(re.findall(r'"(HITL_[A-Z_]+)"', settings)))


def test_each_event_kind_is_documented_once():
    kinds = page("reference/events.md").partition("## Kinds")[2]

    assert sorted(first_cells(kinds)) == sorted(EventKind)


def test_the_architecture_names_each_package_and_module_once():
    table = page("explanation/architecture.md").partition("## Packages")[2].partition("\n## ")[0]
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}

    assert sorted(first_cells(table)) == sorted(folders | modules)


def texts_of(picture: str) -> set[str | None]:
    tree = ElementTree.parse(DOCS / "img" / f"{picture}.svg")
    return {text.text for text in tree.iter("{http://www.w3.org/2000/svg}text")}


def test_the_pictures_show_every_node_and_every_review_state():
    assert set(NEXT) <= texts_of("flow")
    assert {state.value for state in ReviewState} <= texts_of("review_states")

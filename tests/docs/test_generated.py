"""What the docs take from the code is up to date, and covers every command and every option."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import typer

from hitl_orchestrator.cli.app import app
from hitl_orchestrator.graph.topology import NEXT

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "cli.md").read_text("utf-8")


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that is no group, with the words that it is typed with."""
    if getattr(command, "hidden", False):
        return
    below = getattr(command, "commands", {})
    if not below:
        yield words, command
    for word, one in below.items():
        yield from commands(one, (*words, word))


EVERY = [pytest.param(words, command, id=" ".join(words)) for words, command in commands(typer.main.get_command(app))]


def test_what_is_generated_is_up_to_date():
    script = DOCS / "generate.py"
    done = subprocess.run(
        [sys.executable, "-B", script, "--check"], check=False, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(("words", "command"), EVERY)
def test_every_command_is_documented_with_every_option(words, command):
    section = PAGE.partition(f"### hitl {' '.join(words)}\n")[2].partition("\n### ")[0]

    assert [one.opts for one in command.params if f"`{one.opts[0]}" not in section and one.opts[0][0] == "-"] == []


def test_every_setting_is_documented():
    settings = (DOCS.parent / "hitl_orchestrator" / "settings.py").read_text("utf-8")
    guide = (DOCS / "guide.md").read_text("utf-8")

    assert {name for name in re.findall(r'"(HITL_[A-Z_]+)"', settings) if f"`{name}`" not in guide} == set()


def test_the_picture_shows_every_node():
    texts = {
        text.text for text in ElementTree.parse(DOCS / "img" / "flow.svg").iter("{http://www.w3.org/2000/svg}text")
    }

    assert set(NEXT) <= texts

"""The output of a command on stdout: JSON for machines, blocks for people. Only the latter import rich."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block
from hitl_orchestrator.domain.invisible_characters import escape_in_json


def answer(as_json: bool, data: Any, blocks: Callable[[], Iterable[Block]]) -> None:
    """Print `data` as one JSON value and nothing else, or draw the blocks."""
    if as_json:
        json.dump(data, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    from hitl_orchestrator.cli.output.console import draw  # noqa: PLC0415 - rich is slow to import, and JSON needs none of it

    draw(blocks())


def for_reading(text: str) -> str:
    """Return a JSON text for stdout: on a terminal, characters that act on it or hide are escaped as in JSON."""
    return escape_in_json(text) if sys.stdout.isatty() else text

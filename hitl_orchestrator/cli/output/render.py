"""The output of a command on stdout: JSON for machines, blocks for people. Only the latter import rich."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block
from hitl_orchestrator.cli.output.data import print_json


def note(sentence: str) -> None:
    """Print a sentence about the result to stderr, so that stdout has the result alone."""
    print(f"hitl: {sentence}", file=sys.stderr)  # noqa: T201 - for people, in addition to the result


def answer(as_json: bool, data: Any, blocks: Callable[[], Iterable[Block]]) -> None:
    """Print `data` as one JSON value and nothing else, or draw the blocks."""
    if as_json:
        print_json(json.dumps(data, indent=2))
    else:
        draw(blocks)


def draw(blocks: Callable[[], Iterable[Block]]) -> None:
    """Draw blocks for people."""
    from hitl_orchestrator.cli.output import console  # noqa: PLC0415 - rich is slow to import, and JSON needs none of it

    console.draw(blocks())

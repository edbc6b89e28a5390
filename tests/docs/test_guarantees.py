"""Each guarantee names tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "guarantees.md").read_text("utf-8")
GUARANTEES = re.split(r"^- ", PAGE.partition("## What is not promised")[0], flags=re.MULTILINE)[1:]


@cache
def functions_in(file: str) -> set[str]:
    nodes = ast.walk(ast.parse((ROOT / "tests" / file).read_text("utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_named_test_exists():
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE)

    assert len(named) == PAGE.count("::test_") > 100
    assert [f"{file}::{name}" for file, name in named if name not in functions_in(file)] == []


def test_each_guarantee_is_one_sentence_with_tests():
    assert len(GUARANTEES) > 70
    assert [text for text in GUARANTEES if not re.match(r"[^\n]*\.\n    - `[\w/]+\.py::test_", text)] == []

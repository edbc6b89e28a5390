"""Every promise names tests that exist, and nothing else in the docs keeps a list of its own."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
NAMED = re.findall(r"\[`([\w/]+\.py)::(\w+)`\]\(([^)]+)\)", PAGE)
PROMISES = PAGE.partition("## What is not promised")[0]


def functions_of(path: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text("utf-8")))
    return {node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("file", "name", "link"), NAMED, ids=[name for _, name, _ in NAMED])
def test_every_test_that_is_named_exists(file, name, link):
    assert link == f"../tests/{file}"
    assert name in functions_of(ROOT / "tests" / file)


def test_every_promise_is_one_sentence_with_a_test_that_holds_it():
    promises = re.split(r"^- ", PROMISES, flags=re.MULTILINE)[1:]

    assert len(promises) > 20
    assert [promise for promise in promises if not re.match(r"[^\n]*\.\n  \[`", promise)] == []


def test_nothing_that_looks_like_a_test_is_left_unchecked():
    assert len(re.findall(r"::test_", PAGE)) == len(NAMED)

"""Size limits: 50 lines per function, 400 lines per module."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_FUNCTION = 50
LONGEST_MODULE = 400


def modules() -> list[Path]:
    return sorted(
        path
        for folder in ("hitl_orchestrator", "tests", "tools", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
    )


def functions(source: str) -> Iterator[tuple[str, int, int]]:
    """Yield name, first line and length of every function, from `def` to its last line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def test_no_function_is_longer_than_fifty_lines():
    too_long = [
        f"{path.relative_to(ROOT)}:{line}: {name} has {length} lines"
        for path in modules()
        for name, line, length in functions(path.read_text("utf-8"))
        if length > LONGEST_FUNCTION
    ]

    assert too_long == []


def test_no_module_is_longer_than_four_hundred_lines():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in modules()}

    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_count_finds_a_method_one_line_too_long():
    source = "class A:\n    async def long(self):\n" + "        pass\n" * 50

    assert list(functions(source)) == [("long", 2, 51)]

"""Examples are short; tests/integrations/test_agent_frameworks.py runs them, where the frameworks are imported."""

import ast
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_LINES = 150
FRAMEWORKS = {"agents", "google", "langchain", "langchain_core", "langgraph", "openai", "pydantic_ai", "sklearn"}


def test_an_example_fits_on_a_few_screens():
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in EXAMPLES.rglob("*.py")}

    assert {str(path): length for path, length in lengths.items() if length >= MOST_LINES} == {}


def test_each_example_is_run():
    run = (EXAMPLES.parent / "tests" / "integrations" / "test_agent_frameworks.py").read_text("utf-8")

    assert [path.parent.name for path in EXAMPLES.glob("*/main.py") if f'"{path.parent.name}": [' not in run] == []


def test_an_example_imports_the_integration_first_which_names_a_missing_extra():
    for path in EXAMPLES.glob("*/main.py"):
        imported = [each for each in ast.parse(path.read_text("utf-8")).body if isinstance(each, ast.ImportFrom)]
        modules = [each.module.partition(".")[0] for each in imported if each.module]
        frameworks = [number for number, name in enumerate(modules) if name in FRAMEWORKS]

        assert modules.index("hitl_orchestrator") < min(frameworks, default=len(modules)), path

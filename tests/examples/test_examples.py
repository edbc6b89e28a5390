"""Examples are short; tests/integrations/test_agent_frameworks.py runs them, where the frameworks are imported."""

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_LINES = 150


def test_an_example_fits_on_a_few_screens():
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in EXAMPLES.rglob("*.py")}

    assert {str(path): length for path, length in lengths.items() if length >= MOST_LINES} == {}


def test_each_example_is_run():
    run = (EXAMPLES.parent / "tests" / "integrations" / "test_agent_frameworks.py").read_text("utf-8")

    assert [path.parent.name for path in EXAMPLES.glob("*/main.py") if f'"{path.parent.name}": [' not in run] == []

"""Each example is short, and runs offline to the end of its story. Those of agent SDKs run in tests/integrations."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_LINES = 150


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "support_agent",
            [
                "   >>> mail to ann@example.com: You may return it within 30 days.",
                "   >>> 20.00 EUR paid for order A-17",
                "6. Executions: 2; the ledger is sound: True.",
            ],
        ),
        (
            "batch_classifier",
            [
                "   mail-4: a person decides; proposed is delivery (0.53)",
                "   mail-6: refund (0.83)",
                "5. Decided so far: {'agent': 5, 'human': 2}.",
            ],
        ),
    ],
)
def test_an_example_tells_its_story(tmp_path, name, lines):
    command = [sys.executable, EXAMPLES / name / "main.py"]

    ran = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120)

    assert ran.returncode == 0, ran.stderr
    assert [line for line in lines if line not in ran.stdout.splitlines()] == []


def test_an_example_fits_on_a_few_screens():
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in EXAMPLES.rglob("*.py")}

    assert {str(path): length for path, length in lengths.items() if length >= MOST_LINES} == {}

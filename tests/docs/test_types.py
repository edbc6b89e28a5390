"""The code of the README passes `mypy --strict` in a project of its own; a misspelt word does not."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
README = "".join(_BLOCK.findall((ROOT / "README.md").read_text("utf-8")))

TYPED = """
from hitl_orchestrator import AsyncOrchestrator, Case, FinalDecision, Orchestrator, RiskLevel
from hitl_orchestrator.integrations import guard


def decided(hitl: Orchestrator) -> Case:
    task = {"task_id": "a", "task_type": "refund", "task_description": "Refund 20", "domain": "finance"}
    case = hitl.submit(task, {"agent_output": {"predicted_label": "Refund"}})
    rule: str | None = case.rule_id
    waiting_for: str | None = case.waiting_for
    if case.open_review is not None:
        print(case.reason, rule, waiting_for, case.open_review.task.domain, case.open_review.proposal)
    hitl.inbox(risk_level=RiskLevel.LOW)
    return hitl.decide(case.case_id, "modify", reviewer="ana", output={"predicted_label": "Other"})


async def main() -> None:
    async with AsyncOrchestrator.open("memory://") as hitl:
        case = await hitl.cases.get(task_id="a")
        if case.record is not None and case.record.final_decision is FinalDecision.APPROVED:
            await hitl.decide(case.case_id, "approve")

        @guard(hitl, task_type="m", domain="d", risk=lambda call: "low" if call["to"] else "high", key="to", name="m")
        async def mail(to: str) -> int:
            return len(to)

        sent: int = await mail("ann")
        print(sent)
"""
WRONG = """
from hitl_orchestrator import Orchestrator, Task
from hitl_orchestrator.integrations import guard


def wrong(hitl: Orchestrator) -> None:
    hitl.decide("case", "aprove")
    Task(task_id="a", task_type="b", task_description="c", domain="d", risk_level="hihg")

    @guard(hitl, task_type="refund", domain="finance", name="refund")
    def refund(amount: float) -> str:
        return str(amount)

    refund("much")
"""


def test_the_readme_is_typed_and_misspelt_words_are_found(tmp_path):
    for name, text in {"readme": README, "typed": TYPED, "wrong": WRONG}.items():
        (tmp_path / f"{name}.py").write_text(text, "utf-8")

    # With the settings and the cache of this repository, so that the package itself is checked once.
    cache, settings = ROOT / ".mypy_cache", ROOT / "pyproject.toml"
    command = [sys.executable, "-m", "mypy", "--config-file", settings, "--cache-dir", cache, "--strict", "."]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    lines = [line for line in checked.stdout.splitlines() if " error: " in line]
    assert [line.split(": ")[0] for line in lines] == ["wrong.py:7", "wrong.py:8", "wrong.py:14"], (
        checked.stdout + checked.stderr
    )
    assert "'aprove'" in lines[0]
    assert '"risk_level"' in lines[1]
    assert 'expected "float"' in lines[2]

"""Write docs/img/review_desk.svg: the review desk with a pending edited output. Run `python docs/desk_picture.py`.

The picture shows the real desk on an in-memory store with a fixed clock. It depends on the version of Textual, so it is
not generated with the other pictures; run this script when the desk changes.
"""

import asyncio
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hitl_orchestrator import AgentOutput, Orchestrator, Task
from hitl_orchestrator.cli.desk.app import DeskApp
from hitl_orchestrator.cli.desk.client import DeskClient

PICTURE = Path(__file__).parent / "img" / "review_desk.svg"
SIZE = (124, 42)
NOON = datetime(2025, 1, 10, 12, tzinfo=UTC)
NEVER = 1e6

RULES = [
    {"rule_id": "risky", "conditions": {"risk_level": "high"}, "action": "escalate", "respond_within": "PT2H"},
    {"rule_id": "sure", "conditions": {"min_confidence": 0.9}, "action": "auto_approve"},
    {"rule_id": "refunds", "conditions": {"task_type": "refund"}, "action": "human_review", "respond_within": "PT4H"},
]
PEOPLE = [
    {"reviewer_id": "r01", "name": "Seat 1", "roles": ["domain_reviewer"]},
    {"reviewer_id": "r02", "name": "Seat 2", "roles": ["domain_reviewer"]},
    {"reviewer_id": "m01", "name": "Seat 3", "roles": ["senior_manager"]},
]
CASES = [
    ("refund-4790", 0.74, "Refund of 18.00: a voucher was not accepted", "Refund in full", "The voucher was valid."),
    ("refund-4801", 0.58, "Refund of 74.50: the wrong size was sent twice", "Refund in part", "One was kept."),
    (
        "refund-4812",
        0.68,
        "Refund of 129.90: the parcel arrived broken, the customer wrote within a day",
        "Refund in full",
        "The photos show a crushed box, and the order is three days old, well within the 30 days of the policy.",
    ),
    ("refund-4815", 0.81, "Refund of 9.90: delivered to a neighbor", "No refund", "The neighbor has confirmed it."),
]


def fill(hitl: Orchestrator) -> None:
    """Submit the cases, and decide the first two."""
    for task_id, confidence, description, label, explanation in CASES:
        task = Task(
            task_id=task_id,
            task_type="refund",
            task_description=description,
            domain="customer_support",
            risk_level="medium",
            timestamp=NOON,
            metadata={"customer": "C-204", "order": "A-5521"},
        )
        proposal = {"predicted_label": label, "explanation": explanation, "amount": 129.9}
        hitl.submit(task, AgentOutput(task_id=task_id, agent_output=proposal, confidence_score=confidence))
    hitl.decide(task_id="refund-4790", decision="approve", reviewer="r02")
    hitl.decide(task_id="refund-4801", decision="reject", reviewer="m01")


async def picture(hitl: Orchestrator) -> str:
    """Open the desk, edit an output, and return the screen as SVG."""
    app = DeskApp(DeskClient.of(hitl, "r01"), now=lambda: NOON + timedelta(minutes=12), every=NEVER)
    async with app.run_test(size=SIZE) as pilot:
        edit = ("down", "end", "left", "left", *["backspace"] * 4, *"part", *["down"] * 3, "end", *["backspace"] * 5)
        steps = ([], ["enter"], ["m"], [*edit, *"65.0"], ["ctrl+s"], ["c"], ["t"], list("half of it can still be used"))
        for keys in steps:
            await pilot.press(*({" ": "space", ".": "full_stop"}.get(key, key) for key in keys))
            await app.workers.wait_for_complete()
            await pilot.pause()
        return app.export_screenshot(title="hitl desk --reviewer r01")


def main() -> None:
    """Write the picture, with a font of the system instead of a downloaded one."""
    policy = {
        "policy_id": "refunds_v3",
        "rules": [{"priority": priority, **rule} for priority, rule in enumerate(RULES, 1)],
    }
    with Orchestrator.open("memory://", policy=policy, reviewers=PEOPLE, clock=lambda: NOON) as hitl:
        fill(hitl)
        svg = asyncio.run(picture(hitl))
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace")
    svg = re.sub(r"terminal-\d+-", "desk-", svg)
    svg = "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
    PICTURE.write_text(svg, "utf-8")
    sys.stdout.write(f"{PICTURE}: {len(svg)} characters\n")


if __name__ == "__main__":
    main()

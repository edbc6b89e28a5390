"""A driver for the desk in tests: a reviewer, cases, and key presses. Every wait is for an event."""

from datetime import UTC, datetime
from typing import Any

from hitl_orchestrator import AgentOutput, Orchestrator, Review, Task
from hitl_orchestrator.cli.desk.app import DeskApp
from hitl_orchestrator.cli.desk.widgets import Notice

QUIET = 4
PEOPLE = {
    "reviewers": [
        {"reviewer_id": "r01", "name": "Seat 1", "roles": ["domain_reviewer"], "domains": ["support"]},
        {"reviewer_id": "r02", "name": "Seat 2", "roles": ["domain_reviewer"]},
        {"reviewer_id": "m01", "name": "Seat 3", "roles": ["senior_manager"]},
    ]
}
RULES = [
    {"conditions": {"task_type": "opinion"}, "action": "human_review", "blind": True},
    {"conditions": {"task_type": "payment"}, "action": "human_review", "approvals": 2},
    {"conditions": {"risk_level": "high"}, "action": "escalate"},
    {"conditions": {"risk_level": "medium"}, "action": "human_review", "respond_within": "PT1H", "on_timeout": "wait"},
    {"conditions": {}, "action": "human_review"},
]


def policy(rules: list[dict[str, Any]] = RULES) -> dict[str, Any]:
    numbered = [{"rule_id": f"rule-{number}", "priority": number, **rule} for number, rule in enumerate(rules, 1)]
    return {"policy_id": "desk", "rules": numbered}


def submit(hitl: Orchestrator, task_id: str, by: str | None = None, **fields: Any) -> str:
    """Submit a task to which the agent proposes a label, and return the id of its case."""
    result = {"task_type": "refund", "task_description": "Refund a broken parcel", "domain": "support"}
    result |= {"risk_level": "low", "timestamp": datetime.now(UTC), **fields}
    proposal = {"predicted_label": "Refund in full", "explanation": "The box was crushed", "amount": 129.9}
    output = AgentOutput(task_id=task_id, agent_output=proposal, confidence_score=0.68)
    return hitl.submit(Task(task_id=task_id, **result), output, submitted_by=by).case_id


class DeskDriver:
    """A running desk and its keys."""

    def __init__(self, app: DeskApp, pilot: Any) -> None:
        self.app, self.pilot = app, pilot
        self.hitl = app.client.hitl

    async def press(self, *keys: str) -> str:
        """Press keys, each after the work of the previous one has ended; return the screen."""
        for key in keys:
            await self.pilot.press(key)
            await self.wait_until_idle()
        return self.text

    async def type(self, text: str) -> str:
        await self.pilot.press(*({" ": "space"}.get(letter, letter) for letter in text))
        await self.wait_until_idle()
        return self.text

    async def wait_until_idle(self) -> None:
        """Wait until all workers are idle; a worker may start another one."""
        quiet = 0
        while quiet < QUIET:
            quiet = 0 if len(self.app.workers) else quiet + 1
            await self.app.workers.wait_for_complete()
            await self.pilot.pause()

    @property
    def text(self) -> str:
        """The lines on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def notice(self) -> str:
        return " ".join(str(self.app.screen.query_one(Notice).content).split())

    def answered(self, case_id: str) -> Review:
        """Return the last recorded review of a case."""
        row = [row for row in self.hitl.cases.get(case_id).reviews if row.verdict][-1]
        return row.verdict.review

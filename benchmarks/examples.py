"""The task and the output that most benchmarks use: of the bundled data, approved by a rule or sent to a reviewer."""

import json
from datetime import UTC, datetime
from typing import Any

from hitl_orchestrator import AgentOutput, Task
from hitl_orchestrator.orchestrator import bundled_data

NINE = datetime(2025, 1, 10, 9, tzinfo=UTC)
AUTO, REVIEWED = 0, 1
REVIEWER = "domain_reviewer"
"""Who decides the reviewed one: the bundled placeholder of its role."""

_TASKS, _OUTPUTS = (json.loads(bundled_data(name)) for name in ("tasks.json", "agent_outputs.json"))


def raw(name: str, kind: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a task and its output as plain values."""
    named = {"task_id": name}
    return {**_TASKS[kind], **named, "timestamp": datetime.now(UTC).isoformat()}, {**_OUTPUTS[kind], **named}


def typed(name: str, kind: int) -> tuple[Task, AgentOutput]:
    """Return a task and its output as the facade takes them."""
    task, output = raw(name, kind)
    return Task.model_validate(task), AgentOutput.model_validate(output)


def mixed(number: int) -> int:
    """Return the kind of a case of which 60 in 100 are approved by a rule."""
    return AUTO if number % 10 < 6 else REVIEWED

"""How risky a task is where nobody said so: the first rule that fits, and `high` where none does."""

from collections.abc import Sequence

from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.domain.value import Label, Value


class RiskRule(Value):
    """Tasks of this domain and this type have this risk. What is left out fits every task."""

    risk_level: RiskLevel
    domain: Label | None = None
    task_type: Label | None = None


def risk_of(task: Task, rules: Sequence[RiskRule]) -> RiskLevel:
    """Return the risk the task states, else that of the first rule that fits, else `high`."""
    if task.risk_level is not None:
        return task.risk_level
    for rule in rules:
        if rule.domain in (None, task.domain) and rule.task_type in (None, task.task_type):
            return rule.risk_level
    return RiskLevel.HIGH

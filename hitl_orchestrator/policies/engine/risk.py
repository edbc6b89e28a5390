"""The risk of tasks that state none: that of the first matching risk rule, or `high`."""

from collections.abc import Sequence

from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.domain.value import Label, Value


class RiskRule(Value):
    """The risk of tasks of a domain and a task type. A field that is left out matches every task."""

    risk_level: RiskLevel
    domain: Label | None = None
    task_type: Label | None = None


def risk_of(task: Task, rules: Sequence[RiskRule]) -> RiskLevel:
    """Return the risk that the task states, else that of the first matching rule, else `high`."""
    if task.risk_level is not None:
        return task.risk_level
    for rule in rules:
        if rule.domain in (None, task.domain) and rule.task_type in (None, task.task_type):
            return rule.risk_level
    return RiskLevel.HIGH

"""The risk of tasks: that of the first matching risk rule, which a stated risk can raise, or `high`."""

from collections.abc import Sequence

from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.domain.value import Label, Value


class RiskRule(Value):
    """The least risk of tasks of a domain and a task type. A field that is left out matches every task."""

    risk_level: RiskLevel
    domain: Label | None = None
    task_type: Label | None = None


def risk_of(task: Task, rules: Sequence[RiskRule]) -> RiskLevel:
    """Return the risk of the first matching rule, or the stated one where it is higher; `high` where there is neither.

    A statement raises what the rules say and never lowers it, since an agent may make it. Where no rule matches, the
    statement holds.
    """
    ruled = next((rule.risk_level for rule in rules if _matches(rule, task)), None)
    known = [risk for risk in (ruled, task.risk_level) if risk is not None]
    return max(known, key=list(RiskLevel).index, default=RiskLevel.HIGH)


def _matches(rule: RiskRule, task: Task) -> bool:
    return rule.domain in (None, task.domain) and rule.task_type in (None, task.task_type)

"""The moments of a case: when the store received its task, and the time that the task states itself."""

from hitl_orchestrator.policies.engine.axes.moment.axis import TIME, MomentAxis
from hitl_orchestrator.policies.engine.axes.moment.week import minute_of_the_week

__all__ = ["TIME", "MomentAxis", "minute_of_the_week"]

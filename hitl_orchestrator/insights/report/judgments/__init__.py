"""The two words of a report, each with the rules that produced it."""

from hitl_orchestrator.insights.report.judgments.health import judge_health
from hitl_orchestrator.insights.report.judgments.verdict import Duties, judge_governance

__all__ = ["Duties", "judge_governance", "judge_health"]

"""Measurements over audit records: agents, reviewers, waiting times."""

from hitl_orchestrator.insights.escaped_errors import EscapedErrors
from hitl_orchestrator.insights.feedback import Feedback
from hitl_orchestrator.insights.reviewer_quality import ReviewerQuality, Share, care
from hitl_orchestrator.insights.reviewer_quality import Signal as ReviewerSignal
from hitl_orchestrator.insights.wait_times import Capacity, capacity_of

__all__ = [
    "Capacity",
    "EscapedErrors",
    "Feedback",
    "ReviewerQuality",
    "ReviewerSignal",
    "Share",
    "capacity_of",
    "care",
]

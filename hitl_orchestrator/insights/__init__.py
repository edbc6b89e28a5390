"""Measurements over audit records: agents, reviewers, waiting times. Names are imported on first use."""

from typing import TYPE_CHECKING

from hitl_orchestrator.lazy import lazy_names

if TYPE_CHECKING:
    from hitl_orchestrator.insights.canary import CanaryPart, CanaryReport
    from hitl_orchestrator.insights.deciders import Decider
    from hitl_orchestrator.insights.escaped_errors import EscapedErrors
    from hitl_orchestrator.insights.feedback import Feedback
    from hitl_orchestrator.insights.metrics.model import (
        DIMENSIONS,
        INTERVALS_IN_WORDS,
        OVERVIEWS,
        Group,
        Mark,
        Metrics,
        Moment,
        Quantiles,
        StakeField,
    )
    from hitl_orchestrator.insights.queue_forecast import Capacity, capacity_of
    from hitl_orchestrator.insights.report.model import Criterion, Decided, Finding, Judgment, NextStep, Report
    from hitl_orchestrator.insights.report.phrases import open_text
    from hitl_orchestrator.insights.reviewer_quality import NEEDED, QualitySignal, ReviewerQuality, measure_reviewers
    from hitl_orchestrator.insights.shares import Difference, Share

__all__ = [
    "DIMENSIONS",
    "INTERVALS_IN_WORDS",
    "NEEDED",
    "OVERVIEWS",
    "CanaryPart",
    "CanaryReport",
    "Capacity",
    "Criterion",
    "Decided",
    "Decider",
    "Difference",
    "EscapedErrors",
    "Feedback",
    "Finding",
    "Group",
    "Judgment",
    "Mark",
    "Metrics",
    "Moment",
    "NextStep",
    "QualitySignal",
    "Quantiles",
    "Report",
    "ReviewerQuality",
    "Share",
    "StakeField",
    "capacity_of",
    "measure_reviewers",
    "open_text",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Decider": "deciders",
        "EscapedErrors": "escaped_errors",
        "Feedback": "feedback",
        "DIMENSIONS": "metrics.model",
        "INTERVALS_IN_WORDS": "metrics.model",
        "OVERVIEWS": "metrics.model",
        "Group": "metrics.model",
        "Mark": "metrics.model",
        "Metrics": "metrics.model",
        "Moment": "metrics.model",
        "Quantiles": "metrics.model",
        "StakeField": "metrics.model",
        "Capacity": "queue_forecast",
        "capacity_of": "queue_forecast",
        "Criterion": "report.model",
        "Decided": "report.model",
        "Finding": "report.model",
        "Judgment": "report.model",
        "NextStep": "report.model",
        "Report": "report.model",
        "open_text": "report.phrases",
        "NEEDED": "reviewer_quality",
        "QualitySignal": "reviewer_quality",
        "ReviewerQuality": "reviewer_quality",
        "measure_reviewers": "reviewer_quality",
        "CanaryPart": "canary",
        "CanaryReport": "canary",
        "Difference": "shares",
        "Share": "shares",
    },
)

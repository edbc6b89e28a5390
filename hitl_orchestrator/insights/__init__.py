"""Measurements over audit records: agents, reviewers, waiting times."""

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
from hitl_orchestrator.insights.reviewer_quality import NEEDED, QualitySignal, ReviewerQuality, measure_reviewers
from hitl_orchestrator.insights.shares import Share

__all__ = [
    "DIMENSIONS",
    "INTERVALS_IN_WORDS",
    "NEEDED",
    "OVERVIEWS",
    "Capacity",
    "Criterion",
    "Decided",
    "Decider",
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
]

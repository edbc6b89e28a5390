"""A policy as a map of its decisions, and the picture of it."""

from hitl_orchestrator.policies.analysis.maps import model as words

__all__ = ["words"]

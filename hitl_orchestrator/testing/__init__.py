"""For tests and trials of people who use this: a clock that you move, simulated reviewers, an organization.

pytest finds the fixtures `hitl`, `reviewer` and `clock` by itself, in every run; the names here are loaded when they
are first used, so that other runs are none the slower.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hitl_orchestrator.testing.clock import Clock
    from hitl_orchestrator.testing.organization import Organization, simulate
    from hitl_orchestrator.testing.reviewers import Habits, SimulatedReviewer
    from hitl_orchestrator.testing.scenario import POLICY as DEFAULT_POLICY
    from hitl_orchestrator.testing.scenario import Arrival, Scenario
    from hitl_orchestrator.testing.summary import Load, Outcome, Waiting

__all__ = [
    "DEFAULT_POLICY",
    "Arrival",
    "Clock",
    "Habits",
    "Load",
    "Organization",
    "Outcome",
    "Scenario",
    "SimulatedReviewer",
    "Waiting",
    "simulate",
]

_HOME = {
    "Arrival": "scenario",
    "Clock": "clock",
    "Habits": "reviewers",
    "Load": "summary",
    "Organization": "organization",
    "Outcome": "summary",
    "Scenario": "scenario",
    "SimulatedReviewer": "reviewers",
    "Waiting": "summary",
    "simulate": "organization",
}


def __getattr__(name: str) -> Any:
    if name == "DEFAULT_POLICY":
        return import_module(f"{__name__}.scenario").POLICY
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

"""For tests and trials of people who use this: a clock that you move, simulated reviewers, an organisation.

pytest finds the fixtures `hitl`, `reviewer` and `clock` by itself.
"""

from hitl_orchestrator.testing.clock import Clock
from hitl_orchestrator.testing.organisation import Organisation, simulate
from hitl_orchestrator.testing.outcome import Load, Outcome, Waiting
from hitl_orchestrator.testing.reviewers import Habits, SimulatedReviewer
from hitl_orchestrator.testing.scenario import Arrival, Scenario

__all__ = [
    "Arrival",
    "Clock",
    "Habits",
    "Load",
    "Organisation",
    "Outcome",
    "Scenario",
    "SimulatedReviewer",
    "Waiting",
    "simulate",
]

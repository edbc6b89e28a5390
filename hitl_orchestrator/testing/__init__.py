"""Test support for users of this package: a clock, simulated reviewers, a simulated organization, pytest fixtures.

pytest loads the fixtures `hitl`, `reviewer` and `clock` automatically. The names here are imported on first use, so
that other test runs are not slowed down.
"""

from typing import TYPE_CHECKING

from hitl_orchestrator.lazy import lazy_names

if TYPE_CHECKING:
    from hitl_orchestrator.testing.clock import Clock
    from hitl_orchestrator.testing.generator.files import GENERATED, write_generated
    from hitl_orchestrator.testing.generator.staff import REPLAYS
    from hitl_orchestrator.testing.organization import Organization, simulate
    from hitl_orchestrator.testing.reviewers import Habits, SimulatedReviewer
    from hitl_orchestrator.testing.scenario import DEFAULT_POLICY, Arrival, Scenario
    from hitl_orchestrator.testing.summary import Load, Outcome, Waiting

__all__ = [
    "DEFAULT_POLICY",
    "GENERATED",
    "REPLAYS",
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
    "write_generated",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Arrival": "scenario",
        "Clock": "clock",
        "DEFAULT_POLICY": "scenario",
        "GENERATED": "generator.files",
        "Habits": "reviewers",
        "Load": "summary",
        "Organization": "organization",
        "Outcome": "summary",
        "REPLAYS": "generator.staff",
        "Scenario": "scenario",
        "SimulatedReviewer": "reviewers",
        "Waiting": "summary",
        "simulate": "organization",
        "write_generated": "generator.files",
    },
)

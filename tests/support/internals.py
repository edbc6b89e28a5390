"""What lies behind the facade, which tests reach past its gate."""

from typing import Any

from langgraph.types import StateSnapshot

from hitl_orchestrator import Orchestrator, Review
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.wiring.build import Services


def services_of(hitl: Orchestrator) -> Services:
    """Return the services of an orchestrator. Raises `StoreClosed` once it was closed."""
    return hitl._services


def look_at(hitl: Orchestrator, case_id: str) -> StateSnapshot:
    """Return the thread of a case as a client of LangGraph sees it. The checkpoint that a waiting one lacks is made."""
    runner = services_of(hitl).runner
    return runner.graph.get_state(runner.thread(case_id))


def decide_and_stop(hitl: Orchestrator, answer: Review, **key: Any) -> None:
    """Record the decision of a review without the outcome that follows, as if the process had ended in between."""
    services = services_of(hitl)
    row = hitl.cases.get(**key).open_review
    assert row is not None
    services.recorder.decide(row, answer, acting=Acting(answer.reviewer_id))

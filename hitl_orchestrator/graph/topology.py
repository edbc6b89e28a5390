"""Which step follows which, as plain data, and the version of it. Needs no LangGraph, so that it is quick to ask."""

from functools import cache
from typing import Any, TypedDict

from hitl_orchestrator.domain.value import digest
from hitl_orchestrator.graph.fingerprint import reducers, structure
from hitl_orchestrator.nodes.state import Classified, Reviewed, Routed, Scored, Submitted

CLASSIFY, SCORE, ROUTE, HUMAN_REVIEW, FINALIZE = "classify", "score", "route", "human_review", "finalize"
GIVEN, OUTCOME = "submission", "outcome"


class CaseState(TypedDict, total=False):
    """The channels of a case, one for each step of the staircase. Plain JSON only."""

    submission: dict[str, Any]
    classification: dict[str, Any]
    score: dict[str, Any]
    decision: dict[str, Any]
    review: dict[str, Any] | None
    outcome: dict[str, Any]


READS: dict[str, type[Submitted]] = {
    CLASSIFY: Submitted,
    SCORE: Classified,
    ROUTE: Scored,
    HUMAN_REVIEW: Routed,
    FINALIZE: Reviewed,
}
"""The part of the state that each step reads."""

OWNS = {
    CLASSIFY: "classification",
    SCORE: "score",
    ROUTE: "decision",
    HUMAN_REVIEW: "review",
    FINALIZE: OUTCOME,
}
"""The one key that each step writes."""

NEXT = {
    CLASSIFY: (SCORE,),
    SCORE: (ROUTE,),
    ROUTE: (FINALIZE, HUMAN_REVIEW),
    HUMAN_REVIEW: (FINALIZE, HUMAN_REVIEW),
    FINALIZE: (),
}
"""Where each step may lead. Going up the chain is the edge from human_review back to itself."""


PAUSES = {HUMAN_REVIEW: 1}
"""How often a step may pause in one run of it; a step that is not named here never does. The graph is held to it."""

RESUMES: frozenset[str] = frozenset()
"""Versions of earlier graphs whose waiting cases this code carries on rightly. Each needs a test that shows it."""


@cache
def graph_version() -> str:
    """Return what a case must share with the running code to be resumed by it.

    That is: the steps, the edges, where a step pauses, the keys of the state, how each is merged, and the names, types
    and words of the values in it. The outcome is left out: what waits has none.
    """
    steps = {
        step: {"owns": OWNS[step], "next": NEXT[step], "pauses": PAUSES.get(step, 0), "reads": _needs(READS[step])}
        for step in NEXT
    }
    held = {key: field.annotation for reads in READS.values() for key, field in reads.model_fields.items()}
    values = {key: structure(kind) for key, kind in held.items()}
    return f"g{digest({'steps': steps, 'values': values, 'keys': reducers(CaseState)})[:12]}"


def _needs(reads: type[Submitted]) -> dict[str, bool]:
    """Return the keys that a step reads, each with whether it must be there."""
    return {key: field.is_required() for key, field in reads.model_fields.items()}


def can_resume(version: str, running: str) -> bool:
    """Whether code with the graph `running` carries on rightly what waits under the graph `version`."""
    return version == running or version in RESUMES

"""Which step follows which, as plain data, and the version of it. Needs no LangGraph, so that it is quick to ask."""

from hitl_orchestrator.domain.value import digest
from hitl_orchestrator.nodes.state import Classified, Reviewed, Routed, Scored, Submitted

CLASSIFY, SCORE, ROUTE, HUMAN_REVIEW, FINALIZE = "classify", "score", "route", "human_review", "finalize"
OUTCOME = "outcome"

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


def graph_version() -> str:
    """Return what a case must share with the running code to be resumed by it: steps, edges, and state keys."""
    shape = {node: {"owns": OWNS[node], "next": NEXT[node], "reads": sorted(READS[node].model_fields)} for node in NEXT}
    return f"g{digest(shape)[:12]}"

"""The steps of a case and their order, as plain data, and the version of the graph. Imports no LangGraph."""

from functools import cache
from typing import Any

from typing_extensions import TypedDict  # pydantic refuses that of `typing` before Python 3.12

from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Classification, RoutingDecision, Score
from hitl_orchestrator.domain.review import RecordedDecision
from hitl_orchestrator.domain.value import Value, digest
from hitl_orchestrator.graph.fingerprint import reducers, structure
from hitl_orchestrator.nodes.state import Classified, Scored, Submitted

CLASSIFY, SCORE, ROUTE, HUMAN_REVIEW, FINALIZE = "classify", "score", "route", "human_review", "finalize"
GIVEN, OUTCOME = "submission", "outcome"


class CaseState(TypedDict, total=False):
    """The channels of a case: the submission, and one for each step. Plain JSON only."""

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
    HUMAN_REVIEW: Submitted,
    FINALIZE: Submitted,
}
"""The part of the state that each step reads."""

VALUES: dict[str, type[Value]] = {
    GIVEN: Submission,
    "classification": Classification,
    "score": Score,
    "decision": RoutingDecision,
    "review": RecordedDecision,
}
"""The type of each value in the state of an unfinished case."""

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
"""The steps that may follow each step. An escalation is the edge from human_review back to itself."""


def from_(step: str) -> list[str]:
    """Return a step and all that may follow it, in the order of a case."""
    reached, pending = set[str](), [step]
    while pending:
        each = pending.pop()
        if each not in reached:
            reached.add(each)
            pending += NEXT[each]
    return [each for each in NEXT if each in reached]


PAUSES = {HUMAN_REVIEW: 1}
"""The calls of `interrupt` in each step that has any. `tests/graph/test_topology.py` compares it with the code."""

RESUMES: frozenset[str] = frozenset()
"""Versions of earlier graphs whose waiting cases this code can resume. Each needs a test that shows it."""


@cache
def graph_version() -> str:
    """Return the version that a case must share with the running code to be resumed by it.

    It covers the steps, the edges, the pauses, the keys of the state, how each is merged, and the names, types and
    enum members of the values in it. The outcome is left out: a waiting case has none.
    """
    steps = {
        step: {
            "owns": OWNS[step],
            "next": NEXT[step],
            "pauses": PAUSES.get(step, 0),
            "reads": list(READS[step].model_fields),
        }
        for step in NEXT
    }
    values = {key: structure(kind) for key, kind in VALUES.items()}
    return f"g{digest({'steps': steps, 'values': values, 'keys': reducers(CaseState)})[:12]}"


def can_resume(version: str, running: str) -> bool:
    """Return whether code with the graph `running` can resume cases that wait under the graph `version`."""
    return version == running or version in RESUMES

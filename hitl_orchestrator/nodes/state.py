"""The parts of a case's state that the nodes read, and the values that they compute in one run of the graph."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.counting.counters import Counted
from hitl_orchestrator.domain.decision import Classification, Facts, Routing, RoutingDecision, Score
from hitl_orchestrator.domain.value import Value

Update = dict[str, Any]


class Submitted(Value):
    """The submission. `classify` reads it; `human_review` and `finalize` read nothing else from the state."""

    submission: Submission


class Classified(Submitted):
    """The submission and its classification. `score` reads it."""

    classification: Classification


class Scored(Classified):
    """The submission, its classification and its score. `route` reads it."""

    score: Score


@dataclass
class CaseRun:
    """The values of one run of the graph, in memory only.

    A checkpoint may have been altered by anyone who can write the database, so `human_review` and `finalize` never act
    on a routing that was read from one. They use the routing that this run computed, or the tables. A run
    `in_memory` has no checkpoints, and its pause needs no content. `history` has the values of the counters that
    `route` has used.
    """

    submission: Submission | None = None
    computed: dict[str, Value] = field(default_factory=dict)
    in_memory: bool = False
    history: tuple[Counted, ...] = ()

    @property
    def routing(self) -> Routing | None:
        """The routing, if all of it was computed in this run; None in a run that started from a checkpoint."""
        classification, score, decision = (self.computed.get(key) for key in ("classification", "score", "decision"))
        if not (
            isinstance(classification, Classification)
            and isinstance(score, Score)
            and isinstance(decision, RoutingDecision)
        ):
            return None
        return Routing(
            risk_level=classification.risk_level,
            output=classification.output,
            score=score,
            decision=decision,
            error=classification.error,
            received=None if self.submission is None else self.submission.judged_at,
            history=self.history,
        )


def facts_of(state: Scored, history: Iterable[Counted] = ()) -> Facts:
    """Return the facts that a policy may read."""
    given, submission = state.classification, state.submission
    return Facts.of(submission.task, given.risk_level, given.output, state.score, submission.judged_at, history=history)

"""The state of a case in the graph, a staircase: each step adds the one key it owns. Only `review` may be missing."""

from typing import Any, Self

from pydantic import PrivateAttr

from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Classification, Facts, Routing, RoutingDecision, Score
from hitl_orchestrator.domain.review import RecordedDecision
from hitl_orchestrator.domain.value import Value

Update = dict[str, Any]


class Submitted(Value):
    """What came in.

    `own` is no key of the state: it says that all the keys read here are what this process itself wrote in this run, so
    that nothing of it can have been changed in a stored place.
    """

    submission: Submission
    _own: bool = PrivateAttr(default=False)

    @property
    def own(self) -> bool:
        """Whether all of this was made by this process, in this run. Where nobody says so, it was not."""
        return self._own

    def as_own(self, own: bool) -> Self:
        """Return this with word on whose it is."""
        self._own = own
        return self


class Classified(Submitted):
    """... and what is proposed, at which risk."""

    classification: Classification


class Scored(Classified):
    """... and how sure the agent is, with the signals."""

    score: Score


class Routed(Scored):
    """... and where the policy sends it."""

    decision: RoutingDecision


class Reviewed(Routed):
    """... and, where a person was asked, the answer that the inbox holds."""

    review: RecordedDecision | None = None


def facts_of(state: Scored) -> Facts:
    """Return all that a policy may look at."""
    classification = state.classification
    return Facts.of(state.submission.task, classification.risk_level, classification.output, state.score)


def routing_of(state: Routed) -> Routing:
    """Return everything the machine had to say."""
    return Routing(
        risk_level=state.classification.risk_level,
        output=state.classification.output,
        score=state.score,
        decision=state.decision,
    )

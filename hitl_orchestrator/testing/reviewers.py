"""Simulated reviewers: each with an own skill, pace and bias, and the same every time.

What one of them says of a case depends on the seed, on who they are, on the case and on how much they did that day,
and on nothing else: it does not matter in which order they are asked.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from pydantic import Field

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.review import Review, Reviewer, StoredReview
from hitl_orchestrator.domain.task import Proposal, Task
from hitl_orchestrator.domain.value import Confidence, Label, Value
from hitl_orchestrator.review.view import CaseView


class Habits(Value):
    """How somebody reviews.

    They see whether the agent is right in `accuracy` of all cases, or as `accuracy_in` says of a domain, and in `tired`
    less of them with each case that they did that day. `bias` is the share that they approve without looking,
    `strictness` the share of wrong outputs that they reject where they could correct them. They pass up `doubt` of all.

    A case of no text takes `seconds` in the median, each thousand characters as much again. `spread` is the sigma of
    the lognormal around that.
    """

    accuracy: Confidence = 0.95
    accuracy_in: Mapping[Label, Confidence] = Field(default_factory=dict)
    tired: Confidence = 0.0
    bias: Confidence = 0.0
    strictness: Confidence = 0.3
    doubt: Confidence = 0.0
    seconds: float = Field(default=120.0, gt=0)
    spread: float = Field(default=0.5, ge=0)


CAREFUL = Habits()
_LEAST_ACCURACY = 0.5
"""Nobody does worse than a coin."""


@dataclass(frozen=True)
class SimulatedReviewer:
    """One of them. `truth` is the label that a case should have; the agent is right where it predicted that."""

    reviewer: Reviewer
    habits: Habits = field(default_factory=lambda: CAREFUL)
    seed: int = 0

    @property
    def reviewer_id(self) -> str:
        """The id of the account."""
        return self.reviewer.reviewer_id

    def answer(
        self, given: StoredReview | CaseView, truth: str, *, done_today: int = 0, may_pass_up: bool = False
    ) -> Review:
        """Return what they say. A case is passed up only where there is somebody above: a view says so itself."""
        dice = self._dice(given, "answer")
        task, proposal = _task_and_proposal(given)
        passes_up, looks_away, sees, rejects = (dice.random() for _ in range(4))
        if isinstance(given, CaseView):
            may_pass_up = any(choice.decision is HumanDecision.ESCALATE for choice in given.choices)
        if may_pass_up and passes_up < self.habits.doubt:
            return self._says(given, HumanDecision.ESCALATE, reason="somebody above should look at this")
        if proposal is None:
            return self._says(given, HumanDecision.REJECT, reason="nothing was proposed")
        right = proposal.predicted_label == truth
        seems_right = right if sees < self._accuracy(task.domain, done_today) else not right
        if seems_right or looks_away < self.habits.bias:
            return self._says(given, HumanDecision.APPROVE)
        if rejects < self.habits.strictness:
            return self._says(given, HumanDecision.REJECT, reason="the label is wrong")
        edited = proposal.model_copy(update={"predicted_label": truth if not right else f"not {truth}"})
        return self._says(given, HumanDecision.MODIFY, modified_output=edited)

    def label(self, given: StoredReview | CaseView, truth: str, *, done_today: int = 0) -> str:
        """Return the own label that a blind review asks for first."""
        task, _ = _task_and_proposal(given)
        return (
            truth if self._dice(given, "label").random() < self._accuracy(task.domain, done_today) else f"not {truth}"
        )

    def seconds(self, given: StoredReview | CaseView) -> float:
        """Return how long they look at a case."""
        task, proposal = _task_and_proposal(given)
        characters = len(task.task_description) + len(proposal.explanation if proposal else "")
        median = self.habits.seconds * (1 + characters / 1000)
        return self._dice(given, "seconds").lognormvariate(math.log(median), self.habits.spread)

    def _says(self, given: StoredReview | CaseView, word: HumanDecision, **more: object) -> Review:
        said = {"human_decision": word, "reviewer_id": self.reviewer_id, "review_id": given.review_id, **more}
        return Review.model_validate(said)

    def _accuracy(self, domain: str, done_today: int) -> float:
        rested = self.habits.accuracy_in.get(domain, self.habits.accuracy)
        return min(rested, max(_LEAST_ACCURACY, rested - self.habits.tired * done_today))

    def _dice(self, given: StoredReview | CaseView, what: str) -> Random:
        """Return the chances of this person with this review. The id of a case is another one in each run."""
        level = given.review_id.rpartition(".")[2]
        return Random(f"{self.seed}/{self.reviewer_id}/{_task_and_proposal(given)[0].task_id}/{level}/{what}")  # noqa: S311


def _task_and_proposal(given: StoredReview | CaseView) -> tuple[Task, Proposal | None]:
    if isinstance(given, CaseView):
        return given.task, given.proposal
    output = given.shown.routing.output
    return given.shown.task, None if output is None else output.agent_output

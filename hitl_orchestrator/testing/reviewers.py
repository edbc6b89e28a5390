"""Simulated reviewers with individual skill, pace and bias. Their answers are reproducible.

An answer depends on the seed, the reviewer, the case and the number of cases done that day, and on nothing else: the
order of calls does not matter.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from pydantic import Field

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.review import Review, Reviewer, ReviewRequest
from hitl_orchestrator.domain.value import Confidence, Label, Value
from hitl_orchestrator.review.view import CaseView

Case = CaseView | ReviewRequest
"""A case as a reviewer sees it."""


class Habits(Value):
    """The behavior of a simulated reviewer.

    `accuracy` is the share of cases in which they judge the agent correctly; `accuracy_in` overrides it per domain, and
    each case done that day lowers it by `tired`. They approve the share `bias` without looking, and escalate the share
    `doubt`. Of the wrong outputs they reject the share `strictness` and override the share `overrides`; the others they
    correct.

    A case without text takes a median of `seconds`; each thousand characters add as much. `spread` is the sigma of the
    lognormal distribution.
    """

    accuracy: Confidence = 0.95
    accuracy_in: Mapping[Label, Confidence] = Field(default_factory=dict)
    tired: Confidence = 0.0
    bias: Confidence = 0.0
    strictness: Confidence = 0.3
    overrides: Confidence = 0.0
    doubt: Confidence = 0.0
    seconds: float = Field(default=120.0, gt=0)
    spread: float = Field(default=0.5, ge=0)


CAREFUL = Habits()
_LEAST_ACCURACY = 0.5
"""Fatigue does not lower the accuracy below chance."""


@dataclass(frozen=True)
class SimulatedReviewer:
    """A reviewer with habits. `truth` is the right label of a case; the agent is right if it predicted that label."""

    reviewer: Reviewer
    habits: Habits = field(default_factory=lambda: CAREFUL)
    seed: int = 0

    @property
    def reviewer_id(self) -> str:
        """The id of the account."""
        return self.reviewer.reviewer_id

    def answer(self, case: Case, truth: str, *, done_today: int = 0) -> Review:
        """Return the decision of the reviewer. They escalate only where the case offers that choice."""
        dice = self._dice(case, "answer")
        proposal = case.proposal
        right = None if proposal is None else proposal.predicted_label == truth
        may_escalate, domain = _may_escalate(case), case.task.domain
        word = self.verdict(dice, right=right, domain=domain, may_escalate=may_escalate, done_today=done_today)
        if word.spec.escalates:
            return self._review(case, word, reason="a role above should decide this")
        if proposal is None:
            return self._review(case, word, reason="there is no proposal")
        reason = {"reason": "the label is wrong"} if word.spec.rejects or word.spec.needs_reason else {}
        if not word.spec.takes_output:
            return self._review(case, word, **reason)
        edited = proposal.model_copy(update={"predicted_label": truth if not right else f"not {truth}"})
        return self._review(case, word, modified_output=edited, **reason)

    def verdict(
        self, dice: Random, *, right: bool | None, domain: str, may_escalate: bool, done_today: int = 0
    ) -> HumanDecision:
        """Return the decision on a proposal that is `right` or not, or None if there is no proposal."""
        passes_up, looks_away, sees, rejects = (dice.random() for _ in range(4))
        if may_escalate and passes_up < self.habits.doubt:
            return HumanDecision.ESCALATE
        if right is None:
            return HumanDecision.REJECT
        seems_right = right if sees < self._accuracy(domain, done_today) else not right
        if seems_right or looks_away < self.habits.bias:
            return HumanDecision.APPROVE
        if rejects < self.habits.strictness:
            return HumanDecision.REJECT
        corrects = rejects >= self.habits.strictness + self.habits.overrides
        return HumanDecision.MODIFY if corrects else HumanDecision.OVERRIDE

    def label(self, case: Case, truth: str, *, done_today: int = 0) -> str:
        """Return the reviewer's own label for a blind review."""
        is_right = self._dice(case, "label").random() < self._accuracy(case.task.domain, done_today)
        return truth if is_right else f"not {truth}"

    def seconds(self, case: Case) -> float:
        """Return the review time of a case, in seconds."""
        proposal = case.proposal
        characters = len(case.task.task_description) + len(proposal.explanation if proposal else "")
        median = self.habits.seconds * (1 + characters / 1000)
        return self._dice(case, "seconds").lognormvariate(math.log(median), self.habits.spread)

    def _review(self, case: Case, word: HumanDecision, **more: object) -> Review:
        fields = {"human_decision": word, "reviewer_id": self.reviewer_id, "review_id": case.review_id, **more}
        return Review.model_validate(fields)

    def _accuracy(self, domain: str, done_today: int) -> float:
        rested = self.habits.accuracy_in.get(domain, self.habits.accuracy)
        return min(rested, max(_LEAST_ACCURACY, rested - self.habits.tired * done_today))

    def _dice(self, case: Case, what: str) -> Random:
        """Return the random numbers of this reviewer and review. They ignore the case id, which differs in each run."""
        level = case.review_id.rpartition(".")[2]
        return Random(f"{self.seed}/{self.reviewer_id}/{case.task.task_id}/{level}/{what}")  # noqa: S311


def _may_escalate(case: Case) -> bool:
    choices = (each.decision for each in case.choices) if isinstance(case, CaseView) else case.choices
    return HumanDecision.ESCALATE in choices

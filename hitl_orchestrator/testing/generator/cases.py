"""Generated cases: a task and its output, routed by a policy, with the recorded reviews and the expected record."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from math import log
from random import Random
from typing import Any, NamedTuple

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import Action, HumanDecision, RiskLevel, Signal
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.engine.compiled import CompiledPolicy, compile_policy
from hitl_orchestrator.policies.engine.scoring import ScoreRules
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.testing.generator.classic import CLASSIC, classic
from hitl_orchestrator.testing.generator.drafts import Calendar, Draft, draft, one_of, time_text
from hitl_orchestrator.testing.generator.staff import able
from hitl_orchestrator.testing.generator.work import KINDS
from hitl_orchestrator.testing.reviewers import SimulatedReviewer

_OPENS, _CLOSES, _SATURDAY = 8, 18, 5
_QUEUE_MINUTES = {"domain_reviewer": 20.0, "senior_manager": 55.0, "compliance_officer": 150.0}
_SPREAD = 0.8
_AGENT_SECONDS = (3.0, 20.0)
_LOW_CONFIDENCE = ScoreRules()
_LABELS = {kind.task_type: tuple(kind.labels) for kind in KINDS}


class RecordedReview(NamedTuple):
    """A recorded review, when its reviewer opened it, and how long they worked."""

    fields: dict[str, Any]
    opened: datetime
    viewed: datetime
    decided: datetime
    decision: HumanDecision


class GeneratedCase(NamedTuple):
    """A task with its output, its routing, and the reviews of people; the last one decides.

    A case that is approved automatically is decided `agent_seconds` after its arrival.
    """

    draft: Draft
    routing: RoutingDecision
    signals: frozenset[Signal]
    reviews: tuple[RecordedReview, ...]
    agent_seconds: float

    @property
    def decided(self) -> datetime:
        """The time of the decision."""
        automatic = self.draft.at + timedelta(seconds=self.agent_seconds)
        return self.reviews[-1].decided if self.reviews else automatic


def generate(tasks: int, seed: int, policy: Policy) -> Iterator[GeneratedCase]:
    """Yield the cases of a set in order of arrival; the first five are the classic ones.

    The same arguments give the same cases. The policy must be for the default escalation chain.

    Raises:
        InvalidInput: it asks for several approvals of one case.
    """
    compiled, calendar = compile_policy(policy, DEFAULT_CHAIN), Calendar(tasks)
    for number in range(1, tasks + 1):
        dice = Random(f"{seed}/generate/{number}")  # noqa: S311 - chances, not secrets
        classical = number <= CLASSIC
        drafted = classic(number, calendar.task_id(number)) if classical else draft(number, calendar, dice)
        yield _decided(drafted, compiled, dice)


def _decided(drafted: Draft, compiled: CompiledPolicy, dice: Random) -> GeneratedCase:
    signals = _signals(drafted)
    routing = compiled.decide(
        Facts(
            risk_level=RiskLevel(drafted.task["risk_level"]),
            domain=drafted.task["domain"],
            task_type=drafted.task["task_type"],
            confidence=drafted.output["confidence_score"],
            signals=signals,
            metadata=drafted.task["metadata"],
            moment=drafted.at,
            received=drafted.at,
        )
    )
    if routing.requirements.approvals > 1:
        why = "asks for several approvals, and a generated case has one"
        raise InvalidInput([f"policy {routing.policy_id!r}: rule {routing.rule_id!r} {why}; give another policy"])
    least, most = _AGENT_SECONDS
    seconds = round(least + (most - least) * dice.random(), 1)
    asks = routing.action is not Action.AUTO_APPROVE
    reviews = tuple(reviews_of(drafted, routing.assigned_human_role or "", dice)) if asks else ()
    return GeneratedCase(drafted, routing, signals, reviews, seconds)


def _signals(drafted: Draft) -> frozenset[Signal]:
    """Return the signals that scoring raises for the output, with the default rules."""
    confidence, task = drafted.output["confidence_score"], drafted.task
    low = confidence is not None and confidence < _LOW_CONFIDENCE.low_bound(task["task_type"])
    raised = {
        Signal.LOW_CONFIDENCE: low,
        Signal.AMBIGUOUS: drafted.output["agent_output"].get("ambiguous", False),
        Signal.RISKY: task["risk_level"] == RiskLevel.HIGH,
    }
    return frozenset(signal for signal, holds in raised.items() if holds)


def reviews_of(drafted: Draft, role: str, dice: Random, since: datetime | None = None) -> Iterator[RecordedReview]:
    """Yield the reviews of a case that waits for `role` from its arrival on, or from `since`: the last one is final."""
    number, opened, needed = 0, since or drafted.at, DEFAULT_CHAIN.filled(role)
    while True:
        above = DEFAULT_CHAIN.above(needed)
        reviewer = one_of(_able(needed, drafted.task["domain"]), dice)
        word = drafted.word or reviewer.verdict(
            dice, right=drafted.is_right, domain=drafted.task["domain"], may_escalate=above is not None
        )
        number += 1
        yield (review := _review(drafted, _Answer(number, reviewer, word, opened), dice))
        if above is None or not word.spec.escalates:
            return
        needed, opened = above, review.decided


@lru_cache(maxsize=256)
def _able(role: str, domain: str) -> tuple[SimulatedReviewer, ...]:
    return tuple(able(role, domain))


class _Answer(NamedTuple):
    """The decision of one reviewer: the number of their review in the case, and when it was opened."""

    number: int
    reviewer: SimulatedReviewer
    word: HumanDecision
    opened: datetime


def _review(drafted: Draft, answer: _Answer, dice: Random) -> RecordedReview:
    role, habits = answer.reviewer.reviewer.roles[0], answer.reviewer.habits
    waited = 60 * dice.lognormvariate(log(_QUEUE_MINUTES[role]), _SPREAD)
    viewed = _at_work(answer.opened + timedelta(seconds=round(waited)))
    worked = max(5, round(dice.lognormvariate(log(habits.seconds), habits.spread)))
    decided = viewed + timedelta(seconds=worked)
    fields: dict[str, Any] = {
        "review_id": f"r{drafted.task['task_id'][1:]}-{answer.number}",
        "task_id": drafted.task["task_id"],
        "reviewer_id": answer.reviewer.reviewer_id,
        "human_role": role,
        "human_decision": answer.word.value,
        **_words_of(drafted, answer.word, dice),
        "timestamp": time_text(decided),
    }
    return RecordedReview(fields, answer.opened, viewed, decided, answer.word)


def _words_of(drafted: Draft, word: HumanDecision, dice: Random) -> dict[str, Any]:
    """Return the words of a review, and the edited output of one that changes the label."""
    proposal = drafted.output["agent_output"]
    label, assessment = proposal["predicted_label"], one_of(("medium", "high", "high", "low"), dice)
    if word is HumanDecision.APPROVE:
        return {"human_feedback": f"{label} is right", "confidence_assessment": assessment}
    if word.spec.escalates:
        return {"human_feedback": "A role above should decide this", "confidence_assessment": "low"}
    others = [each for each in _LABELS[drafted.task["task_type"]] if each != label]
    better = one_of(others, dice) if drafted.is_right else drafted.truth
    code = one_of(("agent_error", "agent_error", "agent_error", "missing_information", "ambiguous_input"), dice)
    words = {"human_feedback": f"{label} is wrong; it is {better}", "confidence_assessment": assessment}
    if word is HumanDecision.OVERRIDE:
        return words | {"reason": f"Decided as {better}", "reason_code": "policy_exception"}
    if word is HumanDecision.REJECT:
        return {"human_feedback": f"{label} is not justified", "confidence_assessment": assessment, "reason_code": code}
    edited = {**proposal, "predicted_label": better, "explanation": "Corrected by the reviewer"}
    edited.pop("ambiguous", None)
    return words | {"reason_code": code, "modified_output": edited}


def _at_work(at: datetime) -> datetime:
    """Return this time, or the beginning of the next working day and as many minutes as it is past the full hour."""
    morning = at.replace(hour=_OPENS, minute=at.minute)
    if at.weekday() < _SATURDAY and _OPENS <= at.hour < _CLOSES:
        return at
    if at.hour >= _OPENS:
        morning += timedelta(days=1)
    while morning.weekday() >= _SATURDAY:
        morning += timedelta(days=1)
    return morning

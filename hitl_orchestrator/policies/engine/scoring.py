"""The confidence in an output, and the signals that speak against trusting it.

Without a reported `confidence_score`, the confidence is computed from free fields of `agent_output`. The first of
these that is valid is used:

- `token_logprobs`: natural logarithms of the token probabilities of the answer; the confidence is their geometric
  mean, exp(mean), the length-normalized sequence probability (Malinin and Gales, 2021, arXiv:2002.07650).
- `samples`: labels of repeated answers to the same question; the confidence is the share that agrees with the
  predicted label, of five samples or more (self-consistency, Wang et al., 2023, arXiv:2203.11171).
- `verbalised_confidence`: a number stated by the model, "85%" or "0.85" (Tian et al., 2023, arXiv:2305.14975).

An invalid field counts as missing.
"""

import math
import re
from typing import Any

from pydantic import Field

from hitl_orchestrator.domain.decision import Score
from hitl_orchestrator.domain.enums import ConfidenceSource, RiskLevel, Signal
from hitl_orchestrator.domain.task import AgentOutput, Proposal
from hitl_orchestrator.domain.value import Confidence, Value

_STATED = re.compile(r"\s*(?:(\d{1,3}(?:\.\d{1,6})?)\s*%|([01]\.\d{1,6}))\s*")
_FEWEST_SAMPLES, _ENOUGH_SAMPLES, _MOST_SAMPLES = 2, 5, 10_000


class ScoreRules(Value):
    """The thresholds of the signals, as shares of 1."""

    low_confidence_below: Confidence = 0.6
    ambiguous_within: Confidence = Field(default=0.1, description="how close the second best label may come")
    unusual_share_below: Confidence = Field(default=0.5, description="a label that fewer of the samples agree on")


def score_of(output: AgentOutput | None, risk: RiskLevel, rules: ScoreRules) -> Score:
    """Return the confidence of an output, its source, and the signals."""
    confidence, source = _confidence(output)
    return Score(confidence=confidence, source=source, signals=_signals(output, risk, confidence, rules))


def _confidence(output: AgentOutput | None) -> tuple[float | None, ConfidenceSource]:
    if output is None:
        return None, ConfidenceSource.MISSING
    if output.confidence_score is not None:
        return output.confidence_score, ConfidenceSource.REPORTED
    extra = output.agent_output.model_extra or {}
    for source, confidence in (
        (ConfidenceSource.LOG_PROBABILITY, _from_logprobs(extra.get("token_logprobs"))),
        (ConfidenceSource.SELF_CONSISTENCY, _agreement(output.agent_output, _ENOUGH_SAMPLES)),
        (ConfidenceSource.VERBALISED, _from_words(extra.get("verbalised_confidence"))),
    ):
        if confidence is not None:
            return confidence, source
    return None, ConfidenceSource.MISSING


def _from_logprobs(values: Any) -> float | None:
    if not isinstance(values, (list, tuple)) or not values or not all(_is_number(value) for value in values):
        return None
    if any(value > 0 for value in values):
        return None
    # Divided first: the sum of finite numbers may be beyond the largest one.
    return math.exp(math.fsum(value / len(values) for value in values))


def _agreement(proposal: Proposal, fewest: int = _FEWEST_SAMPLES) -> float | None:
    samples = (proposal.model_extra or {}).get("samples")
    if not isinstance(samples, (list, tuple)) or not fewest <= len(samples) <= _MOST_SAMPLES:
        return None
    agreeing = sum(1 for sample in samples if sample == proposal.predicted_label)
    return agreeing / len(samples)


def _from_words(text: Any) -> float | None:
    match = _STATED.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    stated = float(match[2]) if match[1] is None else float(match[1]) / 100
    return stated if stated <= 1 else None


def _signals(
    output: AgentOutput | None, risk: RiskLevel, confidence: float | None, rules: ScoreRules
) -> tuple[Signal, ...]:
    raised = {
        Signal.LOW_CONFIDENCE: confidence is None or confidence < rules.low_confidence_below,
        Signal.AMBIGUOUS: output is not None and _is_ambiguous(output, confidence, rules.ambiguous_within),
        Signal.UNUSUAL: output is not None and _is_unusual(output.agent_output, rules.unusual_share_below),
        Signal.RISKY: risk is RiskLevel.HIGH,
    }
    return tuple(signal for signal, holds in raised.items() if holds)


def _is_ambiguous(output: AgentOutput, confidence: float | None, within: float) -> bool:
    """Return whether another label is close: `alternatives` maps other labels to their confidence."""
    others = (output.agent_output.model_extra or {}).get("alternatives")
    if not isinstance(others, dict) or confidence is None:
        return False
    rivals = [value for label, value in others.items() if label != output.agent_output.predicted_label]
    return any(_is_number(value) and confidence - value <= within for value in rivals)


def _is_unusual(proposal: Proposal, share: float) -> bool:
    """Return whether the agent marks it as unusual, or too few of its samples agree."""
    agreement = _agreement(proposal)
    marked = (proposal.model_extra or {}).get("unusual")
    return marked is True or (agreement is not None and agreement < share)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)

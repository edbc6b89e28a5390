"""The confidence in an output, and the signals that speak against trusting it.

Without a reported `confidence_score`, the confidence is computed from free fields of `agent_output`. The first of
these that is present is used:

- `token_logprobs`: natural logarithms of the token probabilities of the answer; the confidence is their geometric
  mean, exp(mean), the length-normalized sequence probability (Malinin and Gales, 2021, arXiv:2002.07650).
- `samples`: labels of repeated answers to the same question; the confidence is the share that agrees with the
  predicted label, of five samples or more (self-consistency, Wang et al., 2023, arXiv:2203.11171).
- `verbalised_confidence`: a number stated by the model, "85%" or "0.85" (Tian et al., 2023, arXiv:2305.14975).

An unreadable field leaves no confidence, whatever the fields after it state. Unreadable `alternatives` or an unreadable
`ambiguous` raise the signal `ambiguous`, and an unreadable `unusual` or `samples` raises `unusual`.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import Field

from hitl_orchestrator.domain.decision import Score
from hitl_orchestrator.domain.enums import ConfidenceSource, RiskLevel, Signal
from hitl_orchestrator.domain.task import AgentOutput
from hitl_orchestrator.domain.value import Confidence, Value
from hitl_orchestrator.policies.engine import agent_fields
from hitl_orchestrator.policies.engine.agent_fields import Unreadable

_ENOUGH_SAMPLES = 5
_ROUNDING = 1e-9
"""0.8 minus 0.7 is more than 0.1 as binary numbers; a label that is this much further away still counts as close."""

_Read = TypeVar("_Read")


class ScoreRules(Value):
    """The thresholds of the signals, as shares of 1."""

    low_confidence_below: Confidence = 0.6
    ambiguous_within: Confidence = Field(default=0.1, description="how close the second best label may come")
    unusual_share_below: Confidence = Field(default=0.5, description="a label that fewer of the samples agree on")


def score_of(output: AgentOutput | None, risk: RiskLevel, rules: ScoreRules) -> Score:
    """Return the confidence of an output, its source, the signals, and the names of unreadable fields."""
    if output is None:
        signals = (Signal.LOW_CONFIDENCE, *((Signal.RISKY,) if risk is RiskLevel.HIGH else ()))
        return Score(confidence=None, source=ConfidenceSource.MISSING, signals=signals)
    return _Scoring(output, rules).score(risk)


class _Scoring:
    """One output, and the names of its fields that could not be read so far."""

    def __init__(self, output: AgentOutput, rules: ScoreRules) -> None:
        self._output, self._rules = output, rules
        self._label = output.agent_output.predicted_label
        self._fields = agent_fields.fields_of(output.agent_output)
        self._unreadable: dict[str, None] = {}

    def score(self, risk: RiskLevel) -> Score:
        confidence, source = self._confidence()
        raised = {
            Signal.LOW_CONFIDENCE: confidence is None or confidence < self._rules.low_confidence_below,
            Signal.AMBIGUOUS: self._is_ambiguous(confidence),
            Signal.UNUSUAL: self._is_unusual(),
            Signal.RISKY: risk is RiskLevel.HIGH,
        }
        return Score(
            confidence=confidence,
            source=source,
            signals=tuple(signal for signal, holds in raised.items() if holds),
            unreadable=tuple(self._unreadable),
        )

    def _confidence(self) -> tuple[float | None, ConfidenceSource]:
        if self._output.confidence_score is not None:
            return self._output.confidence_score, ConfidenceSource.REPORTED
        sources: dict[ConfidenceSource, tuple[str, Callable[[Any], float | None]]] = {
            ConfidenceSource.LOG_PROBABILITY: (agent_fields.TOKEN_LOGPROBS, _from_logprobs),
            ConfidenceSource.SELF_CONSISTENCY: (agent_fields.SAMPLES, self._from_samples),
            ConfidenceSource.VERBALISED: (agent_fields.VERBALISED_CONFIDENCE, agent_fields.stated),
        }
        for source, (name, read) in sources.items():
            confidence = self._read(name, read, None)
            if name in self._unreadable:
                break
            if confidence is not None:
                return confidence, source
        return None, ConfidenceSource.MISSING

    def _from_samples(self, value: Any) -> float | None:
        labels = agent_fields.labels_of(value)
        return self._agreement(labels) if len(labels) >= _ENOUGH_SAMPLES else None

    def _agreement(self, labels: list[str]) -> float:
        return labels.count(self._label) / len(labels)

    def _is_ambiguous(self, confidence: float | None) -> bool:
        """Return whether another label is close, or may be: the confidence is missing, or the labels unreadable.

        The predicted label counts with the lower of its confidence and its own share among the alternatives.
        """
        marked = self._read(agent_fields.AMBIGUOUS, agent_fields.is_marked, False)
        own, rivals = self._read(
            agent_fields.ALTERNATIVES,
            lambda value: agent_fields.shares_of(value, self._label),
            (list[float](), list[float]()),
        )
        within = self._rules.ambiguous_within + _ROUNDING
        unreadable = not self._unreadable.keys().isdisjoint({agent_fields.AMBIGUOUS, agent_fields.ALTERNATIVES})
        return (
            marked
            or unreadable
            or any(confidence is None or min(confidence, *own, 1) - rival <= within for rival in rivals)
        )

    def _is_unusual(self) -> bool:
        """Return whether the agent marks it as unusual, too few of its samples agree, or this cannot be read."""
        marked = self._read(agent_fields.UNUSUAL, agent_fields.is_marked, False)
        labels = self._read(agent_fields.SAMPLES, agent_fields.labels_of, list[str]())
        unreadable = not self._unreadable.keys().isdisjoint({agent_fields.UNUSUAL, agent_fields.SAMPLES})
        return marked or unreadable or (bool(labels) and self._agreement(labels) < self._rules.unusual_share_below)

    def _read(self, name: str, read: Callable[[Any], _Read], absent: _Read) -> _Read:
        """Return the content of a field; `absent` if it is absent or unreadable, and then also note its name."""
        try:
            return read(self._fields[name]) if name in self._fields else absent
        except Unreadable:
            self._unreadable[name] = None
            return absent


def _from_logprobs(value: Any) -> float:
    logprobs = agent_fields.logprobs_of(value)
    return math.exp(math.fsum(value / len(logprobs) for value in logprobs))  # divided first: a sum may overflow

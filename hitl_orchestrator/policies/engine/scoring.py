"""The confidence in an output, and the signals that speak against trusting it.

The confidence is that of a scorer, see `confidence`. Unreadable `alternatives` or an unreadable
`ambiguous` raise the signal `ambiguous`, and an unreadable `unusual` or `samples` raises `unusual`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import Field

from hitl_orchestrator.domain.decision import Score
from hitl_orchestrator.domain.enums import ConfidenceSource, RiskLevel, Signal
from hitl_orchestrator.domain.task import AgentOutput
from hitl_orchestrator.domain.value import Confidence, Value
from hitl_orchestrator.policies.engine import agent_fields
from hitl_orchestrator.policies.engine.agent_fields import Unreadable
from hitl_orchestrator.policies.engine.confidence import ANY_STATED, AnyScorer, Evidence, Reading

_ROUNDING = 1e-9
"""0.8 minus 0.7 is more than 0.1 as binary numbers; a label that is this much further away still counts as close."""

_Read = TypeVar("_Read")


class ScoreRules(Value):
    """The scorer of the confidence, and the thresholds of the signals, as shares of 1."""

    low_confidence_below: Confidence = 0.6
    ambiguous_within: Confidence = Field(default=0.1, description="how close the second best label may come")
    unusual_share_below: Confidence = Field(default=0.5, description="a label that fewer of the samples agree on")
    confidence: AnyScorer = ANY_STATED


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
        reading = self._confidence()
        confidence = reading.value
        raised = {
            Signal.LOW_CONFIDENCE: confidence is None or confidence < self._rules.low_confidence_below,
            Signal.AMBIGUOUS: self._is_ambiguous(confidence),
            Signal.UNUSUAL: self._is_unusual(),
            Signal.RISKY: risk is RiskLevel.HIGH,
        }
        return Score(
            confidence=confidence,
            source=ConfidenceSource.MISSING if confidence is None else reading.source,
            signals=tuple(signal for signal, holds in raised.items() if holds),
            unreadable=tuple(self._unreadable),
            parts=reading.parts if {part.source for part in reading.parts} - {ConfidenceSource.REPORTED} else (),
        )

    def _confidence(self) -> Reading:
        reading = self._rules.confidence.read(Evidence(self._output, self._fields))
        self._unreadable.update(dict.fromkeys(reading.unreadable))
        return reading

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

"""The confidence in an output, and the signals that speak against trusting it.

The confidence is that of a scorer, see `confidence`. An unreadable `alternatives`, `samples` or
`ambiguous` raises the signal `ambiguous`, and an unreadable `unusual` raises `unusual`.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from hitl_orchestrator.domain.decision import Facts, RaisedSignal, Score
from hitl_orchestrator.domain.enums import ConfidenceSource, RiskLevel, Signal
from hitl_orchestrator.domain.shown.numbers import confidence_text
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.policies.engine import agent_fields
from hitl_orchestrator.policies.engine.agent_fields import Unreadable
from hitl_orchestrator.policies.engine.confidence import Evidence, Reading
from hitl_orchestrator.policies.engine.signals.reviewed import Reviewed
from hitl_orchestrator.policies.engine.signals.rules import ScoreRules

__all__ = ["ScoreRules", "score_of"]

_ROUNDING = 1e-9
"""0.8 minus 0.7 is more than 0.1 as binary numbers; a label that is this much further away still counts as close."""

_Read = TypeVar("_Read")


def score_of(
    output: AgentOutput | None,
    risk: RiskLevel,
    rules: ScoreRules,
    task: Task | None = None,
    reviewed: Reviewed | None = None,
    *,
    received: datetime | None = None,
) -> Score:
    """Return the confidence of an output, its source, the signals with their reasons, and the unreadable fields.

    Rules of single task types, risky rules and the comparison with what was `reviewed` need the `task`; conditions on
    the time need the time of its receipt.
    """
    scoring = _Scoring(output, rules, "" if task is None else task.task_type)
    raised = [*scoring.raised(), *_high(risk)]
    if task is not None:
        if reviewed is not None:
            raised += reviewed.unusual(task, None if output is None else output.agent_output)
        if rules.risky:
            raised += rules.risks(Facts.of(task, risk, output, _score(scoring, raised), received))
    return _score(scoring, raised, None if reviewed is None else reviewed.name)


def _score(scoring: "_Scoring", raised: Sequence[RaisedSignal], reviewed: str | None = None) -> Score:
    named = {each.signal for each in raised}
    return Score(
        confidence=scoring.confidence,
        source=scoring.source,
        signals=tuple(signal for signal in Signal if signal in named),
        unreadable=tuple(scoring.unreadable),
        parts=scoring.parts,
        raised=tuple(sorted(raised, key=lambda each: list(Signal).index(each.signal))),
        reviewed=reviewed,
    )


def _high(risk: RiskLevel) -> Iterator[RaisedSignal]:
    if risk is RiskLevel.HIGH:
        yield _raised(Signal.RISKY, "its risk is high")


class _Scoring:
    """One output, its confidence, and the names of its fields that could not be read so far."""

    def __init__(self, output: AgentOutput | None, rules: ScoreRules, task_type: str) -> None:
        self._output, self._rules, self._low = output, rules, rules.low_bound(task_type)
        self._label = "" if output is None else output.agent_output.predicted_label
        self._fields = {} if output is None else agent_fields.fields_of(output.agent_output)
        self.unreadable: dict[str, None] = {}
        self.confidence, self.source, parts, _ = self._confidence()
        self.parts = parts if {part.source for part in parts} - {ConfidenceSource.REPORTED} else ()

    def raised(self) -> Iterator[RaisedSignal]:
        """Yield why the output has a low confidence, is ambiguous or is unusual."""
        if self.confidence is None:
            yield _raised(Signal.LOW_CONFIDENCE, "there is no confidence", None, self._low)
        elif self.confidence < self._low:
            sentence = f"the confidence is {confidence_text(self.confidence)}; {self._low:g} is needed"
            yield _raised(Signal.LOW_CONFIDENCE, sentence, self.confidence, self._low)
        yield from self._ambiguous(self.confidence)
        if self._read(agent_fields.UNUSUAL, agent_fields.is_marked, False):
            yield _raised(Signal.UNUSUAL, "the agent marks it as unusual")
        yield from self._unreadable(Signal.UNUSUAL, agent_fields.UNUSUAL)

    def _confidence(self) -> Reading:
        if self._output is None:
            return Reading(None, ConfidenceSource.MISSING)
        reading = self._rules.confidence.read(Evidence(self._output, self._fields))
        self.unreadable.update(dict.fromkeys(reading.unreadable))
        return reading if reading.value is not None else reading._replace(source=ConfidenceSource.MISSING)

    def _agreement(self, labels: list[str]) -> float:
        return labels.count(self._label) / len(labels)

    def _ambiguous(self, confidence: float | None) -> Iterator[RaisedSignal]:
        """Yield why another label is close, or may be: the samples disagree, or there is no confidence to compare.

        The predicted label counts with the lower of its confidence and its own share among the alternatives.
        """
        if self._read(agent_fields.AMBIGUOUS, agent_fields.is_marked, False):
            yield _raised(Signal.AMBIGUOUS, "the agent marks it as ambiguous")
        own, rivals = self._read(
            agent_fields.ALTERNATIVES,
            lambda value: agent_fields.shares_of(value, self._label),
            (list[float](), list[float]()),
        )
        within, best = self._rules.ambiguous_within, max(rivals, default=None)
        if best is not None and confidence is None:
            yield _raised(Signal.AMBIGUOUS, "it names other labels, and no confidence", None, within)
        elif best is not None and confidence is not None:
            margin = min(confidence, *own, 1) - best
            if margin <= within + _ROUNDING:
                sentence = f"the label leads the next one by {margin:.4g}; more than {within:g} is needed"
                yield _raised(Signal.AMBIGUOUS, sentence, margin, within)
        labels = self._read(agent_fields.SAMPLES, agent_fields.labels_of, list[str]())
        if labels and (share := self._agreement(labels)) < self._rules.ambiguous_share_below:
            sentence = f"{share:.4g} of {len(labels)} samples agree; {self._rules.ambiguous_share_below:g} is needed"
            yield _raised(Signal.AMBIGUOUS, sentence, share, self._rules.ambiguous_share_below)
        yield from self._unreadable(
            Signal.AMBIGUOUS, agent_fields.AMBIGUOUS, agent_fields.ALTERNATIVES, agent_fields.SAMPLES
        )

    def _unreadable(self, signal: Signal, *names: str) -> Iterator[RaisedSignal]:
        for name in names:
            if name in self.unreadable:
                yield _raised(signal, f"the field {name!r} of the output cannot be read")

    def _read(self, name: str, read: Callable[[Any], _Read], absent: _Read) -> _Read:
        """Return the content of a field; `absent` if it is absent or unreadable, and then also note its name."""
        try:
            return read(self._fields[name]) if name in self._fields else absent
        except Unreadable:
            self.unreadable[name] = None
            return absent


def _raised(signal: Signal, sentence: str, value: float | None = None, bound: float | None = None) -> RaisedSignal:
    return RaisedSignal(signal=signal, value=value, bound=bound, sentence=sentence)

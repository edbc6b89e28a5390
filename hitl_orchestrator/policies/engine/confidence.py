"""Confidence scorers: pure objects that read one statement of an output, and combinations of them.

Each gives a number in [0, 1], or None if it is unknown. They are data: the configuration that the ledger records has
them. A scorer reads the `confidence_score` of an output, or a field of `agent_output`:

- `token_logprobs`: natural logarithms of the token probabilities of the answer. Their geometric mean, exp(mean), is
  the length-normalized sequence probability (Malinin and Gales, 2021, arXiv:2002.07650).
- `samples`: labels of repeated answers to the same question; the confidence is the share that agrees with the
  predicted label (self-consistency, Wang et al., 2023, arXiv:2203.11171). Where sampling stopped before the number in
  `samples_planned`, it is estimated by the rule of succession, (agreeing + 1) / (drawn + 2): five of five drawn are not
  as sure as nine of nine. Of samples that stopped at a bound (`LLMClassifier(stop_early=0.8)`), the estimate lies on
  the same side of the bound as the share of all samples would. Of at most half of the planned samples it is unknown.
- `verbalised_confidence`: a number stated by the model, "85%" or "0.85" (Tian et al., 2023, arXiv:2305.14975).
- `judge_confidence`: the same, stated by another model about the answer.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Protocol, TypeAlias

from pydantic import Field, PlainSerializer

from hitl_orchestrator.domain.decision import ConfidencePart
from hitl_orchestrator.domain.enums import ConfidenceSource
from hitl_orchestrator.domain.task import AgentOutput
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.policies.engine import agent_fields
from hitl_orchestrator.policies.engine.agent_fields import Unreadable

ENOUGH_SAMPLES = 5


class Evidence(NamedTuple):
    """An output, and the fields of it that scoring reads, as `agent_fields.fields_of` returns them."""

    output: AgentOutput
    fields: Mapping[str, Any]


class Reading(NamedTuple):
    """The confidence of one scorer, with its parts.

    `unreadable` names the fields it could not read.
    """

    value: float | None
    source: ConfidenceSource
    parts: tuple[ConfidencePart, ...] = ()
    unreadable: tuple[str, ...] = ()


class ConfidenceScorer(Protocol):
    """Gives the confidence of an output. A scorer is pure: the same output has the same confidence."""

    def read(self, evidence: Evidence) -> Reading:
        """Return the confidence, None if it is unknown."""


class Reported(Value):
    """The `confidence_score` of the output."""

    kind: Literal["reported"] = "reported"

    def read(self, evidence: Evidence) -> Reading:
        """Return the reported confidence."""
        value, source = evidence.output.confidence_score, ConfidenceSource.REPORTED
        return _absent(source) if value is None else _leaf(source, value, "the output's confidence_score")


class TokenLogprobs(Value):
    """The probability of the answer's tokens: their geometric mean, their product, or the lowest of them.

    The product is the probability of the whole answer, and falls with its length.
    """

    kind: Literal["log_probability"] = "log_probability"
    of_tokens: Literal["geometric_mean", "product", "lowest"] = "geometric_mean"

    def read(self, evidence: Evidence) -> Reading:
        """Return the probability of the tokens."""
        return _from_field(evidence, agent_fields.TOKEN_LOGPROBS, ConfidenceSource.LOG_PROBABILITY, self._probability)

    def _probability(self, field: Any) -> tuple[float, str]:
        logprobs = agent_fields.logprobs_of(field)
        return math.exp(
            _OF_TOKENS[self.of_tokens](logprobs)
        ), f"{self.of_tokens.replace('_', ' ')} of {len(logprobs)} token probabilities"


class SelfConsistency(Value):
    """The share of repeated answers that agree with the output; unknown of fewer than `at_least` of them."""

    kind: Literal["self_consistency"] = "self_consistency"
    at_least: int = Field(default=ENOUGH_SAMPLES, ge=2, le=1000)

    def read(self, evidence: Evidence) -> Reading:
        """Return the share of the samples."""

        def share(field: Any) -> tuple[float | None, str]:
            labels = agent_fields.labels_of(field)
            planned = agent_fields.planned_of(evidence.fields.get(agent_fields.SAMPLES_PLANNED), len(labels))
            agreeing = labels.count(evidence.output.agent_output.predicted_label)
            if planned < self.at_least:
                return None, f"{planned} samples are too few, {self.at_least} are needed"
            left = planned - len(labels)
            if left >= len(labels):
                return None, f"{len(labels)} samples of {planned} are too few: the others may all differ"
            if left:
                how = f"{agreeing} of {len(labels)} samples agree, {left} more were not drawn: rule of succession"
                return (agreeing + 1) / (len(labels) + 2), how
            return agreeing / planned, f"{agreeing} of {planned} samples agree"

        return _from_field(evidence, agent_fields.SAMPLES, ConfidenceSource.SELF_CONSISTENCY, share)


class Verbalised(Value):
    """The confidence that the agent states in words."""

    kind: Literal["verbalised"] = "verbalised"

    def read(self, evidence: Evidence) -> Reading:
        """Return the stated confidence."""
        return _from_field(
            evidence,
            agent_fields.VERBALISED_CONFIDENCE,
            ConfidenceSource.VERBALISED,
            lambda field: (agent_fields.stated(field), "stated by the agent"),
        )


class Judge(Value):
    """The confidence that another model states in the answer of the agent."""

    kind: Literal["judge"] = "judge"

    def read(self, evidence: Evidence) -> Reading:
        """Return the confidence of the judge."""
        return _from_field(
            evidence,
            agent_fields.JUDGE_CONFIDENCE,
            ConfidenceSource.JUDGE,
            lambda field: (agent_fields.stated(field), "stated by a judge"),
        )


class FirstOf(Value):
    """The first confidence that is known. One that is unreadable leaves none, whatever those after it state."""

    kind: Literal["first_of"] = "first_of"
    of: tuple["AnyScorer", ...] = Field(min_length=1, max_length=20)

    def read(self, evidence: Evidence) -> Reading:
        """Return the first known confidence, with all parts that are present: reviewers see those not used too."""
        readings = [scorer.read(evidence) for scorer in self.of]
        parts = tuple(part for reading in readings for part in reading.parts if part.how != _ABSENT)
        decisive = next((one for one in readings if one.unreadable or one.value is not None), None)
        if decisive is None or decisive.unreadable:
            return Reading(None, ConfidenceSource.MISSING, parts, () if decisive is None else decisive.unreadable)
        return decisive._replace(parts=parts)


class Weighted(Value):
    """The weighted mean of several scorers; unknown if one of them is."""

    kind: Literal["weighted"] = "weighted"
    of: tuple[tuple["AnyScorer", Annotated[float, Field(gt=0, le=1000)]], ...] = Field(min_length=1, max_length=20)

    def read(self, evidence: Evidence) -> Reading:
        """Return the mean, with a part for each scorer."""
        total = math.fsum(weight for _, weight in self.of)
        readings = [scorer.read(evidence) for scorer, _ in self.of]
        weights = [weight / total for _, weight in self.of]
        parts = tuple(
            part.model_copy(update={"how": f"{part.how}; weight {weight:.2g}"})
            for reading, weight in zip(readings, weights, strict=True)
            for part in reading.parts
        )
        return _combined(
            ConfidenceSource.WEIGHTED,
            readings,
            parts,
            lambda values: math.fsum(value * weight for value, weight in zip(values, weights, strict=True)),
        )


class Lowest(Value):
    """The lowest of several confidences; unknown if one of them is."""

    kind: Literal["lowest"] = "lowest"
    of: tuple["AnyScorer", ...] = Field(min_length=1, max_length=20)

    def read(self, evidence: Evidence) -> Reading:
        """Return the lowest confidence, with a part for each scorer."""
        readings = [scorer.read(evidence) for scorer in self.of]
        parts = tuple(part for reading in readings for part in reading.parts)
        return _combined(ConfidenceSource.LOWEST, readings, parts, min)


AnyScorer: TypeAlias = Annotated[
    Reported | TokenLogprobs | SelfConsistency | Verbalised | Judge | FirstOf | Weighted | Lowest,
    Field(discriminator="kind"),
]
"""A scorer as data."""

StoredScorer: TypeAlias = Annotated[
    AnyScorer, PlainSerializer(lambda scorer: scorer.model_dump(mode="json"), return_type=dict[str, Any])
]
"""A scorer that is written in full: without its kind, which is a default, it could not be read back."""

for _combination in (FirstOf, Weighted, Lowest):
    _combination.model_rebuild()

ANY_STATED = FirstOf(of=(Reported(), TokenLogprobs(), SelfConsistency(), Verbalised(), Judge()))
"""The confidence by default: the reported one, or the first that can be computed from fields of the output."""

_ABSENT = "absent"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(value / len(values) for value in values)  # divided first: a sum may overflow


_OF_TOKENS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "geometric_mean": _mean,
    "product": math.fsum,
    "lowest": min,
}


def _leaf(source: ConfidenceSource, value: float | None, how: str) -> Reading:
    return Reading(value, source, (ConfidencePart(source=source, value=value, how=how),))


@cache
def _absent(source: ConfidenceSource) -> Reading:
    return _leaf(source, None, _ABSENT)


def _from_field(
    evidence: Evidence, name: str, source: ConfidenceSource, read: Callable[[Any], tuple[float | None, str]]
) -> Reading:
    if name not in evidence.fields:
        return _absent(source)
    try:
        return _leaf(source, *read(evidence.fields[name]))
    except Unreadable:
        return _leaf(source, None, "could not be read")._replace(unreadable=(name,))


def _combined(
    source: ConfidenceSource,
    readings: list[Reading],
    parts: tuple[ConfidencePart, ...],
    combine: Callable[[list[float]], float],
) -> Reading:
    values = [reading.value for reading in readings if reading.value is not None]
    unreadable = tuple(dict.fromkeys(name for reading in readings for name in reading.unreadable))
    if len(values) < len(readings):
        return Reading(None, ConfidenceSource.MISSING, parts, unreadable)
    return Reading(min(max(combine(values), 0.0), 1.0), source, parts)

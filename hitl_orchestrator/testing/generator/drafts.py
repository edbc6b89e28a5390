"""Tasks and agent outputs as they arrive, with their right labels: the work before any decision."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from hitl_orchestrator.domain.enums import HumanDecision, RiskLevel
from hitl_orchestrator.testing.generator.work import (
    FIRST_VERSION,
    ITEMS,
    KINDS,
    NAMES,
    PLACES,
    SECOND_VERSION,
    SYSTEMS,
    Amount,
    Kind,
    Place,
)

STARTS = datetime(2025, 1, 13, tzinfo=UTC)
"""A Monday. Every generated time lies after it."""

MODEL = "example-llm"
_LEAST_DAYS, _MOST_DAYS, _PER_DAY = 10, 182, 40
_OPENS, _PEAK, _CLOSES = 6.0, 13.0, 20.0
_UNKNOWN, _STEEPNESS, _NOISE = 0.01, 1.7, 0.04
_LEAST, _MOST = 0.05, 0.99
_AMBIGUOUS_BELOW, _FLAGGED = 0.62, 0.3


class Draft(NamedTuple):
    """A task, the agent's output, and the right label. `word` is the decision of a person who is asked, if fixed."""

    number: int
    at: datetime
    task: dict[str, Any]
    output: dict[str, Any]
    truth: str
    word: HumanDecision | None = None

    @property
    def is_right(self) -> bool:
        """Whether the agent proposes the right label."""
        return bool(self.output["agent_output"]["predicted_label"] == self.truth)


class Calendar(NamedTuple):
    """The times of arrival of `tasks` tasks, in order: more at noon than at night."""

    tasks: int

    @property
    def days(self) -> int:
        """The number of days that the tasks are spread over."""
        return min(_MOST_DAYS, max(_LEAST_DAYS, self.tasks // _PER_DAY))

    def arrival(self, number: int, within: float) -> datetime:
        """Return the time of task `number`, from 1 on; `within` in [0, 1) places it between its neighbors."""
        day, share = divmod((number - 1 + within) * self.days / self.tasks, 1)
        rising = (_PEAK - _OPENS) / (_CLOSES - _OPENS)
        if share < rising:
            hour = _OPENS + ((_CLOSES - _OPENS) * (_PEAK - _OPENS) * share) ** 0.5
        else:
            hour = _CLOSES - ((_CLOSES - _OPENS) * (_CLOSES - _PEAK) * (1 - share)) ** 0.5
        return STARTS + timedelta(days=day, seconds=round(hour * 3600))

    def version(self, number: int) -> str:
        """Return the version of the model that answers task `number`."""
        return FIRST_VERSION if number <= (self.tasks + 1) // 2 else SECOND_VERSION

    def task_id(self, number: int) -> str:
        """Return the id of task `number`. All ids of a set have the same length."""
        return f"t{number:0{max(2, len(str(self.tasks)))}}"


def draft(number: int, calendar: Calendar, dice: Random) -> Draft:
    """Return task `number` of a set."""
    kind: Kind = KINDS[weighted([each.share for each in KINDS], dice)]
    risk = list(RiskLevel)[weighted(list(kind.risk_shares.values()), dice)]
    truth = list(kind.labels)[weighted([each.share for each in kind.labels.values()], dice)]
    metadata = details(kind, risk, dice)
    version, at = calendar.version(number), calendar.arrival(number, dice.random())
    place = next((each for each in PLACES if _is_in(each, kind, metadata, version)), None)
    right, confidence = _answered(kind, place, version, dice)
    label = truth if right else one_of([other for other in kind.labels if other != truth], dice)
    task_id = calendar.task_id(number)
    task = {
        "task_id": task_id,
        "task_type": kind.task_type,
        "task_description": described(kind, truth, metadata, dice),
        "domain": kind.domain,
        "risk_level": risk.value,
        "timestamp": time_text(at),
        "metadata": metadata,
    }
    proposal = proposal_of(label, kind.labels[label].reason, kind.agent_id, version)
    if confidence is not None and confidence < _AMBIGUOUS_BELOW and dice.random() < _FLAGGED:
        proposal["ambiguous"] = True
    output = {"task_id": task_id, "agent_output": proposal, "confidence_score": confidence}
    return Draft(number, at, task, output, truth)


def details(kind: Kind, risk: RiskLevel, dice: Random) -> dict[str, Any]:
    """Return the metadata of a task of this kind: its amount, and its other fields."""
    named = {} if kind.amount is None else _stated(kind.amount, risk, dice)
    return {**named, **{name: one_of(values, dice) for name, values in kind.fields.items()}}


def described(kind: Kind, truth: str, metadata: Mapping[str, Any], dice: Random) -> str:
    """Return the text of a task whose right label is `truth`."""
    text = one_of(kind.labels[truth].texts, dice)
    words = {"name": one_of(NAMES, dice), "item": one_of(ITEMS, dice), "system": one_of(SYSTEMS, dice), **metadata}
    money = f"{metadata['amount']:,.2f} {metadata['currency']}" if "amount" in metadata else ""
    return str(text.format_map(words | {"amount": money}))


def proposal_of(label: str, reason: str, agent_id: str, version: str) -> dict[str, Any]:
    """Return a proposal with the statements of the agent about itself."""
    about = {"agent_id": agent_id, "model": MODEL, "model_version": version}
    return {"predicted_label": label, "explanation": reason, **about}


def time_text(at: datetime) -> str:
    """Return a time as in the files: UTC, whole seconds."""
    return f"{at.isoformat()[:19]}Z"


def weighted(weights: Sequence[float], dice: Random) -> int:
    """Return an index, drawn with these weights."""
    left = dice.random() * sum(weights)
    for index, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return index
    return len(weights) - 1


def one_of(values: Sequence[Any], dice: Random) -> Any:
    """Return one of the values."""
    return values[int(dice.random() * len(values))]


def _is_in(place: Place, kind: Kind, metadata: Mapping[str, Any], version: str) -> bool:
    here = place.task_type == kind.task_type and metadata.get(place.field) == place.value
    return here and version >= place.since


def _answered(kind: Kind, place: Place | None, version: str, dice: Random) -> tuple[bool, float | None]:
    """Return whether the agent is right, and the confidence that it states.

    Elsewhere than in the known places the stated confidence is the chance of being right, with some noise.
    """
    hardness = kind.hardness * (0.85 if version == SECOND_VERSION else 1.0)
    if place is not None:
        hardness /= 2
    chance = 1 - hardness * dice.random() ** _STEEPNESS
    right = dice.random() < (chance if place is None else place.right)
    stated = chance + (dice.random() + dice.random() - 1) * _NOISE
    unknown = dice.random() < _UNKNOWN
    return right, None if unknown else round(min(_MOST, max(_LEAST, stated)), 2)


def _stated(amount: Amount, risk: RiskLevel, dice: Random) -> dict[str, Any]:
    """Return an amount, the higher the risk the larger, and its currency; most amounts are whole numbers."""
    place = (list(RiskLevel).index(risk) + dice.random()) / len(RiskLevel)
    exact = amount.least * (amount.most / amount.least) ** place
    rounded = round(exact, 2) if exact < amount.least * 3 else float(round(exact, -1))
    return {"amount": rounded, "currency": amount.currency}

"""A frozen snapshot of what reviewers let through, and how far a new output is from it."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from hitl_orchestrator.domain.decision import RaisedSignal
from hitl_orchestrator.domain.enums import Signal
from hitl_orchestrator.domain.shown.numbers import bound_percent
from hitl_orchestrator.domain.task import Proposal, Task
from hitl_orchestrator.domain.value import digest
from hitl_orchestrator.policies.engine.signals.rules import UnusualRules

__all__ = ["Example", "Reviewed", "Texts", "fit_reviewed"]

_LARGEST = sys.float_info.max
_NORMAL = 1.4826
"""The standard deviation of a normal distribution in median absolute deviations."""


class Example(NamedTuple):
    """A case that a reviewer let through: its task, and the output that was carried out."""

    task: Task
    output: Proposal | None


class Texts(Protocol):
    """The texts of the reviewed cases of one type."""

    bound: float
    """The distance up to which a text is usual."""

    def distance(self, text: str) -> float:
        """Return the mean distance of a text to its nearest ones, in [0, 1]."""


class Range(NamedTuple):
    """The usual range of a number: its median, and its robust standard deviation, which is 0 if most are equal."""

    median: float
    deviation: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Range":
        """Return the range of some values."""
        median = _median(values)
        deviation = _NORMAL * _median([_distance(value, median) for value in values])
        return cls(median, min(deviation, _LARGEST), min(values), max(values))

    def away(self, value: float) -> float:
        """Return the distance from the median in robust deviations; of equal values, whether it is beyond all."""
        if self.deviation > 0:
            return _distance(value, self.median) / self.deviation
        return 0.0 if self.lowest <= value <= self.highest else float("inf")


@dataclass(frozen=True, kw_only=True)
class OfType:
    """The reviewed cases of one task type. There are no texts and ranges of a type with too few cases."""

    count: int
    labels: frozenset[str]
    ranges: Mapping[str, Range] = field(default_factory=dict)
    texts: Texts | None = None


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """What reviewers let through so far, frozen. `name` is the hash of the cases and the rules that it was made of."""

    name: str
    rules: UnusualRules
    types: Mapping[str, OfType]

    def unusual(self, task: Task, output: Proposal | None) -> Iterator[RaisedSignal]:
        """Yield how a task and its output differ from what was reviewed."""
        known = self.types.get(task.task_type)
        if known is None:
            yield _raised(0, 1, f"no case of the type {task.task_type!r} was reviewed so far")
            return
        if self.rules.new_labels and output is not None and output.predicted_label not in known.labels:
            text = f"no reviewed output of this type has the label {output.predicted_label!r}"
            yield _raised(0, 1, f"{text}; there are {known.count}")
        for name, value in _numbers(task, output):
            usual = known.ranges.get(name)
            if usual is not None and (away := usual.away(value)) > self.rules.deviations:
                yield _outside(name, value, usual, away, self.rules.deviations)
        if known.texts is not None:
            yield from self._far(known.texts, task.task_description)

    def _far(self, texts: Texts, text: str) -> Iterator[RaisedSignal]:
        try:
            distance = texts.distance(text)
        except Exception as exc:  # noqa: BLE001 - embeddings are code of the application
            why = f"the text could not be compared with reviewed ones: {type(exc).__name__}"
            yield _raised(None, texts.bound, why)
            return
        if not distance <= texts.bound:
            share = f"{bound_percent(self.rules.usual)} of them are within {texts.bound:.3f}"
            sentence = f"the text is {distance:.3f} from the nearest reviewed texts of this type; {share}"
            yield _raised(distance, texts.bound, sentence)


def _median(values: Sequence[float]) -> float:
    ordered, middle = sorted(values), len(values) // 2
    # Halved first: the sum of two large numbers is infinite.
    return ordered[middle] / 2 + ordered[~middle] / 2


def _distance(one: float, other: float) -> float:
    """Return the distance of two numbers, at most the largest float."""
    return min(abs(one - other), _LARGEST)


def fit_reviewed(examples: Iterable[Example], rules: UnusualRules, embeddings: Any = None) -> Reviewed:
    """Return the snapshot of some reviewed cases, the latest last.

    Texts are compared by TF-IDF of their character n-grams, or by LangChain `embeddings`, such as `OpenAIEmbeddings`.

    Raises:
        InvalidInput: the extra `learn` is not installed.
    """
    by_type: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_type[example.task.task_type].append(example)
    kept = {name: listed[-rules.latest :] for name, listed in sorted(by_type.items())}
    content = [[name, [_digest_of(each) for each in listed]] for name, listed in kept.items()]
    how = "tf-idf" if embeddings is None else type(embeddings).__qualname__
    name = digest({"rules": rules.model_dump(mode="json"), "texts": how, "cases": content})
    return Reviewed(
        name=name, rules=rules, types={each: _of_type(listed, rules, embeddings) for each, listed in kept.items()}
    )


def _of_type(listed: Sequence[Example], rules: UnusualRules, embeddings: Any) -> OfType:
    labels = frozenset(each.output.predicted_label for each in listed if each.output is not None)
    if len(listed) < rules.least:
        return OfType(count=len(listed), labels=labels)
    from hitl_orchestrator.policies.engine.signals.neighbours import texts_of  # noqa: PLC0415 - scikit-learn is slow

    numbers: dict[str, list[float]] = defaultdict(list)
    for each in listed:
        for name, value in _numbers(each.task, each.output):
            numbers[name].append(value)
    ranges = {name: Range.of(values) for name, values in numbers.items() if len(values) >= rules.least}
    texts = texts_of([each.task.task_description for each in listed], rules.neighbours, rules.usual, embeddings)
    return OfType(count=len(listed), labels=labels, ranges=ranges, texts=texts)


def _numbers(task: Task, output: Proposal | None) -> Iterator[tuple[str, float]]:
    """Yield the numbers in the metadata of a task and in its output, under their names."""
    extra = {} if output is None else output.model_extra or {}
    arguments = extra.get("arguments")
    groups = {"": task.metadata, "output ": extra, "argument ": arguments if isinstance(arguments, dict) else {}}
    for group, fields in groups.items():
        for name, value in fields.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield f"{group}{name}", float(value)


def _outside(name: str, value: float, usual: Range, away: float, most: float) -> RaisedSignal:
    low, high = usual.median - most * usual.deviation, usual.median + most * usual.deviation
    if not usual.deviation:
        low, high = usual.lowest, usual.highest
    sentence = f"{name} is {value:g}; reviewed cases of this type have {low:g} to {high:g}"
    return _raised(min(away, 1e300), most, sentence)


def _raised(value: float | None, bound: float, sentence: str) -> RaisedSignal:
    return RaisedSignal(signal=Signal.UNUSUAL, value=value, bound=bound, sentence=sentence)


def _digest_of(example: Example) -> str:
    output = None if example.output is None else example.output.model_dump(mode="json")
    return digest({"text": example.task.task_description, "metadata": example.task.metadata, "output": output})

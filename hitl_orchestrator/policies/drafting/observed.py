"""What past cases look like: their words, their metadata fields, and the labels that agents proposed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

MOST_WORDS = 12
"""The number of distinct texts up to which a field is taken for one of few words."""


class ObservedField(NamedTuple):
    """A metadata field of past cases.

    `kind` is number, text, boolean or list, or mixed where cases differ, and then the language cannot compare it. Of a
    number `least` and `most` are the range. `words` has the most frequent texts, none for free text.
    """

    name: str
    kind: str
    cases: int
    least: float | None = None
    most: float | None = None
    words: tuple[str, ...] = ()

    def missing(self, of: int) -> float:
        """Return the share of cases that lack the field."""
        return 1 - self.cases / of if of else 0.0


class ObservedCases(NamedTuple):
    """Past cases, summarized. Words come with the number of their cases, the most frequent first."""

    cases: int
    task_types: tuple[tuple[str, int], ...]
    domains: tuple[tuple[str, int], ...]
    risk_levels: tuple[tuple[str, int], ...]
    labels: tuple[tuple[str, int], ...]
    fields: tuple[ObservedField, ...]


class PastCase(NamedTuple):
    """A past case: the words of its task, its metadata, and the label that the agent proposed, if any."""

    task_type: str
    domain: str
    risk_level: str | None
    metadata: Mapping[str, Any]
    label: str | None


def observe(cases: Iterable[PastCase]) -> ObservedCases:
    """Summarize past cases in one pass, with memory for their fields and words alone."""
    number, fields = 0, dict[str, _Field]()
    counters: tuple[Counter[str], ...] = (Counter(), Counter(), Counter(), Counter())
    for case in cases:
        number += 1
        words = (case.task_type, case.domain, case.risk_level, case.label)
        for counter, word in zip(counters, words, strict=True):
            if word is not None:
                counter[word] += 1
        for name, value in _flat(case.metadata):
            fields.setdefault(name, _Field()).add(value)
    task_types, domains, risks, labels = (tuple(counter.most_common()) for counter in counters)
    observed = tuple(field.summary(name) for name, field in sorted(fields.items()) if field.cases)
    return ObservedCases(number, task_types, domains, risks, labels, observed)


def _flat(metadata: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields of metadata; those of an object by their path, such as `customer.tier`."""
    for name, value in metadata.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}{name}.")
        elif value is not None:
            yield f"{path}{name}", value


class _Field:
    """A field as far as it was seen."""

    def __init__(self) -> None:
        self.cases = 0
        self._kinds: Counter[str] = Counter()
        self._words: Counter[str] | None = Counter()
        self._least: float | None = None
        self._most: float | None = None

    def add(self, value: Any) -> None:
        self.cases += 1
        kind = kind_of(value)
        self._kinds[kind] += 1
        if kind == "number":
            self._least = value if self._least is None else min(self._least, value)
            self._most = value if self._most is None else max(self._most, value)
        elif kind == "text" and self._words is not None:
            self._words[value] += 1
            if len(self._words) > MOST_WORDS:
                self._words = None

    def summary(self, name: str) -> ObservedField:
        kind = next(iter(self._kinds)) if len(self._kinds) == 1 else "mixed"
        if kind == "number":
            return ObservedField(name, kind, self.cases, self._least, self._most)
        words = tuple(word for word, _ in self._words.most_common()) if kind == "text" and self._words else ()
        return ObservedField(name, kind, self.cases, words=words)


def kind_of(value: Any) -> str:
    """Return the type of a metadata value in the words of the policy language."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "object"

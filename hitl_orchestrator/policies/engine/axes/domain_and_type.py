"""The domain and the task type of a task: words that policies name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.phrases import join, join_some

_NOUNS = {"domain": "the domain", "task_type": "the task type"}
_PHRASES = {"domain": ("in", "outside"), "task_type": ("of type", "of a type other than")}


@dataclass(frozen=True, slots=True)
class OneOf:
    """A fact is one of the named words."""

    field: str
    noun: str
    words: tuple[str, ...]

    def holds(self, facts: Facts) -> bool:
        return getattr(facts, self.field) in self.words

    def describe(self, facts: Facts) -> str:
        """Return such as `the risk is not low or medium`."""
        return f"{self.noun} is {'' if self.holds(facts) else 'not '}{join(self.words, 'or')}"


@dataclass(frozen=True)
class WordAxis(base.Axis):
    """One step for each named word, and a last one for all other words."""

    field: str
    words: tuple[str, ...]
    phrase_order: int = 2

    @property
    def size(self) -> int:
        return len(self.words) + 1

    @property
    def other(self) -> int:
        return len(self.words)

    @property
    def name(self) -> str:
        return self.field

    @property
    def source(self) -> str:
        return self.field

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: step for step, word in enumerate(self.words)}

    def locate(self, facts: Facts) -> int:
        return self._index.get(getattr(facts, self.field), self.other)

    def place(self, facts: Facts, step: int) -> Facts:
        changes: dict[str, Any] = {self.field: [*self.words, base.another_word(self.words)][step]}
        return replace(facts, **changes)

    def problem(self, facts: Facts) -> str | None:
        word = getattr(facts, self.field)
        return None if isinstance(word, str) else f"facts: {self.field}: {word!r} is not text"

    def reads(self, conditions: Conditions) -> bool:
        return bool(getattr(conditions, self.field))

    def steps(self, reading: base.Reading) -> base.Steps:
        """Return the named words, and all others."""
        holds = base.mask_of(self._index[word] for word in getattr(reading[0], self.field))
        return base.Steps(holds, (1 << self.size) - 1 & ~holds)

    def describe(self, mask: int) -> str:
        """Return such as `in payments or lending`, or `outside payments`."""
        others = bool(mask >> self.other & 1)
        named = (word for step, word in enumerate(self.words) if bool(mask >> step & 1) is not others)
        return f"{_PHRASES[self.field][others]} {join_some(named, 'or')}"

    def suppose(self, here: int, mask: int) -> str:
        """Return such as `if it were in payments`."""
        return f"if it were {self.describe(mask)}"

    def distance(self, facts: Facts, step: int) -> base.Distance | None:
        return base.SAME_KIND, 0, 0


def _kind(name: str) -> base.Kind:
    def conditions(reading: base.Reading) -> Iterator[base.Condition]:
        words = getattr(reading[0], name)
        if words:
            yield OneOf(name, _NOUNS[name], words)

    def axes(readings: Sequence[base.Reading]) -> Iterator[base.Axis]:
        words = {word for conditions, _ in readings for word in getattr(conditions, name)}
        if words:
            yield WordAxis(name, tuple(sorted(words)))

    return base.Kind(conditions, axes)


DOMAIN, TASK_TYPE = _kind("domain"), _kind("task_type")

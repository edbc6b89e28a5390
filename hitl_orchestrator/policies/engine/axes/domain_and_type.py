"""The domain and the task type of a task: words that policies name."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.language.conditions import Conditions
from hitl_orchestrator.policies.language.lists import named_or_joined
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.phrases import join_some
from hitl_orchestrator.policies.language.vocabulary import OWN_WORDS

_NOUNS = {"domain": "the domain", "task_type": "the task type"}
OUTSIDE = "not in the vocabulary"
_UNKNOWN = {"domain": "with an unknown domain", "task_type": "of an unknown type"}
_PHRASES = {"domain": ("in", "outside"), "task_type": ("of type", "of a type other than")}


@dataclass(frozen=True, slots=True)
class OneOf:
    """A fact is one of the named words."""

    field: str
    noun: str
    words: tuple[str, ...]
    known: tuple[str, ...] | None = None

    def holds(self, facts: Facts) -> bool | None:
        word = getattr(facts, self.field)
        return word in self.words if self.known is None or word in self.known else None

    def describe(self, facts: Facts) -> str:
        """Return such as `the risk is not low or medium`."""
        holds = self.holds(facts)
        if holds is None:
            return f"{self.noun} is {OUTSIDE}"
        return f"{self.noun} is {'' if holds else 'not '}{named_or_joined(self.words)}"


@dataclass(frozen=True, slots=True)
class InVocabulary:
    """The additional precondition of `auto_approve` under a closed vocabulary: the word exists."""

    field: str
    words: tuple[str, ...]

    def holds(self, facts: Facts) -> bool:
        return getattr(facts, self.field) in self.words

    def describe(self, facts: Facts) -> str:
        """Return such as `the domain is not in the vocabulary`."""
        return f"{_NOUNS[self.field]} is {'in the vocabulary' if self.holds(facts) else OUTSIDE}"


@dataclass(frozen=True)
class WordAxis(base.Axis):
    """One step for each named word, and a last one for all others, which do not exist if a vocabulary is closed."""

    field: str
    words: tuple[str, ...]
    is_closed: bool = False
    phrase_order: int = 2

    @property
    def size(self) -> int:
        return len(self.words) + 1

    @property
    def other(self) -> int:
        return len(self.words)

    @property
    def missing(self) -> int:
        return 1 << self.other if self.is_closed else 0

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
        """Return the named words, and all others that exist."""
        conditions, policy = reading
        known, holds = words_known(policy, self.field), self.mask(getattr(conditions, self.field))
        every = (1 << self.size) - 1 if known is None else self.mask(known)
        return base.Steps(holds, every & ~holds)

    def mask(self, words: Iterable[str]) -> int:
        """Return the mask of the steps of those of these words that are named."""
        return base.mask_of(self._index[word] for word in words if word in self._index)

    def describe(self, mask: int) -> str:
        """Return such as `in payments or lending`, or `outside payments`."""
        others = bool(mask >> self.other & 1)
        if others and self.is_closed:
            # A reader does not need the words of the system's own questions there.
            named = (word for step, word in enumerate(self.words) if mask >> step & 1)
            known = [word for word in named if word not in OWN_WORDS[self.field]]
            listed = [f"{_PHRASES[self.field][0]} {join_some(known, 'or')}"] if known else []
            return " or ".join([*listed, _UNKNOWN[self.field]])
        words = (word for step, word in enumerate(self.words) if bool(mask >> step & 1) is not others)
        return f"{_PHRASES[self.field][others]} {join_some(words, 'or')}"

    def suppose(self, here: int, mask: int) -> str:
        """Return such as `if it were in payments`."""
        return f"if it were {self.describe(mask)}"

    def distance(self, facts: Facts, step: int) -> base.Distance | None:
        return base.SAME_KIND, 0, 0


def words_known(policy: Policy, field: str) -> tuple[str, ...] | None:
    """Return the words of a field that exist, those of the system's own questions included; None if it is open."""
    return None if policy.closed is None else policy.closed.known(field)


def vocabulary_guards(policy: Policy) -> Iterator[InVocabulary]:
    """Yield a precondition of `auto_approve` for each field with a closed vocabulary."""
    for field in _NOUNS:
        words = None if policy.closed is None else policy.closed.words(field)
        if words is not None:
            yield InVocabulary(field, words)


def vocabulary_masks(policy: Policy, axes: Sequence[base.Axis]) -> Iterator[tuple[int, int]]:
    """Yield the index of the axis of each such field, and the mask of the words with which a rule may approve."""
    for guard in vocabulary_guards(policy):
        for index, axis in enumerate(axes):
            if isinstance(axis, WordAxis) and axis.field == guard.field:
                yield index, axis.mask(guard.words)


def question_masks(axes: Sequence[base.Axis], named: Collection[str] = ()) -> Iterator[tuple[int, int]]:
    """Yield the index of the axis of the task type, and its mask without the system's own questions but those named."""
    for index, axis in enumerate(axes):
        if isinstance(axis, WordAxis) and axis.field == "task_type":
            foreign = (word for word in OWN_WORDS[axis.field] if word not in named)
            yield index, (1 << axis.size) - 1 & ~axis.mask(foreign)


def _kind(name: str) -> base.Kind:
    def conditions(reading: base.Reading) -> Iterator[base.Condition]:
        conditions, policy = reading
        words = getattr(conditions, name)
        if words:
            yield OneOf(name, _NOUNS[name], words, words_known(policy, name))

    def axes(readings: Sequence[base.Reading]) -> Iterator[base.Axis]:
        closed = {known for _, policy in readings if (known := words_known(policy, name)) is not None}
        # A question of the system has a step only where a rule names it: no other rule applies to it.
        asked = OWN_WORDS[name] if name == "task_type" else ()
        words = {word for known in closed for word in known if word not in asked}
        words |= {word for conditions, _ in readings for word in getattr(conditions, name)}
        if words:
            yield WordAxis(name, tuple(sorted(words)), is_closed=bool(closed))

    return base.Kind(conditions, axes)


DOMAIN, TASK_TYPE = _kind("domain"), _kind("task_type")

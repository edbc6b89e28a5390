"""The steps of a field for texts, and for lists of texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.engine.axes.fields.patterns import (
    CONTAINS,
    Kind,
    clauses,
    kind_of,
    kinds_of_texts,
    subsets_of,
)
from hitl_orchestrator.policies.language.declarations import FieldType
from hitl_orchestrator.policies.language.lists import Listed, by_list
from hitl_orchestrator.policies.language.phrases import join_some

_FEW = 3


@dataclass(frozen=True)
class Texts:
    """Each named text, and each kind of other texts that the patterns distinguish; first the kind without a pattern.

    Where every policy declares the values of the field, there are no others. Those of a long list are described by its
    name.
    """

    texts: tuple[str, ...]
    beginnings: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    is_open: bool = True
    lists: tuple[Listed, ...] = ()
    kind: FieldType = FieldType.TEXT
    any_value: str = "a text"

    @cached_property
    def _kinds(self) -> dict[Kind, str]:
        """The kinds of other texts, each with an example."""
        if not self.is_open:
            return {}
        if not (self.beginnings or self.parts):
            return {frozenset(): base.another_word(self.texts)}
        return dict(kinds_of_texts(self.beginnings, self.parts, frozenset(self.texts)))

    @cached_property
    def samples(self) -> Sequence[str]:
        return (*self.texts, *self._kinds.values())

    @property
    def is_bounded(self) -> bool:
        return not self.is_open

    @property
    def other(self) -> int | None:
        return len(self.texts) if self.is_open else None

    @cached_property
    def _steps(self) -> dict[str, int]:
        return {text: step for step, text in enumerate(self.texts)}

    @cached_property
    def _steps_of_kinds(self) -> dict[Kind, int]:
        return {kind: step for step, kind in enumerate(self._kinds, start=len(self.texts))}

    @cached_property
    def _known_beginnings(self) -> frozenset[str]:
        return frozenset(self.beginnings)

    def _kind_of(self, text: str) -> Kind:
        return kind_of(text, self._known_beginnings, self.parts)

    def locate(self, value: str) -> int | None:
        step = self._steps.get(value)
        return step if step is not None or not self.is_open else self._steps_of_kinds[self._kind_of(value)]

    def describe(self, mask: int) -> list[str]:
        """Return the named texts, and phrases such as `a text other than AT` or `a text that begins with AT`."""
        named = [text for step, text in enumerate(self.texts) if mask >> step & 1]
        others, kinds = [text for step, text in enumerate(self.texts) if not mask >> step & 1], list(self._kinds)
        chosen = [kind for step, kind in enumerate(kinds, start=len(self.texts)) if mask >> step & 1]
        if not chosen:
            if not self.is_open and len(named) > _FEW and 0 < len(others) < len(named):
                return [self._other_than(others).replace("a text", "a declared text", 1)]
            phrases, left = by_list(named, self.lists)
            return [*(f"one of {phrase}" for phrase in phrases), *left]
        if len(chosen) == len(kinds):
            return [self._other_than(others)]
        listed, unnamed, sentences = set(named), set(others), []
        for part, clause in clauses(chosen, kinds):
            alike = [text for text in self.texts if self._kind_of(text) in set(part)]
            listed -= set(alike)
            sentences.append(f"{self._other_than([text for text in alike if text in unnamed])} {clause}")
        return [*(text for text in named if text in listed), *sentences]

    def _other_than(self, texts: Sequence[str]) -> str:
        phrases, left = by_list(texts, self.lists)
        return f"a text other than {join_some([*phrases, *left], 'or')}" if texts else "a text"


@dataclass(frozen=True)
class Lists:
    """Each set of the named members that a list may contain."""

    members: tuple[str, ...]
    kind: FieldType = FieldType.LIST
    any_value: str = "a list"
    is_bounded: bool = False
    other: int | None = None

    @cached_property
    def _subsets(self) -> Sequence[tuple[Kind, list[str]]]:
        return subsets_of(self.members)

    @cached_property
    def samples(self) -> Sequence[list[str]]:
        return [members for _, members in self._subsets]

    @cached_property
    def _steps(self) -> dict[Kind, int]:
        return {kind: step for step, (kind, _) in enumerate(self._subsets)}

    def locate(self, value: Sequence[str]) -> int:
        return self._steps[frozenset((CONTAINS, member) for member in self.members if member in value)]

    def describe(self, mask: int) -> list[str]:
        """Return phrases such as `a list that contains vip`."""
        kinds = [kind for kind, _ in self._subsets]
        chosen = [kinds[step] for step in base.steps_of(mask)]
        if len(chosen) in {0, len(kinds)}:
            return ["a list"] if chosen else []
        return [f"a list {clause}" for _, clause in clauses(chosen, kinds)]

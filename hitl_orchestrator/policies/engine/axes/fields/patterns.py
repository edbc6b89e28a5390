"""Kinds of texts, or of lists, that patterns distinguish: which exist, an example of each, and sentences about them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from hitl_orchestrator.policies.engine.axes import base
from hitl_orchestrator.policies.language.phrases import join

BEGINS, CONTAINS = "begins with", "contains"
Pattern = tuple[str, str]
"""How a text, or a list, is looked at, and for which word."""

Kind = frozenset[Pattern]
"""The patterns that hold for a text; all others do not."""

_SEPARATORS = (" ", "-", "_", "/", "|")


class Example(NamedTuple):
    """A kind of texts, and a text of it."""

    kind: Kind
    text: str


def kind_of(text: str, beginnings: Collection[str], parts: Iterable[str]) -> Kind:
    """Return the kind of a text."""
    lengths = {len(word) for word in beginnings}
    begins = {(BEGINS, text[:length]) for length in lengths if text[:length] in beginnings}
    return frozenset(begins | {(CONTAINS, word) for word in parts if word in text})


def kinds_of_texts(beginnings: Sequence[str], parts: Sequence[str], named: Collection[str]) -> list[Example]:
    """Return every kind of texts that exists besides the `named` texts, first that for which no pattern holds.

    The longest beginning of a text and the parts that it contains determine its kind. Every combination exists in which
    the parts of a contained word, and those of the beginning, are contained too: words with a separator between them,
    which occurs in no pattern, contain nothing else.
    """
    separator = next(each for each in _all_separators() if not any(each in word for word in (*beginnings, *parts)))
    known = frozenset(beginnings)
    found: dict[Kind, str] = {}
    for begin in ("", *beginnings):
        implied = {word for word in parts if word in begin}
        left = [word for word in parts if word not in implied]
        for number in range(len(left) + 1):
            for chosen in combinations(left, number):
                largest = [word for word in chosen if not any(word in other for other in chosen if other != word)]
                candidates = _candidates(begin, largest, separator)
                text = next(each for each in candidates if each not in named and _fits(each, begin, known))
                found.setdefault(kind_of(text, known, parts), text)
    return [Example(kind, text) for kind, text in found.items()]


def _fits(text: str, begin: str, beginnings: Collection[str]) -> bool:
    longest = max((word for word in beginnings if text.startswith(word)), key=len, default="")
    return longest == begin


def _candidates(begin: str, words: Sequence[str], separator: str) -> Iterator[str]:
    """Yield texts with this beginning and these words, plain ones first; from some on they have no other beginning."""
    if not begin and not words:
        yield base.another_word(())
    yield separator.join([begin, *words] if begin else words)
    text = begin + separator + separator.join(words)
    while True:
        text += separator
        yield text


def _all_separators() -> Iterator[str]:
    yield from _SEPARATORS
    yield from map(chr, range(0x2190, 0x110000))


def subsets_of(members: Sequence[str]) -> list[tuple[Kind, list[str]]]:
    """Return the kinds of lists that the members distinguish, each with a list, the empty one first."""
    return [
        (frozenset((CONTAINS, word) for word in chosen), list(chosen))
        for number in range(len(members) + 1)
        for chosen in combinations(members, number)
    ]


def clauses(chosen: Collection[Kind], kinds: Sequence[Kind]) -> Iterator[tuple[Collection[Kind], str]]:
    """Yield clauses that together are true of some kinds alone, such as `that begins with AT`, each with its kinds."""
    patterns = sorted(frozenset[Pattern]().union(*kinds))
    left = [kind for kind in kinds if kind not in chosen]
    without = _covered_by(patterns, left, kinds)
    if without is not None:
        yield chosen, f"that {_negative(without)}"
        return
    within = _smallest([pattern for pattern in patterns if not any(pattern in kind for kind in left)], chosen)
    if within:
        yield [kind for kind in chosen if kind & set(within)], f"that {_positive(within)}"
    extents = {
        pattern: base.mask_of(step for step, kind in enumerate(kinds) if pattern in kind) for pattern in patterns
    }
    wanted = base.mask_of(step for step, kind in enumerate(kinds) if kind in chosen)
    todo = base.mask_of(step for step, kind in enumerate(kinds) if kind in chosen and not kind & set(within))
    while todo:
        kind = kinds[next(base.steps_of(todo))]
        literals = _enough(kind, extents, wanted, (1 << len(kinds)) - 1)
        alike = _extent(literals, extents, (1 << len(kinds)) - 1)
        yield [kinds[step] for step in base.steps_of(alike)], f"that {_conjunction(literals)}"
        todo &= ~alike


_Literal = tuple[Pattern, bool]
"""A pattern, and whether it holds."""


def _extent(literals: Iterable[_Literal], extents: Mapping[Pattern, int], every: int) -> int:
    """Return the kinds of which all these literals are true, as a mask."""
    mask = every
    for pattern, holds in literals:
        mask &= extents[pattern] if holds else ~extents[pattern]
    return mask


def _enough(kind: Kind, extents: Mapping[Pattern, int], wanted: int, every: int) -> list[_Literal]:
    """Return literals of a kind that are true of wanted kinds alone, none of which can be left out.

    Negated patterns are left out first, and of these the longest, so that the clause is short.
    """
    ordered = sorted(((pattern, pattern in kind) for pattern in extents), key=lambda each: (each[1], -len(each[0][1])))
    rest = [every]
    for literal in reversed(ordered):
        rest.append(rest[-1] & _extent([literal], extents, every))
    needed, mask = list[_Literal](), every
    for place, literal in enumerate(ordered):
        if mask & rest[len(ordered) - place - 1] & ~wanted:
            needed.append(literal)
            mask &= _extent([literal], extents, every)
    return needed


def _covered_by(patterns: Sequence[Pattern], wanted: Collection[Kind], kinds: Sequence[Kind]) -> list[Pattern] | None:
    """Return patterns of which one holds in each of the wanted kinds, and none in any other; None where none do."""
    others = [kind for kind in kinds if kind not in wanted]
    fitting = [pattern for pattern in patterns if not any(pattern in kind for kind in others)]
    if not all(kind & set(fitting) for kind in wanted):
        return None
    return _smallest(fitting, wanted)


def _smallest(patterns: Sequence[Pattern], wanted: Collection[Kind]) -> list[Pattern]:
    """Leave out patterns that hold only where others do."""
    needed = list(patterns)
    for pattern in sorted(patterns, key=lambda each: -len(each[1])):
        fewer = [other for other in needed if other != pattern]
        if all(kind & set(fewer) for kind in wanted if pattern in kind):
            needed = fewer
    return needed


def _words(patterns: Iterable[Pattern], how: str) -> list[str]:
    return [word for each, word in patterns if each == how]


def _positive(patterns: Sequence[Pattern]) -> str:
    named = {how: _words(patterns, how) for how in (BEGINS, CONTAINS)}
    return " or ".join(f"{how} {join(words, 'or')}" for how, words in named.items() if words)


def _negative(patterns: Sequence[Pattern]) -> str:
    begins, contains = _words(patterns, BEGINS), _words(patterns, CONTAINS)
    if begins and contains:
        return f"neither begins with {join(begins, 'or')} nor contains {join(contains, 'or')}"
    return f"does not begin with {join(begins, 'or')}" if begins else f"does not contain {join(contains, 'or')}"


def _conjunction(literals: Sequence[_Literal]) -> str:
    """Describe texts of which all these literals are true."""
    phrases = []
    for how, lacks in ((BEGINS, "does not begin with"), (CONTAINS, "does not contain")):
        has = [word for (each, word), holds in literals if each == how and holds]
        hasnt = [word for (each, word), holds in literals if each == how and not holds]
        phrases += [f"{how} {join(has, 'and')}"] if has else []
        phrases += [f"{lacks} {join(hasnt, 'or')}"] if hasnt else []
    return join(phrases, "and")

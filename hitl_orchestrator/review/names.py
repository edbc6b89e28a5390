"""Compare the names in a task as people: ids, names, aliases and mail addresses in any spelling.

A wrong match keeps a reviewer from one case; a missed one lets them decide their own. In doubt, names match.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

from hitl_orchestrator.domain.review import Reviewer
from hitl_orchestrator.domain.shown.letters import decoded, without_marks, words_of
from hitl_orchestrator.domain.task import plain_field, requester_fields

MAX_LENGTH, MAX_NAMES = 500, 100
"""The maximum letters of one name, and the maximum names of one task."""

_MAX_NESTED, _LEAST_WORDS = 8, 2
_NAMING_FIELD = re.compile(
    "id|(?:user|reviewer)s?(?:id|name)?|(?:display|full|first|given|last|family|sur|preferreduser)?name|e?mails?|"
    "(?:email)?address|login|account|person|sub|subject|upn|alias(?:es)?|value|members"
)
_PARTS_OF_NAME = ("firstname", "givenname", "lastname", "familyname", "surname")
_NOISE = re.compile("user|reviewer|employee|agent|person|uid|mrs?|ms|mx|dr|prof|sir|jr|sr|phd|md")
_LINKS = r"and|or|und|for|via|by|aka|on behalf of|im auftrag von"
_BETWEEN = re.compile(rf"""[\\/:;,|<>()\[\]{{}}=&"!?#*~\n\t]|(?<=\s)(?:{_LINKS})(?=\s)""", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+")
_REVERSING = frozenset("\u202d\u202e")
_TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC"}),
    frozenset({"CJK", "HANGUL", "IDEOGRAPHIC"}),
    frozenset({"CJK", "BOPOMOFO", "IDEOGRAPHIC"}),
)


class UnreadableNameError(Exception):
    """A name that cannot be compared with the reviewers. The text is the reason."""


def requesters_in(metadata: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the names of the people who requested a task, and why others cannot be read.

    The fields are `requested_by` and its variants such as `requester_email` and `requestedFor`. A number in a field for
    an id is that of another system, if another field has a name.
    """
    found: list[str] = []
    unreadable: list[str] = []
    fields = requester_fields(metadata)
    has_text = any(isinstance(value, str) and value for value in fields.values())
    numbers = {field for field, value in fields.items() if has_text and _is_number_of(field, value)}
    for field, value in {**fields, **_full_names(fields)}.items():
        if field in numbers:
            continue
        try:
            for name in _names_in(value):
                check_readable(name, beside=len(found))
                found.append(name)
        except UnreadableNameError as exc:
            unreadable.append(f"{field}: {exc}")
    return found, unreadable


def check_readable(name: str, beside: int = 0) -> None:
    """Raise `UnreadableNameError` for a text that cannot be compared with names, or that imitates another one.

    `beside` is the number of other names of the task.
    """
    if beside >= MAX_NAMES:
        raise UnreadableNameError(f"it has more than {MAX_NAMES} names")
    if len(name) > MAX_LENGTH:
        raise UnreadableNameError(f"a name is longer than {MAX_LENGTH} characters")
    if not _REVERSING.isdisjoint(name):
        raise UnreadableNameError("a name has characters that reverse its letters")
    text = without_marks(decoded(name))
    for word in _LETTERS.findall(text):
        scripts = frozenset(filter(None, map(_script, word)))
        if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
            raise UnreadableNameError(f"a name mixes the letters of several scripts, {', '.join(sorted(scripts))}")
    if not _words(name):
        raise UnreadableNameError("a name has no letters and no digits")


class NameIndex:
    """The people by their ids, names, aliases and mail addresses in every spelling."""

    def __init__(self, reviewers: Iterable[Reviewer]) -> None:
        self._persons: dict[str, set[str]] = {}
        self._words: list[tuple[frozenset[str], str]] = []
        for reviewer in reviewers:
            texts = (reviewer.reviewer_id, reviewer.human, reviewer.name, *reviewer.aliases, *reviewer.emails)
            for text in chain(texts, *map(_mailboxes, texts)):
                words = _words(text)
                for key in filter(None, ("".join(words), "".join(sorted(words)))):
                    self._persons.setdefault(key, set()).add(reviewer.human)
                if len(words) >= _LEAST_WORDS and "@" not in text:
                    self._words.append((frozenset(words), reviewer.human))
        self.persons = lru_cache(maxsize=4096)(self._named)

    def _named(self, name: str) -> frozenset[str]:
        """Return the people whom a name may mean: several for an ambiguous one, none for a stranger."""
        found: set[str] = set()
        for part in _parts(decoded(name)):
            words = _words(part)
            for key in _keys(words):
                found |= self._persons.get(key, set())
            found |= {person for theirs, person in self._words if _is_alike(words, theirs)}
        return frozenset(found)


def _names_in(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the names in the value of a field: a text, an object, or a list of these. None names no person."""
    if depth > _MAX_NESTED:
        raise UnreadableNameError(f"it is nested deeper than {_MAX_NESTED} levels")
    if value is None and depth == 0:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _names_in(each, depth + 1)
    elif isinstance(value, Mapping):
        yield from _names_in_object(value, depth)
    else:
        raise UnreadableNameError("it holds a value that is no text, no object and no list of these")


def _is_number_of(field: str, value: Any) -> bool:
    """Whether this is a number in a field for an id."""
    return isinstance(value, int) and plain_field(field).endswith("id")


def _full_names(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the full name whose parts are in fields of their own, such as `requester_last_name`."""
    parts = [
        value
        for part in _PARTS_OF_NAME
        for field, value in fields.items()
        if isinstance(value, str) and plain_field(field).endswith(part)
    ]
    return {"full name": " ".join(parts)} if parts[1:] else {}


def _names_in_object(value: Mapping[Any, Any], depth: int) -> Iterator[str]:
    """Yield the names in an object. A number beside a name is the id of another system."""
    fields = {plain_field(str(field)): each for field, each in value.items() if each is not None}
    named = [each for field, each in fields.items() if _NAMING_FIELD.fullmatch(field)]
    if not named:
        raise UnreadableNameError("an object has no id, user, name or email")
    has_text = any(isinstance(each, str) for each in named)
    for each in named:
        if not (has_text and isinstance(each, int | float)):
            yield from _names_in(each, depth + 1)
    pair = [each for field in _PARTS_OF_NAME if isinstance(each := fields.get(field), str)]
    yield from [" ".join(pair)] if pair else []


def _parts(text: str) -> Iterator[str]:
    """Yield a text and its parts: what is around brackets, slashes and commas, and the mailboxes of addresses."""
    for part in (text, *_BETWEEN.split(text)):
        yield part
        yield from _mailboxes(part)


def _mailboxes(text: str) -> Iterator[str]:
    """Yield the mailboxes of the mail addresses in a text, also without what follows a plus sign."""
    for word in text.split():
        mailbox, at, _ = word.rpartition("@")
        if at and mailbox:
            yield mailbox
            yield mailbox.partition("+")[0]


def _keys(words: list[str]) -> set[str]:
    """Return the keys that equal names share: without punctuation, in any order, without titles and repetitions."""
    known = [word for word in words if not _NOISE.fullmatch(word)]
    orders = (words, sorted(words), known, sorted(known), list(dict.fromkeys(words)))
    return {key for order in orders if (key := "".join(order))}


def _is_alike(words: list[str], theirs: frozenset[str]) -> bool:
    """Whether words name a person of several names: all of these, or some of them, with initials for others."""
    mine = frozenset(words)
    if len(mine) < _LEAST_WORDS:
        return False
    if theirs <= mine:
        return True
    known = {word for word in mine if not _NOISE.fullmatch(word)}
    shared = known & theirs
    initials = known - theirs
    fits = all(len(word) == 1 and any(name.startswith(word) for name in theirs - shared) for word in initials)
    return bool(shared) and len(known) >= _LEAST_WORDS and fits


_words_of = lru_cache(maxsize=4096)(words_of)


def _words(text: str) -> list[str]:
    """Return the words of a name in their simplest letters."""
    return list(_words_of(text[: MAX_LENGTH * 2]))


def _script(char: str) -> str:
    """Return the script of a letter; empty for one of no script. Raises `UnreadableNameError` for an unknown letter."""
    name = unicodedata.name(char, "")
    if not name:
        raise UnreadableNameError(f"a name has an unknown character, U+{ord(char):04X}")
    script = re.split("[ -]", name)[0]
    return "" if script == "MODIFIER" else script

"""The part of YAML that corresponds to JSON: texts, numbers, true, false, null, lists and objects.

YAML 1.1 and 1.2 read some bare words differently (`no`, `1e3`, `010`). Such words are refused, with the remedy.
A bare date is the text that it is in JSON, and so is a name of one letter, such as the `n` of `at_least`.
Aliases, tags and second documents are refused too, so that a small file cannot expand into a large one.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from hitl_orchestrator.domain.value import MAX_DEPTH, MAX_VALUES
from hitl_orchestrator.errors import InvalidInput

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
# In addition to the words that PyYAML, a YAML 1.1 reader, does not read as text.
_READ_OTHERWISE_ELSEWHERE = re.compile(r"[yYnN]|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+")
_MOST_DIGITS = 100
_CONSTANTS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False} | dict.fromkeys(
    ("", "~", "null", "Null", "NULL")
)
_TEXT, _DATE, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp", "<<"
_A_DAY, _A_LETTER = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), re.compile(r"[yYnN]")
_THREE_DIGITS = re.compile(r"[0-9]{3}(\.[0-9]+)?")
_SEPARATED = "a number is written without separators, such as 5000 for 5,000"
_A_TIME, _LONG_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}"), len("08:00")


def read_yaml(text: str, where: str) -> Any:
    """Return the one document of a YAML text as plain JSON types.

    Raises:
        InvalidInput: with the line of the first error.
    """
    try:
        return _Reading(yaml.parse(text, Loader=yaml.SafeLoader)).document()
    except yaml.MarkedYAMLError as exc:
        raise InvalidInput([f"{where}: {_line(exc.problem_mark)}not YAML: {exc.problem or exc.context}"]) from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise InvalidInput([f"{where}: {exc}"]) from exc
    except OverflowError as exc:
        raise InvalidInput([f"{where}: not YAML: an escape is not a valid character"]) from exc


class _Reading:
    """One pass over the parse events of a text."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events, self._values = events, 0

    def document(self) -> Any:
        next(self._events)  # the stream starts
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), depth=1)
        next(self._events)  # the document ends
        if not isinstance(event := next(self._events), yaml.StreamEndEvent):
            raise _refusal(event, "a second document starts here; a file must hold one document")
        return value

    def _value(self, event: yaml.Event, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            raise _refusal(event, f"the alias *{event.anchor} is not supported; write out its value")
        if not isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            raise _refusal(event, "a value is missing here")
        if event.tag is not None:
            raise _refusal(event, f"the tag {event.tag} is not supported; write plain text, numbers, lists and objects")
        self._values += 1
        if depth > MAX_DEPTH:
            raise _refusal(event, f"nested deeper than {MAX_DEPTH} levels")
        if self._values > MAX_VALUES:
            raise _refusal(event, f"a policy with more than {MAX_VALUES} values")
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)]
        return _scalar(event) if isinstance(event, yaml.ScalarEvent) else self._mapping(depth)

    def _mapping(self, depth: int) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._key(event, depth + 1)
            if _is_number(key) and _is_rest_of_number(event):
                raise _refusal(event, _SEPARATED)
            if not isinstance(key, str):
                raise _refusal(event, "the name of a field must be text; put it in quotes")
            if key in record:
                raise _refusal(event, f"the key {key!r} occurs twice in one object")
            record[key] = self._value(next(self._events), depth + 1)
        return record

    def _key(self, event: yaml.Event, depth: int) -> Any:
        if isinstance(event, yaml.ScalarEvent) and event.style is None and event.tag is None:
            return event.value if _A_LETTER.fullmatch(event.value) else self._value(event, depth)
        return self._value(event, depth)

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), end):
            yield event


def _scalar(event: yaml.ScalarEvent) -> Any:
    word = event.value
    if event.style is not None:
        return word
    if _A_DAY.fullmatch(word):
        return word
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if word.lstrip("-").isdecimal() and len(word) > _MOST_DIGITS:
        raise _refusal(event, f"a number of more than {_MOST_DIGITS} digits; put quotes around it if it is text")
    readings: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = ((_INTEGER, int), (_DECIMAL, float))
    for pattern, kind in readings:
        if pattern.fullmatch(word):
            return kind(word)
    if _READ_OTHERWISE_ELSEWHERE.fullmatch(word) or _guessed(word) != _TEXT:
        raise _refusal(
            event,
            f"{word} is read differently by different YAML readers; put quotes around it if it is text, "
            f"{_remedy(word)}",
        )
    return word


def _is_number(key: Any) -> bool:
    return isinstance(key, int | float) and not isinstance(key, bool)


def _is_rest_of_number(event: yaml.Event) -> bool:
    """Return whether a bare word may be what follows the comma of a number such as 5,000."""
    return isinstance(event, yaml.ScalarEvent) and bool(_THREE_DIGITS.match(event.value))


def _remedy(word: str) -> str:
    if re.fullmatch(_THREE_DIGITS, word):
        return "or, if it is the rest of a number such as 5,000, leave the comma out: 5000"
    if _A_TIME.fullmatch(word):
        return f'as a time of day is: "{word.zfill(_LONG_TIME)}"'
    if _guessed(word) == _DATE:
        return f'as a date with a time is: "{word}"'
    if word == _MERGE:
        return "and write out the fields that it would merge"
    return "write true or false, or a plain decimal such as 0.9"


def _guessed(word: str) -> str:
    """Return the tag that YAML 1.1 would give to a bare word."""
    patterns = yaml.SafeLoader.yaml_implicit_resolvers.get(word[0], ())
    return next((tag for tag, pattern in patterns if pattern.match(word)), _TEXT)


def _refusal(event: yaml.Event, why: str) -> ValueError:
    return ValueError(f"{_line(event.start_mark)}{why}")


def _line(mark: Any) -> str:
    return f"line {mark.line + 1} column {mark.column + 1}: " if mark else ""

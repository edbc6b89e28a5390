"""The lines of a policy file on which its parts begin, for messages about a policy that was read without an error."""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
"""The names and indices that lead to a part, such as `("domains", "motor", "rules", 0)`."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\],:"]+')


def is_yaml(text: str, where: str) -> bool:
    """Return whether a policy file is read as YAML: by its suffix, or without a known one by its first character."""
    return where.endswith((".yaml", ".yml")) or not (where.endswith(".json") or text.lstrip().startswith(("{", "[")))


def numbered_id(index: int) -> str:
    """Return the id of a rule of the first format of policy files, which has none, by its index from 0."""
    return f"rule_{index + 1:03}"


def row_id(index: int) -> str:
    """Return the id of a row of a decision table that states none, by its index from 0."""
    return f"row_{index + 1:03}"


_IDS: Mapping[Path, Callable[[int], str]] = {("rules",): numbered_id, ("table",): row_id, ("table", "rows"): row_id}
_OF_RULES = {("rules",), ("table",), ("rows",)}


class _Token(NamedTuple):
    """An opening or closing bracket, or a scalar (then `bracket` is empty), and its line."""

    bracket: str
    text: str
    line: int


class _Frame:
    """An object or a list that is being read."""

    def __init__(self, path: Path, *, is_list: bool) -> None:
        self.path, self.is_list = path, is_list
        self.key: str | None = None
        self.number = 0

    def following(self) -> Path:
        """Return the path of the next value, and count it."""
        step: str | int = self.number if self.is_list else str(self.key)
        self.number, self.key = self.number + 1, None
        return *self.path, step


class FileLines(NamedTuple):
    """The line, from 1, of each part of a policy file by its path, and the path of each rule by its id.

    A field has the line of its name, a list item that of its first character.
    """

    parts: Mapping[Path, int]
    rules: Mapping[str, Path]

    def of_rule(self, rule_id: str) -> int | None:
        """Return the line of a rule. A rule without an id is found by its number, as the loader numbers it."""
        return self.of_part(self.rules[rule_id]) if rule_id in self.rules else None

    def of_part(self, path: Path) -> int | None:
        """Return the line of a part, or of the smallest part of the file that contains it."""
        return next((self.parts[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.parts), None)


def file_lines(text: str, where: str) -> FileLines:
    """Return the lines of the parts of a policy file, which was read as `where` without an error."""
    text = text.removeprefix("\ufeff")
    lines: dict[Path, int] = {}
    rules: dict[str, Path] = {}
    frames: list[_Frame] = []
    for bracket, scalar, line in _yaml_tokens(text) if is_yaml(text, where) else _json_tokens(text):
        if bracket in ("}", "]"):
            frames.pop()
            continue
        here = frames[-1] if frames else None
        if here is not None and not here.is_list and here.key is None:
            here.key = scalar
            lines[(*here.path, scalar)] = line
            continue
        path = () if here is None else here.following()
        lines.setdefault(path, line)
        if bracket:
            frames.append(_Frame(path, is_list=bracket == "["))
            if path[:-1] in _IDS and isinstance(path[-1], int):
                rules.setdefault(_IDS[path[:-1]](path[-1]), path)
        elif path[-1:] == ("rule_id",) and path[-3:-1][:1] in _OF_RULES:
            rules[scalar] = path[:-1]
    return FileLines(lines, rules)


def _json_tokens(text: str) -> Iterator[_Token]:
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    for match in _TOKEN.finditer(text):
        part, line = match[0], bisect_right(starts, match.start())
        yield _Token(part, "", line) if part in {"{", "}", "[", "]"} else _Token("", _unquoted(part), line)


def _unquoted(scalar: str) -> str:
    return str(json.loads(scalar, strict=False)) if scalar.startswith('"') else scalar


def _yaml_tokens(text: str) -> Iterator[_Token]:
    import yaml  # noqa: PLC0415 - slow to import, and most policies are JSON

    brackets: dict[type[Any], str] = {
        yaml.MappingStartEvent: "{",
        yaml.MappingEndEvent: "}",
        yaml.SequenceStartEvent: "[",
        yaml.SequenceEndEvent: "]",
    }
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if type(event) in brackets:
            yield _Token(brackets[type(event)], "", line)
        elif isinstance(event, yaml.ScalarEvent):
            yield _Token("", event.value, line)

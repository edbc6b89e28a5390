"""Named lists of a policy: values that rules refer to by the name of their list.

A list stands in the policy, or in a file beside it that the policy names with its SHA-256. The values are part of the
policy, so that its hash covers them and a recorded policy decides without the file.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapSerializer,
    WrapValidator,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.shown.letters import spelling
from hitl_orchestrator.domain.value import Text, Value
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.language.phrases import MOST_NAMED, format_value, join

LIST = "list"
COMMENT = "#"
_WORDS = ("domain", "task_type")
_SEVERAL, _ONE = ("all", "any"), "not"


class Listed(tuple[Any, ...]):
    """The values of a named list, each once."""

    name: str

    def __new__(cls, name: str, values: Iterable[Any]) -> "Listed":
        """Return the values of the list `name`."""
        listed = super().__new__(cls, values)
        listed.name = name
        return listed

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return the arguments of a copy."""
        return self.name, tuple(self)

    def __repr__(self) -> str:
        """Return the name and the number of values, since there may be thousands."""
        return f"<list {self.name} of {len(self)}>"

    @cached_property
    def _values(self) -> frozenset[Any]:
        return frozenset(self)

    def __contains__(self, value: object) -> bool:
        """Return whether a value is in the list, in one step."""
        return value in self._values

    @property
    def phrase(self) -> str:
        """The values in a sentence, such as `the 10,000 in list sanctioned`."""
        return f"the {len(self):,} in list {self.name}"


def named_or_joined(values: Iterable[Any]) -> str:
    """Return values in a sentence: those of a long list by its name, others as `a, b or c`."""
    if isinstance(values, Listed) and len(values) > MOST_NAMED:
        return f"one of {values.phrase}"
    return join(map(format_value, values), "or")


def by_list(values: Iterable[Any], lists: Iterable[Listed]) -> tuple[list[str], list[Any]]:
    """Return the phrases of the long lists that are all among some values, and the values that are in none of them."""
    left, phrases = [*values], []
    for listed in sorted(lists, key=len, reverse=True):
        if len(listed) > MOST_NAMED and set(listed) <= set(left):
            phrases.append(listed.phrase)
            left = [value for value in left if value not in listed]
    return phrases, left


def _keep_name(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    checked = handler(value)
    return Listed(value.name, checked) if isinstance(value, Listed) else checked


def _as_reference(value: Any, handler: SerializerFunctionWrapHandler) -> Any:
    return {LIST: value.name} if isinstance(value, Listed) else handler(value)


_REFERENCE = {
    "type": "object",
    "properties": {LIST: {"type": "string", "description": "The name of a list of the policy."}},
    "required": [LIST],
    "additionalProperties": False,
}


class _OrReference:
    """Lets the JSON Schema accept the name of a list in place of its values; `within` too as `{"in": ...}`."""

    def __init__(self, *, within: bool) -> None:
        self._forms: list[dict[str, Any]] = [_REFERENCE]
        if within:
            inner = {"type": "object", "properties": {"in": _REFERENCE}, "required": ["in"]}
            self._forms.append(inner | {"additionalProperties": False})

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        listed = handler(core)
        return {"anyOf": [*listed.get("anyOf", [listed]), *self._forms]}


NAMED = (WrapValidator(_keep_name), WrapSerializer(_as_reference))
"""Metadata of a field that keeps a named list as such."""

OrList, OrListOfWords = _OrReference(within=False), _OrReference(within=True)
"""The same for the JSON Schema."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class NamedList(Value):
    """The values of a list as written, and the file with its SHA-256 if they come from one."""

    values: tuple[Any, ...] = ()
    file: Text | None = Field(default=None, min_length=1)
    sha256: Sha256 | None = None

    @model_validator(mode="before")
    @classmethod
    def _values_alone(cls, value: Any) -> Any:
        return {"values": value} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _usable(self) -> "NamedList":
        if (self.file is None) is not (self.sha256 is None):
            raise ValueError("a list from a file has file and sha256")
        wrong = next((value for value in self.values if not isinstance(value, str | int | float)), None)
        if wrong is not None or None in self.values:
            raise ValueError("its values are texts, numbers, true or false")
        if not self.values:
            raise ValueError("an empty list never matches; add at least one value, or leave it out")
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> Any:
        return list(self.values) if self.file is None else handler(self)

    @property
    def distinct(self) -> tuple[Any, ...]:
        """The values, each once."""
        return tuple({(isinstance(value, bool), value): value for value in self.values}.values())


def alike_in(values: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield each text with an earlier one that differs from it in case, signs or look-alike letters alone."""
    first: dict[str, str] = {}
    for value in values:
        if isinstance(value, str) and (before := first.setdefault(spelling(value), value)) != value:
            yield before, value


def meaning_of(lists: Mapping[str, NamedList]) -> dict[str, list[Any]]:
    """Return the distinct values of each list, sorted: the part of the lists that the hash of a policy covers."""
    return {
        name: sorted(each.distinct, key=lambda value: (str(type(value)), str(value))) for name, each in lists.items()
    }


def resolved(rules: Any, lists: Mapping[str, NamedList] | None) -> tuple[Any, list[InitErrorDetails]]:
    """Return raw rules with the values of each named list in place of its name, and the names that no list has.

    No name is missing where `lists` is None, because the lists themselves are invalid.
    """
    resolving = _Resolving({name: Listed(name, each.distinct) for name, each in (lists or {}).items()})
    if not isinstance(rules, list | tuple):
        return rules, []
    changed = [
        rule | {"conditions": resolving.conditions(rule["conditions"], (index, "conditions"))}
        if isinstance(rule, dict) and isinstance(rule.get("conditions"), dict)
        else rule
        for index, rule in enumerate(rules)
    ]
    return changed, [] if lists is None else resolving.problems


class _Resolving:
    def __init__(self, lists: Mapping[str, Listed]) -> None:
        self._lists = lists
        self.problems: list[InitErrorDetails] = []

    def conditions(self, raw: Any, path: tuple[int | str, ...]) -> Any:
        if not isinstance(raw, dict):
            return raw
        return {name: self._part(name, value, (*path, name)) for name, value in raw.items()}

    def _part(self, name: str, value: Any, path: tuple[int | str, ...]) -> Any:
        if name == _ONE:
            return self.conditions(value, path)
        if name in _SEVERAL and isinstance(value, list | tuple):
            return [self.conditions(each, (*path, index)) for index, each in enumerate(value)]
        if name == "at_least" and isinstance(value, dict):
            inner = value.get("of")
            return value | ({"of": self._part("any", inner, (*path, "of"))} if isinstance(inner, list) else {})
        if name in _WORDS and isinstance(value, dict) and value.keys() == {"in"}:
            value, path = value["in"], (*path, "in")
        return self._values(value, path)

    def _values(self, value: Any, path: tuple[int | str, ...]) -> Any:
        if not isinstance(value, dict):
            return value
        if value.keys() != {LIST} or not isinstance(value[LIST], str):
            return {name: self._values(each, (*path, name)) for name, each in value.items()}
        listed = self._lists.get(value[LIST])
        if listed is not None:
            return listed
        remedy = did_you_mean(value[LIST], self._lists) or '; add it to the policy\'s "lists"'
        why = ValueError(f"the policy has no list of this name{remedy}")
        self.problems.append(
            InitErrorDetails(type="value_error", loc=(*path, LIST), input=value[LIST], ctx={"error": why})
        )
        return ("?",)


def with_files(raw: dict[str, Any], where: str, beside: Callable[[str], bytes] | None) -> dict[str, Any]:
    """Return a raw policy with the values of all lists that are in files, also those of its layers.

    Raises:
        InvalidInput: a file cannot be read, or is not the one of the stated SHA-256.
    """
    problems: list[str] = []

    def filled(policy: Any, layer: str) -> Any:
        lists = policy.get("lists") if isinstance(policy, dict) else None
        if not isinstance(lists, dict):
            return policy
        read = {}
        for name, each in lists.items():
            read[name] = each
            if isinstance(each, dict) and isinstance(each.get("file"), str):
                try:
                    read[name] = _from_file(each, f"{where}: {layer}lists.{name}", where, beside)
                except InvalidInput as exc:
                    problems.extend(exc.problems)
        return policy | {"lists": read}

    result = filled(raw, "")
    for kind in ("domains", "users"):
        if isinstance(layers := result.get(kind), dict):
            result = result | {kind: {name: filled(layer, f"{kind}.{name}.") for name, layer in layers.items()}}
    if problems:
        raise InvalidInput(problems)
    return dict(result)


def _from_file(given: dict[str, Any], at: str, where: str, beside: Callable[[str], bytes] | None) -> dict[str, Any]:
    name = given["file"]
    if beside is None:
        if "values" in given:
            return given
        why = "a file beside the policy is read only where the policy is a file; write its values here"
        raise InvalidInput([f"{at}: {name}: {why}"])
    try:
        content = beside(name)
    except InvalidInput as exc:
        raise InvalidInput(f"{at}: {problem}" for problem in exc.problems) from exc
    actual, stated = sha256(content).hexdigest(), given.get("sha256")
    if stated is None:
        raise InvalidInput(
            [f"{at}: {name} needs its hash, so that a change of it is a change of the policy; add sha256: {actual}"]
        )
    if stated != actual:
        raise InvalidInput(
            [
                f"{at}: {name} has the SHA-256 {actual}, and the policy states {str(stated)[:64]}; restore the "
                f"file, or, if its new content is meant, 'hitl policy lists {where} --write' writes the new hash"
            ]
        )
    values = list(values_in(content, name))
    if "values" in given and given["values"] != values:
        raise InvalidInput([f"{at}: its values are not those of {name}; leave values out"])
    return {"file": name, "sha256": actual, "values": values}


def values_in(content: bytes, name: str) -> Iterator[str]:
    """Yield the values of a list file: one a line, without blanks around it, empty lines and lines that begin with #.

    Raises:
        InvalidInput: it is not UTF-8 text.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidInput([f"{name}: not UTF-8 text (byte {exc.start}); save it as UTF-8"]) from exc
    for line in re.split(r"\r\n|\r|\n", text):
        value = line.strip()
        if value and not value.startswith(COMMENT):
            yield value

"""Comparisons of a field with values that the policy names."""

import math
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from hitl_orchestrator.domain.value import Text
from hitl_orchestrator.policies.language.conditions.base import ConditionModel, OneOrMore, not_null
from hitl_orchestrator.policies.language.lists import NAMED, OrList

THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")
"""A number with separators of its thousands, as people write it."""


def _scalar(value: object) -> object:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float) and abs(value) < math.inf:
        return value + 0.0 if isinstance(value, float) else value
    if isinstance(value, list):
        raise ValueError("it is one value; use in for several, such as in: [AT, DE]")
    raise ValueError("compare with a number, a text, true or false")


def _number(value: object) -> object:
    if isinstance(value, str) and THOUSANDS.fullmatch(value):
        raise ValueError(f"write the number without separators and quotes, {value.replace(',', '')}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("only numbers can be ordered; use a number")
    return _scalar(value)


Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["number", "string", "boolean"]})]
Number = Annotated[Any, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
Pattern = Annotated[Text, Field(min_length=1)]


def different(words: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return distinct values in a fixed order, so that equal lists have equal digests."""
    if not words:
        raise ValueError("an empty list never matches; add at least one value, or leave it out")
    if len({(isinstance(word, bool), word) for word in words}) != len(words):
        raise ValueError("a value is listed twice")
    return tuple(sorted(words, key=lambda word: (type(word).__name__ == "str", str(word))))


class Comparison(ConditionModel):
    """Comparisons with a field; all of them must hold.

    Only `exists` is known for a missing field. Every other comparison is then unknown, as it is where the value is not
    of the type that the policy declares. A text starts with, or contains, at least one of the listed texts; a list
    contains at least one of them as a member. Upper and lower case differ.
    """

    eq: Scalar | None = None
    ne: Scalar | None = None
    lt: Number | None = None
    le: Number | None = None
    gt: Number | None = None
    ge: Number | None = None
    in_: Annotated[tuple[Scalar, ...], AfterValidator(different), *NAMED, OrList] = Field(default=(), alias="in")
    starts_with: OneOrMore[Pattern] = ()
    contains: OneOrMore[Pattern] = ()
    exists: bool | None = Field(default=None, strict=True)

    @field_validator("eq", "ne", "lt", "le", "gt", "ge", "exists", mode="before")
    @classmethod
    def _given(cls, value: object) -> object:
        return not_null(value)

    @field_validator("in_", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError("write the values as a list, such as [AT, DE], or a named list as {list: NAME}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _compares(cls, value: object) -> object:
        if isinstance(value, str | int | float):
            raise ValueError('name the operator, such as {"eq": ...}')
        return value

    @model_validator(mode="after")
    def _something(self) -> "Comparison":
        if self.is_empty:
            raise ValueError("it has no operator; add eq, ne, lt, le, gt, ge, in, starts_with, contains or exists")
        if self.exists is False and (self.operands or self.starts_with or self.contains):
            raise ValueError("a missing field cannot be compared; use exists alone")
        return self

    @property
    def operands(self) -> tuple[tuple[str, Any], ...]:
        """Each operator with its value, as written; `in` once for each of its values."""
        pairs = [(name, getattr(self, name)) for name in ("eq", "ne", "lt", "le", "gt", "ge")]
        return (*((name, value) for name, value in pairs if value is not None), *(("in", value) for value in self.in_))

    @property
    def patterns(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each operator on parts of a text, or on members of a list, with its words; none where it is not used."""
        return (("starts_with", self.starts_with), ("contains", self.contains))


class _WordsCompared:
    """Lets one word, or a list of words, be written for some fields, or for all, in place of a comparison."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._spelled_out, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        word: dict[str, Any] = {"type": "string"}
        (pattern, comparison), *_ = schema.pop("patternProperties").items()
        short = {"anyOf": [word, {"type": "array", "items": word, "minItems": 1, "uniqueItems": True}, comparison]}
        schema["propertyNames"] |= {"pattern": pattern}
        if not self._names:
            return schema | {"additionalProperties": short}
        return schema | {"properties": dict.fromkeys(self._names, short), "additionalProperties": comparison}

    def _spelled_out(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            name: words if self._names and name not in self._names else _compared(words)
            for name, words in value.items()
        }


def words_compared(*names: str) -> Any:
    """Return an annotation by which these fields, or all, may have a word or a list of words: `eq`, or `in`."""
    return _WordsCompared(*names)


def _compared(words: Any) -> Any:
    if isinstance(words, str):
        return {"eq": words}
    return {"in": words} if isinstance(words, list) else words

"""What the parts of conditions have in common: words in lists, bounds, and errors with their paths."""

from enum import Enum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails

from hitl_orchestrator.domain.value import Confidence, Value

WordT = TypeVar("WordT")


def lines_of(exc: ValidationError, drop: int = 0) -> list[InitErrorDetails]:
    """Return the problems of `exc` for another error, without the first `drop` steps of their paths."""
    return [
        InitErrorDetails(type=error["type"], loc=error["loc"][drop:], input=error["input"], ctx=error.get("ctx", {}))
        for error in exc.errors()
    ]


def one_error(title: str, lines: list[InitErrorDetails]) -> ValidationError:
    """Return an error with these problems."""
    return ValidationError.from_exception_data(title, lines)


def _one_or_more(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Read a single word as a list of one; a problem with it is reported without a list index."""
    if isinstance(value, (list, tuple)):
        return handler(value)
    try:
        return handler([value])
    except ValidationError as exc:
        raise one_error(exc.title, lines_of(exc, drop=1)) from None


def _distinct(words: tuple[WordT, ...]) -> tuple[WordT, ...]:
    """Sort the words, so that equal conditions have equal digests."""
    if not words:
        raise ValueError("an empty list never matches; add at least one word, or leave the condition out")
    if len(set(words)) != len(words):
        raise ValueError("a word is listed twice")
    return tuple(sorted(words, key=_rank))


def _rank(word: Any) -> tuple[int, str]:
    return (list(type(word)).index(word) if isinstance(word, Enum) else 0, str(word))


class _SingleWordSchema:
    """Lets the JSON Schema accept a single word in place of a list."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        listed = handler(core) | {"minItems": 1, "uniqueItems": True}
        return {"anyOf": [listed["items"], listed]}


OneOrMore = Annotated[tuple[WordT, ...], AfterValidator(_distinct), WrapValidator(_one_or_more), _SingleWordSchema()]
"""One word or a list of words, stored as a sorted tuple. The default, an empty tuple, means no condition."""


def _plus_zero(value: float) -> float:
    return value + 0.0


Bound = Annotated[Confidence, AfterValidator(_plus_zero)]


class ConditionModel(Value):
    """A part of a condition. It is serialized without defaults, under the names used in policy files."""

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=True, serialize_by_alias=True)

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        return {name: value for name, value in fields.items() if value not in (None, (), [], {})}

    @property
    def is_empty(self) -> bool:
        """Whether it has no condition, so that it always holds."""
        fields = type(self).model_fields.items()
        return all(getattr(self, name) == field.get_default(call_default_factory=True) for name, field in fields)


def not_null(value: object) -> object:
    """Return a value; a null is refused."""
    if value is None:
        raise ValueError("a condition without a value would always hold; add a value, or leave it out")
    return value

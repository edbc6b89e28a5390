"""What a rule may ask: closed fields, words and operators, and nothing left to guess. No code, no patterns of text."""

import math
import re
from collections.abc import Iterator
from enum import Enum, StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails

from hitl_orchestrator.domain.enums import RiskLevel, Signal
from hitl_orchestrator.domain.value import Confidence, Label, Value
from hitl_orchestrator.domain.working_hours import Weekday

Word = TypeVar("Word")
MOST_ALTERNATIVES = 1_000
MINUTES_OF_A_DAY = 24 * 60
MINUTES_OF_A_WEEK = 7 * MINUTES_OF_A_DAY


class FieldType(StrEnum):
    """What a field of a task's metadata holds. A value of another type is as good as none."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"


def lines_of(exc: ValidationError, drop: int = 0) -> list[InitErrorDetails]:
    """Return the problems of `exc` for another error to carry, without the first `drop` steps of their places."""
    return [
        InitErrorDetails(type=error["type"], loc=error["loc"][drop:], input=error["input"], ctx=error.get("ctx", {}))
        for error in exc.errors()
    ]


def one_error(title: str, lines: list[InitErrorDetails]) -> ValidationError:
    """Return an error that carries these problems."""
    return ValidationError.from_exception_data(title, lines)


def _one_or_more(given: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Read one word as a list of one; a problem with that one word is told without a list index."""
    if isinstance(given, (list, tuple)):
        return handler(given)
    try:
        return handler([given])
    except ValidationError as exc:
        raise one_error(exc.title, lines_of(exc, drop=1)) from None


def _distinct(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Put the words in one order, so that equal conditions have equal digests."""
    if not words:
        raise ValueError("an empty list can never hold; name at least one, or leave the condition out")
    if len(set(words)) != len(words):
        raise ValueError("a word stands here twice")
    return tuple(sorted(words, key=_rank))


def _rank(word: Any) -> tuple[int, str]:
    return (list(type(word)).index(word) if isinstance(word, Enum) else 0, str(word))


class _OneWordToo:
    """Tells the JSON Schema that a list of one may be written as the one word."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        listed = handler(core) | {"minItems": 1, "uniqueItems": True}
        return {"anyOf": [listed["items"], listed]}


OneOrMore = Annotated[tuple[Word, ...], AfterValidator(_distinct), WrapValidator(_one_or_more), _OneWordToo()]
"""One word or a list of words, kept as an ordered tuple. An empty tuple, never given, asks for nothing."""


def _plus_zero(given: float) -> float:
    return given + 0.0


Bound = Annotated[Confidence, AfterValidator(_plus_zero)]


def _scalar(given: object) -> object:
    if isinstance(given, bool | str):
        return given
    if isinstance(given, int | float) and abs(given) < math.inf:
        return given + 0.0 if isinstance(given, float) else given
    raise ValueError("compare with a number, a text, true or false")


def _number(given: object) -> object:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError("only numbers have an order; give a number")
    return _scalar(given)


Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["number", "string", "boolean"]})]
Number = Annotated[Any, BeforeValidator(_number), WithJsonSchema({"type": "number"})]


class Said(Value):
    """A part of a condition. It is written with what was said alone, by the names that stand in files."""

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=True, serialize_by_alias=True)

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = handler(self)
        return {name: value for name, value in said.items() if value not in (None, (), [], {})}

    @property
    def says_nothing(self) -> bool:
        """Whether nothing at all is asked, so that it holds for everything."""
        fields = type(self).model_fields.items()
        return all(getattr(self, name) == field.get_default(call_default_factory=True) for name, field in fields)


class Signals(Said):
    """Which signals were raised: at least one of `any`, each of `all`, and not one of `none`."""

    any: OneOrMore[Signal] = ()
    all: OneOrMore[Signal] = ()
    none: OneOrMore[Signal] = ()

    @property
    def named(self) -> frozenset[Signal]:
        """Every signal that is named."""
        return frozenset((*self.any, *self.all, *self.none))


def _different(words: tuple[Any, ...]) -> tuple[Any, ...]:
    if not words:
        raise ValueError("an empty list can never hold; name at least one, or leave it out")
    if len({(isinstance(word, bool), word) for word in words}) != len(words):
        raise ValueError("a value stands here twice")
    return tuple(sorted(words, key=lambda word: (type(word).__name__ == "str", str(word))))


class Comparison(Said):
    """What a field of the metadata is compared with; all that is said must hold.

    Only `exists` can be told of a field that is missing. Every other comparison then is unknown, and so it is where
    the value is not of the type that the policy declares.
    """

    eq: Scalar | None = None
    ne: Scalar | None = None
    lt: Number | None = None
    le: Number | None = None
    gt: Number | None = None
    ge: Number | None = None
    in_: Annotated[tuple[Scalar, ...], AfterValidator(_different)] = Field(default=(), alias="in")
    exists: bool | None = Field(default=None, strict=True)

    @field_validator("eq", "ne", "lt", "le", "gt", "ge", "exists", mode="before")
    @classmethod
    def _said(cls, given: object) -> object:
        return _not_null(given)

    @model_validator(mode="before")
    @classmethod
    def _compares(cls, given: object) -> object:
        if isinstance(given, str | int | float):
            raise ValueError('say how to compare with it, such as {"eq": ...}')
        return given

    @model_validator(mode="after")
    def _something(self) -> "Comparison":
        if self.says_nothing:
            raise ValueError("it compares with nothing; give eq, ne, lt, le, gt, ge, in or exists")
        if self.exists is False and len(self.operands) > 0:
            raise ValueError("what is not there cannot be compared; give exists alone")
        return self

    @property
    def operands(self) -> tuple[tuple[str, Any], ...]:
        """Each value that is compared with, after its operator as it is written."""
        said = [(name, getattr(self, name)) for name in ("eq", "ne", "lt", "le", "gt", "ge")]
        return (*((name, value) for name, value in said if value is not None), *(("in", one) for one in self.in_))


def _not_null(given: object) -> object:
    if given is None:
        raise ValueError("a condition without a value would hold for everything; give one, or leave it out")
    return given


_A_CLOCK_TIME = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


def _clock(given: object) -> object:
    if isinstance(given, str) and re.match(_A_CLOCK_TIME, given):
        return given
    raise ValueError('give a time of day as "HH:MM", such as "09:00", up to "24:00"')


Clock = Annotated[str, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": _A_CLOCK_TIME})]


class Window(Said):
    """Hours of some days of the week, on the clocks of the policy's time zone; without days, of every day.

    It begins at `begins` and is over at `ends`. One that ends before it begins runs past midnight, into the next day.
    """

    days: OneOrMore[Weekday] = ()
    begins: Clock = "00:00"
    ends: Clock = "24:00"

    @model_validator(mode="after")
    def _some_time(self) -> "Window":
        if self.says_nothing:
            raise ValueError("it names no time; give days, or begins and ends")
        if _minute(self.begins) % MINUTES_OF_A_DAY == _minute(self.ends) % MINUTES_OF_A_DAY and (
            self.begins,
            self.ends,
        ) != ("00:00", "24:00"):
            raise ValueError(f"a window that begins and ends at {self.begins} has no time in it")
        return self

    @property
    def minutes(self) -> tuple[tuple[int, int], ...]:
        """Return when it is open, in minutes since Monday 00:00: each stretch from the first to before the second."""
        begins, ends = _minute(self.begins), _minute(self.ends)
        lasts = ends - begins if ends > begins else ends + MINUTES_OF_A_DAY - begins
        return tuple(stretch for day in self.days or Weekday for stretch in _stretches(_start(day) + begins, lasts))


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _start(day: Weekday) -> int:
    return list(Weekday).index(day) * MINUTES_OF_A_DAY


def _stretches(begins: int, lasts: int) -> Iterator[tuple[int, int]]:
    begins %= MINUTES_OF_A_WEEK
    yield begins, min(begins + lasts, MINUTES_OF_A_WEEK)
    if begins + lasts > MINUTES_OF_A_WEEK:
        yield 0, begins + lasts - MINUTES_OF_A_WEEK


def _signals(given: object) -> object:
    """Read one signal, or a list of them, as any of these."""
    return given if isinstance(given, dict | Signals) else {"any": given}


def _any_of(given: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(_signals(given))
    except ValidationError as exc:
        raise one_error(exc.title, lines_of(exc, drop=0 if isinstance(given, dict) else 1)) from None


class _WordsToo:
    """Tells the JSON Schema that signals may also be written as one signal or a list of them."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        object_form = handler(core)
        fields = handler.resolve_ref_schema(object_form)["properties"]
        return {"anyOf": [*fields["any"]["anyOf"], object_form]}


SignalTest = Annotated[Signals, WrapValidator(_any_of), _WordsToo()]


class Conditions(Said):
    """What must hold, all of it, for a rule to decide. A condition that is left out asks for nothing.

    `min_confidence` is inclusive, `max_confidence` is exclusive; neither holds where there is no confidence.
    A list holds where any of its words does; a list of `signals` holds where any of them was raised. `metadata` is
    compared with values of the types that the policy declares; `time` is about the task's timestamp. `all`, `any` and
    `not` hold further conditions.
    """

    risk_level: OneOrMore[RiskLevel] = ()
    domain: OneOrMore[Label] = ()
    task_type: OneOrMore[Label] = ()
    min_confidence: Bound | None = None
    max_confidence: Bound | None = None
    signals: SignalTest = Signals()
    metadata: dict[Label, Comparison] = Field(default_factory=dict)
    time: Window | None = None
    all: tuple["Conditions", ...] = ()
    any: tuple["Conditions", ...] = ()
    not_: "Conditions | None" = Field(default=None, alias="not")

    @field_validator("min_confidence", "max_confidence", "time", "not_", mode="before")
    @classmethod
    def _said(cls, given: object) -> object:
        return _not_null(given)

    @field_validator("max_confidence")
    @classmethod
    def _above_the_minimum(cls, highest: float, info: ValidationInfo) -> float:
        lowest = info.data.get("min_confidence") or 0.0
        if highest <= lowest:
            raise ValueError(f"max_confidence must be above min_confidence ({lowest}), or the rule can never hold")
        return highest

    @field_validator("signals")
    @classmethod
    def _a_signal(cls, given: Signals) -> Signals:
        if given.says_nothing:
            raise ValueError("it names no signal; give any, all or none")
        return given

    @field_validator("metadata")
    @classmethod
    def _a_field(cls, given: dict[str, Comparison]) -> dict[str, Comparison]:
        if not given:
            raise ValueError("it names no field; compare one, or leave it out")
        return given

    @field_validator("all", "any", "not_")
    @classmethod
    def _something_in_it(cls, given: "tuple[Conditions, ...] | Conditions") -> "tuple[Conditions, ...] | Conditions":
        inner = (given,) if isinstance(given, Conditions) else given
        if not inner:
            raise ValueError("an empty list says nothing; give conditions, or leave it out")
        if [one for one in inner if one.says_nothing]:
            raise ValueError("conditions that ask for nothing hold for everything; say something, or leave them out")
        return given

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = handler(self)
        if set(said.get("signals") or ()) == {"any"}:
            said["signals"] = said["signals"]["any"]
        return {name: value for name, value in said.items() if value not in (None, (), [], {})}

    def walk(self, *path: str | int) -> Iterator[tuple[tuple[str | int, ...], "Conditions"]]:
        """Yield these conditions and all within, each with the path to it."""
        yield path, self
        for name, inner in (("all", self.all), ("any", self.any)):
            for place, one in enumerate(inner):
                yield from one.walk(*path, name, place)
        if self.not_ is not None:
            yield from self.not_.walk(*path, "not")

    def alternatives(self, *, negated: bool = False) -> int:
        """Return into how many plain alternatives, each without `any` and `not`, these conditions multiply out."""
        plain = [name for name in type(self).model_fields if name not in {"all", "any", "not_", "metadata"}]
        own = sum(1 for name in plain if getattr(self, name) not in (None, (), Signals())) + len(self.metadata)
        denied = [] if self.not_ is None else [self.not_.alternatives(negated=not negated)]
        every = [one.alternatives(negated=negated) for one in self.all]
        some = [one.alternatives(negated=negated) for one in self.any]
        if negated:
            return max(1, own + sum(every) + sum(denied) + (math.prod(some) if some else 0))
        return math.prod((*every, *denied, sum(some) or 1))

"""The conditions of a rule: a closed set of fields, words and operators. No code and no text patterns."""

import math
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
from hitl_orchestrator.domain.working_hours import MINUTES_OF_A_DAY, Clock, Weekday, minute_of_day

WordT = TypeVar("WordT")
MOST_ALTERNATIVES = 1_000
MINUTES_OF_A_WEEK = 7 * MINUTES_OF_A_DAY


class FieldType(StrEnum):
    """The declared type of a metadata field. A value of another type counts as unknown."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"


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


def _scalar(value: object) -> object:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float) and abs(value) < math.inf:
        return value + 0.0 if isinstance(value, float) else value
    raise ValueError("compare with a number, a text, true or false")


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("only numbers can be ordered; use a number")
    return _scalar(value)


Scalar = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["number", "string", "boolean"]})]
Number = Annotated[Any, BeforeValidator(_number), WithJsonSchema({"type": "number"})]


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


class Signals(ConditionModel):
    """At least one of `any` was raised, each of `all`, and none of `none`."""

    any: OneOrMore[Signal] = ()
    all: OneOrMore[Signal] = ()
    none: OneOrMore[Signal] = ()

    @property
    def named(self) -> frozenset[Signal]:
        """Every named signal."""
        return frozenset((*self.any, *self.all, *self.none))


def _different(words: tuple[Any, ...]) -> tuple[Any, ...]:
    if not words:
        raise ValueError("an empty list never matches; add at least one value, or leave it out")
    if len({(isinstance(word, bool), word) for word in words}) != len(words):
        raise ValueError("a value is listed twice")
    return tuple(sorted(words, key=lambda word: (type(word).__name__ == "str", str(word))))


class Comparison(ConditionModel):
    """Comparisons with a metadata field; all of them must hold.

    Only `exists` is known for a missing field. Every other comparison is then unknown, as it is where the value is not
    of the type that the policy declares.
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
    def _given(cls, value: object) -> object:
        return _not_null(value)

    @model_validator(mode="before")
    @classmethod
    def _compares(cls, value: object) -> object:
        if isinstance(value, str | int | float):
            raise ValueError('name the operator, such as {"eq": ...}')
        return value

    @model_validator(mode="after")
    def _something(self) -> "Comparison":
        if self.is_empty:
            raise ValueError("it has no operator; add eq, ne, lt, le, gt, ge, in or exists")
        if self.exists is False and len(self.operands) > 0:
            raise ValueError("a missing field cannot be compared; use exists alone")
        return self

    @property
    def operands(self) -> tuple[tuple[str, Any], ...]:
        """Each operator with its value, as written; `in` once for each of its values."""
        pairs = [(name, getattr(self, name)) for name in ("eq", "ne", "lt", "le", "gt", "ge")]
        return (*((name, value) for name, value in pairs if value is not None), *(("in", value) for value in self.in_))


def _not_null(value: object) -> object:
    if value is None:
        raise ValueError("a condition without a value would always hold; add a value, or leave it out")
    return value


class Window(ConditionModel):
    """A daily time window, on some days of the week or on every day, in the time zone of the policy.

    `begins` is inclusive, `ends` is exclusive. A window that ends before it begins runs past midnight.
    """

    days: OneOrMore[Weekday] = ()
    begins: Clock = "00:00"
    ends: Clock = "24:00"

    @model_validator(mode="after")
    def _some_time(self) -> "Window":
        if self.is_empty:
            raise ValueError("it has no time; add days, or begins and ends")
        if minute_of_day(self.begins) % MINUTES_OF_A_DAY == minute_of_day(self.ends) % MINUTES_OF_A_DAY and (
            self.begins,
            self.ends,
        ) != ("00:00", "24:00"):
            raise ValueError(f"a window that begins and ends at {self.begins} is empty")
        return self

    @property
    def minutes(self) -> tuple[tuple[int, int], ...]:
        """The open intervals, in minutes since Monday 00:00, each with an exclusive end."""
        begins, ends = minute_of_day(self.begins), minute_of_day(self.ends)
        lasts = ends - begins if ends > begins else ends + MINUTES_OF_A_DAY - begins
        return tuple(stretch for day in self.days or Weekday for stretch in _stretches(_start(day) + begins, lasts))


def _start(day: Weekday) -> int:
    return list(Weekday).index(day) * MINUTES_OF_A_DAY


def _stretches(begins: int, lasts: int) -> Iterator[tuple[int, int]]:
    begins %= MINUTES_OF_A_WEEK
    yield begins, min(begins + lasts, MINUTES_OF_A_WEEK)
    if begins + lasts > MINUTES_OF_A_WEEK:
        yield 0, begins + lasts - MINUTES_OF_A_WEEK


def _signals(value: object) -> object:
    """Read a signal, or a list of signals, as `any`."""
    return value if isinstance(value, dict | Signals) else {"any": value}


def _any_of(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(_signals(value))
    except ValidationError as exc:
        raise one_error(exc.title, lines_of(exc, drop=0 if isinstance(value, dict) else 1)) from None


class _SignalListSchema:
    """Lets the JSON Schema accept one signal, or a list of signals, in place of the object."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        object_form = handler(core)
        fields = handler.resolve_ref_schema(object_form)["properties"]
        return {"anyOf": [*fields["any"]["anyOf"], object_form]}


SignalTest = Annotated[Signals, WrapValidator(_any_of), _SignalListSchema()]


class Conditions(ConditionModel):
    """The conditions of a rule, all of which must hold. A condition that is left out does not restrict the rule.

    `min_confidence` is inclusive, `max_confidence` is exclusive; neither holds where there is no confidence.
    A list holds if any of its words does; a list of `signals` holds if any of them was raised. `metadata` values are
    compared with the declared types; `time` applies to the timestamp of the task. `all`, `any` and `not` nest further
    conditions.
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
    def _given(cls, value: object) -> object:
        return _not_null(value)

    @field_validator("max_confidence")
    @classmethod
    def _above_the_minimum(cls, highest: float, info: ValidationInfo) -> float:
        lowest = info.data.get("min_confidence") or 0.0
        if highest <= lowest:
            raise ValueError(f"max_confidence must be above min_confidence ({lowest}), or the rule can never match")
        return highest

    @field_validator("signals")
    @classmethod
    def _a_signal(cls, value: Signals) -> Signals:
        if value.is_empty:
            raise ValueError("it names no signal; add any, all or none")
        return value

    @field_validator("metadata")
    @classmethod
    def _a_field(cls, value: dict[str, Comparison]) -> dict[str, Comparison]:
        if not value:
            raise ValueError("it names no field; add a comparison, or leave it out")
        return value

    @field_validator("all", "any", "not_")
    @classmethod
    def _something_in_it(cls, value: "tuple[Conditions, ...] | Conditions") -> "tuple[Conditions, ...] | Conditions":
        inner = (value,) if isinstance(value, Conditions) else value
        if not inner:
            raise ValueError("an empty list has no effect; add conditions, or leave it out")
        if any(conditions.is_empty for conditions in inner):
            raise ValueError("empty conditions always hold; add a condition, or leave them out")
        return value

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        if set(fields.get("signals") or ()) == {"any"}:
            fields["signals"] = fields["signals"]["any"]
        return {name: value for name, value in fields.items() if value not in (None, (), [], {})}

    def walk(self, *path: str | int) -> Iterator[tuple[tuple[str | int, ...], "Conditions"]]:
        """Yield these conditions and all nested ones, each with its path."""
        yield path, self
        for name, inner in (("all", self.all), ("any", self.any)):
            for index, conditions in enumerate(inner):
                yield from conditions.walk(*path, name, index)
        if self.not_ is not None:
            yield from self.not_.walk(*path, "not")

    def alternatives(self, *, negated: bool = False) -> int:
        """Return the number of alternatives, each without `any` and `not`, to which these conditions expand."""
        plain = [name for name in type(self).model_fields if name not in {"all", "any", "not_", "metadata"}]
        own = sum(1 for name in plain if getattr(self, name) not in (None, (), Signals())) + len(self.metadata)
        inverse = [] if self.not_ is None else [self.not_.alternatives(negated=not negated)]
        every = [inner.alternatives(negated=negated) for inner in self.all]
        some = [inner.alternatives(negated=negated) for inner in self.any]
        if negated:
            return max(1, own + sum(every) + sum(inverse) + (math.prod(some) if some else 0))
        return math.prod((*every, *inverse, sum(some) or 1))

"""The fields that rules compare: where they come from, and what the policy declares about them."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.value import Label, Value
from hitl_orchestrator.policies.language.conditions import Comparison, lines_of, one_error
from hitl_orchestrator.policies.language.conditions.comparison import Number, Scalar, different
from hitl_orchestrator.policies.language.lists import Listed
from hitl_orchestrator.policies.language.phrases import join
from hitl_orchestrator.policies.language.rule import Rule

MOST_KINDS_OF_TEXT = 2_048
"""The limit of the kinds of texts that the patterns of one field distinguish."""

MAX_NUMBER = 1e300
"""The largest number that conditions compare; NaN and infinities are refused."""


class FieldType(StrEnum):
    """The declared type of a field. A value of another type counts as unknown."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    LIST = "list"
    """A list of texts, which only `contains` reads."""


def _or_type_alone(schema: dict[str, Any]) -> None:
    """Let the JSON Schema of a declaration accept the type alone."""
    full = dict(schema)
    schema.clear()
    schema |= {"anyOf": [{"type": "string", "enum": [*FieldType]}, full]}


class Declaration(Value):
    """What a policy declares about a field. A file may write the type alone.

    A value outside `min` and `max`, both inclusive, or not among `values` counts as unknown, like one of another type.
    Sentences show the `unit`. A `required` field is one that every case should have; missing, it is still unknown.
    """

    model_config = ConfigDict(json_schema_extra=_or_type_alone)

    type: FieldType
    min: Number | None = None
    max: Number | None = None
    values: Annotated[tuple[Scalar, ...], AfterValidator(different)] = ()
    unit: Label | None = None
    required: bool = Field(default=False, strict=True)

    @field_validator("min", "max", "unit")
    @classmethod
    def _of_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("type") not in {FieldType.NUMBER, None}:
            raise ValueError(f"only a number has one, and this field is a {info.data['type']}; leave it out")
        return value

    @field_validator("max")
    @classmethod
    def _above_the_minimum(cls, highest: Any, info: ValidationInfo) -> Any:
        lowest = info.data.get("min")
        if highest is not None and lowest is not None and highest < lowest:
            raise ValueError(f"it is below min ({lowest}), so that no value fits; swap them")
        return highest

    @field_validator("values")
    @classmethod
    def _of_the_type(cls, values: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        kind = info.data.get("type")
        if values and kind in {FieldType.BOOLEAN, FieldType.LIST}:
            raise ValueError(f"a {kind} has no values to declare; leave it out")
        if values and not info.data.get("min") is info.data.get("max") is None:
            raise ValueError("values and a range exclude each other; leave out min and max")
        for value in values if kind is not None else ():
            if type_of(value) is not kind:
                raise ValueError(f"{value!r} is not a {kind}, as the field is declared")
        return values

    @property
    def is_bounded(self) -> bool:
        """Whether some values of the type count as unknown."""
        return bool(self.values) or self.min is not None or self.max is not None

    def fits(self, value: object) -> bool:
        """Return whether a value is as declared. Any other value is unknown."""
        if type_of(value) is not self.type:
            return False
        return not self.is_bounded or self._is_within(value)

    def _is_within(self, value: Any) -> bool:
        if self.values:
            return value in self.values
        return (self.min is None or self.min <= value) and (self.max is None or value <= self.max)

    @model_validator(mode="wrap")
    @classmethod
    def _of_type(cls, value: Any, handler: ModelWrapValidatorHandler["Declaration"]) -> "Declaration":
        if not isinstance(value, str):
            return handler(value)
        try:
            return handler({"type": value})
        except ValidationError as exc:
            raise one_error(exc.title, lines_of(exc, drop=1)) from None

    @model_serializer(mode="wrap")
    def _type_alone(self, handler: SerializerFunctionWrapHandler) -> Any:
        fields = {
            name: value for name, value in handler(self).items() if value not in (None, (), []) and value is not False
        }
        return fields["type"] if fields.keys() == {"type"} else fields


_TEXT, _NUMBER = Declaration(type=FieldType.TEXT), Declaration(type=FieldType.NUMBER)
CALCULATED = {
    "history": '{"refunds_30d": {"count": "cases", "same": "customer_id", "within": "P30D"}}',
    "derived": '{"used": "amount / limit"}',
}
"""The sources whose fields are numbers that follow from other facts, each with an example of a declaration."""

KNOWN: Mapping[str, Mapping[str, Declaration]] = {
    "metadata": {},
    "proposal": {"predicted_label": _TEXT, "explanation": _TEXT},
    "agent": {"id": _TEXT, "model": _TEXT, "version": _TEXT},
    "history": {},
    "derived": {},
}
"""The sources of fields, each with the fields that need no declaration.

A source is an attribute of `Facts` with the values, of `Conditions` with the comparisons, and, unless all of its fields
are known, of `Policy` with the declarations.
"""


_READ_BY = {"starts_with": (FieldType.TEXT,), "contains": (FieldType.TEXT, FieldType.LIST)}


def declared_in(source: str, declarations: Mapping[str, Any]) -> Mapping[str, Declaration]:
    """Return the fields of a source that rules may compare."""
    if source in CALCULATED:
        return dict.fromkeys(declarations, _NUMBER)
    known = KNOWN[source]
    return {**known, **declarations} if known else declarations


def unfit_comparisons(
    rules: Sequence[Rule], declared: Mapping[str, Mapping[str, Declaration]]
) -> list[InitErrorDetails]:
    """Return the comparisons with an undeclared field, or with a value of another type.

    Comparisons with the fields of a source that is missing in `declared` are not looked at.
    """
    return [
        InitErrorDetails(
            type="value_error", loc=(index, *path, source, *where), input=value, ctx={"error": ValueError(sentence)}
        )
        for index, rule in enumerate(rules)
        for path, conditions in rule.conditions.walk("conditions")
        for source, name, comparison in conditions.comparisons()
        if source in declared
        for where, value, sentence in _unfit(source, name, comparison, declared[source])
    ]


def _unfit(
    source: str, name: str, comparison: Comparison, declared: Mapping[str, Declaration]
) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    if name not in declared:
        yield (name,), name, _undeclared(source, name, declared)
        return
    kind = declared[name].type
    for operator, value in comparison.operands:
        if kind is FieldType.LIST:
            yield (name, operator), value, f"{name!r} is a list, which only contains and exists read"
        elif type_of(value) is not kind:
            yield (name, operator), value, f"the policy declares {name!r} as a {kind}, and this is not a {kind}"
            if operator == "in" and isinstance(comparison.in_, Listed):
                return  # a list may have thousands of values
        elif kind is not FieldType.NUMBER and operator in {"lt", "le", "gt", "ge"}:
            yield (name, operator), value, f"only numbers can be ordered, and {name!r} is a {kind}"
    for operator, words in comparison.patterns:
        if words and kind not in _READ_BY[operator]:
            kinds = join(_READ_BY[operator], "or")
            yield (name, operator), words[0], f"{operator} reads a {kinds}, and {name!r} is a {kind}"


def too_many_patterns(
    rules: Sequence[Rule], declared: Mapping[str, Mapping[str, Declaration]]
) -> list[InitErrorDetails]:
    """Return the comparisons from which on the patterns of a field distinguish more texts than can be analyzed."""
    words: dict[tuple[str, str], dict[str, set[str]]] = {}
    for index, rule in enumerate(rules):
        for path, conditions in rule.conditions.walk("conditions"):
            for source, name, comparison in conditions.comparisons():
                field = declared.get(source, {}).get(name)
                named = words.setdefault((source, name), {"starts_with": set(), "contains": set()})
                for operator, patterns in comparison.patterns:
                    named[operator].update(patterns)
                number = kinds_of_text(len(named["starts_with"]), len(named["contains"]))
                if field is not None and not field.values and number > MOST_KINDS_OF_TEXT:
                    sentence = (
                        f"the rules look for {len(named['starts_with'])} beginnings and {len(named['contains'])} parts "
                        f"of {name!r}, which distinguish {number:,} kinds of values, and the limit is "
                        f"{MOST_KINDS_OF_TEXT:,}; declare a field of its own for some of them"
                    )
                    where = (index, *path, source, name)
                    error = {"error": ValueError(sentence)}
                    return [InitErrorDetails(type="value_error", loc=where, input=name, ctx=error)]
    return []


def kinds_of_text(beginnings: int, parts: int) -> int:
    """Return how many kinds of texts some patterns can distinguish at most."""
    return int((beginnings + 1) * 2**parts)


def _undeclared(source: str, name: str, declared: Mapping[str, Declaration]) -> str:
    hint = did_you_mean(name, declared)
    if source == "agent":
        return f"an agent has no such field; it has {', '.join(KNOWN[source])}{hint}"
    if source in CALCULATED:
        return f"the policy has no {source} of this name" + (hint or f"; declare it, such as {CALCULATED[source]}")
    if "." in name:
        kinds = join(FieldType, "or")
        why = f"the policy declares no type for the field {name!r}, which is a path to a nested value"
        return f"{why}{hint or f'; add it to {source} with its type, a {kinds}'}"
    example = '{"amount": "number"}' if source == "metadata" else '{"limit": "number"}'
    remedy = hint or f'; add it to the policy\'s "{source}", such as {example}'
    return f"the policy declares no type for this field{remedy}"


def type_of(value: object) -> FieldType | None:
    """Return the type of a value; None for values that conditions cannot compare."""
    if isinstance(value, bool):
        return FieldType.BOOLEAN
    if isinstance(value, int | float):
        return FieldType.NUMBER if abs(value) <= MAX_NUMBER else None
    if isinstance(value, list | tuple):
        return FieldType.LIST if all(isinstance(each, str) for each in value) else None
    return FieldType.TEXT if isinstance(value, str) else None

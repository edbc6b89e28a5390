"""The fields that rules compare: where they come from, and what the policy declares about them."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import (
    ConfigDict,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails

from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.value import Value
from hitl_orchestrator.policies.language.conditions import Comparison, lines_of, one_error
from hitl_orchestrator.policies.language.lists import Listed
from hitl_orchestrator.policies.language.rule import Rule

MAX_NUMBER = 1e300
"""The largest number that conditions compare; NaN and infinities are refused."""


class FieldType(StrEnum):
    """The declared type of a field. A value of another type counts as unknown."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"


def _or_type_alone(schema: dict[str, Any]) -> None:
    """Let the JSON Schema of a declaration accept the type alone."""
    full = dict(schema)
    schema.clear()
    schema |= {"anyOf": [{"type": "string", "enum": [*FieldType]}, full]}


class Declaration(Value):
    """What a policy declares about a field. A file may write the type alone."""

    model_config = ConfigDict(json_schema_extra=_or_type_alone)

    type: FieldType

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
        fields: dict[str, Any] = handler(self)
        return fields["type"] if fields.keys() == {"type"} else fields


_TEXT = Declaration(type=FieldType.TEXT)
KNOWN: Mapping[str, Mapping[str, Declaration]] = {
    "metadata": {},
    "proposal": {"predicted_label": _TEXT, "explanation": _TEXT},
    "agent": {"id": _TEXT, "model": _TEXT, "version": _TEXT},
}
"""The sources of fields, each with the fields that need no declaration.

A source is an attribute of `Facts` with the values, of `Conditions` with the comparisons, and, unless all of its fields
are known, of `Policy` with the declarations.
"""


def declared_in(source: str, declarations: Mapping[str, Declaration]) -> Mapping[str, Declaration]:
    """Return the fields of a source that rules may compare."""
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
        if type_of(value) is not kind:
            yield (name, operator), value, f"the policy declares {name!r} as a {kind}, and this is not a {kind}"
            if operator == "in" and isinstance(comparison.in_, Listed):
                return  # a list may have thousands of values
        elif kind is not FieldType.NUMBER and operator in {"lt", "le", "gt", "ge"}:
            yield (name, operator), value, f"only numbers can be ordered, and {name!r} is a {kind}"


def _undeclared(source: str, name: str, declared: Mapping[str, Declaration]) -> str:
    hint = did_you_mean(name, declared)
    if source == "agent":
        return f"an agent has no such field; it has {', '.join(KNOWN[source])}{hint}"
    example = '{"amount": "number"}' if source == "metadata" else '{"limit": "number"}'
    remedy = hint or f'; add it to the policy\'s "{source}", such as {example}'
    return f"the policy declares no type for this field{remedy}"


def type_of(value: object) -> FieldType | None:
    """Return the type of a value; None for values that conditions cannot compare."""
    if isinstance(value, bool):
        return FieldType.BOOLEAN
    if isinstance(value, int | float):
        return FieldType.NUMBER if abs(value) <= MAX_NUMBER else None
    return FieldType.TEXT if isinstance(value, str) else None

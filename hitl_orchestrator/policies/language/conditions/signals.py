"""The signals that rules ask for."""

from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from hitl_orchestrator.domain.enums import Signal
from hitl_orchestrator.policies.language.conditions.base import ConditionModel, OneOrMore, lines_of, one_error


class Signals(ConditionModel):
    """At least one of `any` was raised, each of `all`, and none of `none`."""

    any: OneOrMore[Signal] = ()
    all: OneOrMore[Signal] = ()
    none: OneOrMore[Signal] = ()

    @property
    def named(self) -> frozenset[Signal]:
        """Every named signal."""
        return frozenset((*self.any, *self.all, *self.none))


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

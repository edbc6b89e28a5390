"""The arguments and the result of a function as JSON, by its annotations, and back without loss."""

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import MOST_PROBLEMS, InvalidInput, shortened
from hitl_orchestrator.integrations.unordered import in_order


class Signature:
    """Checks and converts the arguments of a function.

    Raises:
        InvalidInput: it is no function, an annotation cannot be resolved, or its type has no form in JSON.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        _check_function(function)
        self.name: str = getattr(function, "__qualname__", type(function).__name__)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise InvalidInput([f"guard: {self.name} is a generator, which is no single call; guard a function"])
        try:
            self._signature, hints = inspect.signature(function), get_type_hints(function, include_extras=True)
        except (NameError, TypeError, ValueError) as exc:
            raise InvalidInput([f"guard: the annotations of {self.name} cannot be read: {exc}"]) from exc
        _check_no_method(self.name, self._signature)
        self._types = {
            name: self._type(name, _collected(parameter, hints.get(name, Any)))
            for name, parameter in self._signature.parameters.items()
        }
        self._result = self._type("the result", hints.get("return", Any))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(self._types)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments, for edits: all parameters, and no others."""
        names = list(self._types)
        try:
            found, shared = TypeAdapter.json_schemas([(name, "validation", self._types[name]) for name in names])
            properties, shared = {name: found[name, "validation"] for name in names}, dict(shared)
        except PydanticUserError:  # of a type that can be written as JSON, and not described
            properties, shared = {name: {} for name in names}, {}
        schema = {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
        return {**schema, "$defs": shared["$defs"]} if "$defs" in shared else schema

    def bind(self, *args: Any, **named: Any) -> inspect.BoundArguments:
        """Return the arguments of a call; raises TypeError, as Python does, if they do not fit the function."""
        return self._signature.bind(*args, **named)

    def as_json(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return bound arguments as JSON.

        Raises:
            InvalidInput: an argument is not of the annotated type, or would not come back from JSON as it is.
        """
        return {name: self._one_as_json(name, value) for name, value in arguments.items()}

    def from_json(self, arguments: Mapping[str, Any]) -> inspect.BoundArguments:
        """Return the arguments of a call from JSON.

        Raises:
            InvalidInput: they are not exactly the parameters of the function, each of its annotated type.
        """
        if arguments.keys() != self._types.keys():
            wanted, given = ", ".join(self._types) or "none", ", ".join(arguments) or "none"
            raise InvalidInput(
                [f"{self.name}: the approved arguments are {given}; the function takes {wanted}; {_REMEDY}"]
            )
        values = {name: self._from_json(name, arguments[name]) for name in self._types}
        return inspect.BoundArguments(self._signature, values)

    def result_as_json(self, result: Any) -> Any:
        """Return a result as JSON; raises ValueError or TypeError if it has no such form."""
        return self._result.dump_python(result, mode="json")

    def result_from_json(self, stored: Any) -> Any:
        """Return a stored result."""
        return self._result.validate_json(to_json(stored))

    def _one_as_json(self, name: str, value: Any) -> Any:
        adapter = self._types[name]
        try:
            checked = adapter.validate_python(value, strict=True)
            written = _written(adapter, checked)
            is_kept = bool(adapter.validate_json(to_json(written), strict=True) == checked)
        except (PydanticSerializationError, ValueError, TypeError) as exc:
            raise InvalidInput([f"{self.name}: {name}: {_problem(exc)}"]) from exc
        if not is_kept:
            problem = f"{self.name}: {name}: {type(value).__name__} is not the same after JSON; annotate its type"
            raise InvalidInput([f"{problem}, or pass a value that JSON has"])
        return written

    def _from_json(self, name: str, value: Any) -> Any:
        adapter = self._types[name]
        try:
            read = adapter.validate_json(to_json(value), strict=True)
        except ValidationError as exc:
            problem = f"{self.name}: the approved argument {name} does not fit: {_problem(exc)}"
            raise InvalidInput([f"{problem}; {_REMEDY}"]) from exc
        self._check_unchanged(name, value, adapter, read)
        return read

    def _check_unchanged(self, name: str, approved: Any, adapter: TypeAdapter[Any], read: Any) -> None:
        """Raise `InvalidInput` if the function would get something else than was approved."""
        try:
            given, gets = canonical_json(in_order(read, approved)), canonical_json(_written(adapter, read))
        except (PydanticSerializationError, ValueError, TypeError) as exc:
            raise InvalidInput(
                [f"{self.name}: the approved argument {name} does not fit: {_problem(exc)}; {_REMEDY}"]
            ) from exc
        if given != gets:
            problem = f"{self.name}: the approved argument {name} is {shortened(given)}"
            raise InvalidInput(
                [f"{problem}; the function would get {shortened(gets)}, which no one approved; {_REMEDY}"]
            )

    def _type(self, name: str, annotation: Any) -> TypeAdapter[Any]:
        try:
            return TypeAdapter(annotation)
        except (PydanticSchemaGenerationError, PydanticUserError) as exc:
            problem = f"guard: {self.name}: {name}: {shortened(repr(annotation))} has no form in JSON"
            raise InvalidInput([f"{problem}; pass an id instead, and look the object up in the function"]) from exc


def _written(adapter: TypeAdapter[Any], value: Any) -> Any:
    """Return a value as JSON, each set sorted, so that equal arguments have one form in every process."""
    return in_order(adapter.dump_python(value), adapter.dump_python(value, mode="json"))


_REMEDY = "nothing ran, and this call cannot run any more: make it with another key, or with the edited arguments"


def _check_function(function: object) -> None:
    kind = type(function).__name__
    if any(hasattr(function, name) for name in _OF_TOOLS):
        raise InvalidInput([f"guard: this is of the type {kind}, the tool of a framework; put @guard below @tool"])
    if isinstance(function, type) or not callable(function):
        given = f"the class {function.__name__}" if isinstance(function, type) else f"of the type {kind}"
        raise InvalidInput([f"guard: this is {given}, and no function; write @guard(hitl, ...) above a function"])


def _check_no_method(name: str, signature: inspect.Signature) -> None:
    first = next(iter(signature.parameters.values()), None)
    if first is not None and first.name in {"self", "cls"} and first.annotation is inspect.Parameter.empty:
        remedy = "guard a function that takes an id, and call it in the method"
        raise InvalidInput([f"guard: {name} is a method: no reviewer could be shown {first.name!r}; {remedy}"])


_OF_TOOLS = ("args_schema", "params_json_schema", "on_invoke_tool", "run_async", "function_schema")
"""Attributes of the tools of LangChain, the OpenAI Agents SDK, Google ADK and Pydantic AI."""


def _problem(exc: Exception) -> str:
    """Return what is wrong in one line, with its place in the value."""
    if not isinstance(exc, ValidationError):
        return str(exc)
    found = exc.errors(include_url=False, include_context=False)[:MOST_PROBLEMS]
    return "; ".join(": ".join([*map(str, each["loc"]), each["msg"]]) for each in found)


def _collected(parameter: inspect.Parameter, annotation: Any) -> Any:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return tuple[annotation, ...]
    return dict[str, annotation] if parameter.kind is inspect.Parameter.VAR_KEYWORD else annotation

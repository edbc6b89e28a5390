"""What the outputs of a task type must look like: JSON Schemas and pydantic models, each under its task type.

An edited output is held against its schema before anything of it is stored. Schemas speak of themselves alone:
nothing is ever fetched. What `format` says is not checked, as JSON Schema has it by default.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from hitl_orchestrator.domain.input.parsing import did_you_mean, parse
from hitl_orchestrator.domain.json_patch import pointer
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.value import FreeJson, Label, Value
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from jsonschema.protocols import Validator
    from referencing import Resource, Specification
    from referencing._core import Resolver

_SHOWN = 200
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_ENDLESS = "its schema refers to itself without end"


class _Entry(Value):
    task_type: Label
    json_schema: FreeJson


class OutputSchemas:
    """The schemas by task type. Of a type without one, every output passes."""

    def __init__(self, schemas: "Mapping[str, Mapping[str, Any] | type[BaseModel]] | None" = None) -> None:
        self._models: dict[str, type[BaseModel]] = {}
        self._validators: dict[str, Validator] = {}
        self._schemas: dict[str, dict[str, Any]] = {}
        for task_type, schema in (schemas or {}).items():
            self.register(task_type, schema)

    def register(self, task_type: str, schema: "Mapping[str, Any] | type[BaseModel]", where: str = "schemas") -> None:
        """Say what the outputs of a type must look like, in place of what was said before.

        Raises:
            InvalidInput: it is no schema, or refers to something outside itself; with every problem.
        """
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            self._schemas.pop(task_type, None)
            self._models[task_type] = schema
            return
        entry = parse(_Entry, {"task_type": task_type, "json_schema": schema}, f"{where}: {task_type}")
        own = deepcopy(entry.json_schema)
        self._validators[task_type] = _validator(own, f"{where}: {task_type}")
        self._models.pop(task_type, None)
        self._schemas[task_type] = own

    def of(self, task_type: str) -> dict[str, Any] | None:
        """Return the JSON Schema of a task type, None where nothing is said of it."""
        if task_type in self._models:
            return self._models[task_type].model_json_schema()
        return deepcopy(self._schemas.get(task_type))

    def check(self, task_type: str, proposal: Proposal) -> None:
        """Pass an output that fits its type, or one of a type that nothing is said of.

        It is looked at as JSON; an empty explanation counts as left out.

        Raises:
            InvalidInput: it does not fit, with every problem and its place, a JSON Pointer.
        """
        output = proposal.model_dump(mode="json")
        if not proposal.explanation:
            del output["explanation"]
        if task_type in self._models:
            found = _against_model(self._models[task_type], output)
        elif task_type in self._schemas:
            found = _against_schema(self._validators[task_type], output)
        else:
            return
        if found:
            raise InvalidInput(f"an output of type {task_type!r}: {problem}" for problem in found)


def read_schemas(raw: Any, where: str) -> OutputSchemas:
    """Make schemas of a file: an object that maps task types to JSON Schemas.

    Raises:
        InvalidInput: with every problem of every schema.
    """
    if not isinstance(raw, dict):
        raise InvalidInput([f"{where}: schemas are an object: each task type with its JSON Schema"])
    schemas = OutputSchemas()
    found: list[str] = []
    for task_type, schema in raw.items():
        try:
            schemas.register(task_type, schema, where)
        except InvalidInput as exc:
            found += exc.problems
    if found:
        raise InvalidInput(found)
    return schemas


def _validator(schema: dict[str, Any], where: str) -> "Validator":
    """Return what validates by this schema, or refuse it. Slow to import, so only whoever has a schema waits for it."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.validators import validator_for  # noqa: PLC0415
    from referencing.jsonschema import EMPTY_REGISTRY, specification_with  # noqa: PLC0415

    named = str(schema.get("$schema", Draft202012Validator.META_SCHEMA["$id"]))
    unknown: Any = None
    kind = validator_for({"$schema": named}, default=unknown)
    if kind is None:
        latest = Draft202012Validator.META_SCHEMA["$id"]
        raise InvalidInput([f"{where}: $schema: {named!r} is not known here; leave it out, or say {latest!r}"])
    own = kind(kind.META_SCHEMA, format_checker=kind.FORMAT_CHECKER)
    found = [f"{_pointer(error.absolute_path)}{_short(error.message)}" for error in own.iter_errors(schema)]
    if not found:
        draft = specification_with(named)
        resource = draft.create_resource(schema)
        lost = sorted(set(_lost_references(resource, draft, EMPTY_REGISTRY.resolver_with_root(resource), set())))
        inside = "a schema refers to what it holds itself, as in '#/$defs/name'; nothing is fetched"
        found = [f"{each!r} is not in it{did_you_mean(each, _places(schema))}; {inside}" for each in lost]
    if found:
        raise InvalidInput(f"{where}: {problem}" for problem in found)
    return kind(schema, registry=EMPTY_REGISTRY)


def _lost_references(
    resource: "Resource[Any]", draft: "Specification[Any]", resolver: "Resolver[Any]", seen: set[int]
) -> Iterator[str]:
    """Yield the references of a schema that lead nowhere, also of what only a reference leads to."""
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    schema = resource.contents
    if not isinstance(schema, dict) or id(schema) in seen:
        return
    seen.add(id(schema))
    for reference in (schema[name] for name in _REFERENCES if isinstance(schema.get(name), str)):
        try:
            meant = resolver.lookup(reference)
        except Unresolvable:
            yield reference
        else:
            yield from _lost_references(draft.create_resource(meant.contents), draft, meant.resolver, seen)
    for inner in resource.subresources():
        yield from _lost_references(inner, draft, resolver.in_subresource(inner), seen)


def _places(schema: dict[str, Any]) -> list[str]:
    return [f"#{pointer(name, inner)}" for name in ("$defs", "definitions") for inner in schema.get(name, ())]


def _against_schema(validator: "Validator", output: dict[str, Any]) -> list[str]:
    try:
        errors = sorted(validator.iter_errors(output), key=lambda error: [str(step) for step in error.absolute_path])
    except RecursionError:
        return [_ENDLESS]
    return [f"{_pointer(error.absolute_path)}{_short(error.message)}" for error in errors]


def _against_model(model: type[BaseModel], output: dict[str, Any]) -> list[str]:
    try:
        model.model_validate_json(json.dumps(output))
    except ValidationError as exc:
        return [f"{_pointer(error['loc'])}{_short(error['msg'])}" for error in exc.errors(include_input=False)]
    except RecursionError:
        return [_ENDLESS]
    return []


def _pointer(path: Iterable[int | str]) -> str:
    """Return a place as a JSON Pointer, with a colon; nothing for the whole."""
    steps = pointer(*path)
    return f"{steps}: " if steps else ""


def _short(message: str) -> str:
    return message if len(message) <= _SHOWN else f"{message[: _SHOWN - 3]}..."

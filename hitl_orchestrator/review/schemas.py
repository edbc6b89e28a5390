"""Output schemas: a JSON Schema or a pydantic model for each task type.

An edited output is validated before anything of it is stored. References must stay inside the schema: nothing is
fetched. `format` is not checked, which is the default of JSON Schema.
"""

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaError

from hitl_orchestrator.domain.input.json_patch import pointer
from hitl_orchestrator.domain.input.parsing import did_you_mean, parse
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.value import FreeJson, Label, Value, digest
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.review.json_schema.keywords import keywords, pattern_problems

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
    """The schemas by task type. A type without one accepts every output."""

    def __init__(self, schemas: "Mapping[str, Mapping[str, Any] | type[BaseModel]] | None" = None) -> None:
        self._models: dict[str, type[BaseModel]] = {}
        self._validators: dict[str, Validator] = {}
        self._schemas: dict[str, dict[str, Any]] = {}
        for task_type, schema in (schemas or {}).items():
            self.register(task_type, schema)

    def register(self, task_type: str, schema: "Mapping[str, Any] | type[BaseModel]", where: str = "schemas") -> None:
        """Set the schema of a task type, replacing an earlier one.

        Raises:
            InvalidInput: it is not a valid schema, or has a reference outside of itself; with every problem.
        """
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            self._schemas.pop(task_type, None)
            self._models[task_type] = schema
            return
        entry = parse(_Entry, {"task_type": task_type, "json_schema": schema}, f"{where}: {task_type}")
        own = deepcopy(entry.json_schema)
        self._validators[task_type] = usable_validator(own, f"{where}: {task_type}")
        self._models.pop(task_type, None)
        self._schemas[task_type] = own

    def of(self, task_type: str) -> dict[str, Any] | None:
        """Return the JSON Schema of a task type, None if it has none."""
        if task_type in self._models:
            return self._models[task_type].model_json_schema()
        return deepcopy(self._schemas.get(task_type))

    @property
    def hash(self) -> str:
        """The SHA-256 of the canonical JSON of all schemas."""
        return digest({task_type: self.of(task_type) for task_type in (*self._models, *self._schemas)})

    def check(self, task_type: str, proposal: Proposal) -> None:
        """Validate an output, as JSON, by the schema of its type. An empty explanation counts as left out.

        Raises:
            InvalidInput: with every problem and its path, a JSON Pointer.
        """
        output = proposal.model_dump(mode="json")
        if not proposal.explanation:
            del output["explanation"]
        if task_type in self._models:
            problems = _against_model(self._models[task_type], output)
        elif task_type in self._schemas:
            problems = _against_schema(self._validators[task_type], output)
        else:
            return
        if problems:
            raise InvalidInput(f"an output of type {task_type!r}: {problem}" for problem in problems)


def read_schemas(raw: Any, where: str) -> OutputSchemas:
    """Parse a schemas file: an object that maps task types to JSON Schemas.

    Raises:
        InvalidInput: with every problem of every schema.
    """
    if not isinstance(raw, dict):
        raise InvalidInput([f"{where}: schemas are an object: each task type with its JSON Schema"])
    schemas = OutputSchemas()
    problems: list[str] = []
    for task_type, schema in raw.items():
        try:
            schemas.register(task_type, schema, where)
        except InvalidInput as exc:
            problems += exc.problems
    if problems:
        raise InvalidInput(problems)
    return schemas


def usable_validator(schema: dict[str, Any], where: str) -> "Validator":
    """Return the validator of a schema, or refuse it. jsonschema is slow to import, so it is imported on use."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.validators import extend, validator_for  # noqa: PLC0415
    from referencing.jsonschema import EMPTY_REGISTRY, specification_with  # noqa: PLC0415

    named = str(schema.get("$schema", Draft202012Validator.META_SCHEMA["$id"]))
    unknown: Any = None
    kind = validator_for({"$schema": named}, default=unknown)
    if kind is None:
        latest = Draft202012Validator.META_SCHEMA["$id"]
        raise InvalidInput([f"{where}: $schema: {named!r} is not supported; leave it out, or use {latest!r}"])
    own = kind(kind.META_SCHEMA, format_checker=kind.FORMAT_CHECKER)
    with warnings.catch_warnings():
        # jsonschema tries each pattern as one of Python, which warns about classes that it may read otherwise one day.
        warnings.simplefilter("ignore", FutureWarning)
        problems = [f"{_pointer(error.absolute_path)}{_short(error.message)}" for error in own.iter_errors(schema)]
    if not problems:
        draft = specification_with(named)
        resource = draft.create_resource(schema)
        lost = sorted(set(_lost_references(resource, draft, EMPTY_REGISTRY.resolver_with_root(resource), set())))
        inside = "references must point into the same schema, such as '#/$defs/name', and are never fetched"
        problems = list(pattern_problems(resource))
        problems += [f"{each!r} is not in the schema{did_you_mean(each, _places(schema))}; {inside}" for each in lost]
    if problems:
        raise InvalidInput(f"{where}: {problem}" for problem in problems)
    linear: type[Validator] = extend(kind, keywords())  # type: ignore[no-untyped-call]
    return linear(schema, registry=EMPTY_REGISTRY)


def _lost_references(
    resource: "Resource[Any]", draft: "Specification[Any]", resolver: "Resolver[Any]", seen: set[int]
) -> Iterator[str]:
    """Yield the unresolvable references of a schema, including those behind other references."""
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
    except SchemaError:
        return ["its schema has a pattern that cannot be used, behind a reference"]
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
    """Return a path as a JSON Pointer with a colon; empty for the whole output."""
    steps = pointer(*path)
    return f"{steps}: " if steps else ""


def _short(message: str) -> str:
    return message if len(message) <= _SHOWN else f"{message[: _SHOWN - 3]}..."

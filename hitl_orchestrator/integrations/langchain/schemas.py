"""The schema of a tool's arguments: for edits, for clients of LangChain, and for the orchestrator itself."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError

from hitl_orchestrator.domain.input.json_patch import same
from hitl_orchestrator.integrations.langchain.settings import DecisionType

_ACTION = {"type": "object", "properties": {"name": {"type": "string"}, "args": {"type": "object"}}}


def injected(tool: BaseTool) -> frozenset[str]:
    """Return the names of the arguments that LangGraph gives to a tool, which the model never sets."""
    hidden: frozenset[str] = frozenset(tool._injected_args_keys)
    full, shown = tool.get_input_schema(), tool.tool_call_schema
    if isinstance(shown, type) and issubclass(full, BaseModel) and issubclass(shown, BaseModel):
        hidden |= full.model_fields.keys() - shown.model_fields.keys()
    return hidden


def json_schema(tool: BaseTool | None, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments: any object if the tool is unknown and none is given."""
    if tool is None:
        return dict(given or {"type": "object"})
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if issubclass(schema, BaseModel) else {"type": "object"}


def unfit(arguments: Mapping[str, Any], tool: BaseTool | None, given: Mapping[str, Any] | None = None) -> list[str]:
    """Return each problem of edited arguments; an argument that the tool does not declare is one."""
    model = None if tool is None else tool.tool_call_schema
    if isinstance(model, type) and issubclass(model, BaseModel):
        return _against_model(model, arguments)
    return _against_schema(json_schema(tool, given), arguments)


def converted(arguments: Mapping[str, Any], tool: BaseTool | None) -> dict[str, Any]:
    """Return arguments of which a client sent every value as text, each as the type that the tool declares."""
    model = None if tool is None else tool.tool_call_schema
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        return dict(arguments)
    try:
        read = model.model_validate(dict(arguments)).model_dump(mode="json")
        again = model.model_validate(read).model_dump(mode="json")
    except ValidationError:
        return dict(arguments)
    return {
        name: _converted(value, read[name], again.get(name)) if isinstance(value, str) and name in read else value
        for name, value in arguments.items()
    }


def _converted(text: str, read: object, again: object) -> object:
    """Return the value of a text; without validators if they would change it once more in the tool."""
    if same(read, again):
        return read
    if isinstance(read, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def decision_schema(allowed: Iterable[DecisionType], name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a decision on one call, as LangChain publishes it: the tool of an edit is fixed."""
    action = {
        "type": "object",
        "properties": {"name": {"const": name, "type": "string"}, "args": dict(arguments)},
        "required": ["name", "args"],
    }
    return {"oneOf": [_decision(each, action) for each in allowed]}


def batch_schema() -> dict[str, Any]:
    """Return the JSON Schema of an answer to all calls of a message: one decision for each, in order."""
    kinds: tuple[DecisionType, ...] = ("approve", "edit", "reject", "respond")
    decisions = {"type": "array", "items": {"oneOf": [_decision(each, _ACTION) for each in kinds]}}
    return {"type": "object", "properties": {"decisions": decisions}, "required": ["decisions"]}


def _decision(kind: DecisionType, action: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": {"const": kind, "type": "string"}}
    required = ["type"]
    if kind == "edit":
        fields["edited_action"] = dict(action)
        required.append("edited_action")
    if kind in {"reject", "respond"}:
        fields["message"] = {"type": "string"}
        required += ["message"] if kind == "respond" else []
    return {"type": "object", "title": f"{kind.capitalize()}Decision", "properties": fields, "required": required}


def _against_model(model: type[BaseModel], arguments: Mapping[str, Any]) -> list[str]:
    names = {each for name, field in model.model_fields.items() for each in (name, field.alias) if each}
    problems = (
        []
        if model.model_config.get("extra") == "allow"
        else [
            f"{name}: the tool has no such argument; it has {', '.join(model.model_fields)}"
            for name in arguments
            if name not in names
        ]
    )
    try:
        model.model_validate(dict(arguments))
    except ValidationError as exc:
        problems += [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in exc.errors(include_input=False)]
    return problems


def _against_schema(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[str]:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    validator = Draft202012Validator(schema)
    try:
        return [f"{error.json_path.removeprefix('$.')}: {error.message}" for error in validator.iter_errors(arguments)]
    except SchemaError as exc:
        return [f"the schema of the tool is unusable: {exc.message}"]

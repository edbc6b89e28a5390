"""The JSON Schema of policy files, which editors use for completion and validation."""

from typing import Any

from pydantic_core import to_jsonable_python

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.policies.language.declarations import KNOWN
from hitl_orchestrator.policies.language.model import Policy, PolicyStack
from hitl_orchestrator.policies.language.rule import Rule
from hitl_orchestrator.policies.language.tables.expansion import TABLE

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NOTHING = {"type": "null"}
_FOR_PEOPLE = ("assigned_human_role", "respond_within", "remind_before", "message", "ask")
_BY_ACTION = {
    "if": {"properties": {"action": {"const": Action.AUTO_APPROVE.value}}, "required": ["action"]},
    "then": {
        "properties": dict.fromkeys(_FOR_PEOPLE, _NOTHING)
        | {
            name: {"const": to_jsonable_python(Rule.model_fields[name].default)}
            for name in ("on_timeout", "approvals", "agreement", "distinct_roles", "business_hours", "blind")
        }
    },
    "else": {"properties": {"spot_check": {"const": 0}, "hold": {"const": 0}}},
}
"""Review requirements are for rules with a reviewer, spot checks for rules that approve."""


def policy_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a policy in one layer, in several layers, or in the first format.

    It accepts every policy that the loader accepts. The loader checks more, such as unique ids.
    """
    stack = PolicyStack.model_json_schema(by_alias=True)
    definitions = stack.pop("$defs")
    definitions["Layer"] = (definitions.get("Policy") or Policy.model_json_schema()) | {"title": "Layer"}
    for kind in ("domains", "users"):
        by_name = stack["properties"][kind]["patternProperties"]
        by_name |= {name: {"$ref": "#/$defs/Layer"} for name in by_name}
    definitions |= {"PolicyStack": stack, "Policy": definitions["Layer"] | {"title": "Policy"}}
    for name in ("PolicyStack", "Policy"):
        named = {"$schema": {"type": "string", "description": "The URL of this schema, for editors."}}
        definitions[name] |= {"properties": named | definitions[name]["properties"]}
    for name in ("PolicyStack", "Policy", "Layer"):
        definitions[name] = _with_table(definitions[name])
    definitions["NamedList"] = _named_list(definitions["NamedList"])
    definitions["Conditions"] = _nonempty_conditions(_without_null(definitions["Conditions"]))
    definitions["Comparison"] = _without_null(definitions["Comparison"]) | {"minProperties": 1}
    definitions["Comparison"]["properties"]["in"] |= {"minItems": 1, "uniqueItems": True}
    for name in ("Signals", "Window", "Dates", "AtLeast"):
        definitions[name] = _without_null(definitions[name])
    definitions["AtLeast"]["properties"]["of"]["items"] = {"$ref": "#/$defs/Conditions", "minProperties": 1}
    for name in ("Signals", "Window", "Dates", "Ask", "Vocabulary"):
        definitions[name] |= {"minProperties": 1}
    definitions["Rule"] |= _BY_ACTION
    definitions["FirstRule"] = _first_rule(definitions["Rule"])
    first = definitions["Policy"]["properties"] | {
        "rules": {"type": "array", "items": {"$ref": "#/$defs/FirstRule"}, "title": "Rules"}
    }
    definitions["FirstPolicy"] = definitions["Policy"] | {
        "title": "FirstPolicy",
        "description": "The first format of policy files: a rule has a `condition`, no id and no priority.",
        "properties": {name: field for name, field in first.items() if name != TABLE},
        "required": ["policy_id", "rules"],
    }
    del definitions["FirstPolicy"]["anyOf"]
    return {
        "$schema": DIALECT,
        "title": "A routing policy",
        "description": "Decides for every agent output whether it is approved, reviewed or escalated.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in ("Policy", "PolicyStack", "FirstPolicy")],
        "$defs": dict(sorted(definitions.items())),
    }


def _with_table(policy: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a policy that may have a decision table in place of rules, or beside them."""
    rows = {"type": "array", "items": {"type": "object"}, "minItems": 1}
    parts = {"rows": rows, "file": {"type": "string", "minLength": 1}, "first_priority": {"type": "integer"}}
    one = {"type": "object", "properties": parts, "additionalProperties": False}
    table = {
        "title": "Table",
        "description": "A decision table: rows of cells by column, or the name of a CSV file beside the policy.",
        "anyOf": [parts["file"], rows, one | {"required": ["rows"]}, one | {"required": ["file"]}],
    }
    needed = [name for name in policy["required"] if name != "rules"]
    either = {"anyOf": [{"required": ["rules"]}, {"required": [TABLE]}]}
    return policy | {"properties": policy["properties"] | {TABLE: table}, "required": needed} | either


def _named_list(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list: its values, or the file that has them with its SHA-256."""
    values = {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1}
    return {
        "title": "NamedList",
        "description": "Values to which rules refer by the name of the list, or a file that has them.",
        "anyOf": [values, fields | {"properties": fields["properties"] | {"values": values}}],
    }


def _nonempty_conditions(conditions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of conditions without empty parts; the conditions themselves may be empty."""
    fields = conditions["properties"]
    some = {"$ref": "#/$defs/Conditions", "minProperties": 1}
    inner = {name: fields[name] | {"items": some, "minItems": 1} for name in ("all", "any")}
    compared = {name: fields[name] | {"minProperties": 1} for name in KNOWN}
    compared["agent"] |= {"propertyNames": {"enum": [*KNOWN["agent"]]}}
    return conditions | {"properties": fields | inner | {"not": some} | compared}


def _first_rule(rule: dict[str, Any]) -> dict[str, Any]:
    fields = {name: field for name, field in rule["properties"].items() if name not in {"rule_id", "priority"}}
    fields = {"condition": fields.pop("conditions"), **fields}
    return rule | {"title": "FirstRule", "properties": fields, "required": ["condition", "action"]}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object whose fields have a value or are left out."""
    fields = {
        name: next((option for option in field["anyOf"] if option != {"type": "null"}), field)
        if {"type": "null"} in field.get("anyOf", ())
        else field
        for name, field in schema["properties"].items()
    }
    return schema | {"properties": fields}

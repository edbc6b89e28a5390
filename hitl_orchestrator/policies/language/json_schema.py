"""The JSON Schema of policy files, which editors use to complete and to underline as one types."""

from typing import Any

from pydantic_core import to_jsonable_python

from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.policies.language.model import Policy, PolicyStack, Rule

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NOTHING = {"type": "null"}
_OF_THE_ACTION = {
    "if": {"properties": {"action": {"const": Action.AUTO_APPROVE.value}}, "required": ["action"]},
    "then": {
        "properties": dict.fromkeys(("assigned_human_role", "respond_within", "remind_before", "message"), _NOTHING)
        | {
            name: {"const": to_jsonable_python(Rule.model_fields[name].default)}
            for name in ("on_timeout", "approvals", "agreement", "distinct_roles", "business_hours", "blind")
        }
    },
    "else": {"properties": {"spot_check": {"const": 0}}},
}
"""Who is asked, and how, only a rule for people can say; what is looked at afterwards, only one that approves."""


def policy_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a policy in one layer, in several, or in the first shape of policies.

    Whatever the loader accepts, it accepts. The loader asks for more: that names are declared and ids unique, say.
    """
    stack = PolicyStack.model_json_schema(by_alias=True)
    definitions = stack.pop("$defs")
    definitions["Layer"] = (definitions.get("Policy") or Policy.model_json_schema()) | {"title": "Layer"}
    for kind in ("domains", "users"):
        of_a_name = stack["properties"][kind]["patternProperties"]
        of_a_name |= {name: {"$ref": "#/$defs/Layer"} for name in of_a_name}
    definitions |= {"PolicyStack": stack, "Policy": definitions["Layer"] | {"title": "Policy"}}
    for name in ("PolicyStack", "Policy"):
        named = {"$schema": {"type": "string", "description": "Where an editor finds this schema."}}
        definitions[name] |= {"properties": named | definitions[name]["properties"]}
    definitions["Conditions"] = _saying_something(_without_null(definitions["Conditions"]))
    definitions["Comparison"] = _without_null(definitions["Comparison"]) | {"minProperties": 1}
    definitions["Comparison"]["properties"]["in"] |= {"minItems": 1, "uniqueItems": True}
    for name in ("Signals", "Window"):
        definitions[name] |= {"minProperties": 1}
    definitions["Rule"] |= _OF_THE_ACTION
    definitions["FirstRule"] = _first_rule(definitions["Rule"])
    first = definitions["Policy"]["properties"] | {
        "rules": {"type": "array", "items": {"$ref": "#/$defs/FirstRule"}, "title": "Rules"}
    }
    definitions["FirstPolicy"] = definitions["Policy"] | {
        "title": "FirstPolicy",
        "description": "The first shape of policy files: a rule has a `condition`, no id and no priority.",
        "properties": first,
    }
    return {
        "$schema": DIALECT,
        "title": "A routing policy",
        "description": "Decides for every agent output whether it goes ahead, is reviewed, or is escalated.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in ("Policy", "PolicyStack", "FirstPolicy")],
        "$defs": dict(sorted(definitions.items())),
    }


def _saying_something(conditions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of conditions in which what is said must say something; they themselves may be empty."""
    fields = conditions["properties"]
    some = {"$ref": "#/$defs/Conditions", "minProperties": 1}
    inner = {name: fields[name] | {"items": some, "minItems": 1} for name in ("all", "any")}
    metadata = fields["metadata"] | {"minProperties": 1}
    return conditions | {"properties": fields | inner | {"not": some, "metadata": metadata}}


def _first_rule(rule: dict[str, Any]) -> dict[str, Any]:
    fields = {name: said for name, said in rule["properties"].items() if name not in {"rule_id", "priority"}}
    fields = {"condition": fields.pop("conditions"), **fields}
    return rule | {"title": "FirstRule", "properties": fields, "required": ["condition", "action"]}


def _without_null(said: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object in which a field is given a value or is left out."""
    fields = {
        name: next((one for one in field["anyOf"] if one != {"type": "null"}), field)
        if {"type": "null"} in field.get("anyOf", ())
        else field
        for name, field in said["properties"].items()
    }
    return said | {"properties": fields}

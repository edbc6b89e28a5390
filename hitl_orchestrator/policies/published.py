"""The JSON Schema of policy files, which editors use to complete and to underline as one types."""

from typing import Any

from hitl_orchestrator.policies.schema import Policy, PolicyStack

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a policy in one layer, in several, or in the first shape of policies.

    Whatever the loader accepts, it accepts. The loader asks for more: that names are declared and ids unique, say.
    """
    stack = PolicyStack.model_json_schema(by_alias=True)
    definitions = stack.pop("$defs")
    definitions |= {"PolicyStack": stack, "Policy": definitions.get("Policy") or Policy.model_json_schema()}
    for name in ("Conditions", "Comparison"):
        definitions[name] = _without_null(definitions[name])
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

"""From a policy file's text to a policy: JSON or YAML, today's shape or the first one, every problem at once."""

import re
from typing import Any

from pydantic import ValidationError

from hitl_orchestrator.domain.input.limits import check_size
from hitl_orchestrator.domain.input.parsing import problems, read_json
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import check_json
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.language.model import Policy, PolicyStack, policy_of

_FOR_EDITORS = "$schema"


def read_policy(text: str, where: str, roles: RoleChain = DEFAULT_CHAIN) -> Policy:
    """Read a policy; `where` names its source, and its ending says which notation it is in.

    Without a telling ending, what starts with a brace or a bracket is JSON. In the first shape of policy files a
    rule has a `condition`, no id and no priority: its rules are numbered in the order they stand. Where an editor finds
    the JSON Schema, `$schema`, is no part of the policy.

    Raises:
        InvalidInput: with every problem and its place, such as `p.json: rules[0].action: ...`.
    """
    raw = _parse(text.removeprefix("\ufeff"), where)
    if not isinstance(raw, dict):
        raise InvalidInput([f"{where}: a policy is an object with policy_id and rules"])
    if isinstance(raw.get(_FOR_EDITORS), str):
        del raw[_FOR_EDITORS]
    first_shape = _is_first_shape(raw)
    if first_shape and (layers := sorted(raw.keys() & {"domains", "users"})):
        raise InvalidInput(
            f"{where}: {name}: a policy in layers has rules with rule_id, priority and conditions; "
            "these have a condition alone, as in the first shape of policy files"
            for name in layers
        )
    try:
        return policy_of(_today(raw) if first_shape else raw, roles)
    except ValidationError as exc:
        found = problems(exc, where, PolicyStack if exc.title == "PolicyStack" else Policy)
        raise InvalidInput(map(_in_first_shape, found) if first_shape else found) from exc


def _parse(text: str, where: str) -> Any:
    if not text.strip():
        raise InvalidInput([f"{where}: the file is empty; a policy is an object with policy_id and rules"])
    yaml = where.endswith((".yaml", ".yml")) or not (where.endswith(".json") or text.lstrip().startswith(("{", "[")))
    if yaml:
        # Imported where it is needed: most policies are JSON, and every command waits for the import.
        from hitl_orchestrator.policies.language.plain_yaml import read_yaml  # noqa: PLC0415

    try:
        check_size(text)
        return check_json(read_yaml(text, where) if yaml else read_json(text, where))
    except ValueError as exc:
        raise InvalidInput([f"{where}: {exc}"]) from exc


def _is_first_shape(raw: dict[str, Any]) -> bool:
    given = raw.get("rules")
    rules = [rule for rule in given if isinstance(rule, dict)] if isinstance(given, list) else []
    return any("condition" in rule for rule in rules) and not any(
        {"conditions", "rule_id", "priority"} & rule.keys() for rule in rules
    )


def _today(raw: dict[str, Any]) -> dict[str, Any]:
    return raw | {"rules": [_numbered(number, rule) for number, rule in enumerate(raw["rules"], start=1)]}


def _numbered(number: int, rule: Any) -> Any:
    if not isinstance(rule, dict):
        return rule
    told = {"conditions" if name == "condition" else name: value for name, value in rule.items()}
    return {"rule_id": f"rule_{number:03}", "priority": number} | told


def _in_first_shape(problem: str) -> str:
    return re.sub(r"(: rules\[[0-9]+\]\.condition)s\b", r"\1", problem, count=1)

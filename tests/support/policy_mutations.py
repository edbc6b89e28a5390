"""Small random changes of a policy, as a slip of its author would make them."""

import copy

from hitl_orchestrator.policies.language.model import policy_of

_ORDERED = ("lt", "le", "gt", "ge")
_ROLES = ("domain_reviewer", "senior_manager", "compliance_officer")


def a_mutation(policy, dice):
    """Return a policy with one small change that can be loaded, and a description of the change."""
    for _ in range(100):
        raw = copy.deepcopy(policy.model_dump(mode="json", exclude_defaults=True))
        layers = [raw, *raw.get("domains", {}).values(), *raw.get("users", {}).values()]
        layer = dice.choice([each for each in layers if each["rules"]])
        rule = dice.choice(layer["rules"])
        kind = dice.choice((_condition, _condition, _condition, _condition, _answer, _order))
        what = kind(dice, rule, layer)
        if what is None:
            continue
        try:
            changed = policy_of(raw)
        except ValueError:
            continue
        if changed != policy:
            return changed, f"{rule['rule_id']}: {what}"
    raise AssertionError("no change of this policy can be loaded")


def _order(dice, rule, layer):
    other = dice.choice(layer["rules"])
    rule["priority"], other["priority"] = other["priority"], rule["priority"]
    return f"swapped with {other['rule_id']}"


def _answer(dice, rule, layer):
    what = dice.choice(("action", "assigned_human_role", "approvals", "spot_check", "blind", "respond_within", "none"))
    if what == "none":
        layer["rules"].remove(rule)
    elif what == "action":
        rule["action"] = dice.choice(("auto_approve", "human_review", "escalate"))
        rule.pop("assigned_human_role", None)
    elif what == "assigned_human_role":
        rule[what] = dice.choice(_ROLES)
    elif what == "approvals":
        rule[what] = dice.choice((1, 2))
    elif what == "spot_check":
        rule[what] = dice.choice((0.0, 0.03))
    elif what == "blind":
        rule[what] = not rule.get("blind", False)
    else:
        rule[what] = dice.choice(("PT1H", "P4D"))
    return what


def _condition(dice, rule, layer):
    """Change one word, bound or operator, or drop one condition."""
    places = [place for place in _places(rule["conditions"]) if place[1] != "conditions"]
    if not places:
        return None
    parent, key = dice.choice(places)
    value = parent[key]
    if dice.random() < 0.15:
        del parent[key]
        return f"without {key}"
    if key in _ORDERED and dice.random() < 0.5:
        other = dice.choice([each for each in _ORDERED if each != key and each not in parent] or [key])
        parent[other] = parent.pop(key)
        return f"{key} to {other}"
    if isinstance(value, bool):
        parent[key] = not value
    elif isinstance(value, int | float):
        confidence = "confidence" in str(key)
        step = 0.02 if confidence else max(1, abs(value) // 10)
        parent[key] = (
            round(min(1, max(0, value + dice.choice((-step, step)))), 4)
            if confidence
            else value + dice.choice((-step, step))
        )
    elif isinstance(value, str):
        parent[key] = _another(dice, key, value)
    else:
        return None
    return f"{key} {value!r} to {parent[key]!r}"


def _another(dice, key, value):
    if ":" in value:
        hour = (int(value[:2]) + dice.choice((-1, 1))) % 24
        return f"{hour:02}{value[2:]}"
    return dice.choice(
        ("low", "medium", "high", "risky", "unusual", "saturday", "monday", "misspelt", value[:-1] or "x")
    )


def _places(part):
    """Yield each object and list of conditions with each of its keys."""
    items = list(part.items()) if isinstance(part, dict) else list(enumerate(part))
    for key, value in items:
        yield part, key
        if isinstance(value, dict | list):
            yield from _places(value)

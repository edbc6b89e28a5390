"""Random policies that use the whole policy language, and random facts, from a seed. The facts ignore cells."""

import random
from dataclasses import replace

from hitl_orchestrator.domain.enums import Action, RiskLevel, Signal
from hitl_orchestrator.policies.language.model import Policy, policy_of
from support.random_counters import COUNTERS, DERIVED, a_derived, a_history

DOMAINS, TASK_TYPES, COUNTRIES = ("payments", "support"), ("refund", "answer"), ("DE", "AT")
BOUNDS = (0.3, 0.5, 0.8)
AMOUNTS = (100, 5000)
FIELDS = {
    "amount": "number",
    "country": "text",
    "vip": "boolean",
    "score": {"type": "number", "min": 0, "max": 100, "unit": "points"},
    "channel": {"type": "text", "values": ["app", "phone", "post"]},
    "level": {"type": "number", "values": [1, 2, 3]},
    "customer.tier": "text",
    "note": "text",
    "tags": "list",
}
OUTPUT_FIELDS = {"limit": "number"}
LABELS, MODELS = ("approve", "decline"), ("m1", "m2")
FIELD_KINDS = ("metadata", "declared", "patterns", "proposal", "agent", "history", "derived")
TIMES = ("time", "date", "task_time")
FACTS = ("risk_level", "domain", "task_type", "confidence", "signals", *FIELD_KINDS, *TIMES)
NESTING = ("all", "any", "not", "at_least")
KINDS = (*FACTS, *NESTING)
LISTS = {"blocked": ["DE", "FR"], "desks": ["payments", "elsewhere"], "sums": [100, 5000]}
VOCABULARY = {"domains": [*DOMAINS], "task_types": [*TASK_TYPES]}
CLOCKS = ("00:00", "08:00", "17:30", "22:00")
DAYS = ("2025-01-06", "2025-01-07", "2025-01-12")
HOLIDAYS = ("2025-01-07", "2025-01-11")


MOST_KINDS = 5


def a_policy(seed, most=30, kinds=None):
    """Return a policy of up to `most` rules, with these kinds of conditions; with some of all kinds for None."""
    return policy_of(a_raw_policy(seed, most, kinds))


def a_raw_policy(seed, most=30, kinds=None):
    """Return the same policy as JSON."""
    dice = random.Random(seed)
    if kinds is None:
        times = dice.choice((("time",), ("date",), ("time", "date"), ("task_time",)))
        facts = dice.sample([kind for kind in FACTS if kind in times or kind not in TIMES], MOST_KINDS)
        kinds = (*facts, "all", "any", "not", *dice.choice(((), ("at_least",))))
    return {
        "policy_id": f"random_{seed}",
        "metadata": FIELDS,
        "proposal": OUTPUT_FIELDS,
        "history": COUNTERS,
        "derived": DERIVED,
        "timezone": "Europe/Vienna",
        "holidays": HOLIDAYS[: dice.randint(1, 2)],
        "rules": [a_rule(dice, number, kinds) for number in range(dice.randint(1, most))],
        **({"lists": LISTS} if "lists" in kinds else {}),
    }


def a_rule(dice, number, kinds=KINDS):
    action = dice.choice(list(Action))
    rule = {"rule_id": f"r{number}", "priority": dice.randint(1, 12), "action": action.value}
    if "date" in kinds and dice.random() < 0.2:
        rule |= dice.choice(
            ({"valid_from": DAYS[0]}, {"valid_until": DAYS[1]}, {"valid_from": DAYS[0], "valid_until": DAYS[2]})
        )
    if rule["action"] == "auto_approve" and dice.random() < 0.2:
        rule["hold"] = dice.choice((0.02, 0.5))
    return rule | {"conditions": conditions(dice, kinds)}


def conditions(dice, kinds=KINDS, depth=0):
    """Return conditions of one to three kinds, nested at most twice."""
    plain = [kind for kind in kinds if kind not in NESTING] if depth == 2 else list(kinds)
    fields = {}
    for kind in dice.sample(plain, min(len(plain), dice.randint(1, 3))):
        fields |= _MAKERS[kind](dice, kinds, depth)
    return fields


REQUESTERS = ("ann", "bob", "carl")


def a_stack(seed, most=4, users=REQUESTERS[:2]):
    """Return a policy in layers, some of whose rules read the requester of the task."""
    dice = random.Random(seed)
    layers = {name: _a_layer(dice, name, most) for name in ("own", "payments", *users)}
    named = {"domains": {"payments": layers["payments"]}, "users": {name: layers[name] for name in users}}
    return policy_of(layers["own"] | named)


def _a_layer(dice, name, most):
    rules = [a_rule(dice, number) for number in range(dice.randint(1, most))]
    for rule in rules:
        rule["rule_id"] = f"{name}_{rule['rule_id']}"
        if dice.random() < 0.4:
            asked = {dice.choice(("eq", "ne")): dice.choice(REQUESTERS)}
            rule["conditions"] = {"all": [rule["conditions"], {"metadata": {"requested_by": asked}}]}
    calculated = {"history": COUNTERS, "derived": DERIVED}
    fields = {"metadata": FIELDS | {"requested_by": "text"}, "proposal": OUTPUT_FIELDS, "holidays": HOLIDAYS}
    return {"policy_id": name, **fields, **calculated, "rules": rules}


def requested_at_random(dice, facts):
    """Return facts with one requester, several, none, or an unreadable value."""
    names = dice.sample((*REQUESTERS, "zoe"), dice.randint(0, 3))
    given = dice.choice((names, names, names, "ann", "bob", "zoe", None, 5, True, {"name": "ann"}))
    return replace(facts, metadata={**facts.metadata, "requested_by": given})


def _some(dice, words):
    return dice.sample([str(word) for word in words], dice.randint(1, len(words) - 1))


def _confidence(dice, kinds, depth):
    low, high = sorted(dice.sample(BOUNDS, 2))
    return dice.choice(
        ({"min_confidence": low}, {"max_confidence": high}, {"min_confidence": low, "max_confidence": high})
    )


def _signals(dice, kinds, depth):
    named = _some(dice, (Signal.RISKY, Signal.UNUSUAL, Signal.AMBIGUOUS))
    return {"signals": dice.choice((named, {dice.choice(("any", "all", "none")): named}))}


def _metadata(dice, kinds, depth):
    amount = dice.choice(
        (
            {dice.choice(("eq", "ne", "lt", "le", "gt", "ge")): dice.choice(AMOUNTS)},
            {"ge": 100, "lt": 5000},
            {"in": [100]},
        )
    )
    return {
        "metadata": dice.choice(
            (
                {"amount": amount},
                {"amount": {"exists": True} | amount},
                {"country": dice.choice(({"eq": "DE"}, {"ne": "AT"}, {"in": ["DE", "AT"]}, {"exists": False}))},
                {"vip": {"eq": dice.random() < 0.5}},
            )
        )
    }


def _declared(dice, kinds, depth):
    bound = dice.choice((0, 20, 100, 150))
    score = dice.choice(
        (
            {dice.choice(("eq", "ne", "lt", "le", "gt", "ge")): bound},
            {"ge": 20, "lt": 100},
            {"exists": True, "gt": bound},
            {"in": [0, 20, 101]},
        )
    )
    words = dice.choice(({"eq": "app"}, {"ne": "post"}, {"in": ["app", "fax"]}, {"exists": False}, {"eq": "fax"}))
    level = {dice.choice(("eq", "ne", "lt", "le", "gt", "ge")): dice.choice((1, 2, 2.5))}
    tier = dice.choice(({"eq": "gold"}, {"ne": "gold"}, {"exists": True}))
    fields = {"score": score, "channel": words, "level": level, "customer.tier": tier}
    return {"metadata": {name: fields[name] for name in dice.sample([*fields], dice.randint(1, 2))}}


BEGINNINGS, PARTS, MEMBERS = ("AT", "ATU", "DE"), ("urgent", "AT", "urge"), ("vip", "new")


def _patterns(dice, kinds, depth):
    note = dice.choice(
        (
            {"starts_with": dice.sample(BEGINNINGS, dice.randint(1, 2))},
            {"contains": dice.choice(PARTS)},
            {"contains": dice.sample(PARTS, 2), "ne": "AT"},
            {"starts_with": dice.choice(BEGINNINGS), "contains": dice.choice(PARTS)},
            {dice.choice(("eq", "ne")): dice.choice(("AT", "DE urgent", "x"))},
        )
    )
    tags = dice.choice(({"contains": dice.choice(MEMBERS)}, {"contains": [*MEMBERS]}, {"exists": True}))
    return {"metadata": dice.choice(({"note": note}, {"tags": tags}, {"note": note, "tags": tags}))}


def _proposal(dice, kinds, depth):
    label = dice.choice(
        (dice.choice(LABELS), [*LABELS], {"ne": dice.choice(LABELS)}, {"exists": True}, {"exists": False})
    )
    limit = dice.choice(({dice.choice(("eq", "ne", "lt", "le", "gt", "ge")): dice.choice(AMOUNTS)}, {"in": [*AMOUNTS]}))
    return {
        "proposal": dice.choice(
            ({"predicted_label": label}, {"limit": limit}, {"predicted_label": label, "limit": limit})
        )
    }


def _agent(dice, kinds, depth):
    words = dice.choice((dice.choice(MODELS), {"ne": dice.choice(MODELS)}, {"in": [*MODELS]}, {"exists": True}))
    return {"agent": {dice.choice(("id", "model")): words}}


def _time(dice, kinds, depth):
    begins, ends = dice.sample(CLOCKS, 2)
    days = {"days": dice.sample(["saturday", "sunday", "monday"], 2)}
    window = dice.choice((days, {"begins": begins, "ends": ends}, days | {"begins": begins, "ends": ends}))
    return {"time": window | dice.choice(({}, {"of": "received"}))}


def _date(dice, kinds, depth):
    first, last = sorted(dice.choices(DAYS, k=2))
    period = dice.choice(({"from": first}, {"until": last}, {"from": first, "until": last}))
    holiday = {"holiday": dice.random() < 0.5}
    return {"date": dice.choice((period, holiday, period | holiday)) | dice.choice(({}, {"of": "received"}))}


def _task_time(dice, kinds, depth):
    ((name, fields),) = dice.choice((_time, _date))(dice, kinds, depth).items()
    return {name: fields | {"of": "task"}}


def _at_least(dice, kinds, depth):
    of = [conditions(dice, kinds, 2) for _ in range(2)]
    return {"at_least": {"n": dice.randint(1, len(of)), "of": of}}


def _lists(dice, kinds, depth):
    return dice.choice(
        (
            {"metadata": {"country": {"in": {"list": "blocked"}}}},
            {"metadata": {"amount": {"in": {"list": "sums"}}}},
            {"domain": {"list": "desks"}},
            {"task_type": {"in": {"list": "desks"}}},
        )
    )


_MAKERS = {
    "lists": _lists,
    "risk_level": lambda dice, kinds, depth: {"risk_level": _some(dice, RiskLevel)},
    "domain": lambda dice, kinds, depth: {"domain": dice.choice(DOMAINS)},
    "task_type": lambda dice, kinds, depth: {"task_type": dice.choice(TASK_TYPES)},
    "confidence": _confidence,
    "signals": _signals,
    "metadata": _metadata,
    "declared": _declared,
    "patterns": _patterns,
    "proposal": _proposal,
    "agent": _agent,
    "time": _time,
    "history": a_history,
    "derived": a_derived,
    "date": _date,
    "task_time": _task_time,
    "at_least": _at_least,
    "all": lambda dice, kinds, depth: {"all": [conditions(dice, kinds, depth + 1) for _ in range(2)]},
    "any": lambda dice, kinds, depth: {"any": [conditions(dice, kinds, depth + 1) for _ in range(2)]},
    "not": lambda dice, kinds, depth: {"not": conditions(dice, kinds, depth + 1)},
}


def a_policy_with(rules, **more):
    """Return a policy of these rules, each given as (action, conditions) or (action, conditions, more)."""
    return Policy.model_validate(
        {
            "policy_id": "p",
            "metadata": FIELDS,
            "rules": [
                {"rule_id": f"r{number}", "priority": number, "action": action, "conditions": fields} | dict(*others)
                for number, (action, fields, *others) in enumerate(rules, start=1)
            ],
        }
        | more
    )


STACK = """
policy_id: acme
rules:
  - {rule_id: org_go, priority: 1, conditions: {min_confidence: 0.7}, action: auto_approve, spot_check: 0.1}
domains:
  payments:
    policy_id: acme_payments
    metadata: {amount: number}
    rules:
      - {rule_id: pay_big, priority: 1, action: escalate, message: "Ask for the invoice.",
         conditions: {metadata: {amount: {gt: 5000}}}}
users:
  ann:
    policy_id: ann
    rules:
      - {rule_id: ann_refunds, priority: 1, conditions: {task_type: refund}, action: human_review, approvals: 2,
         message: "Ann wants to know.", respond_within: PT4H}
      - {rule_id: ann_trusts, priority: 2, conditions: {min_confidence: 0.1}, action: auto_approve}
"""

"""The same policy in the languages of other engines, for the benchmark of policies.

They get the same facts as ours, except that a missing confidence is -1, since not all of them have null. Each returns
the action and the rule alone, by its fastest interface; ours returns the whole decision with its trace.
"""

import json
import random
from collections.abc import Callable
from typing import Any

import cel
import datalogic_py
import rule_engine
import zen

from hitl_orchestrator.domain.decision import FALLBACK, Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel, Signal
from hitl_orchestrator.policies.language.model import Policy, policy_of
from hitl_orchestrator.policies.language.rule import Rule

Context = dict[str, Any]
Answer = tuple[str, str]
Route = Callable[[Context], Answer]

DOMAINS = ("customer_support", "account_management", "trust_and_safety", "payments", "lending")
TASK_TYPES = ("document_classification", "policy_decision", "sentiment_analysis", "refund")
COUNTRIES = ("AT", "CH", "DE", "FR")
_OTHERWISE = [Action.HUMAN_REVIEW.value, FALLBACK]
_SIGNS = {"eq": "==", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def a_policy(rules: int, seed: int = 7) -> Policy:
    """Return a policy with this number of rules over several domains, types, thresholds and metadata fields."""
    dice = random.Random(seed)
    return policy_of(
        {
            "policy_id": f"of_{rules}_rules",
            "metadata": {"amount": "number", "country": "text"},
            "rules": [_a_rule(dice, number) for number in range(1, rules + 1)],
        }
    )


def _a_rule(dice: random.Random, number: int) -> dict[str, Any]:
    fields: dict[str, Any] = {"domain": dice.choice(DOMAINS), "task_type": dice.choice(TASK_TYPES)}
    if dice.random() < 0.6:
        fields["risk_level"] = dice.choice(list(RiskLevel)).value
    bound = round(dice.uniform(0.3, 0.95), 2)
    fields[dice.choice(("min_confidence", "max_confidence"))] = bound
    if dice.random() < 0.6:
        fields["metadata"] = {"amount": {dice.choice(("gt", "le")): dice.choice((50, 100, 500, 1000, 5000))}}
    if dice.random() < 0.2:
        fields.setdefault("metadata", {})["country"] = {"eq": dice.choice(COUNTRIES)}
    action = dice.choice(list(Action)).value
    return {"rule_id": f"rule_{number:04}", "priority": number, "conditions": fields, "action": action}


def cases(count: int, seed: int = 20250110) -> list[Facts]:
    """Return cases of many kinds: every risk, confidences to four places and some missing, a signal now and then."""
    dice = random.Random(seed)
    return [
        Facts(
            risk_level=dice.choice(list(RiskLevel)),
            domain=dice.choice(DOMAINS),
            task_type=dice.choice(TASK_TYPES),
            confidence=None if dice.random() < 0.05 else round(dice.random(), 4),
            signals=frozenset(signal for signal in Signal if dice.random() < 0.1),
            metadata={"amount": dice.randint(1, 10_000), "country": dice.choice(COUNTRIES)},
        )
        for _ in range(count)
    ]


def context_of(facts: Facts) -> Context:
    """Return a case as context for the other engines."""
    return {
        "risk_level": facts.risk_level.value,
        "domain": facts.domain,
        "task_type": facts.task_type,
        "confidence": -1.0 if facts.confidence is None else facts.confidence,
        **facts.metadata,
    }


def _terms(rule: Rule) -> list[tuple[str, str, Any]]:
    """Return the conditions of a rule as (field, operator, value); all must hold."""
    fields = rule.conditions
    found = [
        (name, "in" if len(words) > 1 else "==", [str(word) for word in words] if len(words) > 1 else str(words[0]))
        for name, words in (
            ("risk_level", fields.risk_level),
            ("domain", fields.domain),
            ("task_type", fields.task_type),
        )
        if words
    ]
    if fields.min_confidence is not None:
        found.append(("confidence", ">=", fields.min_confidence))
    elif fields.max_confidence is not None or rule.action is Action.AUTO_APPROVE:
        found.append(("confidence", ">=", 0.0))
    if fields.max_confidence is not None:
        found.append(("confidence", "<", fields.max_confidence))
    return found + [
        (name, _SIGNS[operator], value) for name, one in fields.metadata.items() for operator, value in one.operands
    ]


def _outcomes(policy: Policy) -> dict[str, Answer]:
    return {rule.rule_id: (rule.action.value, rule.rule_id) for rule in policy.rules} | {
        FALLBACK: (_OTHERWISE[0], _OTHERWISE[1])
    }


def _text(rule: Rule, conjunction: str) -> str:
    return conjunction.join(f"{name} {sign} {json.dumps(value)}" for name, sign, value in _terms(rule))


def in_cel(policy: Policy) -> Route:
    """Return the policy as one expression of CEL, by the binding to Rust (`common-expression-language`)."""
    text = json.dumps(FALLBACK)
    for rule in reversed(policy.by_priority):
        text = f"({_text(rule, ' && ')}) ? {json.dumps(rule.rule_id)} : {text}"
    execute, outcomes = cel.compile(text).execute, _outcomes(policy)
    return lambda context: outcomes[execute(context)]


def in_cel_by_rule(policy: Policy) -> Route:
    """Return the policy as an expression of CEL for each rule, evaluated in turn."""
    asked = [
        (cel.compile(_text(rule, " && ")).execute, (rule.action.value, rule.rule_id)) for rule in policy.by_priority
    ]
    otherwise = (_OTHERWISE[0], _OTHERWISE[1])
    return lambda context: next((outcome for holds, outcome in asked if holds(context)), otherwise)


def in_rule_engine(policy: Policy) -> Route:
    """Return the policy as an expression of rule-engine for each rule, evaluated in turn."""
    asked = [
        (rule_engine.Rule(_text(rule, " and ")).matches, (rule.action.value, rule.rule_id))
        for rule in policy.by_priority
    ]
    otherwise = (_OTHERWISE[0], _OTHERWISE[1])
    return lambda context: next((outcome for holds, outcome in asked if holds(context)), otherwise)


def in_datalogic(policy: Policy) -> Route:
    """Return the policy as one rule of JSONLogic that gives the id of a rule, compiled by datalogic-py."""
    steps: list[Any] = []
    for rule in policy.by_priority:
        terms = [{sign: [{"var": name}, value]} for name, sign, value in _terms(rule)]
        steps += [{"and": terms} if len(terms) > 1 else terms[0], rule.rule_id]
    evaluate, outcomes = datalogic_py.Engine().compile({"if": [*steps, FALLBACK]}).evaluate, _outcomes(policy)
    return lambda context: outcomes[evaluate(context)]


def in_zen(policy: Policy) -> Route:
    """Return the policy as a decision table of zen-engine, whose last line is the fallback to a reviewer.

    Of zen's ways (a decision object, text, bytes, a batch) an engine with a static loader costs the least per case.
    """
    fields = sorted({name for rule in policy.rules for name, _, _ in _terms(rule)})
    lines = [
        {"_id": rule.rule_id, **_cells(rule), "action": f'"{rule.action.value}"', "rule": f'"{rule.rule_id}"'}
        for rule in policy.by_priority
    ]
    lines = [dict.fromkeys(fields, "") | line for line in lines]
    lines.append({"_id": "last", "action": f'"{_OTHERWISE[0]}"', "rule": f'"{FALLBACK}"'} | dict.fromkeys(fields, ""))
    content = {
        "hitPolicy": "first",
        "inputs": [{"id": name, "name": name, "type": "expression", "field": name} for name in fields],
        "outputs": [{"id": name, "name": name, "type": "expression", "field": name} for name in ("action", "rule")],
        "rules": lines,
    }
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode", "position": {"x": 0, "y": 0}},
        {"id": "table", "name": "table", "type": "decisionTableNode", "position": {"x": 1, "y": 0}, "content": content},
        {"id": "out", "name": "out", "type": "outputNode", "position": {"x": 2, "y": 0}},
    ]
    edges = [
        {"id": "e1", "type": "edge", "sourceId": "in", "targetId": "table"},
        {"id": "e2", "type": "edge", "sourceId": "table", "targetId": "out"},
    ]
    loader = {"type": "static", "content": {"routing": {"nodes": nodes, "edges": edges}}}
    evaluate = zen.ZenEngine({"loader": loader}).evaluate

    def route(context: Context) -> Answer:
        outcome = evaluate("routing", context)["result"]
        return outcome["action"], outcome["rule"]

    return route


def _cells(rule: Rule) -> dict[str, str]:
    """Return the cells of the table row of a rule, with all conditions on a field in one cell."""
    cells: dict[str, list[str]] = {}
    for name, sign, value in _terms(rule):
        if sign == "in":
            cell = ", ".join(json.dumps(one) for one in value)
        else:
            cell = json.dumps(value) if sign == "==" else f"{sign} {json.dumps(value)}"
        cells.setdefault(name, []).append(cell)
    return {name: " and ".join(cell) for name, cell in cells.items()}


OTHERS: dict[str, Callable[[Policy], Route]] = {
    "zen": in_zen,
    "rule_engine": in_rule_engine,
    "cel": in_cel,
    "datalogic": in_datalogic,
}

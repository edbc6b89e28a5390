"""How many routing decisions a CPU second holds: our engine, a plain loop over dicts, and zen-engine.

All three route the same 10 000 cases by the canonical policy, and must agree on each of them before time is taken.
Ours returns the whole decision with its reason and trace; the other two return the action and the rule alone.
"""

import argparse
import json
import random
from collections.abc import Callable
from importlib.resources import files
from statistics import median
from time import process_time
from typing import Any

import zen

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.words import RiskLevel, Signal
from hitl_orchestrator.policies import compile_policy, read_policy

CASES = 10_000
Answer = tuple[str, str]
POLICY = files("hitl_orchestrator.data").joinpath("routing_policy.json").read_text("utf-8")


def varied_facts(count: int = CASES, seed: int = 20250110) -> list[Facts]:
    """Return cases of many kinds: every risk, confidences to four places and some missing, a signal now and then."""
    dice = random.Random(seed)
    return [
        Facts(
            risk_level=dice.choice(list(RiskLevel)),
            domain=dice.choice(("customer_support", "account_management", "trust_and_safety")),
            task_type=dice.choice(("document_classification", "policy_decision", "sentiment_analysis")),
            confidence=None if dice.random() < 0.05 else round(dice.random(), 4),
            signals=frozenset(signal for signal in Signal if dice.random() < 0.1),
        )
        for _ in range(count)
    ]


def loop_over_dicts(policy: dict[str, Any], facts: dict[str, Any]) -> Answer:
    """Route as a first draft would: sort the rules for each case and look at their dicts.

    It knows no more of the policy language than the canonical policy uses, which flatters it.
    """
    for rule in sorted(policy["rules"], key=lambda one: one["priority"]):
        conditions, confidence = rule["conditions"], facts["confidence"]
        if "risk_level" in conditions and facts["risk_level"] != conditions["risk_level"]:
            continue
        if "min_confidence" in conditions and (confidence is None or confidence < conditions["min_confidence"]):
            continue
        if rule["action"] == "auto_approve" and confidence is None:
            continue
        return rule["action"], rule["rule_id"]
    return "human_review", "fallback"


def zen_table(policy: dict[str, Any]) -> str:
    """Return the policy as a decision table of zen-engine, its last line being the person where no rule holds."""
    lines = [
        {
            "_id": rule["rule_id"],
            "risk": f'"{rule["conditions"]["risk_level"]}"',
            "confidence": f">= {rule['conditions']['min_confidence']}"
            if "min_confidence" in rule["conditions"]
            else "",
            "action": f'"{rule["action"]}"',
            "rule": f'"{rule["rule_id"]}"',
        }
        for rule in sorted(policy["rules"], key=lambda one: one["priority"])
    ]
    lines.append({"_id": "last", "risk": "", "confidence": "", "action": '"human_review"', "rule": '"fallback"'})
    content = {
        "hitPolicy": "first",
        "inputs": [
            {"id": "risk", "name": "risk", "type": "expression", "field": "risk_level"},
            {"id": "confidence", "name": "confidence", "type": "expression", "field": "confidence"},
        ],
        "outputs": [
            {"id": "action", "name": "action", "type": "expression", "field": "action"},
            {"id": "rule", "name": "rule", "type": "expression", "field": "rule_id"},
        ],
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
    return json.dumps({"nodes": nodes, "edges": edges})


def contenders() -> dict[str, tuple[Callable[[], list[Any]], Callable[[Any], Answer]]]:
    """Return by name: what routes all cases once, and what reads one of its answers."""
    policy, cases = json.loads(POLICY), varied_facts()
    contexts = [{"risk_level": facts.risk_level.value, "confidence": facts.confidence} for facts in cases]
    decide = compile_policy(read_policy(POLICY, "routing_policy.json")).decide
    # Of zen's ways (a decision object, text, bytes, a batch) an engine with a static loader costs the least per case.
    evaluate = zen.ZenEngine(
        {"loader": {"type": "static", "content": {"routing": json.loads(zen_table(policy))}}}
    ).evaluate
    return {
        "ours": (
            lambda: [decide(facts) for facts in cases],
            lambda decision: (decision.action.value, decision.rule_id),
        ),
        "loop": (lambda: [loop_over_dicts(policy, context) for context in contexts], lambda answer: answer),
        "zen": (
            lambda: [evaluate("routing", context) for context in contexts],
            lambda answer: (answer["result"]["action"], answer["result"]["rule_id"]),
        ),
    }


def measure(rounds: int = 9) -> dict[str, float]:
    """Return decisions per CPU second of each contender, medians of interleaved rounds, and our ratios to the others.

    Raises:
        AssertionError: if the contenders disagree on any case.
    """
    all_of_them = contenders()
    answers = {name: [read(answer) for answer in route()] for name, (route, read) in all_of_them.items()}
    assert answers["ours"] == answers["loop"] == answers["zen"], "the contenders disagree"
    seconds: dict[str, list[float]] = {name: [] for name in all_of_them}
    for _ in range(rounds):
        for name, (route, _read) in all_of_them.items():
            start = process_time()
            route()
            seconds[name].append(process_time() - start)
    speed = {name: CASES / median(taken) for name, taken in seconds.items()}
    return {f"{name}_per_second": figure for name, figure in speed.items()} | {
        f"ours_over_{name}": median(other / own for own, other in zip(seconds["ours"], seconds[name], strict=True))
        for name in ("loop", "zen")
    }


def table(figures: dict[str, float]) -> str:
    """Return the figures for people."""
    rows = [
        ("policy engine", "decisions per CPU second", "ours is faster by"),
        ("ours, whole decision with trace", f"{figures['ours_per_second']:,.0f}", ""),
        (
            "loop over dicts, sorted per case",
            f"{figures['loop_per_second']:,.0f}",
            f"{figures['ours_over_loop']:.1f} x",
        ),
        ("zen-engine decision table", f"{figures['zen_per_second']:,.0f}", f"{figures['ours_over_zen']:.1f} x"),
    ]
    return "\n".join(f"{name:<34}{speed:>26}{ratio:>20}" for name, speed, ratio in rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = measure(given.rounds)
    print(json.dumps(figures) if given.json else table(figures))


if __name__ == "__main__":
    main()

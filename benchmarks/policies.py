"""Routing decisions per CPU second: our engine against zen-engine, rule-engine, CEL and datalogic-py.

All route the same cases, by the canonical policy and by one of 200 rules over domains, types, thresholds and metadata,
and must agree on each of them before time is taken. Ours returns the whole decision with its reason and trace; the
others return the action and the rule alone. For growing numbers of rules, the time is measured for cases in cached
cells and for the first cases, most of which are in new cells.
"""

import argparse
import json
from collections.abc import Callable
from importlib.resources import files
from statistics import median
from time import process_time
from typing import Any

from benchmarks.engines import OTHERS, Answer, a_policy, cases, context_of, in_cel_by_rule
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies import Policy, compile_policy, read_policy

CASES, SLOW_CASES = 10_000, 500
MANY_RULES, GROWING = 200, (5, 50, 200, 500, 1000, 2000)
POLICY = files("hitl_orchestrator.data").joinpath("routing_policy.json").read_text("utf-8")
_A_LOT = 0.002


def varied_facts(count: int = CASES) -> list[Facts]:
    """Return cases of many kinds."""
    return cases(count)


def loop_over_dicts(policy: dict[str, Any], facts: dict[str, Any]) -> Answer:
    """Route as a first draft would: sort the rules for each case and read their dicts.

    It supports only the part of the policy language that the canonical policy uses, which is an advantage.
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


def contenders(policy: Policy, *, canonical: bool) -> dict[str, Callable[[Facts], Answer] | Callable[[Any], Any]]:
    """Return by name the function that routes one case: ours takes facts, the others contexts."""
    found: dict[str, Callable[[Any], Any]] = {"ours": compile_policy(policy).decide}
    if canonical:
        raw = json.loads(POLICY)
        found["loop"] = lambda context: loop_over_dicts(raw, context)
    for name, made in OTHERS.items():
        try:
            found[name] = made(policy)
        except ValueError:  # CEL's parser has a depth that 200 rules in one expression go beyond
            found[name] = in_cel_by_rule(policy)
    return found


def race(policy: Policy, rounds: int, *, canonical: bool) -> dict[str, float]:
    """Return nanoseconds a decision of each contender: medians of interleaved rounds.

    Raises:
        AssertionError: if the contenders disagree on any case.
    """
    facts = varied_facts()
    contexts = [context_of(one) for one in facts]
    routes = contenders(policy, canonical=canonical)
    ours = [(one.action.value, one.rule_id) for one in map(routes["ours"], facts)]
    number: dict[str, int] = {}
    given: dict[str, list[Any]] = {}
    for name, route in routes.items():
        known = [one | {"confidence": None if one["confidence"] < 0 else one["confidence"]} for one in contexts]
        given[name] = facts if name == "ours" else known if name == "loop" else contexts
        start = process_time()
        for one in given[name][:20]:
            route(one)
        number[name] = SLOW_CASES if (process_time() - start) / 20 > _A_LOT / 20 else CASES
        answers = ours if name == "ours" else [route(one) for one in given[name][: number[name]]]
        assert answers == ours[: number[name]], f"{name} disagrees"
    seconds: dict[str, list[float]] = {name: [] for name in routes}
    for _ in range(rounds):
        for name, route in routes.items():
            some = given[name][: number[name]]
            start = process_time()
            for one in some:
                route(one)
            seconds[name].append((process_time() - start) / number[name])
    return {name: median(taken) * 1e9 for name, taken in seconds.items()}


def growing(rounds: int = 3) -> dict[str, float]:
    """Return nanoseconds a decision of ours as rules grow: of cases in cells met before, and in new ones."""
    figures: dict[str, float] = {}
    facts = varied_facts(2_000)
    for rules in GROWING:
        policy = a_policy(rules)
        decide = compile_policy(policy).decide
        start = process_time()
        for one in facts[:300]:
            decide(one)
        figures[f"rules_{rules}_first_ns"] = (process_time() - start) / 300 * 1e9
        again: list[float] = []
        for _ in range(rounds):
            start = process_time()
            for one in facts[:300]:
                decide(one)
            again.append((process_time() - start) / 300 * 1e9)
        figures[f"rules_{rules}_again_ns"] = median(again)
    return figures


def measure(rounds: int = 9) -> dict[str, float]:
    """Return decisions per CPU second of each contender, our ratios to the others, and the cost of more rules."""
    figures: dict[str, float] = {}
    canonical, many = read_policy(POLICY, "routing_policy.json"), a_policy(MANY_RULES)
    for prefix, policy in (("", canonical), ("many_", many)):
        taken = race(policy, rounds, canonical=not prefix)
        figures |= {f"{prefix}{name}_per_second": 1e9 / spent for name, spent in taken.items()}
        figures |= {f"{prefix}ours_over_{name}": taken[name] / taken["ours"] for name in taken if name != "ours"}
        figures[f"{prefix}ours_over_best"] = min(taken[name] for name in OTHERS) / taken["ours"]
    return figures | growing()


def table(figures: dict[str, float]) -> str:
    """Return the figures for people."""
    lines = []
    for prefix, title in (("", "the canonical policy"), ("many_", f"a policy of {MANY_RULES} rules")):
        lines += ["", f"{title:<38}{'decisions per CPU second':>26}{'ours is faster by':>20}"]
        for name in ("ours", "loop", *OTHERS):
            speed, ratio = figures.get(f"{prefix}{name}_per_second"), figures.get(f"{prefix}ours_over_{name}")
            if speed is not None:
                lines.append(f"{name:<38}{speed:>26,.0f}{'' if ratio is None else f'{ratio:.1f} x':>20}")
    lines += ["", f"{'rules':<38}{'a case again':>26}{'the first in its cell':>24}"]
    for rules in GROWING:
        again, first = (figures[f"rules_{rules}_{when}_ns"] / 1000 for when in ("again", "first"))
        lines.append(f"{rules:<38,}{again:>23.2f} µs{first:>21.0f} µs")
    return "\n".join(lines)


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

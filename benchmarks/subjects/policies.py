"""Routing decisions per CPU second: our engine against zen-engine, rule-engine, CEL and datalogic-py.

All route the same cases, by the canonical policy and by one of 200 rules over domains, types, thresholds and metadata,
and must agree on each of them before time is taken. Ours returns the whole decision with its reason and trace; the
others return the action and the rule alone. For growing numbers of rules, the time is measured for cases in cached
cells and for the first cases, most of which are in new cells. The check of a table of 131 rows is timed too, with its
repairs.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from itertools import product
from statistics import median
from time import process_time
from typing import Any

from benchmarks.report import Aim, Row, at_least, at_most
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.subjects.engines import OTHERS, Answer, a_policy, cases, context_of, in_cel_by_rule
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.policies import Policy, compile_policy, examine, read_policy, with_repairs

CASES, SLOW_CASES = 10_000, 500
MANY_RULES, GROWING = 200, (5, 50, 200, 500, 1000, 2000)
POLICY = files("hitl_orchestrator.data").joinpath("routing_policy.json").read_text("utf-8")
TABLE_ROWS = 131
_A_LOT = 0.002
_BY_BAND = ("auto_approve", "human_review", "escalate")
AIMS: dict[tuple[str, str], Aim] = {
    ("", "loop"): at_least(4),
    ("", "zen"): at_least(10),
    ("", "best"): at_least(5),
    ("many", "best"): at_least(1),
}


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Measure, and yield decisions per CPU second, our ratios to the others, and the cost of more rules."""
    rounds, count = size.of((1, 10), (3, 2_000), (9, CASES))
    canonical = read_policy(POLICY, "routing_policy.json")
    many = a_policy(size.of(10, MANY_RULES, MANY_RULES))
    for key, policy, name in (("", canonical, "the canonical policy"), ("many", many, f"{len(many.rules)} rules")):
        taken = race(policy, rounds, count, canonical=not key)
        for who, ns in taken.items():
            yield Row(f"{name}: decisions by {who}", None, "a second", 1e9 / ns)
        ratios = {who: ns / taken["ours"] for who, ns in taken.items() if who != "ours"}
        ratios["best"] = min(ratios[who] for who in OTHERS)
        for who, ratio in ratios.items():
            named = "the best other engine" if who == "best" else who
            yield Row(f"{name}: ours over {named}", ratio, "x", aim=AIMS.get((key, who)))
    yield checked(size.of(13, TABLE_ROWS, TABLE_ROWS))
    yield from growing(size.of(GROWING[:1], GROWING[:3], GROWING), size.of(20, 300, 300))


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


def race(policy: Policy, rounds: int, count: int, *, canonical: bool) -> dict[str, float]:
    """Return nanoseconds a decision of each contender: medians of interleaved rounds.

    Raises:
        AssertionError: if the contenders disagree on any case.
    """
    facts = cases(count)
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
        number[name] = min(count, SLOW_CASES) if process_time() - start > _A_LOT else count
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


def growing(sizes: Sequence[int], count: int, rounds: int = 3) -> Iterator[Row]:
    """Yield the microseconds of a decision of ours as rules grow: of cases in cells met before, and in new ones."""
    facts = cases(count)
    for rules in sizes:
        decide = compile_policy(a_policy(rules)).decide
        first, *again = (_microseconds(decide, facts) for _ in range(rounds + 1))
        yield Row(f"{rules:,} rules: a case again", None, "us", median(again))
        yield Row(f"{rules:,} rules: the first in its cell", None, "us", first)


def checked(rows: int) -> Row:
    """Return the CPU seconds of a check, with repairs, of a table of amounts by country and risk."""
    policy = a_table(rows)
    start = process_time()
    report = examine(policy)
    with_repairs(policy, report.findings)
    seconds = process_time() - start
    return Row(
        f"a table of {rows} rows: checked, with repairs", seconds, "s", aim=at_most(2) if rows == TABLE_ROWS else None
    )


def a_table(rows: int) -> Policy:
    """Return a policy of bands of an amount for each country and two risks: approved, then reviewed, then escalated."""
    bands = [(0, 100), (100, 500), (500, 1_000), (1_000, 5_000), (5_000, 10_000), (10_000, 50_000)]
    kinds = list(product(range(rows), enumerate(bands), ("low", "medium")))[:rows]
    rules: list[dict[str, Any]] = []
    for number, (country, (band, (low, high)), risk) in enumerate(kinds):
        fields = {"country": {"eq": f"C{country}"}, "amount": {"gt": low, "le": high}}
        conditions: dict[str, Any] = {"risk_level": risk, "metadata": fields}
        action = _BY_BAND[band // 2]
        if action == "auto_approve":
            conditions["min_confidence"] = 0.7 + 0.05 * band + 0.1 * (risk == "medium")
        rules.append({"rule_id": f"row_{number}", "priority": number, "conditions": conditions, "action": action})
    metadata = {"country": "text", "amount": "number"}
    return Policy.model_validate({"policy_id": "table", "metadata": metadata, "rules": rules})


def _microseconds(decide: Callable[[Facts], object], facts: Sequence[Facts]) -> float:
    start = process_time()
    for one in facts:
        decide(one)
    return (process_time() - start) / len(facts) * 1e6

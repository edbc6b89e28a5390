"""What the check finds is what trying every case finds; planted faults are all found, and clean policies are clean."""

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from support.random_facts import AGENTS, DECLARED, NOTED, PROPOSALS
from support.random_policies import AMOUNTS, DOMAINS, TASK_TYPES, a_policy, a_policy_with

from hitl_orchestrator.domain.decision import FALLBACK, Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel, Signal
from hitl_orchestrator.policies import Policy, check, compile_policy
from hitl_orchestrator.policies.analysis.checks.gaps import gaps
from hitl_orchestrator.policies.analysis.decision_diagram import diagram_of
from hitl_orchestrator.policies.analysis.findings import FindingKind, Severity
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.engine.predicates import blocks, conditions_of, guards_of

NESTED = ("risk_level", "confidence", "all", "any", "not", "at_least")
EXTRAS = (
    ("domain", "task_type", "signals"),
    ("time",),
    ("date",),
    ("time", "date"),
    ("task_time",),
    ("metadata",),
    ("proposal",),
    ("domain", "time"),
    ("agent", "domain"),
    ("task_type", "signals"),
    ("declared",),
    ("patterns",),
)
CONFIDENCES = (0.0, 0.29, 0.3, 0.31, 0.49, 0.5, 0.6, 0.79, 0.8, 1.0)
AMOUNT = (None, "100", 99, 100, 101.5, 5000, 5001)
MONDAY = datetime(2025, 1, 6)  # noqa: DTZ001 - the zone is that of the policy
DAYS, CLOCKS = (0, 1, 2, 5, 6), (0.5, 8, 17.5, 22)
SETS = [
    frozenset(one for one, raised in zip((Signal.RISKY, Signal.UNUSUAL, Signal.AMBIGUOUS), bits, strict=True) if raised)
    for bits in product((False, True), repeat=3)
]


def contexts(kinds, timezone):
    """Yield facts of every context that a policy of these kinds of conditions can tell apart, and more."""
    zone = ZoneInfo(timezone)
    # Every day of the week before, between and after the dates, and in years with and without listed holidays.
    days = (*range(-15, 15), *range(400, 407)) if {"date", "task_time"} & {*kinds} else DAYS
    times = [(MONDAY + timedelta(days=day, hours=hour)).replace(tzinfo=zone) for day in days for hour in CLOCKS]
    given = [
        {name: value for name, value in zip(("amount", "country", "vip"), values, strict=True) if value is not None}
        for values in product(AMOUNT, (None, "DE", "AT", "FR", 3), (None, True, False, "yes"))
    ]
    axes = (
        (*DOMAINS, "elsewhere") if "domain" in kinds else ("payments",),
        (*TASK_TYPES, "something") if "task_type" in kinds else ("refund",),
        SETS if "signals" in kinds else [frozenset()],
        given if "metadata" in kinds else DECLARED if "declared" in kinds else NOTED if "patterns" in kinds else [{}],
        [None, *(one.astimezone(UTC) for one in times)] if {"time", "date"} & {*kinds} else [None],
        [None, *(one.astimezone(UTC) for one in times)] if "task_time" in kinds else [None],
        PROPOSALS if "proposal" in kinds else [{}],
        AGENTS if "agent" in kinds else [{}],
    )
    for domain, task_type, signals, metadata, received, moment, proposal, agent in product(*axes):
        yield Facts(
            RiskLevel.LOW,
            domain,
            task_type,
            None,
            signals,
            metadata=metadata,
            moment=moment,
            received=received,
            proposal=proposal,
            agent=agent,
        )


class Tried:
    """A policy and its answers in every case of a dense grid: the rule for each context, risk and confidence."""

    def __init__(self, policy, kinds):
        self.policy, compiled = policy, compile_policy(policy)
        self.strict = {rule.rule_id: rule.action.strictness for rule in policy.rules}
        self.strict[FALLBACK] = Action.HUMAN_REVIEW.strictness
        self.facts, self.tables = [], []
        for context in contexts(kinds, policy.timezone):
            rows = []
            for risk in RiskLevel:
                cases = [replace(context, risk_level=risk, has_proposal=False), replace(context, risk_level=risk)]
                cases += [replace(context, risk_level=risk, confidence=one) for one in CONFIDENCES]
                rows.append([compiled.decide(facts).rule_id for facts in cases])
                self.facts += cases
            self.tables.append(rows)

    @property
    def rules(self):
        """The rule that decides each of `facts`."""
        return [rule_id for rows in self.tables for row in rows for rule_id in row]

    def lenient(self):
        """Return the pairs of rules of which the first is more lenient with a riskier or a less confident case."""
        found = set()
        for rows in self.tables:
            pairs = [pair for low, high in ((0, 1), (0, 2), (1, 2)) for pair in zip(rows[high], rows[low], strict=True)]
            pairs += [
                (row[one], row[two]) for row in rows for one in range(2, len(row)) for two in range(one, len(row))
            ]
            found.update(pair for pair in pairs if self.strict[pair[0]] < self.strict[pair[1]])
        return found

    def missing(self):
        """Return the pairs of which the first is more lenient with a missing confidence than the other with 0."""
        # Where rules read the proposal, a case without one is compared with no case that has one.
        lacking = (1,) if FactSpace([self.policy]).of_output else (0, 1)
        pairs = {(row[missing], row[2]) for rows in self.tables for row in rows for missing in lacking}
        return {pair for pair in pairs if self.strict[pair[0]] < self.strict[pair[1]]}

    def conflicts(self):
        """Return the rules of equal priority that disagree: the one that would hold too, and the one that decides."""
        rules, found = self.policy.by_priority, set()
        suspects = defaultdict(list)
        for place, later in enumerate(rules):
            for earlier in rules[:place]:
                if earlier.priority == later.priority and answer(earlier) != answer(later):
                    suspects[earlier.rule_id].append(later)
        asked = {rule.rule_id: (*conditions_of(rule, self.policy), *guards_of(rule, self.policy)) for rule in rules}
        for facts, decides in zip(self.facts, self.rules, strict=True):
            for later in suspects[decides]:
                pair = later.rule_id, decides
                if pair not in found and not any(blocks(later, one.holds(facts)) for one in asked[later.rule_id]):
                    found.add(pair)
        return found

    def approves(self):
        """Return the rules that approve at a confidence of 0, and at high risk."""
        decided = list(zip(self.facts, self.rules, strict=True))
        approving = {rule.rule_id for rule in self.policy.rules if rule.action is Action.AUTO_APPROVE}
        at_zero = {(rule, "0") for facts, rule in decided if rule in approving and facts.confidence == 0}
        high = {(rule, "high") for facts, rule in decided if rule in approving and facts.risk_level is RiskLevel.HIGH}
        return at_zero | high


def answer(rule):
    return rule.model_dump(exclude={"rule_id", "priority", "conditions"})


def pairs(found, kind):
    """Return the two rules of each finding of a kind; the fallback stands where a rule is missing."""
    named = [(one.rule_id, *one.rules) for one in found if one.kind is kind]
    return [pair if len(pair) == 2 else (*pair, FALLBACK) for pair in named]


def check_against_brute_force(seed, most):
    extras = EXTRAS[seed % len(EXTRAS)]
    policy = a_policy(seed, most=most, kinds=(*NESTED, *extras))
    tried, found = Tried(policy, extras), check(policy)
    deciding = set(tried.rules)
    odd = [one for one in found if one.kind in {FindingKind.UNREACHABLE, FindingKind.CONTRADICTION}]
    # A contradiction that leaves a rule to unknown facts is a warning: it decides some cases.
    never = {one.rule_id for one in odd if (one.kind, one.severity) != (FindingKind.CONTRADICTION, Severity.WARNING)}
    assert never == {rule.rule_id for rule in policy.rules} - deciding, seed
    assert any(one.kind is FindingKind.GAP for one in found) is (FALLBACK in deciding), seed
    assert set(pairs(found, FindingKind.CONFLICT)) == tried.conflicts(), seed
    assert_lenient(pairs(found, FindingKind.MONOTONICITY), tried.lenient(), seed)
    assert_lenient(pairs(found, FindingKind.MISSING_CONFIDENCE), tried.missing(), seed)
    lax = [one for one in found if one.kind is FindingKind.APPROVES_TOO_MUCH]
    assert {(one.rule_id, "high" if "high" in one.sentence else "0") for one in lax} == tried.approves(), seed
    check_hiding(policy, tried, found)
    check_gaps(policy, tried)


def assert_lenient(report, wanted, seed):
    """Where the fallback is the more lenient of the two, the finding names the strict rule alone."""
    assert {frozenset(pair) for pair in report} == {frozenset(pair) for pair in wanted}, seed
    assert {pair for pair in report if FALLBACK not in pair} == {pair for pair in wanted if FALLBACK not in pair}, seed


def check_hiding(policy, tried, found):
    """The rules that hide one are those which decide where it would hold."""
    for one in found[:12]:
        if one.kind is FindingKind.UNREACHABLE:
            rule = next(rule for rule in policy.rules if rule.rule_id == one.rule_id)
            asked = (*conditions_of(rule, policy), *guards_of(rule, policy))
            hiding = {
                decides
                for facts, decides in zip(tried.facts, tried.rules, strict=True)
                if not any(blocks(rule, part.holds(facts)) for part in asked)
            }
            assert set(one.rules) == hiding


def check_gaps(policy, tried):
    space = FactSpace([policy])
    boxes = gaps(diagram_of(policy, space))
    if boxes is not None:
        for facts, rule in zip(tried.facts[::7], tried.rules[::7], strict=True):
            cell = space.locate(facts)
            inside = any(all(mask >> step & 1 for mask, step in zip(box, cell, strict=True)) for box in boxes)
            assert inside is (rule == FALLBACK)


@pytest.mark.parametrize("seed", range(30))
def test_the_check_finds_what_trying_every_case_finds(seed):
    check_against_brute_force(seed, most=(4, 7, 10)[seed % 3])


@pytest.mark.soak
def test_the_check_finds_what_trying_every_case_finds_on_two_thousand_policies():
    for seed in range(2_000):
        check_against_brute_force(seed, most=30)


def a_table(dice):
    """Return a policy without a fault: the riskier, the higher the bounds, and every rule decides something."""
    risks, rules = list(RiskLevel), []
    for domain in dice.sample(DOMAINS, dice.randint(0, 2)):
        rules += _rows(dice, risks, {"domain": domain})
    return [*rules, *_rows(dice, risks, {})]


def _rows(dice, risks, fields):
    lows = sorted(dice.sample(range(30, 60), 3))
    highs = sorted(dice.sample(range(65, 99), 3))
    for risk, low, high in zip(risks, lows, highs, strict=True):
        here = {**fields, "risk_level": risk.value}
        if risk is not RiskLevel.HIGH:
            yield "auto_approve", here | {"min_confidence": high / 100}
        yield "human_review", here | {"min_confidence": low / 100}
        yield "escalate", here


def odd(policy):
    return [one for one in check(policy) if one.severity is not Severity.NOTE or one.kind is FindingKind.GAP]


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_two_hundred_clean_policies_are_clean(first):
    for seed in range(first, first + 20):
        assert odd(a_policy_with(a_table(random.Random(seed)))) == [], seed


def shadowed(dice, rules):
    place = dice.randrange(len(rules))
    fields = rules[place][1]
    narrow = (
        dice.choice(list(Action)).value,
        {**fields, "metadata": {"amount": {"eq": dice.choice(AMOUNTS), "exists": True}}},
    )
    if narrow[0] == "auto_approve":
        narrow = ("escalate", narrow[1])
    return [*rules[: place + 1], narrow, *rules[place + 1 :]], FindingKind.UNREACHABLE, f"r{place + 2}"


def with_a_gap(dice, rules):
    kept = [rule for rule in rules if "domain" in rule[1] or rule[0] != "escalate"]
    return kept, FindingKind.GAP, None


def non_monotonic(dice, rules):
    lax = ("auto_approve", {"risk_level": "high", "task_type": "answer", "min_confidence": dice.choice((0.2, 0.62))})
    return [lax, *rules], FindingKind.MONOTONICITY, "r1"


FAULTS = (shadowed, with_a_gap, non_monotonic)


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_planted_faults_are_all_found(first):
    for seed in range(first, first + 20):
        dice = random.Random(seed)
        rules = a_table(dice)
        if seed % 4 == 3:
            policy, rule_id = in_conflict(dice, rules)
            kind = FindingKind.CONFLICT
        else:
            rules, kind, rule_id = FAULTS[seed % 4](dice, rules)
            policy = a_policy_with(rules)
        assert any(one.kind is kind and one.rule_id == rule_id for one in odd(policy)), seed


def in_conflict(dice, rules):
    """Return a policy in which a rule has the priority of another, and both can hold."""
    policy = a_policy_with([*rules, ("human_review", {"task_type": "answer", "min_confidence": 0.1})])
    *others, last = policy.rules
    place = dice.choice([place for place, rule in enumerate(others) if rule.action is Action.ESCALATE])
    changed = last.model_copy(update={"priority": others[place].priority})
    return Policy.model_validate(policy.model_dump() | {"rules": [*others, changed]}), last.rule_id

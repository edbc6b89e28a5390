"""What each word of the language means, what a missing fact does, and what is refused with its place."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from support.random_facts import facts_at_random
from support.random_policies import a_policy, a_policy_with

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel, Signal
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import compile_policy, decide, read_policy

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)


def some_facts(confidence=0.9, signals=(), received=MONDAY, **metadata):
    return Facts(
        RiskLevel.LOW, "payments", "refund", confidence, frozenset(signals), metadata=metadata, received=received
    )


def holds(fields, facts, action="escalate", **more):
    return decide(a_policy_with([(action, fields)], **more), facts).rule_id == "r1"


@pytest.mark.parametrize(
    ("comparison", "fits", "fails"),
    [
        ({"eq": 100}, [100, 100.0], [99, 101]),
        ({"ne": 100}, [99], [100]),
        ({"lt": 100}, [99.9, -1], [100, 101]),
        ({"le": 100}, [100, 1], [100.1]),
        ({"gt": 100}, [100.1, 10**15], [100]),
        ({"ge": 100}, [100, 101], [99.9]),
        ({"in": [100, 300]}, [100, 300], [200]),
        ({"gt": 100, "lt": 300}, [200], [100, 300]),
        ({"exists": True}, [0, 5], []),
    ],
)
def test_numbers_are_compared_as_the_operators_say(comparison, fits, fails):
    fields = {"metadata": {"amount": comparison}}
    assert all(holds(fields, some_facts(amount=one)) for one in fits)
    assert not any(holds(fields, some_facts(amount=one)) for one in fails)


@pytest.mark.parametrize(
    ("fields", "fits", "fails"),
    [
        ({"metadata": {"country": {"eq": "DE"}}}, {"country": "DE"}, {"country": "de"}),
        ({"metadata": {"country": {"in": ["DE", "AT"]}}}, {"country": "AT"}, {"country": "FR"}),
        ({"metadata": {"vip": {"eq": True}}}, {"vip": True}, {"vip": False}),
        ({"metadata": {"vip": {"exists": False}}}, {"vip": None}, {"vip": False}),
        ({"not": {"metadata": {"country": {"eq": "DE"}}}}, {"country": "AT"}, {"country": "DE"}),
        (
            {"any": [{"metadata": {"vip": {"eq": True}}}, {"metadata": {"amount": {"lt": 100}}}]},
            {"vip": False, "amount": 5},
            {"vip": False, "amount": 500},
        ),
        (
            {"all": [{"metadata": {"vip": {"eq": True}}}, {"metadata": {"amount": {"lt": 100}}}]},
            {"vip": True, "amount": 5},
            {"vip": False, "amount": 5},
        ),
    ],
)
def test_texts_truths_and_nesting(fields, fits, fails):
    assert holds(fields, some_facts(**fits))
    assert not holds(fields, some_facts(**fails))


@pytest.mark.parametrize(
    ("fields", "fits", "fails"),
    [
        ({"any": ["risky", "unusual"]}, ["risky"], ["ambiguous"]),
        ({"all": ["risky", "unusual"]}, ["risky", "unusual", "ambiguous"], ["risky"]),
        ({"none": ["risky", "unusual"]}, ["ambiguous"], ["unusual"]),
        ({"any": "risky", "none": "unusual"}, ["risky"], ["risky", "unusual"]),
    ],
)
def test_signals_any_all_and_none(fields, fits, fails):
    assert holds({"signals": fields}, some_facts(signals=map(Signal, fits)))
    assert not holds({"signals": fields}, some_facts(signals=map(Signal, fails)))


@pytest.mark.parametrize(
    ("window", "timezone", "hours", "fits"),
    [
        ({"days": "monday"}, "UTC", 0, True),
        ({"days": "monday"}, "UTC", 24, False),
        ({"begins": "09:00", "ends": "17:00"}, "UTC", 9, True),
        ({"begins": "09:00", "ends": "17:00"}, "UTC", 17, False),
        ({"begins": "22:00", "ends": "06:00"}, "UTC", 23, True),
        ({"begins": "22:00", "ends": "06:00"}, "UTC", 24 + 5.9, True),
        ({"days": "sunday", "begins": "22:00", "ends": "06:00"}, "UTC", 5, True),
        ({"days": "monday", "begins": "22:00", "ends": "06:00"}, "UTC", 5, False),
        ({"days": "monday"}, "America/New_York", 4, False),
        ({"begins": "09:00"}, "Europe/Vienna", 8, True),
    ],
)
def test_windows_of_time_are_on_the_clocks_of_the_policy(window, timezone, hours, fits):
    facts = some_facts(received=MONDAY + timedelta(hours=hours))
    assert holds({"time": window}, facts, timezone=timezone) is fits


@pytest.mark.parametrize(
    "given", [{}, {"amount": None}, {"amount": "5"}, {"amount": True}, {"amount": [5]}, {"amount": float("nan")}]
)
@pytest.mark.parametrize("fields", [{"amount": {"lt": 100}}, {"amount": {"ne": 100}}, {"amount": {"in": [5, 1]}}])
@pytest.mark.parametrize(
    "shape", [lambda fields: fields, lambda fields: {"not": fields}, lambda fields: {"any": [fields, fields]}]
)
def test_missing_or_mistyped_values_are_never_approved(given, fields, shape):
    asked = shape({"metadata": fields})
    assert not holds(asked, some_facts(**given), "auto_approve")
    assert holds(asked, some_facts(**given), "escalate")


def test_a_rule_may_say_that_it_is_only_about_cases_that_have_the_field():
    fields = {"metadata": {"amount": {"exists": True, "gt": 100}}}
    assert not holds(fields, some_facts())
    assert holds(fields, some_facts(amount="much"))


def test_without_a_time_a_window_is_unknown():
    assert holds({"time": {"days": "monday"}}, some_facts(received=None))
    assert not holds({"time": {"days": "monday"}}, some_facts(received=None), "auto_approve")


def test_the_reason_names_the_missing_field():
    policy = a_policy_with([("escalate", {"task_type": "refund", "metadata": {"amount": {"gt": 100}}})])
    assert decide(policy, some_facts()).reason == "r1 matches: the task type is refund and amount is missing"
    assert decide(policy, some_facts(amount="9")).reason.endswith("amount is not a number, as the policy declares it")
    assert decide(policy, some_facts(amount=5)).trace[0].why == "amount is at most 100"


def test_a_message_and_a_spot_check_come_with_the_decision():
    policy = a_policy_with(
        [
            ("auto_approve", {"min_confidence": 0.8}, {"spot_check": 0.05}),
            ("human_review", {}, {"message": "Look at the amount first."}),
        ]
    )
    assert decide(policy, some_facts(0.9)).spot_check == 0.05
    asked = decide(policy, some_facts(0.5))
    assert (asked.message, asked.spot_check) == ("Look at the amount first.", 0.0)


@pytest.mark.parametrize(
    ("fields", "report"),
    [
        (
            {"metadata": {"amout": {"gt": 5}}},
            "conditions.metadata.amout: .* no type for this field; did you mean 'amount'?",
        ),
        ({"metadata": {"amount": {"gt": "5"}}}, "conditions.metadata.amount.gt: .* only numbers can be ordered"),
        (
            {"metadata": {"amount": {"gt": "5,000"}}},
            "amount.gt: .* write the number without separators and quotes, 5000",
        ),
        ({"metadata": {"country": {"eq": ["AT", "DE"]}}}, "country.eq: it is one value; use in for several"),
        (
            {"metadata": {"country": {"in": "home"}}},
            "country.in: .* as a list, such as .* or a named list as {list: NAME}",
        ),
        ({"n": 2}, "conditions.n: unknown field; it belongs in at_least"),
        ({"action": "escalate"}, "conditions.action: unknown field; it belongs beside conditions"),
        ({"metadata": {"amount": {"eq": "5"}}}, "conditions.metadata.amount.eq: .* declares 'amount' as a number"),
        ({"metadata": {"country": {"gt": 5}}}, "conditions.metadata.country.gt: .* declares 'country' as a text"),
        ({"metadata": {"amount": {"gte": 5}}}, "conditions.metadata.amount.gte: unknown field; did you mean 'ge'"),
        ({"metadata": {"amount": {}}}, "conditions.metadata.amount: it has no operator"),
        ({"metadata": {"amount": {"exists": False, "gt": 1}}}, "a missing field cannot be compared"),
        ({"time": {"begins": "9:00"}}, 'conditions.time.begins: .*write a time of day as "HH:MM"'),
        ({"time": {"ends": "24:60"}}, 'conditions.time.ends: .*write a time of day as "HH:MM"'),
        ({"metadata": {}}, "conditions.metadata: it names no field"),
        ({"metadata": {"amount": 5}}, "conditions.metadata.amount: .*such as"),
        ({"time": {"begins": "09:00", "ends": "09:00"}}, "is empty"),
        ({"time": {}}, "conditions.time: it has no time"),
        ({"any": []}, "conditions.any: an empty list has no effect"),
        ({"all": [{}]}, "conditions.all: empty conditions always hold"),
        ({"not": None}, "conditions.not: .*leave it out"),
        ({"not": {"domian": "x"}}, "conditions.not.domian: unknown field; did you mean 'domain'?"),
        ({"any": [{"risk_level": "hihg"}]}, r"conditions.any\[0\].risk_level: .*did you mean 'high'"),
        ({"signals": {"any": "riksy"}}, "conditions.signals.any: .*did you mean 'risky'"),
        ({"signals": "riksy"}, "conditions.signals: .*did you mean 'risky'"),
        ({"signals": {}}, "conditions.signals: it names no signal"),
    ],
)
def test_contradictory_requirements_are_refused_with_their_path(fields, report):
    rule = {"rule_id": "r1", "priority": 1, "action": "escalate", "conditions": fields}
    text = json.dumps({"policy_id": "p", "metadata": {"amount": "number", "country": "text"}, "rules": [rule]})
    with pytest.raises(InvalidInput, match=report):
        read_policy(text, "p.json")


@pytest.mark.parametrize(
    ("more", "report"),
    [
        ({"action": "escalate", "spot_check": 0.1}, "spot_check: .*a person decides these cases already"),
        ({"action": "auto_approve", "spot_check": 1.1}, "spot_check"),
        ({"action": "auto_approve", "message": "Look."}, "message: .*auto_approve has no reviewer"),
        ({"action": "escalate", "message": " "}, "message: .*it is empty"),
    ],
)
def test_fields_that_do_not_fit_the_action_are_refused(more, report):
    rule = {"rule_id": "r1", "priority": 1, "conditions": {}} | more
    with pytest.raises(InvalidInput, match=report):
        read_policy(json.dumps({"policy_id": "p", "rules": [rule]}), "p.json")


def test_conditions_that_multiply_out_without_end_are_refused():
    some = {"any": [{"domain": f"d{number}"} for number in range(10)]}
    with pytest.raises(ValueError, match="to 100,000 alternatives, and the limit is 1,000; split them"):
        a_policy_with([("escalate", {"all": [some] * 5})])
    deep = {"not": some}
    for _ in range(10):
        deep = {"all": [deep, {"any": [{"not": deep}, some]}]}
    with pytest.raises(ValueError, match="alternatives"):
        a_policy_with([("escalate", deep)])


def test_a_bound_made_in_python_that_is_no_number_is_refused():
    with pytest.raises(ValidationError, match="the policy declares 'amount' as a number, and this is not a number"):
        a_policy_with([("escalate", {"metadata": {"amount": {"gt": 10**400}}})])


def test_an_approval_stays_one_and_an_unknown_timezone_is_refused():
    assert decide(a_policy_with([("auto_approve", {})]), some_facts()).action is Action.AUTO_APPROVE
    with pytest.raises(ValueError, match="no such time zone"):
        a_policy_with([], timezone="Mars/Olympus")


@pytest.mark.parametrize("seed", range(30))
def test_taking_a_fact_away_makes_no_case_go_ahead_by_itself(seed):
    dice, policy = random.Random(seed), a_policy(seed, most=6)
    if "exists" in policy.model_dump_json():
        policy = a_policy(seed, most=6, kinds=("risk_level", "confidence", "time", "not", "any"))
    decide = compile_policy(policy).decide
    for facts in (facts_at_random(dice) for _ in range(60)):
        names = [*facts.metadata]
        kept = {name: facts.metadata[name] for name in dice.sample(names, dice.randint(0, len(names)))}
        fewer = replace(
            facts, metadata=kept, received=dice.choice((facts.received, None)), moment=dice.choice((facts.moment, None))
        )
        assert decide(facts).action is Action.AUTO_APPROVE or decide(fewer).action is not Action.AUTO_APPROVE

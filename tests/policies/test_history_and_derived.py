"""Counters and arithmetic in policies: what is declared, what is unknown, and how rules, checks and diffs read them."""

from dataclasses import replace
from fractions import Fraction
from json import dumps

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_policies import a_policy_with

from hitl_orchestrator.domain.counting.counters import Counted
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import compare, compile_policy, nearest_changes, read_policy
from hitl_orchestrator.policies.language.calculated.arithmetic import Name, Negative, Number, Operation, parsed, written
from hitl_orchestrator.policies.language.calculated.arithmetic import value_of as value
from hitl_orchestrator.policies.language.model import policy_hash

DECLARED = {
    "metadata": {"amount": "number", "limit": "number", "customer": "text"},
    "history": {
        "visits": {"count": "cases", "same": "customer", "within": "P30D"},
        "paid": {"sum": "amount", "within": "P1D", "of": "auto_approve"},
    },
    "derived": {"used": "(paid+amount)/limit", "expected": "amount * (1 - confidence)"},
}
GO = ("auto_approve", {"min_confidence": 0.8})


def a_policy(*rules, **more):
    return a_policy_with([*rules, GO], **DECLARED | more)


def facts(confidence=0.9, history=(), **metadata):
    return Facts(RiskLevel.LOW, "payments", "refund", confidence, metadata=metadata, history=dict(history))


def rule_for(conditions, given, action="human_review"):
    return compile_policy(a_policy((action, conditions))).decide(given).rule_id


def read(**fields):
    return read_policy(dumps({"policy_id": "p", "rules": []} | DECLARED | fields), "p.json")


def problem_of(**fields):
    with pytest.raises(InvalidInput) as refused:
        read(**fields)
    return str(refused.value)


def test_a_rule_reads_a_counter_by_its_name_and_by_what_it_counts():
    rule = {"history": {"visits": {"ge": 3}}}
    counter = read().history["visits"].counter

    assert rule_for(rule, facts(history={"visits": 3})) == "r1"
    assert rule_for(rule, facts(history={"visits": 2})) == "r2"
    assert rule_for(rule, facts(history={counter.key: 3})) == "r1"
    assert rule_for(rule, facts(history={counter.key: 2})) == "r2"


def test_an_unknown_counter_never_lets_a_case_go_ahead():
    assert rule_for({"history": {"visits": {"ge": 3}}}, facts()) == "r1"
    assert rule_for({"history": {"visits": {"lt": 3}}}, facts(), "auto_approve") == "r2"
    policy = a_policy_with([("auto_approve", {"history": {"visits": {"lt": 3}}})], **DECLARED)
    assert compile_policy(policy).decide(facts()).rule_id == "fallback"


def test_a_counter_that_another_policy_defines_otherwise_is_unknown():
    longer = read(history={"visits": DECLARED["history"]["visits"] | {"within": "P60D"}}, derived={})
    routed = facts(history={longer.history["visits"].counter.key: 0})

    assert rule_for({"history": {"visits": {"ge": 3}}}, routed) == "r1"


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (facts(history={"paid": 50}, amount=30, limit=100), "r2"),
        (facts(history={"paid": 50}, amount=30.1, limit=100), "r1"),
        (facts(history={"paid": 0.1}, amount=0.2, limit=0.375), "r2"),
        (facts(history={}, amount=30, limit=100), "r1"),
        (facts(history={"paid": 50}, amount="30", limit=100), "r1"),
        (facts(history={"paid": 50}, amount=30), "r1"),
        (facts(history={"paid": 50}, amount=30, limit=0), "r1"),
        (facts(history={"paid": 50}, amount=1e300, limit=1e-300), "r1"),
        (facts(history={"paid": 50}, amount=10**400, limit=100), "r1"),
    ],
)
def test_arithmetic_is_exact_and_unknown_where_any_part_is(given, rule):
    assert rule_for({"derived": {"used": {"gt": 0.8}}}, given) == rule


def test_without_a_proposal_arithmetic_with_the_confidence_is_unknown():
    asks = {"derived": {"expected": {"ge": 10}}}

    assert rule_for(asks, facts(0.9, amount=50)) == "r2"
    assert rule_for(asks, facts(0.5, amount=50)) == "r1"
    assert rule_for(asks, replace(facts(0.9, amount=50), has_proposal=False)) == "r1"


def test_a_reason_names_what_is_calculated_with_its_arithmetic():
    policy = compile_policy(a_policy(("escalate", {"derived": {"used": {"gt": 0.8}}})))

    answer = policy.decide(facts(history={"paid": 90}, amount=5, limit=100))

    assert answer.reason == "r1 matches: used ((paid + amount) / limit) is above 0.8"
    assert policy.decide(facts(amount=5)).reason == "r1 matches: used ((paid + amount) / limit) is missing"


def test_a_suggested_change_is_true_of_all_that_follows_from_it():
    policy = compile_policy(
        a_policy(("escalate", {"any": [{"derived": {"used": {"gt": 0.8}}}, {"metadata": {"amount": {"gt": 100}}}]}))
    )
    given_facts = facts(history={"paid": 10}, amount=120, limit=100)

    for change in nearest_changes(policy, given_facts):
        assert policy.decide(change.facts).action is change.action
        assert "derived" not in " ".join(change.changed)


def test_the_hash_depends_on_the_meaning_and_not_on_blanks_or_needless_parentheses():
    spaced = DECLARED["derived"] | {"used": " ( (paid + amount) ) / limit "}
    assert policy_hash(read(derived=spaced)) == policy_hash(read())
    assert policy_hash(read(derived=spaced | {"used": "paid + amount / limit"})) != policy_hash(read())


@pytest.mark.parametrize("change", [{"within": "P60D"}, {"of": "approved"}, {"same": "customer"}])
def test_a_counter_that_means_something_else_is_not_compared_and_counts_as_looser(change):
    history = DECLARED["history"] | {"paid": DECLARED["history"]["paid"] | change}
    rule = ("escalate", {"history": {"paid": {"gt": 100}}})

    found = compare(a_policy(rule), a_policy(rule, history=history))

    assert found.may_loosen
    assert any(sentence.startswith("history.paid is something else") for sentence in found.unchecked)
    assert not compare(a_policy(rule), a_policy(rule)).may_loosen


def test_a_lower_bound_on_what_is_counted_is_stricter_and_a_higher_one_looser():
    few, many = (a_policy(("escalate", {"history": {"paid": {"gt": bound}}})) for bound in (100, 200))

    assert compare(many, few).may_loosen is False
    assert [each.direction.value for each in compare(few, many).differences] == ["looser", "looser"]


def test_layers_that_count_different_things_under_one_name_are_refused():
    domain = {"policy_id": "d", "rules": [], "metadata": DECLARED["metadata"]}
    domain["history"] = {"paid": DECLARED["history"]["paid"] | {"within": "P2D"}}

    assert "history.paid of layer 'payments' is something else" in problem_of(domains={"payments": domain})


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"history": {"n": {"within": "P1D"}}}, "state what is counted"),
        ({"history": {"n": {"count": "cases", "sum": "amount", "within": "P1D"}}}, "state what is counted"),
        ({"history": {"n": {"count": "cases", "within": "30"}}}, "ISO 8601"),
        ({"history": {"n": {"count": "cases", "within": "P53W"}}}, "at most 52 weeks"),
        ({"history": {"n": {"sum": "amout", "within": "P1D"}}}, "n: sum: the metadata declare no field 'amout'"),
        ({"history": {"n": {"sum": "customer", "within": "P1D"}}}, "only numbers can be added"),
        ({"history": {"n": {"count": "cases", "same": "client", "within": "P1D"}}}, "no field 'client'"),
        ({"history": {"n": {"count": "cases", "of": "rejected", "within": "P1D"}}}, "history.n.of"),
        ({"derived": {"x": "amount / limits"}}, "'limits' is no declared number"),
        ({"derived": {"x": "amount * customer"}}, "'customer' is no declared number; declare it as a number"),
        ({"derived": {"x": "amount ** 2"}}, "position 9: '*' in place of a number, a name, - or ("),
        ({"derived": {"x": "__import__('os')"}}, 'position 12: "\'" is no part of arithmetic'),
        ({"derived": {"x": "1 + " * 200 + "1"}}, "the limit is 500"),
        ({"derived": {"amount": "limit * 2"}}, "another fact has this name"),
        (
            {"derived": {"x": "amount"}, "proposal": {"amount": "number"}},
            "'amount' may be that of metadata and proposal",
        ),
        (
            {
                "rules": [
                    a_rule := {
                        "rule_id": "r",
                        "priority": 1,
                        "action": "escalate",
                        "conditions": {"history": {"visit": {"ge": 1}}},
                    }
                ]
            },
            "no history of this name",
        ),
        ({"rules": [a_rule | {"conditions": {"derived": {"used": {"eq": "much"}}}}]}, "this is not a number"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(fields, sentence):
    assert sentence in problem_of(**fields)


NAMES = {"a": 1.5, "b": -2, "c": 0, "d": None}
parts = st.recursive(
    st.one_of(
        st.integers(0, 999).map(str).map(Number),
        st.decimals("0.1", 9, places=2).map(lambda d: Number(f"{d:f}".rstrip("0").rstrip("."))),
        st.sampled_from([*NAMES]).map(Name),
    ),
    lambda inner: st.one_of(inner.map(Negative), st.builds(Operation, st.sampled_from("+-*/"), inner, inner)),
    max_leaves=12,
)


def by_hand(part):
    """Evaluate with the operators of Python on exact fractions, as a second opinion."""
    match part:
        case Number(text):
            return Fraction(text)
        case Name(name):
            return None if NAMES[name] is None else Fraction(str(NAMES[name]))
        case Negative(inner):
            found = by_hand(inner)
            return None if found is None else -found
        case Operation(sign, left, right):
            one, other = by_hand(left), by_hand(right)
            if one is None or other is None or (sign == "/" and other == 0):
                return None
            return {"+": one + other, "-": one - other, "*": one * other, "/": one / (other or 1)}[sign]


@given(parts)
def test_arithmetic_is_read_as_it_is_written_and_calculated_exactly(part):
    expected = by_hand(part)

    assert parsed(written(part)) == part
    assert value(part, NAMES.get) == (None if expected is None else float(expected))


def test_recorded_values_are_facts_under_the_keys_of_their_counters():
    counter = read().history["visits"].counter

    assert Counted.model_validate_json(Counted(counter=counter, value=3).model_dump_json()).counter.key == counter.key

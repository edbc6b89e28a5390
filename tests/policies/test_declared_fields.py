"""Declared ranges, values, units and paths: what counts as unknown, what is refused, and what people read."""

from json import dumps

import pytest
from support.random_policies import a_policy_with

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import check, compile_policy, nearest_changes, read_policy
from hitl_orchestrator.policies.analysis.describe import describe
from hitl_orchestrator.policies.analysis.diff import compare
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.language.model import policy_hash, policy_of
from hitl_orchestrator.policies.testing.boundaries import boundary_cases
from hitl_orchestrator.policies.testing.test_tables import read_tests

AMOUNT = {"type": "number", "min": 0, "max": 1000, "unit": "EUR"}
COUNTRY = {"type": "text", "values": ["AT", "CH", "DE", "FR", "IT"]}
GO = ("auto_approve", {"min_confidence": 0.8, "metadata": {"amount": {"le": 500}, "country": {"ne": "CH"}}})


def policy(*rules, **fields):
    return a_policy_with([*rules], metadata={"amount": AMOUNT, "country": COUNTRY} | fields)


def facts(**metadata):
    return Facts(RiskLevel.LOW, "claims", "claim", 0.9, metadata=metadata)


def rule_for(given, *rules, **fields):
    return compile_policy(policy(*rules, **fields)).decide(facts(**given)).rule_id


@pytest.mark.parametrize("amount", [-0.01, 1000.5, "5", None, True])
def test_a_number_outside_its_range_is_unknown(amount):
    assert rule_for({"amount": amount, "country": "AT"}, GO) == "fallback"
    assert rule_for({"amount": amount, "country": "AT"}, ("escalate", {"metadata": {"amount": {"gt": 500}}})) == "r1"


@pytest.mark.parametrize(("amount", "country"), [(0, "AT"), (500, "DE"), (0.5, "FR")])
def test_both_ends_of_a_range_and_every_declared_value_fit(amount, country):
    assert rule_for({"amount": amount, "country": country}, GO) == "r1"
    assert rule_for({"amount": 1000, "country": country}, ("escalate", {"metadata": {"amount": {"gt": 500}}})) == "r1"


def test_an_undeclared_value_is_unknown():
    assert rule_for({"amount": 5, "country": "at"}, GO) == "fallback"


def every_example(policy):
    space = FactSpace([policy])
    for index, axis in enumerate(space.axes):
        for step in range(axis.size):
            yield space.sample((*space.full[:index], 1 << step, *space.full[index + 1 :]))
    for finding in check(policy):
        yield from map(Facts.from_json, finding.examples)
    yield from (given for _, given in boundary_cases(policy))


def test_no_example_is_outside_what_is_declared():
    declared = policy(
        GO,
        ("escalate", {"metadata": {"amount": {"ge": 0, "lt": 0.2}}}),
        ("human_review", {"metadata": {"level": {"gt": 1}, "amount": {"gt": 999.9}}}),
        level={"type": "number", "values": [1, 2]},
    )
    for given in every_example(declared):
        for name, declaration in declared.metadata.items():
            value = given.metadata.get(name)
            assert value in (None, {}) or declaration.fits(value), given


def test_sentences_show_units_and_do_not_name_the_ends_of_what_is_declared():
    wanted = policy(("escalate", {"metadata": {"amount": {"gt": 500}}}), GO)
    space = FactSpace([wanted])
    axis = space.axes[space.index["metadata.amount"]]
    steps = {value: 1 << axis.locate(facts(amount=value)) for value in (0, 100, 500, 700, 1000, -1)}

    assert axis.describe(steps[700] | steps[1000]) == "amount is above 500 EUR"
    assert axis.describe(steps[0] | steps[100]) == "amount is below 500 EUR"
    assert axis.describe(steps[500] | steps[-1]) == "amount is not as declared or 500 EUR"
    decided = compile_policy(wanted).decide(facts(amount=12, country="AT"))
    assert decided.trace[0].why == "amount is at most 500 EUR"
    above = ("escalate", {"metadata": {"fee": {"gt": 10000}}})
    large = compile_policy(policy(above, fee={"type": "number", "unit": "EUR"}))
    assert large.decide(facts(fee=20000)).reason == "r1 matches: fee is above 10,000 EUR"
    nearest = nearest_changes(compile_policy(wanted), facts(amount=700, country="AT"))[0]
    assert nearest.sentence == "would be approved automatically if amount were at most 500 EUR"


def test_a_long_rest_of_declared_values_is_described_by_what_is_not_in_it():
    declared = policy(("human_review", {"metadata": {"country": {"ne": "CH"}}}))
    space = FactSpace([declared])
    axis = space.axes[space.index["metadata.country"]]

    assert axis.describe(axis.steps((declared.rules[0].conditions, declared)).holds) == (
        "country is a declared text other than CH"
    )
    assert describe(space.full, space) == "every case"


@pytest.mark.parametrize(
    ("metadata", "tier"),
    [
        ({"customer": {"tier": "gold"}}, "r1"),
        ({"customer.tier": "gold"}, "r1"),
        ({"customer": "gold", "customer.tier": "gold"}, "r1"),
        ({"customer": {"tier": "tin"}}, "fallback"),
        ({"customer": {"tier": {"tier": "gold"}}}, "fallback"),
        ({"customer": {}}, "fallback"),
        ({"customer": {"tier": "gold"}, "customer.tier": "gold"}, "fallback"),
        ({"customer": {}, "customer.tier": "gold"}, "fallback"),
        ({}, "fallback"),
    ],
)
def test_a_name_with_dots_is_a_path(metadata, tier):
    gold = ("auto_approve", {"metadata": {"customer.tier": {"eq": "gold"}}})

    assert rule_for(metadata, gold, **{"customer.tier": "text"}) == tier


def test_a_nested_field_is_placed_without_its_neighbours_being_lost():
    rule = ("auto_approve", {"metadata": {"customer.tier": {"eq": "gold"}, "customer.age": {"ge": 18}}})
    compiled = compile_policy(policy(rule, **{"customer.tier": "text", "customer.age": "number"}))
    (change,) = nearest_changes(compiled, facts(customer={"tier": "tin", "age": 20, "id": 7}))

    assert change.facts.metadata == {"customer": {"tier": "gold", "age": 20, "id": 7}}
    assert change.sentence == "would be approved automatically if customer.tier were gold"


def test_a_tighter_range_is_a_difference():
    old, new = (
        policy(("auto_approve", {"metadata": {"fee": {"gt": 5}}}), fee={"type": "number", "max": most})
        for most in (900, 100)
    )
    (difference,) = compare(old, new).differences

    assert difference.sentence.endswith("where fee is above 100"), "no case of either has more than 900"


def test_the_short_and_the_long_form_of_a_type_have_one_hash_and_more_has_another():
    forms = ["number", {"type": "number"}, {"type": "number", "required": False}, {"type": "number", "min": 0}]
    first, second, third, other = (policy_hash(policy(fee=form)) for form in forms)

    assert first == second == third != other


def test_declarations_survive_a_copy_as_json():
    original = policy(GO, **{"a.b": {"type": "number", "min": -1.5}, "c": {"type": "number", "max": 0}})

    assert policy_of(original.model_dump(mode="json")) == original == policy_of(original.model_dump())
    assert policy_hash(policy_of(original.model_dump(mode="json"))) == policy_hash(original)


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"a": {"type": "text", "min": 0}}, "only a number has one, and this field is a text"),
        ({"a": {"type": "boolean", "unit": "EUR"}}, "only a number has one, and this field is a boolean"),
        ({"a": {"type": "number", "min": 5, "max": 4}}, "it is below min (5), so that no value fits; swap them"),
        ({"a": {"type": "number", "min": 5, "values": [7]}}, "values and a range exclude each other"),
        ({"a": {"type": "text", "values": ["x", 5]}}, "5 is not a text, as the field is declared"),
        ({"a": {"type": "text", "values": ["x", "x"]}}, "a value is listed twice"),
        ({"a": {"type": "text", "values": []}}, "an empty list never matches"),
        ({"a": {"type": "list", "values": ["x"]}}, "a list has no values to declare"),
        ({"a": {"type": "number", "mni": 5}}, "unknown field; did you mean 'min'?"),
        ({"a": {"type": "txt"}}, "did you mean 'text'?"),
        ({"a": "txt"}, "did you mean 'text'?"),
        ({"a": 5}, "metadata.a"),
        ({"a": "text", "a.b": "text"}, "'a.b' is a path into 'a', which is declared as a value"),
        ({"requested_by": "list"}, "requested_by names people"),
        ({"requested_by": {"type": "text", "values": ["ann"]}}, "requested_by names people"),
    ],
)
def test_an_unsound_declaration_is_refused(metadata, problem):
    with pytest.raises(InvalidInput) as refused:
        read_policy(dumps({"policy_id": "p", "metadata": metadata, "rules": []}), "p.json")
    assert problem in str(refused.value)


def test_an_undeclared_path_is_refused_with_the_remedy():
    rule = {
        "rule_id": "r",
        "priority": 1,
        "action": "escalate",
        "conditions": {"metadata": {"customer.tier": {"eq": "x"}}},
    }
    with pytest.raises(InvalidInput, match="a path to a nested value; add it to metadata with its type"):
        read_policy(dumps({"policy_id": "p", "rules": [rule]}), "p.json")
    with pytest.raises(InvalidInput, match=r"declares no nested field 'customer\.tire'; declare it under metadata"):
        read_tests("name,metadata.customer.tire,action\nx,gold,escalate\n", "p.csv", lambda _: policy())


def test_a_table_of_tests_has_columns_for_every_source():
    text = (
        "name,risk_level,confidence_score,metadata.customer.tier,metadata.tags,proposal.limit,proposal.predicted_label,"
        "agent.id,rule\nx,low,0.9,5,vip; new,7,9,bot,fallback\n"
    )
    declared = a_policy_with([], metadata={"customer.tier": "text", "tags": "list"}, proposal={"limit": "number"})
    (test,) = read_tests(text, "p.csv", lambda _: declared).tests

    assert test.facts.metadata == {"customer.tier": "5", "tags": ["vip", "new"]}
    assert test.facts.proposal == {"limit": 7, "predicted_label": "9"}
    assert test.facts.agent == {"id": "bot"}

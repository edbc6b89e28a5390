"""The axis of a field agrees with the naive evaluation, whatever two policies declare and compare, also as a column."""

import json

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from support.naive_evaluation import conditions_hold

from hitl_orchestrator.domain.counting.field_path import value_at, with_value_at
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.language.model import policy_of

NUMBERS = st.one_of(st.integers(-5, 5), st.sampled_from([-2.5, -0.1, 0.1, 0.5, 1.5]))
TRIED = (
    None,
    "x",
    True,
    {},
    -6,
    -5,
    -2.5,
    -2,
    -0.5,
    -0.1,
    0,
    0.1,
    0.3,
    0.5,
    1,
    1.25,
    1.5,
    2,
    3,
    4.5,
    5,
    6,
    1e299,
)
ORDERED = st.dictionaries(st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]), NUMBERS, min_size=1, max_size=2)
WORDS = st.lists(st.text('ab"\\ ,}é', min_size=1, max_size=3), min_size=1, max_size=2, unique=True)
LOOKED_INTO = st.fixed_dictionaries({}, optional=dict.fromkeys(("starts_with", "contains", "in"), WORDS)).filter(bool)
OF_TEXTS = st.one_of(st.just({"type": "text"}), WORDS.map(lambda words: {"type": "text", "values": words}))
GIVEN_TEXTS = st.lists(st.one_of(st.text('ab"\\ ,}é', max_size=5), st.none(), st.integers(0, 2), WORDS), max_size=20)


@st.composite
def of_numbers(draw):
    if draw(st.booleans()):
        return {"type": "number", "values": draw(st.lists(NUMBERS, min_size=1, max_size=3, unique=True))}
    lowest, highest = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    ends = {"min": lowest} if draw(st.booleans()) else {}
    return {"type": "number"} | ends | ({"max": highest} if draw(st.booleans()) else {})


def a_raw_policy(declared, compared):
    rule = {"rule_id": "r", "priority": 1, "action": "escalate", "conditions": {"metadata": {"x": compared}}}
    return {"policy_id": "p", "metadata": {"x": declared}, "rules": [rule]}


def metadata(value):
    return {} if value is None else {"x": value}


def assert_exact(raws, values):
    policies = [policy_of(raw) for raw in raws]
    space = FactSpace(policies)
    axis = space.axes[space.index["metadata.x"]]
    assert [axis.step_of(sample) for sample in axis.samples] == list(range(axis.size))
    for raw, policy in zip(raws, policies, strict=True):
        holds, fails = axis.steps((policy.rules[0].conditions, policy))
        for value in (*values, *axis.samples):
            step = axis.step_of(value)
            verdict = True if holds >> step & 1 else False if fails >> step & 1 else None
            facts = Facts(RiskLevel.LOW, "any", "any", None, metadata=metadata(value))
            assert verdict is conditions_hold(raw["rules"][0]["conditions"], raw, facts), value
    texts = [json.dumps(metadata(value), ensure_ascii=False) for value in values]
    frame = pl.DataFrame({"metadata": texts}, schema={"metadata": pl.String})
    assert frame.select(axis.column(pl))["metadata"].to_list() == [axis.step_of(value) for value in values]


@given(of_numbers(), ORDERED, of_numbers(), ORDERED)
def test_numbers_are_cut_exactly(declared, compared, otherwise, other):
    assert_exact([a_raw_policy(declared, compared), a_raw_policy(otherwise, other)], TRIED)


@given(OF_TEXTS, LOOKED_INTO, OF_TEXTS, LOOKED_INTO, GIVEN_TEXTS)
def test_texts_are_cut_exactly(declared, compared, otherwise, other, values):
    assert_exact([a_raw_policy(declared, compared), a_raw_policy(otherwise, other)], values)


PLAIN = st.one_of(st.none(), st.integers(-3, 3), st.text("ab", max_size=2))
NESTED = st.recursive(
    st.dictionaries(st.sampled_from("abc"), PLAIN, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "a.b"]), st.one_of(PLAIN, inner), max_size=3),
    max_leaves=6,
)


@given(NESTED, st.sampled_from(["a", "a.b", "a.b.c"]), PLAIN)
def test_a_value_that_was_put_at_a_path_is_found_there(fields, name, value):
    assert value_at(with_value_at(fields, name, value), name) == value

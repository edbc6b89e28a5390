"""Patterns of a schema run without backtracking, and no output makes its check take more than linear time."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import an_output

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.review.json_schema.pattern_size import positions
from hitl_orchestrator.review.schemas import OutputSchemas

# Backtracking needs 2**40 steps for these; an engine without it needs some hundred.
SLOW, LETTERS = "^(a+)+$", "a" * 40 + "b"
LARGE = ("(?:(?:a{1000}){1000}){1000}", "(?:a?){5000}a{5000}", "(?:a?){251}a{250}", "[ab]*a[^]a]{500}", "(?:a{30}){17}")
LARGE += ("x" * 501, "(?:(?:a?b?){1,50}c){0,9}", r"(?P<n>[\]a]{300})\x61{300}", "(?x)a {2}", r"(?i-s:\[?){501}")
REFUSED = ("(?=a)", "(?<!a)b", r"(a)\1", *LARGE)
OBJECT = {"type": "object", "properties": {"explanation": {}, "predicted_label": {}}}


def checked(schema, **fields):
    OutputSchemas({"t": schema}).check("t", an_output(**fields).agent_output)


@pytest.mark.parametrize(
    ("schema", "fields"),
    [
        ({"properties": {"note": {"pattern": SLOW}}}, {"note": LETTERS}),
        ({**OBJECT, "patternProperties": {SLOW: {}}, "additionalProperties": False}, {LETTERS: 1}),
        ({"patternProperties": {SLOW: {}, "b$": {"type": "string"}}}, {LETTERS: 1}),
        ({"propertyNames": {"pattern": f"{SLOW}|^[elp]"}}, {LETTERS: 1}),
        ({"properties": {"note": {"uniqueItems": True}}}, {"note": [{"n": n} for n in range(20_000)] + [{"n": 1.0}]}),
    ],
    ids=["pattern", "additional properties", "pattern properties", "names", "unique items"],
)
def test_no_output_makes_a_check_hang(schema, fields):
    with pytest.raises(InvalidInput) as refused:
        checked(schema, **fields)

    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("pattern", REFUSED)
@pytest.mark.parametrize("place", ["pattern", "patternProperties"])
def test_a_pattern_that_needs_backtracking_is_refused_when_the_schema_is_read(pattern, place):
    schema = {"properties": {"note": {place: pattern if place == "pattern" else {pattern: {}}}}}

    with pytest.raises(InvalidInput, match=r"cannot be used, because it has look-around.*write it without"):
        OutputSchemas({"t": schema})


def test_a_pattern_matches_anywhere_and_additional_properties_follow_patterns():
    schema = {
        **OBJECT,
        "patternProperties": {"^x-": {"pattern": "[0-9]"}},
        "additionalProperties": {"type": "number"},
    }
    checked(schema, **{"x-note": "a1b", "other": 1})

    for fields, problem in (
        ({"x-note": "ab"}, "/x-note: 'ab' does not match '[0-9]'"),
        ({"other": "ab"}, "/other: 'ab' is not of type 'number'"),
    ):
        with pytest.raises(InvalidInput) as refused:
            checked(schema, **fields)
        assert problem in str(refused.value)


def test_unevaluated_properties_with_patterns_are_refused():
    with pytest.raises(InvalidInput, match="unevaluatedProperties does not work together with patternProperties"):
        OutputSchemas({"t": {"patternProperties": {"a": {}}, "unevaluatedProperties": False}})


@pytest.mark.parametrize(
    "pattern", ["^.{0,499}$", "(?:a?){250}a{249}", r"^[[:alpha:]\]]{2}[0-9]{1,30}$", r"(?i)[[:alpha:]]{3,}x*"]
)
def test_a_pattern_of_moderate_size_is_used(pattern):
    OutputSchemas({"t": {"properties": {"note": {"pattern": pattern}}}})


@pytest.mark.parametrize("pattern", LARGE)
def test_a_large_pattern_behind_a_reference_matches_no_output(pattern):
    schema = {"properties": {"note": {"$ref": "#/own/note"}}, "own": {"note": {"pattern": pattern}}}

    with pytest.raises(InvalidInput, match="its schema has a pattern that cannot be used, behind a reference"):
        checked(schema, note="a")


def test_a_pattern_that_python_would_warn_about_is_read_in_silence():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        OutputSchemas({"t": {"properties": {"note": {"pattern": "^[[a-z]--x]+$"}}, "patternProperties": {"[[a]]": {}}}})

    assert seen == []


ATOMS = st.sampled_from(["a", ".", r"\[", r"\{", "[]x{9}]", "[^]{9}]", r"\w", "[[:alpha:]]", r"\p{Lu}"]).map(
    lambda text: (text, 1)
)
MARKS = st.sampled_from(["", "*", "+?", "{1,1}", "{0}"])


def larger(parts):
    """Return repetitions, sequences and alternatives of parts, each a text with its number of positions."""
    groups = st.tuples(parts, st.sampled_from(["(?:", "(", "(?P<n>", "(?i:"]), st.integers(1, 40), MARKS)
    several = st.lists(parts, min_size=1, max_size=4)
    return st.one_of(
        groups.map(lambda it: (f"{it[1]}{it[0][0]}){{{it[2]}}}", it[0][1] * it[2])),
        groups.map(lambda it: (f"{it[1]}{it[0][0]}){{0,{it[2]}}}", it[0][1] * it[2])),
        groups.map(lambda it: (f"{it[1]}{it[0][0]}){it[3]}", it[0][1])),
        several.map(lambda them: ("".join(text for text, _ in them), sum(count for _, count in them))),
        several.map(lambda them: ("|".join(text for text, _ in them), sum(count for _, count in them))),
    )


@given(st.recursive(ATOMS, larger, max_leaves=12))
def test_the_positions_of_a_pattern_are_counted_with_its_repetitions(pattern):
    text, count = pattern
    assert positions(text) == count

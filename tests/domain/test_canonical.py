"""The canonical text of a value is that of RFC 8785, whichever of the two ways it takes."""

import json
import struct
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.domain.value import MAX_INTEGER, canonical_json, digest, read_canonical

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# Words on which readers and writers of JSON have differed before.
odd_texts = st.sampled_from(
    [
        "",
        "1.0,",
        ":1.0,",
        '":2.0}',
        "[3.0]",
        "a1e16,",
        "e-07",
        "e+22",
        ".0}",
        "\\",
        "\u20ac",
        "\ufb33",
        "\U0001f600",
        "\u2028",
        "\x7f",
        '"\\/\b\f\n\r\t\x1f',
    ]
)
whole = st.floats(-(2.0**70), 2.0**70).map(lambda number: float(int(number)))
tiny = st.floats(-1e-4, 1e-4)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-MAX_INTEGER, MAX_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    whole,
    tiny,
    texts | odd_texts,
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | odd_texts, inner, max_size=5),
    max_leaves=15,
)


@given(values)
def test_the_canonical_text_matches_the_reference(value):
    assert canonical_json(value).encode() == rfc8785.dumps(value)


@given(values)
def test_canonical_text_round_trips(value):
    again = read_canonical(canonical_json(value))

    assert again == value
    assert canonical_json(again) == canonical_json(value)


@given(st.dictionaries(texts | odd_texts, scalars, max_size=8))
def test_keys_are_sorted_by_utf_16_code_units(value):
    keys = list(json.loads(canonical_json(value)))

    assert keys == sorted(value, key=lambda key: key.encode("utf-16-be"))


# RFC 8785, appendix B: the bits of a double, and how it is written.
APPENDIX_B = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "written"), APPENDIX_B)
def test_numbers_match_the_appendix_of_the_rfc(bits, written):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))

    assert canonical_json(number) == written
    assert canonical_json({"n": [number]}) == f'{{"n":[{written}]}}'
    assert read_canonical(written) == number


def test_the_example_of_the_rfc_matches_byte_for_byte():
    """RFC 8785, sections 3.2.2 to 3.2.4."""
    given = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\x0f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }

    assert canonical_json(given) == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_equal_numbers_have_one_digest():
    assert digest({"n": 1}) == digest({"n": 1.0})
    assert digest([0]) == digest([-0.0])
    assert digest([True]) != digest([1])


@given(values)
def test_reading_gives_the_types_that_python_reads(value):
    text = canonical_json(value)

    expected = json.loads(
        text, parse_int=lambda digits: int(digits) if abs(int(digits)) <= MAX_INTEGER else float(digits)
    )
    assert repr(read_canonical(text)) == repr(expected)


class Risk(StrEnum):
    LOW = "low"


class Level(IntEnum):
    FIRST = 1


class Many(int):
    """A whole number of another type."""


class Word(str):
    """A text of another type."""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": (1, [2.0])}, '{"a":[1,[2]]}'),
        ({"risk": Risk.LOW, "level": Level.FIRST}, '{"level":1,"risk":"low"}'),
        ({Risk.LOW: Many(5), Word("b"): Word("c")}, '{"b":"c","low":5}'),
        (OrderedDict(b=1, a=2), '{"a":2,"b":1}'),
        ({"": 1.0, "a": -0.0, "b": -2.0, "c": "x 1.0, y"}, '{"":1,"a":0,"b":-2,"c":"x 1.0, y"}'),
        ({"a": ':1.0,":2.0}', "b\\": 3.0}, '{"a":":1.0,\\":2.0}","b\\\\":3}'),
    ],
)
def test_values_that_python_writes_as_json_have_one_text(value, text):
    assert canonical_json(value) == text


@dataclass
class Fields:
    """Looks like an object."""

    a: int


class Plain(Enum):
    """Its value is text, and the member is none."""

    A = "a"


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        (float("nan"), ValueError),
        (float("-inf"), ValueError),
        (UUID(int=1), TypeError),
        (datetime(2025, 1, 1, tzinfo=UTC), TypeError),
        (date(2025, 1, 1), TypeError),
        (Fields(1), TypeError),
        (Plain.A, TypeError),
        (Decimal(1), TypeError),
        (b"a", TypeError),
        ({1, 2}, TypeError),
    ],
)
def test_what_is_no_json_is_refused_wherever_it_stands(value, refusal):
    for within in (value, [value], {"a": {"b": value, "c": None}}):
        with pytest.raises(refusal):
            canonical_json(within)


@pytest.mark.parametrize("text", ["[1,]", '{"a":1} x', '{"a":\x01"b"}', "", "\ud800", "[" * 100_000])
def test_an_unreadable_text_is_refused_as_python_refuses_it(text):
    with pytest.raises((ValueError, RecursionError)) as expected:
        json.loads(text)

    with pytest.raises(expected.type) as refused:
        read_canonical(text)
    assert str(refused.value) == str(expected.value)

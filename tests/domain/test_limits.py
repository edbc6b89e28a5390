"""One measure at the door: a text before it is parsed, a value as the text that it would be."""

import json
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_task

from hitl_orchestrator.domain.input.limits import check_record, check_text
from hitl_orchestrator.domain.input.parsing import read_json, read_records
from hitl_orchestrator.domain.value import MAX_DEPTH, MAX_SIZE, MAX_VALUES, check_json
from hitl_orchestrator.errors import InvalidInput

LARGEST = '"' + "a" * (MAX_SIZE - 2) + '"'
DEEPEST = "[" * MAX_DEPTH + "]" * MAX_DEPTH
FULLEST = f"[{','.join(repeat('1', MAX_VALUES))}]"
TOO_LARGE, TOO_DEEP, TOO_FULL = LARGEST[:-1] + 'a"', f"[{DEEPEST}]", FULLEST[:-1] + ",1]"


def listed(*records):
    return f"[{', '.join(records)}]"


@pytest.mark.parametrize("text", [LARGEST, f"\n{LARGEST}\n", DEEPEST, FULLEST, "1", "", '"é"', '"[[[["', r'"\"[\\"'])
def test_what_is_just_small_enough_comes_in(text):
    check_text(text)
    check_text(listed(text, text, text), outer=1)
    check_text(f'{{"records": {listed(text, text)}, "others": []}}', outer=2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TOO_LARGE, "a record has at most 1048576 bytes and this one has 1048577; keep what is large elsewhere"),
        ('"' + "é" * (MAX_SIZE // 2) + '"', "a record has at most 1048576 bytes and this one has 1048578"),
        (TOO_DEEP, "nested deeper than 32 levels"),
        ('{"a":' * 33 + "1" + "}" * 33, "nested deeper than 32 levels"),
        ("[" * 1_000_000, "nested deeper than 32 levels"),
        (TOO_FULL, "it holds more than 100000 values"),
        (f"[{','.join(repeat('[]', 60_000))}]", "it holds more than 100000 values"),
    ],
    ids=range(7),
)
def test_what_is_too_much_is_refused_and_named(text, why):
    with pytest.raises(ValueError, match=f"^{why}"):
        check_text(text)
    for place in range(3):
        records = [*repeat("{}", place), text, "{}"]
        with pytest.raises(ValueError, match=rf"^\[{place}\]: {why}"):
            check_text(listed(*records), outer=1)


def test_a_file_may_be_larger_than_any_of_its_records():
    record = json.dumps({"text": "a" * (MAX_SIZE // 2)})

    assert len(read_records(listed(*repeat(record, 5)), "f")) == 5
    assert len(read_records("\n".join(repeat(record, 5)), "f")) == 5


@pytest.mark.parametrize(
    "text", ['"' + r"\"" * 300_000, "[" + '"' * 300_001, '"' + "\\" * 300_001, "{" * 30 + '"a' * 9]
)
def test_a_text_that_never_ends_is_passed_over_once(text):
    check_text(text)
    with pytest.raises(InvalidInput, match="not JSON"):
        read_json(text, "f")


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_text_and_the_value_that_it_stands_for_have_one_measure(value):
    def verdict(act, given):
        try:
            act(given)
        except ValueError:
            return False
        return True

    for wraps in range(26, 34):
        nested = value
        for _ in range(wraps):
            nested = [nested]
        clean = "\x00" not in json.dumps(value, ensure_ascii=False) and "\\u0000" not in json.dumps(value)
        assert not clean or verdict(check_text, json.dumps(nested)) == verdict(check_json, nested)


def test_a_value_that_takes_no_room_but_would_as_a_text_is_refused():
    tree = 1
    for _ in range(30):
        tree = [tree] * 10
    with pytest.raises(ValueError, match="it holds more than 100000 values"):
        check_json(tree)
    with pytest.raises(ValueError, match="it holds more than 1048576 bytes of text"):
        check_json(["a" * 100_000] * 11)


def test_a_value_that_holds_itself_is_refused():
    ring = []
    ring.append(ring)

    with pytest.raises(ValueError, match="nested deeper than 32 levels"):
        check_json(ring)


def test_a_record_made_in_python_is_measured_as_the_text_that_it_would_be():
    room = MAX_SIZE - len(a_task(task_description="").model_dump_json())

    check_record(a_task(task_description="a" * room), "the task")
    with pytest.raises(InvalidInput, match=r"^the task: a record has at most 1048576 bytes and this one has 1048577"):
        check_record(a_task(task_description="a" * (room + 1)), "the task")
    with pytest.raises(InvalidInput, match=r"^the task: it holds more than 100000 values"):
        check_record(a_task(metadata={"full": [1] * (MAX_VALUES - 1)}), "the task")

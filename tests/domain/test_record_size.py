"""Limits of a record: size, depth and number of values, for JSON text and for values made in Python."""

import json
from itertools import repeat

import pytest
from support.builders import a_task, an_output

from hitl_orchestrator.domain.input.parsing import read_json, read_records
from hitl_orchestrator.domain.input.record_size import check_record
from hitl_orchestrator.domain.value import MAX_DEPTH, MAX_SIZE, MAX_VALUES, check_json
from hitl_orchestrator.errors import InvalidInput

LARGEST = '"' + "a" * (MAX_SIZE - 2) + '"'
DEEPEST = "[" * MAX_DEPTH + "]" * MAX_DEPTH
FULLEST = f"[{','.join(repeat('1', MAX_VALUES))}]"
TOO_LARGE, TOO_DEEP, TOO_FULL = LARGEST[:-1] + 'a"', f"[{DEEPEST}]", FULLEST[:-1] + ",1]"


def listed(*records):
    return f"[{', '.join(records)}]"


@pytest.mark.parametrize("text", [LARGEST, f"\n{LARGEST}\n", DEEPEST, FULLEST, "1", '"é"', '"[[[["', r'"\"[\\"'])
def test_a_record_at_the_limits_is_accepted(text):
    value = json.loads(text)

    assert read_json(text, "f") == value
    assert read_json(listed(text, text, text), "f", many=True) == [value] * 3
    assert read_json(f'{{"records": {listed(text, text)}, "others": []}}', "f", many=True)["records"] == [value] * 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TOO_LARGE, "a record has at most 1048576 bytes and this one has 1048577; store large content elsewhere"),
        ('"' + "é" * (MAX_SIZE // 2) + '"', "a record has at most 1048576 bytes and this one has 1048578"),
        (TOO_DEEP, "nested deeper than 32 levels"),
        ('{"a":' * 33 + "1" + "}" * 33, "nested deeper than 32 levels"),
        (TOO_FULL, "it holds more than 100000 values"),
        (f"[{','.join(repeat('[]', 60_000))}]", "it holds more than 100000 values"),
    ],
    ids=range(6),
)
def test_a_record_beyond_a_limit_is_refused_with_its_index(text, why):
    with pytest.raises(InvalidInput, match=f"^f: {why}"):
        read_json(text, "f")
    for place in range(3):
        records = [*repeat("{}", place), text, "{}"]
        with pytest.raises(InvalidInput, match=rf"^f: \[{place}\]: {why}"):
            read_json(listed(*records), "f", many=True)


@pytest.mark.parametrize("bomb", ["[" * 1_000_000, '{"a":' * 200_000, "[" * 500_000 + "]" * 500_000])
@pytest.mark.parametrize("many", [False, True])
def test_a_deeply_nested_bomb_is_refused(bomb, many):
    with pytest.raises(InvalidInput, match=r"^f: nested deeper than 32 levels"):
        read_json(bomb, "f", many=many)


def test_a_file_may_be_larger_than_any_of_its_records():
    record = json.dumps({"text": "a" * (MAX_SIZE // 2)})

    assert len(read_records(listed(*repeat(record, 5)), "f")) == 5
    assert len(read_records("\n".join(repeat(record, 5)), "f")) == 5


@pytest.mark.parametrize(
    "text", ['"' + r"\"" * 300_000, "[" + '"' * 300_001, '"' + "\\" * 300_001, "{" * 30 + '"a' * 9]
)
def test_an_unterminated_text_is_refused_in_linear_time(text):
    with pytest.raises(InvalidInput, match="not JSON"):
        read_json(text, "f")


def test_a_value_with_shared_parts_is_measured_as_written_out():
    tree = 1
    for _ in range(30):
        tree = [tree] * 10
    with pytest.raises(ValueError, match="it holds more than 100000 values"):
        check_json(tree)
    with pytest.raises(ValueError, match="it holds more than 1048576 bytes of text"):
        check_json(["a" * 100_000] * 11)


def test_a_value_that_contains_itself_is_refused():
    ring = []
    ring.append(ring)

    with pytest.raises(ValueError, match="nested deeper than 32 levels"):
        check_json(ring)


def test_a_record_made_in_python_is_measured_as_json_text():
    room = MAX_SIZE - len(a_task(task_description="").model_dump_json())

    check_record(a_task(task_description="a" * room), "the task")
    with pytest.raises(InvalidInput, match=r"^the task: a record has at most 1048576 bytes and this one has 1048577"):
        check_record(a_task(task_description="a" * (room + 1)), "the task")
    with pytest.raises(InvalidInput, match=r"^the task: it holds more than 100000 values"):
        check_record(a_task(metadata={"full": [1] * (MAX_VALUES - 1)}), "the task")


def test_the_nesting_of_a_small_record_is_measured_too():
    deepest = json.loads("[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2))

    check_record(an_output(x=deepest, y="[{" * MAX_DEPTH), "the output")
    with pytest.raises(InvalidInput, match=r"^the task: nested deeper than 32 levels"):
        check_record(a_task().model_copy(update={"metadata": {"x": [deepest]}}), "the task")

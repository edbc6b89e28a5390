"""Errors of input stay short and name every place; reading stays linear."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.domain.input import record_size
from hitl_orchestrator.domain.input.json_text import loads_strictly
from hitl_orchestrator.domain.input.parsing import did_you_mean, parse, parse_many, read_json, read_records
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import HitlError, InvalidInput, UnknownCase
from hitl_orchestrator.services.config_files import read_file

DIGITS = "1" * 5000
MOST = 8_500


def refused(text, many=True):
    with pytest.raises(InvalidInput) as caught:
        read_json(text, "f", many=many)
    return list(caught.value.problems)


def test_every_value_that_json_does_not_have_is_named_with_its_record():
    text = f'[{{"a": 1}}, {{"a": {{"b": [0, NaN]}}}}, {{"a": -Infinity}}, {{"a": {DIGITS}}}, {{"x": 1, "x": 2}}]'

    assert refused(text) == [
        "f: [1].a.b[1]: NaN is not a number in JSON; leave the field out if there is no value",
        "f: [2].a: -Infinity is not a number in JSON; leave the field out if there is no value",
        "f: [3].a: a number has more digits than can be read; send it as text",
        "f: [4]: the key 'x' occurs twice in one object",
    ]


def test_json_lines_name_the_line_and_the_place():
    with pytest.raises(InvalidInput) as caught:
        read_records('{"a": 1}\n{"a": [NaN]}\n{"b": 1, "b": NaN}\n', "f")

    no_number = "NaN is not a number in JSON; leave the field out if there is no value"
    assert list(caught.value.problems) == [
        f"f: line 2: a[0]: {no_number}",
        "f: line 3: the key 'b' occurs twice in one object",
        f"f: line 3: b: {no_number}",
    ]


def test_each_record_beyond_a_limit_is_named():
    deep = json.loads("[" * 40 + "]" * 40)

    problems = refused(json.dumps([deep, {}, deep]))

    assert [problem.partition(" nested")[0] for problem in problems] == ["f: [0]:", "f: [2]:"]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_strict_json_is_read_as_python_reads_it(value):
    assert loads_strictly(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("metadata", "place"),
    [
        ({"items": [{"price": 2**60}]}, "metadata: items[0].price: whole numbers must lie within"),
        ({"a": {"b": "x\x00"}}, "metadata: a.b: a NUL character cannot be stored"),
        ({"a": {"x\x00y": 1}}, "metadata: the key x<U+0000>y: a NUL character cannot be stored"),
    ],
)
def test_a_problem_inside_free_json_names_the_key_within(metadata, place):
    raw = {"task_id": "t", "task_type": "x", "task_description": "", "domain": "d", "metadata": metadata}

    with pytest.raises(InvalidInput) as caught:
        parse(Task, raw, "t")

    assert place in str(caught.value)


def test_at_most_twenty_problems_are_listed_and_the_rest_is_counted():
    with pytest.raises(InvalidInput) as caught:
        parse_many(Task, [{"x" * 10_000: 1}] * 5000, "f", "task_id")

    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == f"... and {caught.value.total - 20} more"
    assert caught.value.total >= 5000
    assert len(str(caught.value)) < MOST
    assert InvalidInput(caught.value.problems).total == caught.value.total


@given(st.text(min_size=1, max_size=20), st.integers(1, 40))
def test_no_message_is_longer_than_its_bound(text, number):
    text *= 5000
    for error in (InvalidInput([text] * number), UnknownCase(text), HitlError(text * 10)):
        assert len(str(error)) <= MOST


def test_the_begin_and_the_end_of_a_long_problem_remain():
    (problem,) = InvalidInput(["place: " + "x" * 10_000 + "; the remedy"]).problems

    assert problem.startswith("place: x")
    assert problem.endswith("x; the remedy")


class CountedId(str):
    """An id that counts its comparisons."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other):
        CountedId.compared += 1
        return str.__eq__(self, other)


def test_repeated_ids_are_found_without_comparing_each_with_each():
    ids = [CountedId(f"task-{number}") for number in range(1000)]
    task = {"task_type": "x", "task_description": "", "domain": "d"}
    records = [{"task_id": each, **task} for each in [*ids, *map(CountedId, ids)]]

    with pytest.raises(InvalidInput, match=r"\[1000\].task_id: \"task-0\" occurs twice") as caught:
        parse_many(Task, records, "f", "task_id")

    assert caught.value.total == len(ids)
    assert CountedId.compared < 10 * len(records)


def test_no_spelling_is_compared_with_very_many_names():
    names = [f"name{number}" for number in range(100_000)]

    assert did_you_mean("nane1", names[:400]) != ""
    assert did_you_mean("nane1", names) == ""
    assert did_you_mean("n" * 100_000, names[:400]) == ""


class Endless(io.RawIOBase):
    """A stream that never ends, and counts the bytes that were read from it."""

    given = 0

    def read(self, size=-1):
        assert size >= 0, "it would never end"
        self.given += size
        return b" " * size


def test_a_stream_is_read_up_to_the_limit_of_a_file(monkeypatch):
    monkeypatch.setattr(record_size, "MAX_FILE", 1000)
    stream = Endless()

    with pytest.raises(InvalidInput, match="standard input: it has more than 1000 bytes; split it"):
        record_size.read_bounded(stream.read, "standard input")

    assert stream.given == 1001


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    file = tmp_path / "tasks.json"
    with file.open("wb") as sparse:
        sparse.truncate(record_size.MAX_FILE + 1)

    with pytest.raises(InvalidInput, match=f"it has more than {record_size.MAX_FILE} bytes; split it"):
        read_file(file)

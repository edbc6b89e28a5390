"""Values made in Python are stored as they are, or refused with their place; none is stored as something else."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from support.builders import a_task, an_output
from support.counted_calls import calls_of

from hitl_orchestrator import AgentOutput, Review
from hitl_orchestrator.domain.input.normalization import normalized
from hitl_orchestrator.domain.value import MAX_INTEGER, canonical_json, read_canonical
from hitl_orchestrator.errors import InvalidInput

whole_floats = st.floats(2.0**53, 1e22).map(lambda number: float(int(number)))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-MAX_INTEGER, MAX_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    whole_floats,
    whole_floats.map(lambda number: -number),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5),
)
objects = st.dictionaries(
    st.text("abc", min_size=1, max_size=3),
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5),
    max_size=4,
)


class Plain(Enum):
    A = "a"


class Word(StrEnum):
    A = "a"


class Number(IntEnum):
    A = 1


@dataclass
class Record:
    a: int = 1


class Model(BaseModel):
    a: int = 1


class TruthValue:
    """A truth value of a library for arrays, which also converts to a float."""

    class dtype:  # noqa: N801
        kind = "b"

    def __float__(self) -> float:
        return 1.0


class Item:
    """A number of such a library that is no float."""

    def __float__(self) -> float:
        return 0.5


NOT_JSON = [
    Decimal("0.5"),
    Fraction(1, 2),
    Plain.A,
    b"a",
    bytearray(b"a"),
    {1},
    frozenset({1}),
    datetime(2025, 1, 1, tzinfo=UTC),
    Record(),
    Model(),
    1j,
    TruthValue(),
    Item(),
    range(3),
    2**53,
    float("nan"),
    float("-inf"),
]


@settings(max_examples=50)
@given(objects)
def test_every_json_value_comes_back_equal(content):
    task, output = a_task(metadata=content), an_output(x=content)
    review = Review(human_decision="modify", modified_output={"predicted_label": "x", "x": content})

    assert normalized(task, "task") == task
    assert normalized(output, "output") == output
    assert normalized(review, "review") == review


@settings(max_examples=50)
@given(objects | st.dictionaries(st.text("abc", min_size=1), st.sampled_from([Word.A, Number.A, (1,), [2.0], -0.0])))
def test_free_json_is_kept_as_its_canonical_text_reads(content):
    stored = read_canonical(canonical_json(content))

    assert repr(normalized(a_task(metadata=content), "task").metadata) == repr(stored)
    assert repr(normalized(an_output(**content), "output").agent_output.model_extra) == repr(stored)


def test_a_later_change_of_what_was_given_reaches_no_copy():
    content = {"lines": [{"a": 1}]}
    task, output = a_task(metadata=content), an_output(x=content)

    copies = normalized(task, "task"), normalized(output, "output")
    task.metadata["lines"][0]["a"] = output.agent_output.model_extra["x"]["lines"][0]["a"] = 2

    assert copies == (a_task(metadata={"lines": [{"a": 1}]}), an_output(x={"lines": [{"a": 1}]}))


@pytest.mark.parametrize(
    ("value", "times"),
    [
        (a_task(metadata={"amount": 12.5, "lines": [{"sku": "a"}]}), 1),
        (an_output(model="m"), 1),
        (Review(human_decision="approve"), 1),
        (a_task(metadata={"amount": 12.0}), 2),
    ],
)
def test_a_value_in_its_stored_form_is_validated_once(value, times):
    assert calls_of("validate_python", lambda: normalized(value, "it")) == times


@pytest.mark.parametrize(
    ("value", "changed", "problem"),
    [
        (a_task(), {"risk_level": "none"}, "risk_level"),
        (a_task(), {"timestamp": datetime(2025, 1, 1)}, "timestamp"),  # noqa: DTZ001
        (a_task(), {"metadata": {"a": b"a"}}, "metadata: a"),
        (an_output(), {"confidence_score": "0.5"}, "confidence_score"),
        (an_output(), {"task_id": "a b"}, "task_id"),
    ],
)
def test_a_value_that_was_copied_past_its_validation_is_refused(value, changed, problem):
    with pytest.raises(InvalidInput, match=f"^it: {problem}"):
        normalized(value.model_copy(update=changed), "it")


@pytest.mark.parametrize("value", NOT_JSON, ids=lambda value: f"{type(value).__name__}")
@pytest.mark.parametrize("model", ["task", "output", "review"])
def test_a_value_that_is_not_json_is_refused_with_its_place(model, value):
    content = {"lines": [{"ok": 1}, {"amount": value}]}

    with pytest.raises(ValidationError, match=r"lines\[1\]\.amount: ") as refused:
        {
            "task": lambda: a_task(metadata=content),
            "output": lambda: an_output(**content),
            "review": lambda: Review(human_decision="modify", modified_output={"predicted_label": "x", **content}),
        }[model]()

    assert refused.value.error_count() == 1


def test_words_and_numbers_of_enumerations_are_stored_as_plain_values():
    task = normalized(a_task(metadata={"word": Word.A, "number": Number.A, "both": (Word.A,)}), "task")

    assert task.metadata == {"word": "a", "number": 1, "both": ["a"]}
    assert {name: type(value) for name, value in task.metadata.items()} == {"word": str, "number": int, "both": list}


@pytest.mark.parametrize("value", [True, False, TruthValue()], ids=["True", "False", "of an array"])
def test_a_truth_value_is_no_confidence(value):
    with pytest.raises(ValidationError, match=r"a number in \[0, 1\] is needed, and this is a truth value"):
        AgentOutput(task_id="t", agent_output={"predicted_label": "x"}, confidence_score=value)


@pytest.mark.parametrize(
    "value", [Decimal("0.5"), Decimal("0.79999999999999999999"), Fraction(1, 3), "0.5", b"1", Item(), Plain.A, [0.5]]
)
def test_only_a_number_is_a_confidence(value):
    with pytest.raises(ValidationError, match="number"):
        AgentOutput(task_id="t", agent_output={"predicted_label": "x"}, confidence_score=value)


def test_a_long_place_is_shortened():
    with pytest.raises(ValidationError) as refused:
        a_task(metadata={"k" * 10_000: {"\ud800" * 300: Decimal(1)}})

    assert len(refused.value.errors()[0]["msg"]) < 300
    refused.value.errors()[0]["msg"].encode()

"""The graph version covers the structure of stored values, and nothing else."""

from enum import StrEnum
from typing import Annotated, Any, Literal, TypedDict

import pytest
from pydantic import Field

from hitl_orchestrator.domain.value import Identifier, UtcDatetime, Value
from hitl_orchestrator.graph.fingerprint import reducers, structure


class Word(StrEnum):
    ONE = "one"
    TWO = "two"


class Tree(Value):
    name: Identifier
    word: Word = Word.ONE
    branches: "tuple[Tree, ...]" = ()
    seen_at: UtcDatetime | None = None
    derived: int = Field(default=0, exclude=True)


def add(before, after):
    return before + after


def test_the_structure_of_a_value_lists_fields_types_and_required():
    assert structure(Tree) == {
        "fields": {
            "name": ["str", True],
            "word": [{"words": ["one", "two"]}, False],
            "branches": [{"tuple": ["itself", "Ellipsis"]}, False],
            "seen_at": [{"any of": ["AwareDatetime", "NoneType"]}, False],
        },
        "others": "forbid",
    }


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (str, "str"),
        (Any, "Any"),
        (Annotated[int, Field(ge=0)], "int"),
        (int | str, {"any of": ["int", "str"]}),
        (str | int, {"any of": ["int", "str"]}),
        (Literal["b", "a"], {"words": ["a", "b"]}),
        (dict[str, list[int]], {"dict": ["str", {"list": ["int"]}]}),
    ],
)
def test_the_structure_of_a_type_leaves_out_limits_and_order(kind, found):
    assert structure(kind) == found


def test_the_reducers_of_a_state_are_listed_by_key():
    class State(TypedDict, total=False):
        plain: int
        described: Annotated[int, "a sentence"]
        merged: Annotated[list[int], add]

    assert reducers(State) == {"plain": [], "described": [], "merged": [f"{__name__}.add"]}

"""Problems of invalid data: a misspelled field is compared with the fields of the same object."""

import pytest

from hitl_orchestrator import AgentOutput, InvalidInput
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.value import Value


class Leaf(Value):
    color: str = ""


class Twig(Value):
    bark: int = 0
    leaves: tuple[Leaf, ...] = ()
    best: Leaf | None = None
    named: dict[str, Leaf] | None = None
    fruit: Leaf | int = 0


class Tree(Value):
    height: int = 0
    twigs: list[Twig] | None = None


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ({"heigth": 1}, "heigth: unknown field; did you mean 'height'?"),
        ({"brak": 1}, "brak: unknown field"),
        ({"colr": "red"}, "colr: unknown field"),
        ({"twigs": [{"brak": 1}]}, "twigs[0].brak: unknown field; did you mean 'bark'?"),
        ({"twigs": [{"heigth": 1}]}, "twigs[0].heigth: unknown field"),
        ({"twigs": [{"leaves": [{"colr": ""}]}]}, "twigs[0].leaves[0].colr: unknown field; did you mean 'color'?"),
        ({"twigs": [{"best": {"colr": ""}}]}, "twigs[0].best.colr: unknown field; did you mean 'color'?"),
        ({"twigs": [{"best": {"brak": ""}}]}, "twigs[0].best.brak: unknown field"),
        ({"twigs": [{"named": {"a": {"colr": ""}}}]}, "twigs[0].named.a.colr: unknown field; did you mean 'color'?"),
    ],
)
def test_a_misspelled_field_is_compared_with_fields_of_its_own_level(raw, problem):
    with pytest.raises(InvalidInput) as refusal:
        parse(Tree, raw, "t")

    assert list(refusal.value.problems) == [f"t: {problem}"]


def test_a_misspelled_field_of_a_union_is_compared_with_its_types():
    with pytest.raises(InvalidInput) as refusal:
        parse(Tree, {"twigs": [{"fruit": {"colr": ""}}]}, "t")

    assert "t: twigs[0].fruit.Leaf.colr: unknown field; did you mean 'color'?" in refusal.value.problems


def test_a_field_of_the_proposal_is_not_suggested_beside_it():
    proposal = {"predicted_label": "x"}

    with pytest.raises(InvalidInput) as refusal:
        parse(AgentOutput, {"task_id": "t", "agent_output": proposal, "explanaton": "y"}, "o")

    assert list(refusal.value.problems) == ["o: explanaton: unknown field"]

"""What is told about data that cannot be used: a misspelled field is compared with those of its own place."""

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
    ("raw", "told"),
    [
        ({"heigth": 1}, "heigth: unknown field; did you mean 'height'?"),
        ({"brak": 1}, "brak: unknown field"),
        ({"color": "red"}, "color: unknown field"),
        ({"twigs": [{"brak": 1}]}, "twigs[0].brak: unknown field; did you mean 'bark'?"),
        ({"twigs": [{"heigth": 1}]}, "twigs[0].heigth: unknown field"),
        ({"twigs": [{"leaves": [{"color": ""}]}]}, "twigs[0].leaves[0].color: unknown field; did you mean 'color'?"),
        ({"twigs": [{"best": {"color": ""}}]}, "twigs[0].best.color: unknown field; did you mean 'color'?"),
        ({"twigs": [{"best": {"brak": ""}}]}, "twigs[0].best.brak: unknown field"),
        ({"twigs": [{"named": {"a": {"color": ""}}}]}, "twigs[0].named.a.color: unknown field; did you mean 'color'?"),
    ],
)
def test_a_misspelled_field_is_compared_with_those_of_its_own_place(raw, told):
    with pytest.raises(InvalidInput) as refusal:
        parse(Tree, raw, "t")

    assert list(refusal.value.problems) == [f"t: {told}"]


def test_a_misspelled_field_beside_one_of_several_types_is_compared_with_theirs():
    with pytest.raises(InvalidInput) as refusal:
        parse(Tree, {"twigs": [{"fruit": {"color": ""}}]}, "t")

    assert "t: twigs[0].fruit.Leaf.color: unknown field; did you mean 'color'?" in refusal.value.problems


def test_a_field_of_the_proposal_is_not_suggested_beside_it():
    proposal = {"predicted_label": "x"}

    with pytest.raises(InvalidInput) as refusal:
        parse(AgentOutput, {"task_id": "t", "agent_output": proposal, "explanaton": "y"}, "o")

    assert list(refusal.value.problems) == ["o: explanaton: unknown field"]

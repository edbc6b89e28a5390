"""The shape of the graph, its version, and the values that a checkpoint may contain."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from support.builders import a_task, an_output
from support.internals import services_of

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import UnsafeRow, UnsafeSerializer
from hitl_orchestrator.graph.serializer import check_strict, strict_serializer
from hitl_orchestrator.graph.topology import NEXT, OWNS, READS, graph_version


@pytest.fixture
def graph():
    with Orchestrator.open("memory://") as hitl:
        yield services_of(hitl).runner.graph


def test_the_picture_has_the_five_nodes_and_the_edge_up_the_chain(graph):
    picture = graph.get_graph()

    assert set(picture.nodes) == {"__start__", "classify", "score", "route", "human_review", "finalize", "__end__"}
    assert {(edge.source, edge.target) for edge in picture.edges} == {
        ("__start__", "classify"),
        ("classify", "score"),
        ("score", "route"),
        ("route", "finalize"),
        ("route", "human_review"),
        ("human_review", "human_review"),
        ("human_review", "finalize"),
        ("finalize", "__end__"),
    }
    assert {edge.source for edge in picture.edges if edge.conditional} == {"route", "human_review"}
    assert "human_review -.-> human_review" in picture.draw_mermaid().replace("&nbsp;", "")


def test_the_graph_version_is_pinned():
    """Code of another version rejects waiting cases: change this deliberately, with a changelog entry."""
    assert graph_version() == "gef098ce10868"


def test_every_step_owns_one_key_and_reads_what_was_written_before():
    written = {"submission"}
    for step in NEXT:
        assert {key for key, field in READS[step].model_fields.items() if field.is_required()} <= written
        written.add(OWNS[step])
    assert len(set(OWNS.values())) == len(NEXT)


def test_the_interrupt_publishes_the_schema_of_an_answer():
    with Orchestrator.open("memory://") as hitl:
        case = hitl.submit(a_task(), an_output(confidence=0.5))
        (asked,) = services_of(hitl).runner.graph.get_state(services_of(hitl).runner.thread(case.case_id)).interrupts

    assert asked.value["digest"] == case.open_review.digest
    assert asked.value["shown"] == case.open_review.shown.model_dump(mode="json")


@dataclass
class Foreign:
    """A class that a stored row might name; constructing it executes its code."""

    made: ClassVar[list[str]] = []
    what: str = ""

    def __post_init__(self):
        self.made.append(self.what)


def test_a_row_naming_a_foreign_class_is_rejected_without_executing_it():
    lax = JsonPlusSerializer(allowed_msgpack_modules=True)
    poisoned = lax.dumps_typed(Foreign("poison"))
    lax.loads_typed(poisoned)
    assert Foreign.made == ["poison", "poison"]

    with pytest.raises(UnsafeRow, match=r"it names .*Foreign"):
        strict_serializer().loads_typed(poisoned)

    assert Foreign.made == ["poison", "poison"]


def test_a_pickled_row_is_refused():
    with pytest.raises(UnsafeRow, match="its tag is 'pickle'"):
        strict_serializer().loads_typed(("pickle", b"cos\ngetpid\n(tR."))


@pytest.mark.parametrize(
    "lax",
    [
        JsonPlusSerializer(pickle_fallback=True, allowed_msgpack_modules=None),
        JsonPlusSerializer(allowed_msgpack_modules=True),
        JsonPlusSerializer(allowed_msgpack_modules=None, allowed_json_modules=True),
        JsonPlusSerializer(allowed_msgpack_modules=None),
    ],
    ids=["pickle", "any class", "any constructor", "langgraph's strict mode"],
)
def test_startup_rejects_a_serializer_that_reads_a_poisoned_row(lax, caplog):
    with pytest.raises(UnsafeSerializer):
        check_strict(lax)


def test_plain_values_come_back_as_they_were():
    value = {"text": "é\u2028", "numbers": [1, 0.1, -(2**53) + 1], "nothing": None, "yes": True, "nested": {"a": [{}]}}
    serializer = strict_serializer()

    assert serializer.loads_typed(serializer.dumps_typed(value)) == value

"""Between typed nodes and plain JSON: a node is held to the one key it owns, and what is stored is checked."""

import json

import pytest
from support.builders import a_submission, an_output

from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Classification
from hitl_orchestrator.graph.adapter import LARGEST_IN_STATE, Adapter, InvalidState
from hitl_orchestrator.nodes.state import Submitted
from hitl_orchestrator.wiring.build import MEMORY, open_ledger

CLASSIFIED = Classification(risk_level="low", output=an_output())


@pytest.fixture
def payloads():
    return open_ledger(MEMORY)


@pytest.fixture
def adapter(payloads):
    return Adapter(payloads)


def state_of(adapter, **fields):
    return {"submission": adapter.plain(a_submission(**fields))}


def test_a_node_is_given_values_and_gives_plain_json(adapter):
    seen = []

    def node(state):
        seen.append(state)
        return {"classification": CLASSIFIED}

    update = adapter.step("classify", node, Submitted, "classification")(state_of(adapter))

    assert seen == [Submitted(submission=a_submission()).as_own(True)]
    assert update == {"classification": json.loads(CLASSIFIED.model_dump_json())}


@pytest.mark.parametrize("update", [{}, {"score": None}, {"classification": None, "score": None}])
def test_a_node_that_writes_anything_but_its_own_key_is_at_fault(adapter, update):
    step = adapter.step("classify", lambda state: update, Submitted, "classification")

    with pytest.raises(InvalidState, match="'classify' may write 'classification' and wrote"):
        step(state_of(adapter))


@pytest.mark.parametrize("state", [{}, {"submission": None}, {"score": {}}])
def test_a_state_without_what_a_node_needs_is_not_sound(adapter, state):
    with pytest.raises(InvalidState, match="it has no submission"):
        adapter.step("classify", lambda state: {}, Submitted, "classification")(state)


@pytest.mark.parametrize("change", [{"attempt": "many"}, {"approved": True}, {"task": None}])
def test_a_state_that_no_code_of_ours_wrote_is_not_sound(adapter, change):
    state = {"submission": {**json.loads(a_submission().model_dump_json()), **change}}

    with pytest.raises(InvalidState, match="Submission has 1 problems"):
        adapter.step("classify", lambda state: {}, Submitted, "classification")(state)


def large():
    return a_submission(output=an_output(letter="é" * LARGEST_IN_STATE))


def test_what_is_large_is_kept_beside_the_state(adapter, payloads):
    reference = adapter.plain(large())

    assert len(json.dumps(reference)) < 200
    assert payloads.kept(reference["$kept"]) == large().model_dump_json()
    assert adapter.typed(Submission, dict(reference)) == large()


@pytest.mark.parametrize("kept", [None, "{}"])
def test_what_was_kept_and_is_lost_or_changed_is_not_sound(adapter, payloads, kept):
    name = "f" * 64
    if kept is not None:
        payloads.keep(name, kept)

    with pytest.raises(InvalidState, match=r"is not kept here|was changed since it was kept"):
        adapter.typed(Submission, {"$kept": name, "size": 2})

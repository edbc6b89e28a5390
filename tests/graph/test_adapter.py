"""The adapter: nodes may write only their own key, and stored state is validated."""

import json

import pytest
from langgraph.runtime import Runtime
from support.builders import a_routing, a_submission, an_output

from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.decision import Classification, Score
from hitl_orchestrator.errors import InvalidState
from hitl_orchestrator.graph.adapter import LARGEST_IN_STATE, Adapter
from hitl_orchestrator.nodes.state import CaseRun, Classified, Submitted
from hitl_orchestrator.wiring.stores import MEMORY, open_ledger

CLASSIFIED = Classification(risk_level="low", output=an_output())
SCORE = Score(confidence=0.9, source="reported")


@pytest.fixture
def payloads():
    return open_ledger(MEMORY)


@pytest.fixture
def adapter(payloads):
    return Adapter(payloads)


def state_of(adapter, **fields):
    return {"submission": adapter.plain(a_submission(**fields))}


def test_a_node_receives_values_and_its_update_is_plain_json(adapter):
    seen = []

    def node(state):
        seen.append(state)
        return {"classification": CLASSIFIED}

    update = adapter.step("classify", node, Submitted, "classification")(state_of(adapter))

    assert seen == [Submitted(submission=a_submission())]
    assert update == {"classification": json.loads(CLASSIFIED.model_dump_json())}


@pytest.mark.parametrize("update", [{}, {"score": None}, {"classification": None, "score": None}])
def test_a_node_that_writes_another_key_is_refused(adapter, update):
    step = adapter.step("classify", lambda state: update, Submitted, "classification")

    with pytest.raises(InvalidState, match="'classify' may write 'classification' and wrote"):
        step(state_of(adapter))


@pytest.mark.parametrize("state", [{}, {"submission": None}, {"score": {}}])
def test_a_state_without_a_required_key_is_refused(adapter, state):
    with pytest.raises(InvalidState, match="it has no submission"):
        adapter.step("classify", lambda state: {}, Submitted, "classification")(state)


@pytest.mark.parametrize("change", [{"attempt": "many"}, {"approved": True}, {"task": None}])
def test_a_state_that_does_not_validate_is_refused(adapter, change):
    state = {"submission": {**json.loads(a_submission().model_dump_json()), **change}}

    with pytest.raises(InvalidState, match="Submission has 1 problems"):
        adapter.step("classify", lambda state: {}, Submitted, "classification")(state)


def large():
    return a_submission(output=an_output(letter="é" * LARGEST_IN_STATE))


def test_large_values_are_stored_beside_the_state(adapter, payloads):
    reference = adapter.plain(large())

    assert len(json.dumps(reference)) < 200
    assert payloads.kept(reference["$kept"]) == large().model_dump_json()
    assert adapter.typed(Submission, dict(reference)) == large()


@pytest.mark.parametrize("kept", [None, "{}"])
def test_a_missing_or_altered_payload_is_refused(adapter, payloads, kept):
    name = "f" * 64
    if kept is not None:
        payloads.keep(name, kept)

    with pytest.raises(InvalidState, match=r"is not stored here|was changed after it was stored"):
        adapter.typed(Submission, {"$kept": name, "size": 2})


def test_values_computed_in_a_run_are_passed_on_unchanged(adapter):
    run = Runtime(context=CaseRun())
    state = state_of(adapter)
    seen = []
    state |= adapter.step("classify", lambda values: {"classification": CLASSIFIED}, Submitted, "classification")(
        state, runtime=run
    )

    adapter.step("score", lambda values: seen.append(values) or {"score": SCORE}, Classified, "score")(
        state, runtime=run
    )

    assert seen[0].classification is CLASSIFIED
    assert run.context.computed == {"classification": CLASSIFIED, "score": SCORE}


@pytest.mark.parametrize("key", ["classification", "score", "decision"])
def test_a_run_that_did_not_compute_every_part_has_no_routing(key):
    computed = {"classification": CLASSIFIED, "score": SCORE, "decision": a_routing().decision}

    assert CaseRun(computed=computed).routing == a_routing().model_copy(update={"risk_level": "low", "score": SCORE})
    assert CaseRun(computed={name: part for name, part in computed.items() if name != key}).routing is None


def test_a_value_from_a_checkpoint_counts_as_read_and_not_as_computed(adapter):
    run = Runtime(context=CaseRun())
    state = state_of(adapter) | {"classification": adapter.plain(CLASSIFIED)}

    adapter.step("score", lambda values: {"score": SCORE}, Classified, "score")(state, runtime=run)

    assert set(run.context.computed) == {"score"}

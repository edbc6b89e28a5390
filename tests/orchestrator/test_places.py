"""Poisoned, moved or reverted checkpoints: no code runs, and the case resumes from its tables."""

import json
import pickle
from typing import Any

import ormsgpack
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.types import Command
from support.builders import a_review
from support.internals import look_at, services_of

from hitl_orchestrator.errors import CheckpointUnreadable, ForgedState
from hitl_orchestrator.ledger.keys.files import new_key

marks: list[str] = []
HERE = __name__


class Marker:
    """Leaves a mark when it is unpickled or made."""

    def __init__(self, what: str = "made") -> None:
        marks.append(what)

    def __reduce__(self):
        return marks.append, ("unpickled",)


def extension(code: int, *call: Any) -> bytes:
    return ormsgpack.packb({"v": 4, "x": ormsgpack.Ext(code, ormsgpack.packb(call))})


def constructor(version: int, *path: str, **rest: Any) -> bytes:
    return json.dumps({"lc": version, "type": "constructor", "id": path, **rest}).encode()


MESSAGE = ("langchain_core", "messages", "human", "HumanMessage")
POISONS = {
    "pickle": ("pickle", pickle.dumps(Marker.__new__(Marker))),
    "msgpack, one argument": ("msgpack", extension(0, HERE, "Marker", "called")),
    "msgpack, arguments": ("msgpack", extension(1, HERE, "Marker", ["called"])),
    "msgpack, keywords": ("msgpack", extension(2, HERE, "Marker", {"what": "called"})),
    "msgpack, a method": ("msgpack", extension(3, "os", "environ", "x", "get")),
    "msgpack, a model": ("msgpack", extension(5, "hitl_orchestrator.domain.task", "Task", {}, "model_validate_json")),
    "msgpack, a time": ("msgpack", extension(3, "datetime", "datetime", "2025-01-10", "fromisoformat")),
    "json, a constructor": ("json", constructor(2, HERE, "Marker", kwargs={"what": "called"})),
    "json, a message": ("json", constructor(1, *MESSAGE, kwargs={"content": "x"})),
    "json, plain": ("json", b"{}"),
    "another tag": ("msgpack+aes", b"x" * 40),
    "no value at all": ("msgpack", b"\xc1"),
    "nothing": ("null", b""),
    "bytes": ("bytes", b"x"),
}


class Writes:
    """A serializer that always writes the same row."""

    def __init__(self, row: tuple[str, bytes]) -> None:
        self.row = row

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return self.row


def places(hitl):
    return services_of(hitl).runner._checkpoints


def address(case_id: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": case_id, "checkpoint_ns": ""}}


def put(hitl, case_id: str, place: Any, **changed: Any) -> None:
    """Store a checkpoint as the newest of a thread."""
    checkpoint = {**place.checkpoint, "id": empty_checkpoint()["id"], **changed}
    places(hitl).put(address(case_id), checkpoint, place.metadata, checkpoint["channel_versions"])


def poison(hitl, case_id: str, row: tuple[str, bytes]) -> None:
    saver, place = places(hitl), places(hitl).get_tuple(address(case_id))
    versions = {key: saver.get_next_version(old, None) for key, old in place.checkpoint["channel_versions"].items()}
    sound, saver.serde = saver.serde, Writes(row)
    try:
        put(hitl, case_id, place, channel_versions=versions)
    finally:
        saver.serde = sound


def alarms(hitl, case_id):
    return [event.body["cause"] for event in hitl.cases.history(case_id) if event.kind == "alarm"]


@pytest.fixture(params=POISONS.values(), ids=POISONS)
def poisoned(request, hitl, waits):
    marks.clear()
    case = waits(hitl)
    poison(hitl, case.case_id, request.param)
    return case


def test_a_poisoned_checkpoint_executes_no_code_and_finishes_no_case(hitl, poisoned):
    for given in (None, Command(resume={"decision": {"human_decision": "approve", "reviewer_id": "zoe"}})):
        with pytest.raises(CheckpointUnreadable):
            services_of(hitl).runner.graph.invoke(given, services_of(hitl).runner.thread(poisoned.case_id))

    assert (marks, list(hitl.audit.records()), hitl.cases.get(task_id="task-1")) == ([], [], poisoned)
    (cause,) = alarms(hitl, poisoned.case_id)
    assert "cannot be read" in cause


def test_a_reviewer_can_decide_a_case_with_a_poisoned_checkpoint(hitl, poisoned):
    case = hitl.decide(task_id="task-1", decision=a_review("reject", "ana"))

    assert (case.status, marks) == ("rejected", [])
    assert not places(hitl).holds(case.case_id)


def test_a_checkpoint_moved_from_another_case_finishes_neither(hitl, waits):
    victim, donor = waits(hitl, "victim"), waits(hitl, "donor")
    put(hitl, victim.case_id, places(hitl).get_tuple(address(donor.case_id)))

    with pytest.raises(ForgedState, match=donor.case_id):
        services_of(hitl).runner.graph.invoke(None, services_of(hitl).runner.thread(victim.case_id))
    assert list(hitl.audit.records()) == []

    done = hitl.decide(task_id="victim", decision=a_review("reject", "ana"))

    assert (done.record.task_id, done.status) == ("victim", "rejected")
    assert hitl.cases.get(task_id="donor") == donor


def test_the_checkpoint_of_a_decided_case_decides_no_other(hitl, waits):
    victim, donor = waits(hitl, "victim"), waits(hitl, "donor")
    place = places(hitl).get_tuple(address(donor.case_id))
    hitl.decide(task_id="donor", decision=a_review("approve", "ana"))
    put(hitl, victim.case_id, place)

    with pytest.raises(ForgedState):
        services_of(hitl).runner.graph.invoke(Command(goto="finalize"), services_of(hitl).runner.thread(victim.case_id))

    assert [record.task_id for record in hitl.audit.records()] == ["donor"]
    assert hitl.cases.get(task_id="victim") == victim


def test_a_reverted_checkpoint_requests_the_review_of_the_tables(hitl, waits):
    case = waits(hitl)
    before = places(hitl).get_tuple(address(case.case_id))
    hitl.decide(task_id="task-1", decision=a_review("escalate", "ana"))
    put(hitl, case.case_id, before)

    state = services_of(hitl).runner.graph.invoke(None, services_of(hitl).runner.thread(case.case_id))

    assert "outcome" not in state
    assert (hitl.cases.get(task_id="task-1").open_review.role, list(hitl.audit.records())) == ("senior_manager", [])
    assert hitl.decide(task_id="task-1", decision=a_review("reject", "max")).record.human_role == "senior_manager"


def test_an_unauthorized_answer_sent_directly_to_the_graph_is_reported_once(hitl, waits):
    case = waits(hitl)
    forged = Command(resume={"decision": {"human_decision": "approve", "reviewer_id": "stranger"}})

    for _ in range(3):
        services_of(hitl).runner.graph.invoke(forged, services_of(hitl).runner.thread(case.case_id))

    assert hitl.cases.get(task_id="task-1") == case
    (cause,) = alarms(hitl, case.case_id)
    assert "'stranger'" in cause


def test_checkpoints_encrypted_with_a_key_are_read_after_a_restart(opened, durable_store, waits, intruder):
    key = new_key()
    with opened(durable_store, checkpoint_key=key) as hitl:
        case = waits(hitl, task_description="a secret of the customer")
        look_at(hitl, case.case_id)
    raw = intruder.stored_places()
    assert {tag for tag, _ in raw} == {"msgpack+aes"}
    assert not any(b"secret" in body for _, body in raw)

    with opened(durable_store, checkpoint_key=key) as hitl:
        assert look_at(hitl, case.case_id).interrupts
        assert intruder.stored_places() == raw
        assert hitl.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"


@pytest.mark.parametrize("written_with", [None, new_key()], ids=["no key", "another key"])
def test_a_checkpoint_without_our_key_is_rejected_and_its_case_is_decided(opened, durable_store, waits, written_with):
    with opened(durable_store, checkpoint_key=written_with) as hitl:
        case = waits(hitl)
        look_at(hitl, case.case_id)

    with opened(durable_store, checkpoint_key=new_key()) as hitl:
        with pytest.raises(CheckpointUnreadable):
            look_at(hitl, case.case_id)
        assert len(alarms(hitl, case.case_id)) == 1
        assert hitl.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"

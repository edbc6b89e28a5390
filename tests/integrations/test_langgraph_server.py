"""A LangGraph server runs oversight from the wheel: what its users do is bounded, and recorded as by the library."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from langgraph_sdk.errors import AuthenticationError
from support.internals import services_of
from support.langgraph_server import headers_of, langgraph_dev

from hitl_orchestrator import Orchestrator, ParentCall, Review
from hitl_orchestrator.cli import main
from hitl_orchestrator.integrations.langgraph import LangGraphServerResumer, UnfitRun
from hitl_orchestrator.integrations.langgraph.server import graph

APPROVAL = {"decision": {"human_decision": "approve"}}
EDIT = {"predicted_label": "answer 1", "explanation": "checked"}
ANSWERS = {
    1: ("domain_reviewer", {"decision": {"human_decision": "approve", "human_feedback": "good"}}),
    2: ("domain_reviewer", {"decision": {"human_decision": "reject", "reason": "no"}}),
    3: ("domain_reviewer", {"decision": {"human_decision": "modify", "modified_output": EDIT}}),
    4: ("senior_manager", {"decision": {"human_decision": "override", "modified_output": EDIT, "reason": "an order"}}),
    5: ("domain_reviewer", [{"type": "accept", "args": None}]),
    6: ("domain_reviewer", [{"type": "edit", "args": {"action": "answer 1", "args": {"explanation": "checked"}}}]),
    7: ("senior_manager", [{"type": "response", "args": "ask the customer"}]),
    8: ("senior_manager", [{"type": "ignore", "args": None}]),
    9: ("domain_reviewer", {"decision": {"human_decision": "escalate", "reason": "too large for me"}}),
}
"""How the tasks with these numbers are decided; the higher ones are approved by the policy."""

WAITING = 11

LIKE = {
    5: {"human_decision": "approve"},
    6: {"human_decision": "modify", "modified_output": EDIT},
    7: {"human_decision": "reject", "reason": "ask the customer"},
    8: {"human_decision": "reject", "reason": "ignored in the agent inbox"},
}
"""The decisions that the answers of Agent Inbox stand for."""

OF_THE_RUN = {
    *("log_id", "case_id", "task_id", "timestamp", "latency_seconds", "review_id", "received_at", "shown_digest"),
    *("review_opened_at", "review_seconds", "votes", "authenticated", "channel"),
}
"""The fields of a record that differ from run to run, or say that an authenticated user decided by the server."""


def a_task(number):
    risk, confidence = ("medium", 0.68) if number <= WAITING else ("low", 0.95)
    task = {
        "task_id": f"t{number}",
        "task_type": "email",
        "task_description": "d",
        "domain": "support",
        "risk_level": risk,
    }
    proposal = {"predicted_label": f"answer {number}", "explanation": "because"}
    return {"task": task, "output": {"agent_output": proposal, "confidence_score": confidence}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with langgraph_dev(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def threads(server):
    """The threads of 20 tasks, submitted by the official client at the same time."""
    client = server.client("agent")

    def submit(number):
        thread = client.threads.create()["thread_id"]
        return number, (thread, client.runs.wait(thread, "oversight", input=a_task(number)))

    with ThreadPoolExecutor(5) as pool:
        return dict(pool.map(submit, range(1, 21)))


def pause(client, thread):
    (task,) = client.threads.get_state(thread)["tasks"]
    (found,) = task["interrupts"]
    return found


def resume(client, thread, value, found=None):
    found = found or pause(client, thread)
    return client.runs.wait(thread, "oversight", command={"resume": {found["id"]: value}})


def test_twenty_tasks_are_submitted_and_those_that_wait_are_listed(server, threads):
    listed = server.client("agent").threads.search(status="interrupted", limit=100)

    assert {each["thread_id"] for each in listed} == {threads[number][0] for number in range(1, WAITING + 1)}
    finished = {number for number, (_, state) in threads.items() if "__interrupt__" not in state}
    assert finished == {*range(WAITING + 1, 21)}
    assert all(threads[number][1]["result"]["approved"] for number in finished)
    with Orchestrator.open(server.store) as hitl:
        assert len(hitl.inbox()) == WAITING
    assert "BlockingError" not in server.log.read_text()


def test_decisions_of_all_kinds_are_those_of_the_library(server, threads):
    def decide(number):
        user, value = ANSWERS[number]
        state = resume(server.client(user), threads[number][0], value)
        if "__interrupt__" in state:  # the first one escalated it
            state = resume(server.client("senior_manager"), threads[number][0], APPROVAL)
        return number, state["result"]

    with ThreadPoolExecutor(3) as pool:
        results = dict(pool.map(decide, ANSWERS))

    with Orchestrator.open(server.store) as on_server, Orchestrator.open("memory://") as library:
        for number, (user, value) in ANSWERS.items():
            by_library = decided_by_library(library, number, user, LIKE.get(number) or value["decision"])
            record = on_server.cases.get(results[number]["case_id"]).record
            assert record.model_dump(exclude=OF_THE_RUN) == by_library.model_dump(exclude=OF_THE_RUN)
            assert (record.authenticated, record.channel) == ("authenticated", "langgraph")
            assert results[number]["final_decision"] == record.final_decision


def decided_by_library(library, number, user, decision):
    given = a_task(number)
    case = library.submit(given["task"], given["output"], submitted_by="agent")
    case = library.decide(case.case_id, Review.model_validate(decision), reviewer=user)
    if case.record is None:
        case = library.decide(case.case_id, Review.model_validate(APPROVAL["decision"]), reviewer="senior_manager")
    return case.record


def test_of_two_clients_one_decides(server, threads):
    together, (thread, _) = Barrier(2), threads[10]
    clients, found = [server.client("domain_reviewer"), server.client("senior_manager")], None
    found = pause(clients[0], thread)

    def answer(each):
        word = ("approve", "reject")[each]
        together.wait()
        value = {"decision": {"human_decision": word, "reason": "r"}}
        return clients[each].runs.wait(
            thread, "oversight", command={"resume": {found["id"]: value}}, multitask_strategy="enqueue"
        )

    with ThreadPoolExecutor(2) as pool:
        results = [each["result"] for each in pool.map(answer, range(2))]

    assert results[0] == results[1]
    with Orchestrator.open(server.store) as hitl:
        decided = [each for each in hitl.cases.history(results[0]["case_id"]) if each.kind == "decided"]
    assert [each.actor.id for each in decided] == [results[0]["reviewer"]]
    assert results[0]["approved"] is (results[0]["reviewer"] == "domain_reviewer")


def test_a_user_who_is_no_reviewer_decides_nothing_and_learns_why(server, threads):
    agent, (thread, _) = server.client("agent"), threads[11]
    forged = {"decision": {"human_decision": "approve", "reviewer_id": "domain_reviewer"}}
    resume(agent, thread, forged)
    assert "agent" in pause(agent, thread)["value"]["refused"]
    stated = {"configurable": {"langgraph_auth_user_id": "domain_reviewer"}}
    approval = {"resume": {pause(agent, thread)["id"]: {"decision": {"human_decision": "approve"}}}}
    agent.runs.wait(thread, "oversight", command=approval, config=stated)
    assert "agent" in pause(agent, thread)["value"]["refused"]
    agent.runs.wait(thread, "oversight", command={"resume": {"type": "accept"}})
    server.client("domain_reviewer").runs.wait(thread, "oversight", input=None)
    assert pause(agent, thread)["value"]["status"] == "waiting"
    with pytest.raises(AuthenticationError):
        server.client(None).threads.search()

    assert (
        resume(server.client("domain_reviewer"), thread, {"type": "accept"})["result"]["reviewer"] == "domain_reviewer"
    )


def test_a_decision_elsewhere_resumes_the_thread_on_the_server(server):
    agent = server.client("agent")
    thread = agent.threads.create()["thread_id"]
    agent.runs.wait(thread, "oversight", input=a_task(1))
    case_id = pause(agent, thread)["value"]["case_id"]
    with Orchestrator.open(server.store) as hitl:
        case = hitl.decide(case_id, "approve", reviewer="domain_reviewer")

    resumer = LangGraphServerResumer(server.url, headers=headers_of("agent"))
    for _ in range(2):
        resumer.resume(ParentCall(graph="oversight", thread_id=thread), case)

    assert agent.threads.get_state(thread)["values"]["result"]["approved"]


def test_an_unusable_input_is_refused_in_one_sentence(server):
    agent = server.client("agent")
    thread = agent.threads.create()["thread_id"]

    refused = agent.runs.wait(thread, "oversight", input={"task": {"task_id": "x"}}, raise_error=False)["__error__"]
    empty = agent.runs.wait(thread, "oversight", input={}, raise_error=False)["__error__"]
    exits = agent.runs.wait(thread, "oversight", input=a_task(1), durability="exit", raise_error=False)["__error__"]

    assert "task_type" in refused["message"]
    assert "the input is {'task'" in empty["message"]
    assert "durability='sync'" in exits["message"]


def test_the_ledger_of_the_server_is_sound(server, threads, capsys):
    assert threads
    assert main(["audit", "verify", "--store", server.store]) == 0
    # The server decides and carries nothing out, so that its cases are no calls.
    assert "carried out" not in capsys.readouterr().out
    assert "BlockingError" not in server.log.read_text()


@pytest.mark.parametrize("reviewer", [None, "domain_reviewer"])
def test_without_authentication_decisions_count_for_the_reviewer_of_the_settings_alone(tmp_path, monkeypatch, reviewer):
    monkeypatch.setenv("HITL_STORE", f"sqlite:///{tmp_path / 'hitl.db'}")
    if reviewer is not None:
        monkeypatch.setenv("HITL_REVIEWER", reviewer)
    here = graph.copy(update={"checkpointer": InMemorySaver()})
    # A server without authentication names an empty user.
    place = {"configurable": {"thread_id": "t", "langgraph_auth_user_id": ""}}
    here.invoke(a_task(1), place, durability="sync")

    here.invoke(Command(resume={"decision": {"human_decision": "approve"}}), place, durability="sync")

    waits = here.get_state(place).interrupts
    assert bool(waits) is (reviewer is None)


UNFIT = {
    "nothing": ({}, "the input: task: missing, or no object; the input is {'task'"),
    "another field": ({"tsk": 1}, "the input: task: missing"),
    "a text": ({"task": "x"}, "the input: task: missing, or no object"),
    "a task without a type": ({"task": {"task_id": "x"}}, "the input: task: task_type: this field is required"),
    "an output without a proposal": (a_task(1) | {"output": {}}, "the input: output: agent_output"),
    "an output that is none": (a_task(1) | {"output": 3}, "the input: output: 3 is not an object"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_an_input_of_another_shape_is_refused_in_words(kind):
    given, problem = UNFIT[kind]
    here = graph.copy(update={"checkpointer": InMemorySaver()})
    with pytest.raises(UnfitRun, match=re.escape(problem)) as refused:
        here.invoke(given, {"configurable": {"thread_id": "t"}}, durability="sync")
    assert "pydantic" not in str(refused.value)


def test_a_task_never_gets_the_output_of_an_earlier_one_of_its_thread(tmp_path, monkeypatch):
    monkeypatch.setenv("HITL_STORE", f"sqlite:///{tmp_path / 'hitl.db'}")
    here, place = graph.copy(update={"checkpointer": InMemorySaver()}), {"configurable": {"thread_id": "outputs"}}
    assert here.invoke(a_task(15), place, durability="sync")["result"]["approved"]

    (pause,) = here.invoke({"task": a_task(16)["task"]}, place, durability="sync")["__interrupt__"]

    assert pause.value["proposal"] is None


def test_the_graphs_state_the_schemas_of_their_inputs():
    schema = graph.get_input_jsonschema()

    assert schema["required"] == ["task"]
    assert {"task_id", "task_type", "domain"} <= set(schema["$defs"]["Task"]["properties"])
    with Orchestrator.open("memory://") as hitl:
        assert "submission" in services_of(hitl).runner.graph.get_input_jsonschema()["properties"]

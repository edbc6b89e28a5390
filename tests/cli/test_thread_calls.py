"""`hitl calls` lists the calls that a thread waits for, and answers those of LangChain's own middleware."""

import json

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langgraph.checkpoint.memory import InMemorySaver
from support.scripted_agents import REFUND, Scripted, an_agent, started, tools_that_log

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli import main

APPLICATION = "support.scripted_agents"


def hitl_calls(capsys, *words):
    code = main(["calls", *words, "--json"])
    printed = capsys.readouterr()
    return code, json.loads(printed.out or printed.err)


@pytest.fixture
def running(monkeypatch):
    """Return a function that makes an agent importable, and starts it."""

    def run(agent):
        monkeypatch.setattr(f"{APPLICATION}.agent", agent, raising=False)
        started(agent)
        return f"{APPLICATION}:agent", "thread-1"

    return run


def langchains_own(ran):
    own = HumanInTheLoopMiddleware({"refund": True}, interrupt_mode="per_call")
    script = [[("refund", REFUND, "call-0")], "done"]
    return create_agent(
        Scripted(turns=script), tools=tools_that_log(ran), middleware=[own], checkpointer=InMemorySaver()
    )


def test_a_call_of_langchains_own_middleware_is_listed_and_answered(capsys, running):
    ran = []
    place = running(langchains_own(ran))
    code, (listed,) = hitl_calls(capsys, *place)
    assert (code, listed["name"], listed["arguments"], listed["case_id"]) == (0, "refund", REFUND, None)
    assert listed["allowed_decisions"] == ["approve", "edit", "reject", "respond"]

    refused, problem = hitl_calls(capsys, *place, "--call", listed["interrupt_id"], "--answer", '{"type": "edit"}')
    answered, left = hitl_calls(capsys, *place, "--call", listed["interrupt_id"][:8], "--answer", '{"type": "approve"}')

    assert (refused, answered, left) == (2, 0, [])
    assert "refund" in problem["problems"][0]
    assert ran == [("refund", 50, "ana")]


def test_a_call_of_ours_shows_its_case_and_goes_on_after_the_decision(capsys, running):
    ran = []
    with Orchestrator.open("memory://") as hitl:
        place = running(an_agent(hitl, ran, interrupt_mode="per_call"))
        _, (listed,) = hitl_calls(capsys, *place)
        _, (waiting,) = hitl_calls(capsys, *place, "--call", listed["interrupt_id"])
        hitl.decide(waiting["case_id"], "approve", reviewer="domain_reviewer")

        assert hitl_calls(capsys, *place, "--call", listed["interrupt_id"]) == (0, [])
        assert ran == [("refund", 50, "ana")]


@pytest.mark.parametrize(
    ("words", "problem"), [((), "no call of thread 'thread-1' has a case"), (("--call", "a"), "leave out --call")]
)
def test_the_desk_opens_for_calls_with_cases_alone(capsys, running, words, problem):
    code, refused = hitl_calls(capsys, *running(langchains_own([])), "--reviewer", "domain_reviewer", *words)

    assert (code, problem in refused["problems"][0]) == (2, True)


def test_the_table_names_the_tool_and_the_arguments(capsys, running):
    assert main(["calls", *running(langchains_own([]))]) == 0
    printed = capsys.readouterr().out

    assert "refund" in printed
    assert '"amount": 50' in printed


def test_an_agent_that_fails_while_it_goes_on_is_named_in_one_sentence(capsys, running):
    agent = langchains_own([])
    place = running(agent)
    _, (listed,) = hitl_calls(capsys, *place)
    agent.nodes["tools"].bound.tools_by_name["refund"].func = lambda **arguments: 1 / 0

    code, problem = hitl_calls(capsys, *place, "--call", listed["interrupt_id"], "--answer", '{"type": "approve"}')

    assert code == 1
    assert "ZeroDivisionError" in problem["problems"][0]


@pytest.mark.parametrize(
    "words",
    [
        ("nothing", "thread-1"),
        ("no_module:graph", "thread-1"),
        (f"{APPLICATION}:nothing", "thread-1"),
        (f"{APPLICATION}:THREAD", "thread-1"),
    ],
)
def test_what_is_no_graph_is_refused(capsys, words):
    code, problem = hitl_calls(capsys, *words)

    assert code == 2
    assert "MODULE:GRAPH" in problem["problems"][0]


@pytest.mark.parametrize(
    "words", [("--answer", "{}"), ("--call", "zz"), ("--call", "", "--answer", "x"), ("--call", "", "--answer", "[]")]
)
def test_an_answer_that_names_no_call_or_is_no_object_is_refused(capsys, running, words):
    ran = []
    code, _ = hitl_calls(capsys, *running(langchains_own(ran)), *words)

    assert code == 2
    assert not ran


def test_an_empty_list_says_whether_the_thread_is_unknown_or_waits_in_batched_mode(capsys, running):
    own = HumanInTheLoopMiddleware({"refund": True})
    script = [[("refund", REFUND, "call-0")], "done"]
    batched = create_agent(
        Scripted(turns=script), tools=tools_that_log([]), middleware=[own], checkpointer=InMemorySaver()
    )
    graph, thread = running(batched)

    assert main(["calls", graph, thread]) == 0
    assert "in LangChain's batched mode: refund;" in " ".join(capsys.readouterr().out.split())
    assert main(["calls", graph, "no-such-thread"]) == 0
    assert "has no thread 'no-such-thread'" in " ".join(capsys.readouterr().out.split())

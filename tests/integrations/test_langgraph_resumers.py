"""A parent is resumed once it has paused, by whichever process decides, and left alone once it went on."""

import asyncio
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import jsonschema
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command
from support.builders import a_task, an_output
from support.embedded_agent import NAME, Agent, agent_on, place
from support.teams import a_policy

from hitl_orchestrator import InvalidInput, Orchestrator, ParentCall, RequestRejected
from hitl_orchestrator.integrations.langgraph import LangGraphResumer, LangGraphServerResumer, ReviewPause
from hitl_orchestrator.integrations.langgraph.payload import LARGEST


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


def calls(*recipients):
    return {"calls": [{"id": "call_0", "arguments": {"to": to}} for to in recipients]}


def waiting(graph, thread="t"):
    return {each.value["proposal"]["arguments"]["to"]: each for each in graph.get_state(place(thread)).interrupts}


def approve(hitl, case_id):
    return hitl.decide(case_id, "approve", reviewer="domain_reviewer")


def test_calls_that_are_decided_at_the_same_time_are_all_made_and_the_rest_runs_once(hitl, tmp_path):
    names, made = [f"r{number}" for number in range(6)], list[str]()
    with sqlite3.connect(tmp_path / "threads.db", check_same_thread=False) as connection:
        graph = agent_on(
            SqliteSaver(connection), hitl, lambda arguments: made.append(arguments["to"]) or arguments["to"]
        )
        hitl.resumers[NAME] = LangGraphResumer(graph)
        graph.invoke(calls(*names), place("t"), durability="sync")
        cases = [each.value["case_id"] for each in waiting(graph).values()]

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda case_id: approve(hitl, case_id), cases))
        hitl.recover()

        assert graph.get_state(place("t")).values["done"] == [*names, "end"]
        assert sorted(made) == names
        assert hitl.cases.wakeups() == []
    connection.close()


@pytest.mark.parametrize("is_nested", [False, True], ids=["flat", "nested"])
def test_two_processes_that_each_finish_a_call_of_a_step_do_not_leave_the_next_step_to_the_other(hitl, is_nested):
    inside, finish = Event(), Event()

    def tool(arguments):
        if arguments["to"] == "ann":
            inside.set()
            finish.wait(30)
        return arguments["to"]

    graph = agent_on(InMemorySaver(), hitl, tool) if not is_nested else nested(hitl, tool)
    graph.invoke(calls("ann", "bob"), place("t"), durability="sync")
    pauses, resumer = waiting(graph), LangGraphResumer(graph)
    first = approve(hitl, pauses["ann"].value["case_id"])
    (wakeup,) = (each for each in hitl.cases.wakeups() if each.case_id == first.case_id)
    with ThreadPoolExecutor(1) as pool:
        one = pool.submit(resumer.resume, wakeup.parent, first)
        inside.wait(30)
        approve(hitl, pauses["bob"].value["case_id"])
        # The other process: it finds the first call under way.
        graph.invoke(Command(resume={pauses["bob"].id: "go on"}), place("t"), durability="sync")
        finish.set()
        one.result()

    assert graph.get_state(place("t")).values["done"] == ["ann", "bob", "end"]
    assert not graph.get_state(place("t")).tasks


def nested(hitl, tool):
    """The agent inside of another graph."""
    builder = StateGraph(Agent)
    builder.add_node("inner", agent_on(None, hitl, tool))
    builder.add_edge(START, "inner")
    return builder.compile(checkpointer=InMemorySaver())


def test_a_thread_that_has_not_paused_yet_is_resumed_later_and_one_that_went_on_never(hitl):
    made = list[dict]()
    graph = agent_on(InMemorySaver(), hitl, made.append)
    resumer = LangGraphResumer(lambda: graph)
    graph.invoke(calls("ann", "bob"), place("t"), durability="sync")
    case = approve(hitl, waiting(graph)["ann"].value["case_id"])
    (wakeup,) = (each for each in hitl.cases.wakeups() if each.case_id == case.case_id)

    with pytest.raises(RequestRejected, match=r"'elsewhere' does not wait for case .* yet"):
        resumer.resume(wakeup.parent.model_copy(update={"thread_id": "elsewhere"}), case)
    for _ in range(3):
        resumer.resume(wakeup.parent, case)

    assert [each["to"] for each in made] == ["ann"]
    assert list(waiting(graph)) == ["bob"]


def test_a_task_that_died_before_its_pause_is_not_taken_for_one_that_went_on(hitl):
    made, parents = list[dict](), list[ParentCall]()
    graph = agent_on(InMemorySaver(), hitl, made.append)

    class Dies:
        """The orchestrator of a process that dies as soon as the case is stored."""

        def __getattr__(self, name):
            return getattr(hitl, name)

        def ask(self, *key, parent, **named):
            hitl.ask(*key, parent=parent, **named)
            parents.append(parent)
            raise KeyboardInterrupt

    dying = agent_on(graph.checkpointer, Dies)
    with pytest.raises(KeyboardInterrupt):
        dying.invoke(calls("ann"), place("t"), durability="sync")
    (request,) = hitl.inbox()
    case = approve(hitl, request.case_id)

    with pytest.raises(RequestRejected, match="run the graph again if its process has died"):
        LangGraphResumer(graph).resume(parents[0], case)
    graph.invoke(None, place("t"), durability="sync")
    LangGraphResumer(graph).resume(parents[0], case)

    assert [each["to"] for each in made] == ["ann"]
    assert len(hitl.executions.list()) == 1


def test_a_graph_that_only_runs_asynchronously_is_resumed_on_its_loop(hitl):
    made = list[dict]()

    async def send(arguments):
        made.append(arguments)

    graph, loop = agent_on(InMemorySaver(), hitl, send), asyncio.new_event_loop()
    hitl.resumers[NAME] = LangGraphResumer(graph, loop=loop)
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(graph.ainvoke(calls("ann"), place("t")), loop).result()
        approve(hitl, waiting(graph)["ann"].value["case_id"])
        hitl.recover()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    assert [each["to"] for each in made] == ["ann"]
    assert hitl.cases.wakeups() == []


def test_a_nested_call_is_resumed_by_its_outermost_thread(hitl):
    made = list[dict]()
    graph = nested(hitl, made.append)
    hitl.resumers[NAME] = LangGraphResumer(graph)
    graph.invoke(calls("ann", "bob"), place("t"), durability="sync")

    for to in ("bob", "ann"):
        approve(hitl, waiting(graph)[to].value["case_id"])
        hitl.recover()

    assert [each["to"] for each in made] == ["bob", "ann"]
    assert hitl.cases.wakeups() == []


def test_a_decision_by_the_graph_itself_does_not_run_the_graph_twice(hitl):
    ends = list[str]()
    graph = agent_on(InMemorySaver(), hitl, lambda arguments: ends.append(arguments["to"]))
    hitl.resumers[NAME] = LangGraphResumer(graph)
    graph.invoke(calls("ann"), place("t"), durability="sync")
    user = {"configurable": {"thread_id": "t", "langgraph_auth_user_id": "domain_reviewer"}}

    graph.invoke(Command(resume={"type": "accept"}), user, durability="sync")

    hitl.recover()
    assert graph.get_state(place("t")).values["done"] == [None, "end"]
    assert ends == ["ann"]
    assert hitl.cases.wakeups() == []


def test_a_reference_is_imported_when_it_is_first_needed_and_must_lead_to_a_graph(hitl, monkeypatch, tmp_path):
    source = (
        "from langgraph.graph import StateGraph\ntext, builder = 'a text', StateGraph(dict)\ngraph = lambda: made()\n"
    )
    (tmp_path / "the_application.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    resumers = {name: LangGraphResumer(f"the_application:{name}") for name in ("graph", "missing", "text", "builder")}
    case, parent = hitl.submit(a_task(), an_output()), ParentCall(graph="g", thread_id="of a reference")

    for name in ("missing", "text", "builder"):
        with pytest.raises(InvalidInput, match="cannot be imported" if name == "missing" else "no compiled graph"):
            resumers[name].resume(parent, case)
    sys.modules["the_application"].made = lambda: agent_on(InMemorySaver(), hitl)
    with pytest.raises(RequestRejected, match="does not wait"):
        resumers["graph"].resume(parent, case)
    del sys.modules["the_application"]


UNFIT = {
    "no reference": (lambda: LangGraphResumer("my_app.graph"), "write 'module:attribute'"),
    "no module": (lambda: LangGraphResumer("no_such_app:graph"), "there is no module 'no_such_app'"),
    "no attribute": (lambda: LangGraphResumer("support.embedded_agent:nope"), "has no 'nope'"),
    "a builder": (lambda: LangGraphResumer(StateGraph(Agent)), r"StateGraph is no compiled graph.*compile\("),
    "an address without a scheme": (lambda: LangGraphServerResumer("localhost"), "begin with http://"),
    "a port without a scheme": (lambda: LangGraphServerResumer("localhost:2024"), "begin with http://"),
    "another client": (lambda: LangGraphServerResumer(3), "type 'int' is neither an address nor a client"),
    "no time": (lambda: LangGraphServerResumer("http://localhost:2024", seconds=0), "seconds: 0 is no time"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_resumer_that_can_resume_nothing_is_refused_when_it_is_made(kind):
    make, problem = UNFIT[kind]
    with pytest.raises(InvalidInput, match=problem):
        make()


@pytest.mark.parametrize("resumer", [print, None, LangGraphResumer, "app:graph"], ids=str)
def test_what_is_no_resumer_is_refused_where_it_is_set(hitl, resumer):
    with pytest.raises(InvalidInput, match=r"resumers: 'a': .*has no method resume\(parent, case\)"):
        hitl.resumers["a"] = resumer
    with pytest.raises(InvalidInput, match="has no method resume"):
        hitl.resumers.update({"a": resumer})
    with pytest.raises(InvalidInput, match="has no method resume"):
        Orchestrator.open("memory://", resumers={"a": resumer})
    assert dict(hitl.resumers) == {}


def test_a_pause_fits_its_schema_and_stays_small(hitl):
    graph = agent_on(InMemorySaver(), hitl)
    graph.invoke(calls("ann", "b" * LARGEST), place("t"), durability="sync")
    schema = ReviewPause.model_json_schema(mode="serialization")
    pauses = [each.value for each in graph.get_state(place("t")).interrupts]

    for each in pauses:
        jsonschema.validate(each, schema)
    assert [(each["is_cut"], each["proposal"] is None, each["config"]["allow_edit"]) for each in pauses] == [
        (False, False, True),
        (True, True, False),
    ]


def test_a_blind_review_shows_no_proposal_in_the_pause():
    with Orchestrator.open("memory://", policy=a_policy(blind=True)) as blind:
        graph = agent_on(InMemorySaver(), blind)
        graph.invoke(calls("a secret recipient"), place("t"), durability="sync")
        (pause,) = graph.get_state(place("t")).interrupts

    assert "proposal" in pause.value["hidden"]
    assert "a secret recipient" not in str(pause.value)

"""The LangChain middleware is checked where it is put: its place, its settings, the agent that it oversees."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from blockbuster import blockbuster_ctx
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain.agents.structured_output import ToolStrategy
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel
from support.scripted_agents import THREAD, Scripted, an_agent, pauses, results, resumed, started, tools_that_log

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.integrations.langchain import OversightMiddleware

MODES = ("batched", "per_call")


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


class Wraps(AgentMiddleware):
    """Stands around the calls of tools."""

    def wrap_tool_call(self, request, handler):
        return handler(request)


def test_an_agent_whose_oversight_is_not_outermost_is_refused_while_it_is_built(hitl):
    oversight = OversightMiddleware(hitl)

    with pytest.raises(InvalidInput, match="put OversightMiddleware first"):
        create_agent(Scripted(turns=[]), tools=[], middleware=[Wraps(), oversight])

    create_agent(Scripted(turns=[]), tools=[], middleware=[oversight, Wraps()])
    unchecked = OversightMiddleware(hitl, check_order=False)
    create_agent(Scripted(turns=[]), tools=[], middleware=[Wraps(), unchecked])


@pytest.mark.parametrize("mode", MODES)
def test_an_agent_without_a_checkpointer_is_refused_before_a_case_is_opened(hitl, mode):
    middleware = [OversightMiddleware(hitl, interrupt_mode=mode)]
    agent = create_agent(
        Scripted(turns=[[("refund", {"amount": 1, "to": "a"}, "c")]]), tools=tools_that_log([]), middleware=middleware
    )

    with pytest.raises(InvalidInput, match="checkpointer"):
        started(agent)

    assert not hitl.inbox()


def test_a_durability_that_leaves_open_reviews_behind_is_refused(hitl):
    with pytest.raises(InvalidInput, match="durability='sync'"):
        an_agent(hitl, []).invoke({"messages": [("user", "Refund ana.")]}, THREAD, durability="exit")

    assert not hitl.inbox()


class SlowSaver(InMemorySaver):
    """Stores no checkpoint before it is released."""

    def __init__(self):
        super().__init__()
        self.released = Event()

    def put(self, *checkpoint):
        self.released.wait(30)
        return super().put(*checkpoint)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_no_case_is_opened_before_the_call_is_in_a_stored_checkpoint(hitl, mode, asynchronous):
    saver, asked = SlowSaver(), Event()

    def opened():
        asked.set()
        return hitl

    agent = an_agent(opened, [], checkpointer=saver, interrupt_mode=mode)
    given = ({"messages": [("user", "Refund ana.")]}, THREAD)
    run = (lambda: asyncio.run(agent.ainvoke(*given))) if asynchronous else (lambda: agent.invoke(*given))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        assert not asked.wait(0.1)
        saver.released.set()
        assert pauses(running.result())

    assert asked.is_set()


def test_a_function_as_a_tool_is_guarded_and_its_edits_are_checked(hitl):
    ran = []

    def refund(amount: int, to: str) -> str:
        """Refund an amount."""
        ran.append(amount)
        return "done"

    agent = an_agent(hitl, [], tools=[refund], reviewer="domain_reviewer")
    started(agent)

    def edit(amount):
        return {
            "decisions": [{"type": "edit", "edited_action": {"name": "refund", "args": {"amount": amount, "to": "b"}}}]
        }

    assert pauses(resumed(agent, edit("much")))
    assert not pauses(resumed(agent, edit(1)))
    assert ran == [1]


def test_wrong_settings_are_refused_with_every_problem(hitl):
    wrong = {"a": {"when": len}, "b": {"risk": "huge", "allowed_decisions": []}, "c": {"rsik": "low"}, "d": 1}

    with pytest.raises(InvalidInput) as refused:
        OversightMiddleware(hitl, wrong)

    assert len(refused.value.problems) == 5
    with pytest.raises(InvalidInput, match="interrupt_mode"):
        OversightMiddleware(hitl, interrupt_mode="single")


@pytest.mark.parametrize("mode", MODES)
def test_the_structured_answer_of_an_agent_is_no_call_for_review(hitl, mode):
    class Summary(BaseModel):
        """The summary of the conversation."""

        text: str

    agent = create_agent(
        Scripted(turns=[[("Summary", {"text": "all is well"}, "call-0")]]),
        tools=tools_that_log([]),
        middleware=[OversightMiddleware(hitl, interrupt_mode=mode)],
        response_format=ToolStrategy(Summary),
        checkpointer=InMemorySaver(),
    )

    assert started(agent)["structured_response"] == Summary(text="all is well")
    assert not hitl.inbox()


@pytest.mark.parametrize("mode", MODES)
def test_an_unknown_tool_is_left_to_the_agent_unless_a_middleware_may_run_it(hitl, mode):
    unknown = ("no_such_tool", {}, "call-0")
    alone = started(an_agent(hitl, [], unknown, interrupt_mode=mode))
    assert results(alone)["call-0"].status == "error"
    assert not hitl.inbox()

    started(an_agent(hitl, [], unknown, interrupt_mode=mode, inner=[Wraps()]), {"configurable": {"thread_id": "other"}})
    (review,) = hitl.inbox()
    assert (review.task.task_type, review.risk_level) == ("no_such_tool", "high")


@pytest.mark.parametrize("mode", MODES)
def test_an_asynchronous_agent_does_the_same_and_never_blocks_its_loop(tmp_path, mode):
    ran = []

    async def run(hitl):
        agent = an_agent(hitl, ran, interrupt_mode=mode, reviewer="domain_reviewer")
        with blockbuster_ctx(["hitl_orchestrator", "sqlite3"]):
            result = await agent.ainvoke({"messages": [("user", "Refund ana.")]}, THREAD)
            (pause,) = pauses(result)
            (again,) = pauses(await agent.ainvoke(Command(resume={pause.id: "rubbish"}), THREAD))
            return await agent.ainvoke(Command(resume={again.id: [{"type": "accept"}]}), THREAD)

    with Orchestrator.open(f"sqlite:///{tmp_path / 'hitl.db'}") as hitl:
        done = asyncio.run(run(hitl))

    assert ran == [("refund", 50, "ana")]
    assert results(done)["call-0"].content == "refunded 50 to ana"

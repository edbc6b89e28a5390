"""The guard of the LangChain middleware sits on the tool: what runs is what was approved, once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ToolRetryMiddleware
from langchain.tools import InjectedState, ToolRuntime
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from support.scripted_agents import THREAD, Scripted, an_agent, pauses, results, resumed, started, tools_that_log

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.errors import AlreadyRunning, GrantRefused
from hitl_orchestrator.integrations.langchain import OversightMiddleware

MODES = ("batched", "per_call")


@pytest.fixture
def hitl():
    with Orchestrator.open("memory://") as opened:
        yield opened


def approve_all(hitl, reviewer="senior_manager"):
    for review in hitl.inbox():
        hitl.decide(review.case_id, "approve", reviewer=reviewer)


class Changes(AgentMiddleware):
    """Changes each call on its way to the tool."""

    def __init__(self, **change: Any) -> None:
        super().__init__()
        self.change = change

    def wrap_tool_call(self, request, handler):
        return handler(request.override(tool_call={**request.tool_call, **self.change}))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("change", [{"args": {"amount": 51, "to": "ana"}}, {"name": "look_up", "args": {"query": "x"}}])
def test_an_inner_middleware_that_changes_an_approved_call_is_caught_before_anything_runs(hitl, mode, change):
    ran = []
    agent = an_agent(hitl, ran, interrupt_mode=mode, inner=[Changes(**change)])
    started(agent)
    approve_all(hitl)

    with pytest.raises(GrantRefused):
        resumed(agent, {"wake_up": "x"})

    assert not ran
    assert not hitl.executions.list()


@pytest.mark.parametrize("mode", MODES)
def test_an_inner_middleware_that_calls_twice_runs_the_tool_once(hitl, mode):
    class Twice(AgentMiddleware):
        def wrap_tool_call(self, request, handler):
            handler(request)
            return handler(request)

    ran = []
    agent = an_agent(hitl, ran, interrupt_mode=mode, inner=[Twice()])
    started(agent)
    approve_all(hitl)

    done = resumed(agent, {"wake_up": "x"})

    assert len(ran) == 1
    assert results(done)["call-0"].content == "refunded 50 to ana"


def test_a_retry_does_not_repeat_an_approved_call_that_failed(hitl):
    ran = []

    @tool
    def refund(amount: int, to: str) -> str:
        """Refund an amount."""
        ran.append(amount)
        raise ConnectionError("the bank is away")

    retry = ToolRetryMiddleware(max_retries=3, initial_delay=0, jitter=False)
    agent = an_agent(hitl, ran, tools=[refund], inner=[retry])
    started(agent)
    approve_all(hitl)

    reply = results(resumed(agent, {"wake_up": "x"}))["call-0"]

    assert ran == [50]
    assert "the bank is away" in reply.content
    (execution,) = hitl.executions.list()
    assert execution.status == "failed"


def test_a_tool_that_failed_is_not_run_again_when_the_agent_is_resumed(hitl):
    ran = []

    @tool
    def refund(amount: int, to: str) -> str:
        """Refund an amount."""
        ran.append(amount)
        raise ConnectionError("the bank is away")

    agent = an_agent(hitl, ran, tools=[refund])
    started(agent)
    approve_all(hitl)
    with pytest.raises(ConnectionError):
        resumed(agent, {"wake_up": "x"})

    reply = results(agent.invoke(None, THREAD))["call-0"]

    assert ran == [50]
    assert reply.status == "error"
    assert "not run again under this approval" in reply.content


def test_a_tool_that_is_not_in_the_table_goes_to_a_person_as_high_risk(hitl):
    ran = []
    agent = an_agent(hitl, ran, ("look_up", {"query": "x"}, "call-0"), settings={})
    assert pauses(started(agent))
    (review,) = hitl.inbox()

    assert not ran
    assert (review.task.task_type, review.risk_level, review.needed_role) == ("look_up", "high", "senior_manager")
    assert review.task.metadata == {"query": "x"}


def test_a_free_tool_and_a_call_that_the_policy_approves_run_at_once(hitl):
    ran = []
    settings = {"refund": {"risk": lambda arguments: "low", "confidence": 0.95}, "look_up": False}
    calls = [("refund", {"amount": 1, "to": "ana"}, "call-0"), ("look_up", {"query": "x"}, "call-1")]

    done = started(an_agent(hitl, ran, *calls, settings=settings))

    assert not pauses(done)
    assert len(ran) == 2
    (record,) = hitl.audit.records()
    assert (record.task_id[:13], record.decision_source) == ("call:thread-1", "agent")


def test_a_risk_function_that_fails_makes_the_risk_high(hitl):
    settings = {"refund": {"risk": lambda arguments: 1 / 0, "confidence": 0.99}}

    started(an_agent(hitl, [], settings=settings))

    (review,) = hitl.inbox()
    assert review.risk_level == "high"


def test_arguments_that_cannot_be_shown_to_a_reviewer_are_returned_to_the_model(hitl):
    ran = []
    done = started(an_agent(hitl, ran, ("refund", {"amount": 2**60, "to": "ana"}, "call-0")))

    assert not ran
    assert not pauses(done)
    assert results(done)["call-0"].status == "error"


@pytest.mark.parametrize("mode", MODES)
def test_calls_with_one_id_in_two_messages_are_two_cases(hitl, mode):
    ran = []
    turns = [[("refund", {"amount": each, "to": "ana"}, "call-0")] for each in (1, 1, 2)]
    agent = an_agent(hitl, ran, turns=[*turns, "done"], interrupt_mode=mode)
    result = started(agent)
    while pauses(result):
        approve_all(hitl)
        result = resumed(agent, {"wake_up": "x"})

    assert [amount for _, amount, _ in ran] == [1, 1, 2]


@pytest.mark.parametrize("mode", MODES)
def test_parallel_sub_agents_with_one_call_id_are_never_mixed(hitl, mode):
    ran = []

    def sub_agent(amount):
        script = [[("refund", {"amount": amount, "to": "ana"}, "call_0")], "done"]
        middleware = [OversightMiddleware(hitl, {"refund": {"risk": "medium"}}, interrupt_mode=mode)]
        return create_agent(Scripted(turns=script), tools=tools_that_log(ran), middleware=middleware)

    builder = StateGraph(MessagesState)
    for name, amount in (("left", 1), ("right", 2)):
        builder.add_node(name, sub_agent(amount))
        builder.add_edge(START, name)
    graph = builder.compile(checkpointer=InMemorySaver())
    waiting = pauses(started(graph))
    assert len(waiting) == 2
    rejected, approved = sorted(hitl.inbox(), key=lambda review: review.task.metadata["amount"])

    hitl.decide(approved.case_id, "approve", reviewer="domain_reviewer")
    hitl.decide(rejected.case_id, "reject", reviewer="domain_reviewer")
    graph.invoke(Command(resume={pause.id: {"wake_up": "x"} for pause in waiting}), THREAD)

    assert ran == [("refund", 2, "ana")]


@pytest.mark.parametrize("mode", MODES)
def test_sub_agents_behind_a_free_tool_are_reviewed_call_by_call(hitl, mode):
    ran = []

    @tool
    def delegate(amount: int) -> str:
        """Let another agent refund an amount."""
        script = [[("refund", {"amount": amount, "to": "ana"}, "call_0")], f"refunded {amount}"]
        oversight = OversightMiddleware(hitl, {"refund": {"risk": "medium"}}, interrupt_mode=mode)
        sub_agent = create_agent(Scripted(turns=script), tools=tools_that_log(ran), middleware=[oversight])
        return sub_agent.invoke({"messages": [("user", "Refund.")]})["messages"][-1].content

    calls = [("delegate", {"amount": number}, f"call_{number}") for number in (0, 1)]
    agent = an_agent(hitl, [], *calls, tools=[delegate], settings={"delegate": False})
    waiting = pauses(started(agent))
    assert len(waiting) == len(hitl.inbox()) == 2
    rejected, approved = sorted(hitl.inbox(), key=lambda review: review.task.metadata["amount"])

    hitl.decide(approved.case_id, "approve", reviewer="domain_reviewer")
    hitl.decide(rejected.case_id, "reject", reviewer="domain_reviewer")
    done = resumed(agent, {pause.id: {"wake_up": "x"} for pause in waiting})

    assert ran == [("refund", 1, "ana")]
    assert not pauses(done)


def test_many_wake_ups_at_once_run_the_tool_once(tmp_path):
    ran = []
    with Orchestrator.open(f"sqlite:///{tmp_path / 'hitl.db'}") as hitl:
        agent = an_agent(hitl, ran, interrupt_mode="per_call")
        (pause,) = pauses(started(agent))
        approve_all(hitl)

        def wake(_):
            try:
                return resumed(agent, {pause.id: {"type": "approve"}})
            except AlreadyRunning:
                return None

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(wake, range(64)))

        assert ran == [("refund", 50, "ana")]
        assert len(hitl.executions.list()) == 1
        assert hitl.audit.verify().sound


def test_a_tool_gets_what_langgraph_injects_and_the_model_cannot_forge_it(hitl):
    seen = []

    @tool
    def refund(amount: int, runtime: ToolRuntime, state: Annotated[dict, InjectedState]) -> str:
        """Refund an amount."""
        seen.append((amount, runtime.tool_call_id, len(state["messages"])))
        return "done"

    forged = {"amount": 5, "runtime": "forged", "state": "forged"}
    agent = an_agent(hitl, [], ("refund", forged, "call-0"), tools=[refund])
    started(agent)
    (review,) = hitl.inbox()
    approve_all(hitl)
    resumed(agent, {"wake_up": "x"})

    assert review.task.metadata == {"amount": 5}
    assert seen == [(5, "call-0", 2)]


def test_a_tool_that_pauses_inside_of_its_approval_is_refused_with_the_remedy(hitl):
    @tool
    def refund(amount: int, to: str) -> str:
        """Refund an amount."""
        return str(interrupt("really?"))

    agent = an_agent(hitl, [], tools=[refund])
    started(agent)
    approve_all(hitl)

    with pytest.raises(RuntimeError, match="declare it free"):
        resumed(agent, {"wake_up": "x"})


def test_a_command_as_the_result_of_a_tool_keeps_its_update_and_bears_the_note(hitl):
    @tool
    def refund(amount: int, to: str) -> Command:
        """Refund an amount."""
        return Command(update={"messages": [ToolMessage(f"sent {amount}", tool_call_id="call-0")]})

    agent = an_agent(hitl, [], tools=[refund], reviewer="domain_reviewer")
    started(agent)

    edit = {"type": "edit", "edited_action": {"name": "refund", "args": {"amount": 1, "to": "ana"}}}
    reply = results(resumed(agent, {"decisions": [edit]}))["call-0"].content

    assert reply.startswith("A reviewer changed the arguments")
    assert reply.endswith("sent 1")


def decide(hitl, decision="modify", **output):
    (review,) = hitl.inbox()
    return hitl.decide(
        review.case_id,
        decision,
        output={"predicted_label": "refund", **output},
        reason="why",
        reviewer="domain_reviewer",
    )


def test_an_edit_that_does_not_fit_the_tool_is_refused_where_the_tool_is_not_known(hitl):
    ran = []
    agent = an_agent(hitl, ran)
    started(agent)

    for unfit, why in (
        ({"arguments": {"amount": "much", "to": "ana"}}, r"arguments\.amount: it has to be integer"),
        ({"arguments": {"amnt": 1, "to": "ana"}}, r"arguments\.amnt: unknown field; did you mean 'amount'\?"),
        ({"predicted_label": "look_up", "arguments": {"query": "x"}}, "'look_up' is another function"),
        ({}, "arguments: required"),
    ):
        with pytest.raises(InvalidInput, match=why):
            decide(hitl, **unfit)
    decide(hitl, arguments={"amount": 1, "to": "b"})
    resumed(agent, {"wake_up": "x"})

    assert ran == [("refund", 1, "b")]


def test_an_own_answer_takes_the_place_of_the_result_where_the_tool_allows_it(hitl):
    ran = []
    agent = an_agent(hitl, ran)
    started(agent)
    decide(hitl, "override", response="Ana was paid in cash.")

    assert results(resumed(agent, {"wake_up": "x"}))["call-0"].content.endswith("Ana was paid in cash.")
    assert not ran


def test_no_own_answer_is_taken_where_the_tool_does_not_allow_it(hitl):
    started(an_agent(hitl, [], settings={"refund": {"risk": "medium", "allowed_decisions": ["approve", "edit"]}}))

    with pytest.raises(InvalidInput, match="arguments: required"):
        decide(hitl, "override", response="done")


def test_an_edit_that_fits_no_more_since_the_tool_was_changed_runs_nothing(hitl):
    @tool
    def refund(amount: str, to: str) -> str:
        """Refund an amount, in words."""

    ran, store = [], InMemorySaver()
    started(an_agent(hitl, ran, tools=[refund], checkpointer=store))
    decide(hitl, arguments={"amount": "much", "to": "ana"})

    reply = results(resumed(an_agent(hitl, ran, checkpointer=store), {"wake_up": "x"}))["call-0"]

    assert not ran
    assert not hitl.executions.list()
    assert (reply.status, "amount: Input should be a valid integer" in reply.content) == ("error", True)


@pytest.mark.parametrize(
    ("settings", "options", "why"),
    [
        ({"refund": {"confidence": 95}}, {}, "confidence: 95 is no number from 0 to 1"),
        ({"refund": {"confidence": lambda amount, to: 1}}, {}, "one mapping of the arguments"),
        ({"refund": {"risk": lambda amount, to: "low"}}, {}, "one mapping of the arguments"),
        ({"refund": {"risk": "hihg"}}, {}, "'hihg' is none of low, medium, high"),
        ({"refund": {"domain": ""}}, {}, "domain: '' is no text"),
        ({"refund": {"args_schema": "x"}}, {}, "args_schema: give the JSON Schema"),
        ({"refund": {"description": 4}}, {}, "description: give text"),
        (["refund"], {}, "this is a list; give the settings by tool"),
        ({4: True}, {}, "no name of a tool"),
        ({}, {"domain": " "}, "domain"),
        ({}, {"graph": ""}, "graph"),
        ({}, {"reviewer": 4}, "reviewer"),
        ({}, {"submitted_by": ""}, "submitted_by"),
        ({}, {"ai_reviewer": print}, "ai_reviewer: this is a builtin_function_or_method"),
        ({}, {"hitl": "memory://"}, "is no orchestrator"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_when_it_is_made(hitl, settings, options, why):
    with pytest.raises(InvalidInput, match=why):
        OversightMiddleware(options.pop("hitl", hitl), settings, **options)


def test_a_confidence_that_is_none_makes_the_call_wait(hitl):
    agent = an_agent(hitl, [], settings={"refund": {"risk": "low", "confidence": lambda arguments: 95}})

    assert pauses(started(agent))

"""A resumer wakes the pause of the node that asked, and answers no other pause of the thread."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from support.embedded_agent import NAME, Agent, outcome, place, task_of

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations import guard
from hitl_orchestrator.integrations.langgraph import LangGraphResumer, gate

FOREIGN = {
    "mentioned in arguments": lambda pause: {"question": "Wire it?", "args": {"case_id": pause["case_id"]}},
    "mentioned in a list": lambda pause: [{"case_id": pause["case_id"]}],
    "a case id alone": lambda pause: {"case_id": pause["case_id"]},
    "the type as well": lambda pause: {"type": "hitl_review", "case_id": pause["case_id"]},
    "a call with the case in its arguments": lambda pause: {
        "action_requests": [{"name": "wire", "args": {"case_id": pause["case_id"]}}],
        "review_configs": [],
    },
    "a copy in another node": lambda pause: pause,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_pause_that_mentions_the_case_is_not_answered(kind):
    answers, made, shown = [], [], {}
    builder = StateGraph(Agent)
    with Orchestrator.open("memory://") as hitl:
        builder.add_node("ask_first", lambda state: answers.append(interrupt(FOREIGN[kind](shown) if shown else "?")))
        builder.add_node("tool", gate(hitl, made.append, task_of=task_of, result_of=outcome, graph=NAME))
        builder.add_edge(START, "ask_first")
        builder.add_edge(START, "tool")
        graph = builder.compile(checkpointer=InMemorySaver())
        call = {"call": {"id": "call_0", "arguments": {"to": "ann"}}}
        result = graph.invoke(call, place("t"), durability="sync")
        shown.update(next(each.value for each in result["__interrupt__"] if each.value != "?"))
        # The other node asks again, now about the case.
        graph.invoke(Command(update={}, resume={"0" * 32: ""}), place("t"), durability="sync")
        hitl.resumers[NAME] = LangGraphResumer(graph)

        hitl.decide(shown["case_id"], "approve", reviewer="domain_reviewer")
        hitl.recover()

        assert answers == []
        assert made == [{"to": "ann"}]
        assert hitl.cases.wakeups() == []


def test_the_pause_of_a_guarded_function_is_answered():
    made, builder = [], StateGraph(Agent)
    with Orchestrator.open("memory://") as hitl:

        @guard(hitl, task_type="mail", domain="support", graph=NAME, name="send")
        def send(to: str) -> str:
            made.append(to)
            return "sent"

        builder.add_node("mail", lambda state: {"result": send("ann")})
        builder.add_edge(START, "mail")
        graph = builder.compile(checkpointer=InMemorySaver())
        hitl.resumers[NAME] = LangGraphResumer(graph)
        (paused,) = graph.invoke({"call": {}}, place("t"), durability="sync")["__interrupt__"]

        hitl.decide(paused.value["case_id"], "approve", reviewer="senior_manager")
        hitl.recover()

        assert made == ["ann"]
        assert hitl.cases.wakeups() == []

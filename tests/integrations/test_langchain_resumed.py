"""An agent goes on by itself after a decision: the process that decides resumes the thread."""

import asyncio

import pytest
from langgraph.types import Command
from support.scripted_agents import THREAD, an_agent, pauses, results, resumed, started

from hitl_orchestrator import AsyncOrchestrator, Orchestrator
from hitl_orchestrator.integrations.langgraph import LangGraphResumer

MODES = ("batched", "per_call")
TWO = [("refund", {"amount": number, "to": "ana"}, f"call-{number}") for number in (1, 2)]


@pytest.mark.parametrize("mode", MODES)
def test_the_agent_goes_on_when_the_last_of_its_calls_is_decided(mode):
    ran = []
    with Orchestrator.open("memory://") as hitl:
        agent = an_agent(hitl, ran, *TWO, interrupt_mode=mode, graph="support")
        hitl.resumers["support"] = LangGraphResumer(agent)
        started(agent)
        first, second = hitl.inbox()

        hitl.decide(second.case_id, "approve", reviewer="domain_reviewer")
        hitl.run_maintenance()
        assert pauses({"__interrupt__": agent.get_state(THREAD).interrupts})
        hitl.decide(first.case_id, "reject", reviewer="domain_reviewer", reason="paid")
        hitl.run_maintenance()

        state = agent.get_state(THREAD)
        assert not state.next
        assert [amount for _, amount, _ in ran] == [second.task.metadata["amount"]]
        assert state.values["messages"][-1].content == "done"
        assert hitl.audit.verify().sound


@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_takes_a_decision_is_not_resumed_at_the_same_time(mode):
    ran = []
    with Orchestrator.open("memory://") as hitl:
        agent = an_agent(hitl, ran, interrupt_mode=mode, graph="support", reviewer="domain_reviewer")
        hitl.resumers["support"] = LangGraphResumer(agent)
        started(agent)

        done = resumed(agent, [{"type": "accept"}])
        hitl.run_maintenance()

        assert ran == [("refund", 50, "ana")]
        final = agent.get_state(THREAD).values["messages"]
        assert [each.type for each in final] == ["human", "ai", "tool", "ai"]
        assert done["messages"] == final


def test_who_resumes_an_agent_is_not_its_submitter():
    ran = []
    with Orchestrator.open("memory://") as hitl:

        def user(config):
            return config["configurable"].get("user")

        agent = an_agent(hitl, ran, reviewer=user, submitted_by=user)

        def by(name):
            return {"configurable": {**THREAD["configurable"], "user": name}}

        started(agent, by("carol"))
        resumed(agent, [{"type": "accept"}], by("domain_reviewer"))

        assert ran == [("refund", 50, "ana")]
        (record,) = hitl.audit.records()
        assert record.reviewer_id == "domain_reviewer"
        assert hitl.cases.get(record.case_id).submission.submitted_by == "carol"


def test_the_submitter_cannot_approve_the_call():
    with Orchestrator.open("memory://") as hitl:
        agent = an_agent(hitl, [], reviewer="domain_reviewer", submitted_by="domain_reviewer")
        started(agent)

        (again,) = pauses(resumed(agent, [{"type": "accept"}]))

        assert "submitted" in again.value["problem"]


def test_an_asynchronous_orchestrator_or_a_function_that_opens_one_will_do():
    ran = []

    async def run():
        async with AsyncOrchestrator.open("memory://") as hitl:
            agent = an_agent(lambda: hitl, ran, reviewer="domain_reviewer")
            await agent.ainvoke({"messages": [("user", "Refund ana.")]}, THREAD)
            return await agent.ainvoke(Command(resume=[{"type": "accept"}]), THREAD)

    reply = results(asyncio.run(run()))["call-0"]

    assert ran == [("refund", 50, "ana")]
    assert reply.status == "success"


@pytest.mark.parametrize("field", ["langgraph_auth_user_id", "user"])
def test_who_runs_the_agent_is_its_submitter_by_default(field):
    ran = []
    with Orchestrator.open("memory://") as hitl:
        agent = an_agent(hitl, ran, reviewer=lambda config: config["configurable"].get(field))

        def by(name):
            return {"configurable": {**THREAD["configurable"], field: name}}

        started(agent, by("domain_reviewer"))
        (again,) = pauses(resumed(agent, [{"type": "accept"}], by("domain_reviewer")))

        assert "submitted" in again.value["problem"]
        assert ran == []
        resumed(agent, [{"type": "accept"}], by("senior_manager"))
        assert ran == [("refund", 50, "ana")]

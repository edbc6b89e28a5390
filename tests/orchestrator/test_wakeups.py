"""Callers that wait for a decision are resumed by the process that decides, until it succeeds, whatever dies when."""

from threading import Event

import pytest
from support.builders import a_task, an_output
from support.internals import services_of

from hitl_orchestrator import CallKey, Go, InvalidInput, ParentCall, Waiting, proposed_call
from hitl_orchestrator.errors import RecoveryIncomplete
from hitl_orchestrator.services.delivery.wakeups import Wakeups

PARENT = ParentCall(graph="agent", thread_id="thread-1", interrupt_id="i-1")


class Agent:
    """Resumes runs: the first ones fail, and each may first wait for a gate to open."""

    def __init__(self, failures=0, gate=None):
        self.failures, self.gate, self.resumed = failures, gate, []

    def resume(self, parent, case):
        if self.gate is not None and parent.thread_id == "hangs":
            self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the server of the agent is away")
        self.resumed.append((parent.thread_id, case.status))


def ask(hitl, call_id="1", confidence=0.5, parent=PARENT):
    call = proposed_call("refund", {"amount": 7}, confidence=confidence)
    return hitl.ask(CallKey(thread="thread-1", call_id=call_id), a_task(), call, parent=parent)


def approve(hitl, answer):
    return hitl.decide(answer.case_id, "approve", reviewer="ana")


def test_the_caller_is_resumed_with_the_decision_once(opened, store):
    agent = Agent()
    hitl = opened(store, resumers={"agent": agent})
    answer = ask(hitl)
    assert isinstance(answer, Waiting)
    assert list(hitl.cases.wakeups()) == []

    approve(hitl, answer)
    hitl.recover()
    hitl.recover()

    assert agent.resumed == [("thread-1", "approved")]
    assert isinstance(ask(hitl), Go)
    assert hitl.audit.verify().problem is None


def test_a_caller_that_submits_a_task_is_resumed_too(opened, store):
    agent = Agent()
    hitl = opened(store, resumers={"agent": agent})
    case = hitl.submit(a_task(), an_output(confidence=0.5), parent=PARENT)
    with pytest.raises(InvalidInput, match="parent"):
        hitl.submit(a_task(), an_output(confidence=0.5), parent="agent")

    approve(hitl, case)
    hitl.recover()

    assert agent.resumed == [("thread-1", "approved")]


def test_closing_waits_for_a_delivery_under_way(opened, durable_store):
    agent = Agent()
    hitl = opened(durable_store, resumers={"agent": agent})

    approve(hitl, ask(hitl))
    hitl.close()

    assert agent.resumed == [("thread-1", "approved")]


def test_a_caller_that_is_answered_at_once_is_not_resumed(opened, store):
    agent = Agent()
    hitl = opened(store, resumers={"agent": agent})

    assert isinstance(ask(hitl, confidence=0.95), Go)
    hitl.recover()

    assert agent.resumed == []


def test_the_last_address_counts(opened, store):
    agent = Agent()
    hitl = opened(store, resumers={"agent": agent})
    ask(hitl)
    answer = ask(hitl, parent=PARENT.model_copy(update={"thread_id": "thread-2"}))

    approve(hitl, answer)
    hitl.recover()

    assert agent.resumed == [("thread-2", "approved")]


def test_a_resumer_that_is_added_later_counts(hitl):
    agent = Agent()
    approve(hitl, ask(hitl))

    hitl.resumers["agent"] = agent
    hitl.recover()

    assert agent.resumed == [("thread-1", "approved")]


def test_a_failed_delivery_is_stated_and_repeated_until_it_succeeds(opened, store):
    agent = Agent(failures=3)
    hitl = opened(store, resumers={"agent": agent})
    approve(hitl, ask(hitl))
    # The first attempt, right after the decision; a recovery would join one that has not quite ended.
    while services_of(hitl).wakeups._calls.running() or not hitl.cases.wakeups()[0].error:
        pass

    for attempt in (2, 3):
        with pytest.raises(RecoveryIncomplete, match="the server of the agent is away"):
            hitl.recover()
        (wakeup,) = hitl.cases.wakeups()
        assert wakeup.attempts == attempt
        assert (wakeup.error, wakeup.running) == ("ConnectionError: the server of the agent is away", False)
    hitl.recover()

    assert agent.resumed == [("thread-1", "approved")]
    assert list(hitl.cases.wakeups()) == []
    assert hitl.audit.verify().problem is None


def test_maintenance_repeats_it_after_a_pause_that_grows(opened, clock):
    agent = Agent(failures=2)
    hitl = opened("memory://", resumers={"agent": agent})
    approve(hitl, ask(hitl))
    services_of(hitl).wakeups._calls.close(60)  # the first delivery has ended
    pauses = []
    for _ in range(2):
        services_of(hitl).wakeups = Wakeups(services_of(hitl).ledger, services_of(hitl).reader, {"agent": agent})
        assert services_of(hitl).wakeups.deliver(due_only=True) == {}
        pauses.append((hitl.cases.wakeups()[0].next_at - clock()).total_seconds())
        clock.tick(pauses[-1])
        services_of(hitl).wakeups.deliver(due_only=True)

    assert (pauses, agent.resumed) == ([2, 4], [("thread-1", "approved")])


def test_a_process_without_the_resumer_leaves_it_to_another(opened, durable_store):
    agent = Agent()
    deciding, agents = opened(durable_store), opened(durable_store, resumers={"agent": agent})
    approve(deciding, ask(agents))
    deciding.recover()

    assert [(each.parent, each.attempts) for each in deciding.cases.wakeups()] == [(PARENT, 0)]
    agents.run_maintenance()
    assert agent.resumed == [("thread-1", "approved")]


@pytest.mark.parametrize("dies", [{"die_before": "UPDATE wakeups"}, {"dies_resuming": True}])
def test_a_process_that_dies_between_the_commit_and_the_delivery_loses_no_caller(opened, sqlite_store, process, dies):
    agent = Agent()
    hitl = opened(sqlite_store, reviewers=None)
    answer = ask(hitl)

    died = process("approve", store=sqlite_store, case=answer.case_id, reviewer="domain_reviewer", **dies)

    assert died["status"] == -9
    hitl.recover()
    assert hitl.cases.get(answer.case_id).status == "approved"
    assert [each.running for each in hitl.cases.wakeups()] == [False]
    hitl.resumers["agent"] = agent
    hitl.recover()
    assert agent.resumed == [("thread-1", "approved")]


def test_a_resumer_that_hangs_blocks_no_other_decision_and_is_repeated(opened, store):
    gate = Event()
    agent = Agent(gate=gate)
    hitl = opened(store, resumers={"agent": agent})
    wakeups = Wakeups(services_of(hitl).ledger, services_of(hitl).reader, hitl.resumers, seconds=0.2)
    parents = {"1": PARENT.model_copy(update={"thread_id": "hangs"}), "2": PARENT}
    hanging, other = (ask(hitl, number, parent=parent) for number, parent in parents.items())
    hitl.resumers.clear()
    for answer in (hanging, other):
        approve(hitl, answer)
    hitl.resumers["agent"] = agent

    late = wakeups.deliver(due_only=False)

    assert list(late) == [hanging.case_id]
    assert "has not returned in 0.2 seconds" in str(late[hanging.case_id])
    assert agent.resumed == [("thread-1", "approved")]
    gate.set()
    while hitl.cases.wakeups():
        wakeups.deliver(due_only=False)
    assert set(agent.resumed) == {("thread-1", "approved"), ("hangs", "approved")}
    wakeups.close()


def test_a_delivery_under_way_in_a_live_process_is_left_to_it(opened, durable_store):
    gate = Event()
    slow, other = Agent(gate=gate), Agent()
    deciding = opened(durable_store, resumers={"agent": slow})
    elsewhere = opened(durable_store, resumers={"agent": other})
    approve(deciding, ask(deciding, parent=PARENT.model_copy(update={"thread_id": "hangs"})))
    while not any(each.running for each in elsewhere.cases.wakeups()):
        pass

    elsewhere.recover()
    elsewhere.run_maintenance()
    gate.set()
    deciding.recover()

    assert (slow.resumed, other.resumed) == ([("hangs", "approved")], [])


def test_an_altered_address_resumes_no_one(opened, durable_store, intruder):
    agent = Agent()
    hitl = opened(durable_store)
    answer = ask(hitl)
    approve(hitl, answer)
    intruder.run("UPDATE wakeups SET address = replace(address, 'thread-1', 'thread-9')")
    hitl.resumers["agent"] = agent

    with pytest.raises(RecoveryIncomplete, match="its row of table wakeups was altered"):
        hitl.recover()

    assert agent.resumed == []
    assert f"wakeups: the row of case {answer.case_id!r} was altered" in hitl.audit.verify().problem


def test_asking_again_mends_an_altered_address(opened, durable_store, intruder):
    agent = Agent()
    hitl = opened(durable_store, resumers={"agent": agent})
    answer = ask(hitl)
    for change in ("state = 'delivered'", "attempts = 7", "address = '{}'"):
        intruder.run(f"UPDATE wakeups SET {change}")
        assert "wakeups" in hitl.audit.verify().problem
        ask(hitl)
        assert hitl.audit.verify().problem is None

    approve(hitl, answer)
    hitl.recover()

    assert agent.resumed == [("thread-1", "approved")]


def test_redaction_erases_the_text_of_an_error(opened, durable_store, intruder):
    hitl = opened(durable_store, resumers={"agent": Agent(failures=9)})
    answer = ask(hitl)
    approve(hitl, answer)
    with pytest.raises(RecoveryIncomplete):
        hitl.recover()

    hitl.cases.redact(answer.case_id, reason="asked for", reviewer="zoe")

    assert [row["error"] for row in intruder.run("SELECT error FROM wakeups")] == [None]
    assert hitl.audit.verify().problem is None


def test_an_address_is_a_parent_call(hitl):
    with pytest.raises(InvalidInput, match="ask: parent"):
        ask(hitl, parent={"graph": "agent"})
    assert hitl.inbox() == []


def test_a_case_without_a_caller_resumes_no_one(opened, store, waits):
    agent = Agent()
    hitl = opened(store, resumers={"agent": agent})

    hitl.decide(waits(hitl).case_id, "approve", reviewer="ana")
    hitl.submit(a_task("sure"), an_output("sure"))
    hitl.recover()

    assert agent.resumed == []

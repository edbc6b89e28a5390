"""A caller waits for a case: a decision here or in another process wakes it, and its time may be over."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest
from support.builders import a_task, an_output
from support.internals import services_of

from hitl_orchestrator import InvalidInput, RequestRejected
from hitl_orchestrator.errors import StillWaiting, StoreClosed, StoreUnavailable, UnknownCase
from hitl_orchestrator.services.delivery.waiting import Waiters


class NoStore:
    """Outcomes of a store in which no case is ever finished, or that is away."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.read = error, Event()

    def finished_among(self, case_ids):
        self.read.set()
        if self.error is not None:
            raise self.error
        return []


def in_thread(call):
    """Start a call, and return a function that returns its result."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return future.result


def once_registered(hitl, number=1):
    """Return when this number of callers wait."""
    while len(services_of(hitl).waiters._waiting) < number:
        pass


def test_a_decision_in_this_process_wakes_a_caller(hitl, waits):
    case = waits(hitl)
    result = in_thread(lambda: hitl.wait(case))
    once_registered(hitl)

    hitl.decide(case.case_id, "approve", reviewer="ana")

    assert result().status == "approved"


def test_a_decision_in_this_process_needs_no_poll():
    outcomes = NoStore()
    waiters = Waiters(outcomes, "memory://")

    with waiters.waiting("case-1") as future:
        outcomes.read.wait()
        waiters.finished("case-1")

        assert future.result(60) is None
    waiters.close()


def test_a_decision_in_another_process_wakes_every_caller(opened, durable_store, waits, process):
    hitl = opened(durable_store, reviewers=None)
    case = waits(hitl)
    results = [in_thread(lambda: hitl.wait(case.case_id, timeout=120)) for _ in range(8)]
    once_registered(hitl, 8)

    assert process("approve", store=durable_store, case=case.case_id, reviewer="domain_reviewer")["status"] == 0

    assert {result().status for result in results} == {"approved"}


def test_many_threads_get_their_own_cases(hitl, waits):
    cases = [waits(hitl, f"task-{number}") for number in range(6)]
    results = [in_thread(lambda case=case: hitl.wait(case).case_id) for case in cases for _ in range(4)]
    once_registered(hitl, 24)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda case: hitl.decide(case.case_id, "reject", reviewer="ana"), cases))

    assert [result() for result in results] == [case.case_id for case in cases for _ in range(4)]
    assert services_of(hitl).waiters._waiting == {}


def test_a_finished_case_is_returned_at_once(hitl):
    case = hitl.submit(a_task(), an_output())

    assert hitl.wait(case, timeout=0) == case


def test_a_caller_learns_for_whom_a_case_waits_when_its_time_is_over(hitl, waits):
    case = waits(hitl, risk="high")
    hitl.reviews.claim(case.case_id, reviewer="max")

    with pytest.raises(TimeoutError, match="it waits for a decision by the role 'senior_manager'") as late:
        hitl.wait(case, timeout=0.05)

    assert isinstance(late.value, StillWaiting | RequestRejected)
    assert (late.value.case_id, "claimed by 'max'" in late.value.waits_for) == (case.case_id, True)


def test_a_case_that_is_not_run_waits_for_a_worker(hitl):
    case = hitl.cases.enqueue(a_task(), an_output(confidence=0.5))

    with pytest.raises(StillWaiting, match="it is received, and 'hitl recover' takes over"):
        hitl.wait(case, timeout=0)


def test_closing_wakes_every_caller(opened, store, waits):
    hitl = opened(store)
    case = waits(hitl)
    results = [in_thread(lambda: hitl.wait(case)) for _ in range(4)]
    once_registered(hitl, 4)

    hitl.close()

    for result in results:
        with pytest.raises(StoreClosed):
            result()
    with pytest.raises(StoreClosed):
        hitl.wait(case, timeout=0)


def test_a_store_that_is_away_ends_the_wait():
    waiters = Waiters(NoStore(StoreUnavailable("postgresql://", "it is away")), "postgresql://")

    with waiters.waiting("case-1") as future, pytest.raises(StoreUnavailable, match="it is away"):
        future.result(60)
    waiters.close()


def test_no_thread_polls_where_no_caller_waits(hitl, waits):
    with pytest.raises(StillWaiting):
        hitl.wait(waits(hitl), timeout=0)

    poller = services_of(hitl).waiters._poller
    if isinstance(poller, Thread):
        poller.join(60)
    assert services_of(hitl).waiters._poller is None


@pytest.mark.parametrize("timeout", [-1, "5", True, float("nan"), float("inf")])
def test_a_timeout_is_a_number_of_seconds(hitl, waits, timeout):
    with pytest.raises(InvalidInput, match="timeout"):
        hitl.wait(waits(hitl), timeout)


@pytest.mark.parametrize("case", ["no-such-case", ""])
def test_a_case_that_is_not_there_is_refused(hitl, case):
    with pytest.raises(UnknownCase):
        hitl.wait(case, timeout=0)


# ---- the callback of the application


def test_the_callback_is_called_with_every_case_that_this_process_finishes(opened, store, waits, clock):
    seen = []
    hitl = opened(store, on_decided=lambda case: seen.append((case.task_id, case.status)))
    hitl.submit(a_task("sure"), an_output("sure"))
    waits(hitl, "decided")
    hitl.decide(task_id="decided", decision="approve", reviewer="ana")
    hitl.decide(task_id="decided", decision="approve", reviewer="ana")
    hitl.submit(a_task("canceled"), an_output("canceled", confidence=0.5), submitted_by="bot")
    hitl.cases.cancel(task_id="canceled", submitted_by="bot", reason="not needed")
    hitl.cases.enqueue(a_task("recovered"), an_output("recovered"))
    hitl.recover()
    waits(hitl, "open")

    assert seen == [("sure", "approved"), ("decided", "approved"), ("canceled", "canceled"), ("recovered", "approved")]


def test_the_callback_sees_a_committed_case_and_may_use_the_orchestrator(opened, store, waits):
    seen = []
    hitl = opened(store, on_decided=lambda case: seen.append(hitl.wait(case, timeout=0).status))

    hitl.decide(waits(hitl).case_id, "reject", reviewer="ana")

    assert seen == ["rejected"]


def test_an_error_of_the_callback_is_logged_and_costs_no_one_the_decision(opened, store, waits, caplog):
    def fail(case):
        raise RuntimeError("the queue is away")

    hitl = opened(store, on_decided=fail)

    assert hitl.decide(waits(hitl).case_id, "approve", reviewer="ana").status == "approved"
    assert "the callback on_decided failed: RuntimeError" in caplog.text
    assert "the queue is away" not in caplog.text


def test_the_callback_does_not_learn_of_cases_that_measure_reviewers(opened, store):
    seen = []
    hitl = opened(store, on_decided=seen.append)
    gold = hitl.reviews.add_gold_case(a_task("gold"), an_output("gold", confidence=0.5), "reject", reviewer="max")

    hitl.decide(gold.case_id, "reject", reviewer="ana")

    assert seen == []


@pytest.mark.parametrize("option", [{"on_decided": 3}, {"resumers": ["agent"]}, {"resumers": {"agent": print}}])
def test_senseless_hooks_are_refused(opened, option):
    with pytest.raises(InvalidInput, match=next(iter(option))):
        opened("memory://", **option)

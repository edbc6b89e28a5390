"""Many tasks at once: each as `submit` takes it, stored by the chunk, in flat memory."""

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import a_task, an_output
from support.counted_calls import calls_of
from support.forked_process import answers_to, task_number
from support.internals import services_of

from hitl_orchestrator import AsyncOrchestrator, InvalidInput, Orchestrator
from hitl_orchestrator.errors import TaskConflict

from .test_kill import check_chain, check_nothing_happened_twice

TESTS = Path(__file__).parents[1]
KILLED = -9
RULES = [
    {"rule_id": "auto", "priority": 1, "conditions": {"risk_level": "low", "min_confidence": 0.8}},
    {"rule_id": "up", "priority": 2, "conditions": {"risk_level": "high"}, "action": "escalate"},
]
RULES[0] |= {"action": "auto_approve"}
RULES[1] |= {"assigned_human_role": "senior_manager"}
POLICIES = [
    {"policy_id": "plain", "rules": RULES},
    {"policy_id": "sampled", "rules": [{**RULES[0], "spot_check": 1.0}, RULES[1]]},
]
STRICT = {"policy_id": "strict", "rules": [{**RULES[1], "conditions": {}}]}

tasks = st.builds(
    lambda number, risk, amount: a_task(f"task-{number}", risk_level=risk, metadata={"amount": amount}),
    st.integers(0, 8),
    st.sampled_from(["low", "medium", "high"]),
    st.integers(0, 1),
)
confidences = st.sampled_from([None, 0.95, 0.5])


def given_output(task, confidence):
    return None if confidence is None else an_output(task.task_id, confidence=confidence)


def one_by_one(hitl, tasks, outputs, **how):
    found = []
    for task, output in zip(tasks, outputs, strict=True):
        try:
            found.append(hitl.submit(task, output, **how))
        except (TaskConflict, InvalidInput) as exc:
            found.append(exc)
    return found


def all_at_once(hitl, tasks, outputs, chunk, **how):
    found = []

    def refused(each):
        found.append(each.error)

    hitl.submit_many(
        iter(tasks),
        iter(outputs),
        chunk=chunk,
        **how,
        on_invalid="skip",
        on_case=found.append,
        on_refused=refused,
    )
    return found


def learned(result):
    """Return what a caller learns from a result, without the ids that are new in each store."""
    if isinstance(result, Exception):
        return type(result).__name__, getattr(result, "task_id", None)
    review = result.open_review
    return (
        result.task_id,
        result.status,
        None if review is None else (review.role, review.shown.routing.decision.rule_id),
    )


def history(hitl, task_id):
    """Return what the ledger has about a task: the kinds of its entries, and what was routed."""
    events = hitl.cases.history(task_id=task_id)
    decisions = [event.body.get("decision") or event.body.get("routing", {}).get("decision") for event in events]
    rules = [(each["action"], each["rule_id"], each.get("shadow") is not None) for each in decisions if each]
    return [event.kind.value for event in events], rules, [event.actor.kind.value for event in events]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
@given(
    given_tasks=st.lists(st.tuples(tasks, confidences), max_size=14),
    before=st.lists(st.tuples(tasks, confidences), max_size=3),
    policy=st.sampled_from(POLICIES),
    shadow=st.booleans(),
    canary=st.booleans(),
    replay=st.booleans(),
    resubmit=st.booleans(),
    chunk=st.integers(1, 6),
)
def test_many_tasks_leave_the_ledger_as_one_by_one(  # noqa: PLR0917 - hypothesis names them
    given_tasks, before, policy, shadow, canary, replay, resubmit, chunk
):
    submitted, outputs = [task for task, _ in given_tasks], [given_output(*each) for each in given_tasks]
    results, histories, counts = [], [], []
    for take in (one_by_one, partial(all_at_once, chunk=chunk)):
        with Orchestrator.open("memory://", policy=policy) as hitl:
            by = {"reviewer": "compliance_officer", "reason": "r"}
            if shadow:
                hitl.policy.start_shadow(STRICT, **by)
            if canary:
                hitl.policy.start_canary(STRICT, 1.0, **by)
            for each in before:
                hitl.cases.enqueue(each[0], given_output(*each)) if len(before) == 1 else one_by_one(
                    hitl, [each[0]], [given_output(*each)]
                )
            acting = hitl.acting_as("senior_manager")
            results.append(
                [learned(each) for each in take(acting, submitted, outputs, replay=replay, resubmit=resubmit)]
            )
            ids = sorted({each[0] for each in results[-1] if each[0].startswith("task-")})
            histories.append([history(hitl, task_id) for task_id in ids])
            counts.append((len(hitl.inbox()), len(list(hitl.audit.records()))))
            assert hitl.audit.verify().sound

    assert results[0] == results[1]
    assert histories[0] == histories[1]
    assert counts[0] == counts[1]


def numbered(numbers):
    given = [task_number(number) for number in numbers]
    return [task for task, _ in given], [output for _, output in given]


def test_memory_stays_flat_for_a_chunk_is_stored_before_the_next_is_read(hitl):
    read, stored, ahead = [], [], []

    def generated():
        for number in range(40):
            read.append(number)
            ahead.append(len(read) - len(stored))
            yield task_number(number)[0]

    summary = hitl.submit_many(generated(), chunk=8, on_case=stored.append)

    assert (summary.read, summary.new, len(stored)) == (40, 40, 40)
    assert max(ahead) == 8


def test_an_invalid_task_of_a_list_refuses_all_before_anything_is_stored(hitl):
    tasks, outputs = numbered(range(6))
    broken = [*tasks[:5], {**tasks[5].model_dump(mode="json"), "risk_level": "hgih"}]

    with pytest.raises(InvalidInput, match=r"tasks\[5\]: task: risk_level: \"hgih\" is not one of"):
        hitl.submit_many(broken, outputs, chunk=2)

    assert hitl.audit.verify().sound
    assert list(hitl.audit.records()) == list(hitl.inbox()) == []


def test_an_invalid_task_of_a_generator_refuses_its_chunk_and_names_what_is_stored(hitl):
    tasks, _ = numbered(range(6))
    broken = [*tasks[:5], {"task_id": "x"}]

    with pytest.raises(InvalidInput, match=r"4 tasks are stored already(.|\n)*tasks\[5\]: task: task_type"):
        hitl.submit_many(iter(broken), chunk=2)

    assert len(hitl.inbox()) == 4


@pytest.mark.parametrize("outputs", [[None], [None] * 3], ids=["too few", "too many"])
def test_outputs_by_position_have_one_for_each_task(hitl, outputs):
    tasks, _ = numbered(range(2))

    with pytest.raises(InvalidInput, match="give one output or None for each task, or a mapping"):
        hitl.submit_many(tasks, outputs)

    assert len(hitl.inbox()) == 0


def test_outputs_are_also_found_by_task_id(hitl):
    tasks, outputs = numbered(range(9))

    summary = hitl.submit_many(tasks, {output.task_id: output for output in reversed(outputs)})

    assert (summary.finished, summary.waiting) == (3, 6)


@pytest.mark.parametrize("on_invalid", ["refuse", "skip"])
def test_an_output_of_no_task_refuses_the_mapping_before_anything_is_stored(hitl, on_invalid):
    tasks, outputs = numbered(range(2))
    given = {output.task_id: output for output in outputs} | {"zzz": an_output("zzz")}

    with pytest.raises(InvalidInput, match="outputs: 'zzz' is the id of no task"):
        hitl.submit_many(tasks, given, on_invalid=on_invalid)

    assert len(list(hitl.cases.unfinished())) == len(hitl.inbox()) == len(list(hitl.audit.records())) == 0


def test_an_output_of_no_task_of_a_generator_is_named_once_all_are_stored(hitl):
    tasks, _ = numbered(range(3))

    with pytest.raises(InvalidInput, match=r"3 tasks are stored already(.|\n)*'zzz' is the id of no task"):
        hitl.submit_many(iter(tasks), {"zzz": an_output("zzz")}, chunk=2)


async def never(_):
    raise AssertionError


async def none_of_it():
    yield task_number(0)[0]


@pytest.mark.parametrize(
    ("tasks", "callbacks", "sentence"),
    [
        (none_of_it(), {}, r"tasks: an asynchronous iterable .* \[each async for each in tasks\]"),
        ([], {"on_case": never}, "on_case: nothing awaits an asynchronous function; give a plain one"),
        ([], {"on_progress": never}, "on_progress: nothing awaits"),
    ],
    ids=["generator", "on_case", "on_progress"],
)
def test_what_only_an_event_loop_can_run_is_refused_with_the_remedy(store, tasks, callbacks, sentence):
    async def submit():
        async with AsyncOrchestrator.open(store) as hitl:
            await hitl.submit_many(tasks, **callbacks)

    with pytest.raises(InvalidInput, match=sentence):
        asyncio.run(submit())


def test_a_policy_that_comes_into_force_holds_from_the_next_chunk_on(opened, durable_store):
    hitl, other = opened(durable_store, policy=POLICIES[0]), opened(durable_store)
    rules, given = [], [a_task(f"task-{n}", risk_level="low") for n in range(6)]

    def change(summary):
        if summary.read == 3:
            other.policy.activate(STRICT, reviewer="zoe", reason="every case is escalated")

    outputs = [an_output(task.task_id, confidence=0.95) for task in given]
    hitl.submit_many(given, outputs, chunk=3, on_progress=change, on_case=lambda case: rules.append(case.status))

    assert rules == ["approved"] * 3 + ["waiting"] * 3


def test_the_asynchronous_facade_does_the_same(store):
    tasks, outputs = numbered(range(9))
    cases = []

    async def submit():
        async with AsyncOrchestrator.open(store) as hitl:
            return await hitl.submit_many(tasks, outputs, chunk=4, on_case=cases.append)

    summary = asyncio.run(submit())

    assert (summary.new, summary.finished, len(cases)) == (9, 3, 9)


def commits(store, process, number):
    """Let a process die right before its n-th commit, and return the cases that are stored."""
    process("submit many", store=store, numbers=list(range(12)), chunk=4, die_at=number)
    with Orchestrator.open(store) as hitl:
        return sorted(event.case_id for event in services_of(hitl).ledger.events() if event.kind.value == "submitted")


def test_a_chunk_is_stored_as_a_whole_or_not_at_all(process, sqlite_store):
    with Orchestrator.open(sqlite_store):
        pass
    stored = [len(commits(sqlite_store, process, number)) for number in range(1, 16)]

    assert stored == sorted(stored)
    assert {number % 4 for number in stored} == {0}
    assert set(stored) >= {0, 4}


def entries(store):
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as connection:
        return connection.execute("SELECT max(seq) FROM events").fetchone()[0]


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 12))])
def test_killed_at_random_instants_acknowledged_chunks_are_kept_and_the_same_call_continues(
    process, sqlite_store, seed
):
    chance, kills, acknowledged = random.Random(seed), 0, {}
    numbers, status = list(range(150)), None
    with Orchestrator.open(sqlite_store):
        pass
    while status != 0:
        dies = {"kill_after_events": entries(sqlite_store) + chance.randrange(1, 90), "spin": chance.randrange(300_000)}
        report = process("submit many", store=sqlite_store, numbers=numbers, chunk=chance.randrange(1, 30), **dies)
        status, kills = report["status"], kills + (report["status"] == KILLED)
        for line in report["lines"]:
            task_id, *case = line.split()
            assert acknowledged.setdefault(task_id, case) == case

    assert kills >= 5
    assert len(acknowledged) == len(numbers)
    with Orchestrator.open(sqlite_store) as hitl:
        for number in numbers:
            case = hitl.cases.get(task_id=f"task-{number}")
            assert [case.case_id, case.status] == acknowledged[f"task-{number}"]
            assert case.status == ("waiting" if answers_to(number) else "approved")
        check_nothing_happened_twice(hitl)
        check_chain(hitl)
        assert hitl.recover() == []


def called(name, work):
    return calls_of(name, work, in_python=True)


def other(task):
    return task.model_copy(update={"metadata": {"amount": 99}})


def test_known_tasks_are_read_together_and_run_no_more(opened, sqlite_store):
    hitl, (tasks, outputs) = opened(sqlite_store), numbered(range(60))
    new = called("first_runs", lambda: hitl.submit_many(tasks, outputs))
    changed, summaries = [*tasks[:59], other(tasks[59])], []

    statements = calls_of("execute", lambda: summaries.append(hitl.submit_many(tasks, outputs)))

    assert (new, summaries[0].existing, summaries[0].new) == (1, 60, 0)
    assert statements < 3 * len(tasks)
    assert called("receive", lambda: hitl.submit_many(tasks, outputs)) == 0
    assert called("receive", lambda: hitl.submit_many(changed, outputs)) == 1
    assert called("first_run", lambda: hitl.submit_many(changed, outputs)) == 0
    assert called("first_run", lambda: hitl.submit_many([task_number(77)[0]] * 3)) == 0


def test_resubmitted_tasks_are_taken_alone_only_where_they_have_changed(opened, sqlite_store):
    hitl, (tasks, outputs) = opened(sqlite_store), numbered(range(40))
    hitl.submit_many(tasks[:20], outputs[:20])
    changed, summaries = [other(tasks[0]), *tasks[1:]], []

    received = called("receive", lambda: summaries.append(hitl.submit_many(changed, outputs, resubmit=True)))

    assert (summaries[0].new, summaries[0].existing, received) == (21, 19, 1)
    assert hitl.cases.get(task_id="task-0").submission.supersedes is not None


def test_a_known_task_alone_is_run_at_most_once(opened, sqlite_store):
    hitl, (task, output) = opened(sqlite_store), task_number(0)

    def refused():
        with pytest.raises(TaskConflict):
            hitl.submit(other(task), output)

    assert [called("first_run", lambda: hitl.submit(task, output)) for _ in range(3)] == [1, 1, 1]
    assert called("first_run", refused) == 1


def test_two_processes_submit_overlapping_tasks_and_agree_on_each_case(durable_store):
    with Orchestrator.open(durable_store):
        pass
    command = [sys.executable, str(TESTS / "support" / "bulk_processes.py"), durable_store]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    where = {**os.environ, "PYTHONPATH": str(TESTS)}
    spans = (("7", "0", "80"), ("11", "20", "100"))
    running = [subprocess.Popen([*command, *span], **pipes, env=where) for span in spans]
    for each in running:
        each.stdin.write("\n")
        each.stdin.flush()
    printed = [dict(line.split(maxsplit=1) for line in each.communicate()[0].splitlines()) for each in running]

    assert [len(each) for each in printed] == [80, 80]
    shared = set(printed[0]) & set(printed[1])
    assert {task_id: printed[0][task_id] for task_id in shared} == {task_id: printed[1][task_id] for task_id in shared}
    with Orchestrator.open(durable_store) as hitl:
        check_nothing_happened_twice(hitl)
        check_chain(hitl)

"""Clocks that differ, step back or have unusual zones affect no order, decision or duration."""

import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from itertools import cycle

import pytest
from support.builders import FakeClock, a_review, a_task, an_output, minutes
from support.internals import services_of

from hitl_orchestrator import InvalidInput, Orchestrator, Task
from hitl_orchestrator.wiring.stores import open_ledger

HOUR = timedelta(hours=1)


class Steps(FakeClock):
    """Advances by a second per call, and sometimes steps by another amount."""

    def __init__(self, *steps: timedelta) -> None:
        super().__init__(minutes(60 * 24 * 4))
        self._steps = cycle([timedelta(seconds=1)] * 3 + list(steps))

    def __call__(self) -> datetime:
        self.now += next(self._steps)
        return self.now


class InZone(FakeClock):
    """Returns the time of a zone."""

    def __init__(self, zone: timezone) -> None:
        super().__init__(minutes(60 * 48))
        self._zone = zone

    def __call__(self) -> datetime:
        return self.tick().astimezone(self._zone)


def zone(**offset: int) -> timezone:
    return timezone(timedelta(**offset))


CLOCKS = {
    "a day behind": lambda: (FakeClock(minutes(60 * 48)), FakeClock(minutes(60 * 24))),
    "an hour behind": lambda: (FakeClock(minutes(60 * 48)), FakeClock(minutes(60 * 47))),
    "an hour ahead": lambda: (FakeClock(minutes(60 * 48)), FakeClock(minutes(60 * 49))),
    "a day ahead": lambda: (FakeClock(minutes(60 * 48)), FakeClock(minutes(60 * 72))),
    "a second back": lambda: (Steps(timedelta(seconds=-1)), Steps(timedelta(seconds=-1))),
    "an hour back": lambda: (Steps(-HOUR), Steps()),
    "a day back and on": lambda: (Steps(-24 * HOUR, 24 * HOUR), Steps(HOUR)),
    "the easternmost zone": lambda: (InZone(zone(hours=14)), InZone(UTC)),
    "the westernmost zone": lambda: (InZone(UTC), InZone(zone(hours=-12))),
    "a zone of quarters of an hour": lambda: (InZone(zone(hours=5, minutes=45)), InZone(zone(hours=-3, minutes=-30))),
    "a zone of odd seconds": lambda: (InZone(zone(minutes=19, seconds=32)), InZone(zone(hours=-0, seconds=-1172))),
}


@pytest.mark.parametrize("clocks", CLOCKS.values(), ids=CLOCKS)
def test_clocks_change_no_order_and_no_decision(durable_store, clocks):
    early, late = clocks()
    with Orchestrator.open(durable_store, clock=early) as one, Orchestrator.open(durable_store, clock=late) as other:
        for number in range(4):
            name = f"task-{number}"
            (one, other)[number % 2].submit(a_task(name, risk_level="high"), an_output(name))
            (other, one)[number % 2].decide(task_id=name, decision=a_review("approve", "senior_manager"))

        check_all_is_well(one, 4)


def check_all_is_well(hitl, cases):
    entries = list(services_of(hitl).ledger.events())
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert {entry.at.utcoffset() for entry in entries} == {timedelta(0)}
    records = list(hitl.audit.records())
    assert [record.task_id for record in records] == [f"task-{number}" for number in range(cases)]
    assert {record.final_decision for record in records} == {"approved"}
    assert all(record.latency_seconds >= 0 for record in records)
    # The time of an entry equals that of its clock in any zone.
    for record in records:
        reported = {entry.kind: entry.at for entry in services_of(hitl).ledger.events(record.case_id)}
        assert abs(reported["decided"] - reported["submitted"]) <= timedelta(hours=25)
    assert hitl.inbox() == []
    assert hitl.audit.verify().sound


PROCESS = """
import json, sys
from datetime import UTC, datetime, timedelta
from hitl_orchestrator import AgentOutput, Orchestrator, Review, Task

store, ahead = sys.argv[1], timedelta(seconds=int(sys.argv[2]))
with Orchestrator.open(store, clock=lambda: datetime(2025, 1, 12, 9, tzinfo=UTC) + ahead) as hitl:
    for line in sys.stdin:
        do, *given = json.loads(line)
        if do == "submit":
            case = hitl.submit(Task.model_validate(given[0]), AgentOutput.model_validate(given[1]))
        else:
            case = hitl.decide(task_id=given[0], decision=Review.model_validate(given[1]))
        print(case.status, flush=True)
"""


def test_clock_skew_and_zones_of_two_processes_change_no_decision(durable_store):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, durable_store, seconds],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TZ": zone_name},
        )
        for seconds, zone_name in (("0", "UTC-14"), ("3600", "EST5EDT"))
    ]

    def ask(number, *asked):
        processes[number % 2].stdin.write(json.dumps(asked) + "\n")
        processes[number % 2].stdin.flush()
        return processes[number % 2].stdout.readline().strip()

    for number in range(4):
        task = a_task(f"task-{number}", risk_level="high")
        given = task.model_dump(mode="json"), an_output(task.task_id).model_dump(mode="json")
        answer = a_review("approve", "senior_manager").model_dump(mode="json")
        assert ask(number, "submit", *given) == "waiting"
        assert ask(number + 1, "decide", task.task_id, answer) == "approved"
    for process in processes:
        process.communicate()

    with Orchestrator.open(durable_store) as hitl:
        check_all_is_well(hitl, 4)


def test_a_clock_that_steps_back_makes_no_negative_latency(durable_store):
    clock = FakeClock()
    with Orchestrator.open(durable_store, clock=clock) as hitl:
        hitl.submit(a_task(risk_level="high"), an_output())
        clock.tick(-3600)

        case = hitl.decide(task_id="task-1", decision=a_review("approve", "senior_manager"))

    assert case.status == "approved"
    assert case.record.latency_seconds == 0


WRONG = (datetime(1986, 7, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC), datetime(9025, 1, 1, tzinfo=UTC))
WRONG += (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=timezone(timedelta(hours=5))))


@pytest.mark.parametrize("time", [*WRONG, None, "2025-01-12T09:00:00Z", 1736672400], ids=str)
def test_an_implausible_clock_is_refused_in_one_sentence_and_nothing_is_stored(durable_store, time):
    clock, why = FakeClock(), r"^clock: .* (set it to the actual time|as datetime.now.UTC. does)$"
    with pytest.raises(InvalidInput, match=why):
        Orchestrator.open(durable_store, clock=lambda: time)
    times = [clock]
    with Orchestrator.open(durable_store, clock=lambda: times[0]() if times[0] is clock else times[0]) as hitl:
        before = list(services_of(hitl).ledger.events())
        times[0] = time
        for act in (hitl.submit, hitl.cases.enqueue):
            with pytest.raises(InvalidInput, match=why):
                act(Task.model_validate(a_task().model_dump(exclude={"timestamp"})), an_output())

        assert list(services_of(hitl).ledger.events()) == before
        times[0] = clock


def test_a_clock_without_a_zone_is_refused_and_nothing_is_stored(durable_store):
    with pytest.raises(InvalidInput, match="has no zone"):
        Orchestrator.open(durable_store, clock=lambda: datetime(2025, 1, 12, 9))  # noqa: DTZ001 - on purpose

    with closing(open_ledger(durable_store)) as ledger:
        assert list(ledger.events()) == []

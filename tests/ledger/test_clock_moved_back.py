"""A clock that is moved back is recorded, once per jump, in the transaction that shows it."""

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from support.attacker import Intruder
from support.builders import NINE, a_review, a_task, an_output

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.chain import instant_text
from hitl_orchestrator.ledger.events.ledger_builders import CLOCK_JUMP
from hitl_orchestrator.orchestrator import LedgerAudit

HOUR = timedelta(hours=1)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NINE

    def __call__(self) -> Any:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hitl(url, clock):
    with closing(Orchestrator.open(url, clock=clock, head_file=False)) as opened:
        yield opened


def submit(hitl: Orchestrator, name: str, confidence: float = 0.95) -> Any:
    name = name.replace(" ", "_")
    return hitl.submit(a_task(name, timestamp=NINE - 9 * HOUR), an_output(name, confidence=confidence))


def jumps(url: str) -> list[dict[str, Any]]:
    with LedgerAudit(url) as audit:
        return [event.body for event in audit.own_events()]


def test_a_jump_is_recorded_once_before_the_first_entry_with_the_earlier_time(url, hitl, clock):
    submit(hitl, "at nine")
    clock.now = NINE - HOUR
    later = submit(hitl, "at eight")
    clock.now += timedelta(minutes=30)
    submit(hitl, "at half past eight")

    (jump,) = jumps(url)
    assert jump == {"from": instant_text(NINE), "to": instant_text(NINE - HOUR)}
    with LedgerAudit(url) as audit:
        result, (event,) = audit.verify(), audit.own_events()
    assert (result.problem, result.clock_jumps) == (None, (event.seq,))
    assert event.seq + 1 == hitl.cases.history(later.case_id)[0].seq


def test_each_jump_is_recorded(url, hitl, clock):
    for hours in (0, -1, -2, 0, -3):
        clock.now = NINE + hours * HOUR
        submit(hitl, f"at_{-hours}_{clock.now.day}_{len(jumps(url))}")

    assert [jump["to"] for jump in jumps(url)] == [instant_text(NINE + hours * HOUR) for hours in (-1, -2, -3)]


def test_writers_that_waited_for_their_turn_are_no_jump(url, hitl, clock):
    submit(hitl, "first")
    clock.now = NINE - CLOCK_JUMP
    submit(hitl, "within the tolerance")
    assert jumps(url) == []

    clock.now = NINE - CLOCK_JUMP - timedelta(microseconds=1)
    submit(hitl, "beyond it")
    assert len(jumps(url)) == 1


def test_imported_decisions_keep_their_past_times(url, hitl):
    at = NINE - timedelta(days=3)
    submit(hitl, "live")
    record = a_review("approve", task_id="past", timestamp=at)
    acting = hitl.acting_as("compliance_officer")
    case = acting.submit(a_task("past", timestamp=at - HOUR), an_output("past", confidence=0.5), replay=True)
    done = acting.cases.replay(record, case.case_id)
    submit(hitl, "live again")

    assert done.record.replayed
    assert jumps(url) == []


def test_the_history_of_a_case_shows_a_jump_during_it(hitl, clock):
    case = submit(hitl, "case", confidence=0.5)
    clock.now = NINE - HOUR
    hitl.decide(case.case_id, "approve", reviewer="domain_reviewer")

    assert "clock_moved_back" in [event.kind for event in hitl.cases.history(case.case_id)]


@pytest.mark.parametrize(
    "sql", ["UPDATE ledger_head SET latest = ''", "DELETE FROM events WHERE kind = 'clock_moved_back'"]
)
def test_neither_the_latest_time_nor_a_jump_can_be_removed(url, hitl, clock, sql):
    submit(hitl, "at nine")
    clock.now = NINE - HOUR
    submit(hitl, "at eight")
    intruder = Intruder(url)
    intruder.disarm()
    intruder.run(sql)

    with pytest.raises(LedgerDamaged):
        Orchestrator.open(url)
    with LedgerAudit(url) as audit:
        assert audit.verify().problem is not None
    intruder.rearm()

"""Every entry is read back before its commit: what the ledger could not read again is never stored."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.builders import AGENT, NINE, a_submission, a_task

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.ledger.events.chain import GENESIS, Draft, Head, event_of, instant_text, link, time_of

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_of_the_calendar_is_written_so_that_it_reads_back_and_sorts(at):
    text = instant_text(at)

    assert time_of(text) == at or at.year == 9999
    assert len(text) == len("2025-01-10T09:00:00.000000Z")


@pytest.mark.parametrize("at", [FIRST - timedelta(microseconds=1), LAST + timedelta(microseconds=1)])
def test_a_time_before_2000_or_after_9998_is_refused_with_its_place(at):
    raw = {**a_task().model_dump(mode="json"), "timestamp": at.isoformat()}

    with pytest.raises(InvalidInput, match=r"tasks: timestamp: .*a time lies in the years 2000 to 9998"):
        parse(Task, raw, "tasks")
    with pytest.raises(ValidationError):
        a_submission(received_at=at)


@pytest.mark.parametrize("at", [FIRST, LAST])
def test_the_first_and_the_last_time_are_taken(at):
    assert a_task(timestamp=at).timestamp == at


ALTERED = {
    "a time of another era": Draft("case-1", EventKind.ALARM, datetime(999, 1, 1, tzinfo=UTC), AGENT, {"cause": "x"}),
    "an actor without a valid name": Draft(
        "case-1", EventKind.ALARM, NINE, AGENT.model_copy(update={"id": "a" * 201}), {"cause": "x"}
    ),
}


@pytest.mark.parametrize("draft", ALTERED.values(), ids=ALTERED)
def test_an_entry_that_would_not_read_back_is_refused(draft):
    with pytest.raises(InvalidInput, match="the entry 'alarm' about case 'case-1' cannot be stored"):
        link(Head(0, GENESIS), [draft])


def test_an_entry_reads_back_as_its_draft():
    (entry,) = link(Head(0, GENESIS), [Draft("case-1", EventKind.ALARM, NINE, AGENT, {"cause": 5.0})])

    assert event_of(entry.entry, entry.digest).body == {"cause": 5}


def test_a_submission_that_would_not_read_back_stores_nothing(ledger):
    lost = a_submission().model_copy(update={"received_at": datetime(999, 1, 1, tzinfo=UTC)})

    with pytest.raises(InvalidInput, match="cannot be stored"):
        ledger.receive(lost, AGENT)

    assert list(ledger.events()) == []
    ledger.receive(a_submission(), AGENT)
    assert [event.kind for event in ledger.events()] == [EventKind.SUBMITTED]

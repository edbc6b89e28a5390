"""Every entry is read back before its commit: what the ledger could not read again is never stored."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.builders import AGENT, NINE, PERSON, a_submission, a_task
from support.counted_calls import calls_of

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
    "a time of another zone": Draft(
        "case-1", EventKind.ALARM, NINE.astimezone(timezone(timedelta(hours=2))), AGENT, {"cause": "x"}
    ),
    "a number that readers round": Draft("case-1", EventKind.ALARM, NINE, AGENT, {"cause": 2**53 + 1}),
}


@pytest.mark.parametrize("draft", ALTERED.values(), ids=ALTERED)
def test_an_entry_that_would_not_read_back_is_refused(draft):
    with pytest.raises(InvalidInput, match="the entry 'alarm' about case 'case-1' cannot be stored"):
        link(Head(0, GENESIS), [draft])


@pytest.mark.parametrize("case_id", ["", "a b", "-a", "a\n", "a" * 201, "\u00e4"])
def test_an_entry_about_an_id_that_no_case_can_have_is_refused(case_id):
    with pytest.raises(InvalidInput, match="the entry 'alarm' about case"):
        link(Head(0, GENESIS), [Draft(case_id, EventKind.ALARM, NINE, AGENT, {"cause": "x"})])


@given(kind=st.sampled_from(EventKind), at=st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)))
def test_an_entry_is_taken_as_its_event_reads(kind, at):
    draft = Draft("case-1", kind, at.replace(tzinfo=UTC), PERSON, {"cause": ["x", 5, 0.5, None]})

    (entry,) = link(Head(6, "a" * 64), [draft])

    event = event_of(entry.entry, entry.digest)
    assert (event.case_id, event.kind, event.at, event.actor, event.body) == draft
    assert (event.seq, event.previous) == (7, "a" * 64)


def test_an_entry_whose_actor_would_read_differently_is_refused():
    draft = Draft("case-1", EventKind.ALARM, NINE, AGENT.model_copy(update={"roles": []}), {"cause": "x"})

    with pytest.warns(UserWarning, match="erializ"), pytest.raises(InvalidInput, match="it would read differently"):
        link(Head(0, GENESIS), [draft])


def test_an_entry_is_checked_without_a_validation_if_its_actor_is_known():
    draft = Draft("case-1", EventKind.ALARM, NINE, PERSON, {"cause": "x", "lines": [{"amount": 0.5}] * 50})
    link(Head(0, GENESIS), [draft])

    assert calls_of("validate_python", lambda: link(Head(1, GENESIS), [draft, draft])) == 0


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

"""Reading of cases, reviews and events: by which id, in which order, under which filter."""

import pytest
from support.builders import (
    AGENT,
    NINE,
    PERSON,
    a_routing,
    a_shown,
    a_submission,
    a_task,
    a_verdict,
    an_outcome,
    minutes,
)
from support.stores import open_rows

from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.errors import InvalidInput, UnknownCase

AUTO = a_routing("auto_approve")


def received(ledger, case_id, task_id=None, domain="customer_support"):
    task = a_task(task_id or f"task-of-{case_id}", domain=domain)
    return ledger.receive(a_submission(case_id, task), AGENT, resubmit=True)


def waiting(ledger, case_id, at=NINE, role="domain_reviewer", domain="customer_support"):
    case = received(ledger, case_id, domain=domain)
    return ledger.open_review(a_shown(case_id, task=case.submission.task, role=role), at)


def finished(ledger, case_id):
    return ledger.finish(an_outcome(received(ledger, case_id).submission), AUTO, NINE)


@pytest.mark.parametrize("read", ["case", "find"])
def test_an_unused_id_is_an_unknown_case(ledger, read):
    with pytest.raises(UnknownCase, match="'unknown'"):
        getattr(ledger, read)("unknown")


def test_a_task_id_is_not_a_case_id(ledger):
    received(ledger, "case-1", "task-1")

    with pytest.raises(UnknownCase):
        ledger.case("task-1")


def test_a_case_is_found_by_its_id_and_the_latest_attempt_by_the_id_of_its_task(ledger):
    ledger.receive(a_submission("case-1"), AGENT)
    ledger.receive(a_submission("case-2", output=None), AGENT, resubmit=True)

    assert ledger.find("case-1").case_id == "case-1"
    assert ledger.find("case-2").case_id == "case-2"
    assert ledger.find("task-1").case_id == "case-2"


def test_a_task_id_cannot_equal_a_case_id(ledger):
    received(ledger, "case-1", "task-1")

    with pytest.raises(InvalidInput, match="'case-1': task_id: this is the id of a case"):
        received(ledger, "case-2", "case-1")

    assert ledger.find("case-1").case_id == "case-1"
    with pytest.raises(UnknownCase):
        ledger.case("case-2")


def test_the_cases_of_open_reviews_are_read_together_as_they_are_read_alone(ledger):
    first = waiting(ledger, "case-1")
    ledger.decide(first, a_verdict("escalate"), PERSON, a_shown("case-1", level=1, task=first.shown.task))
    for number in range(2, 130):
        waiting(ledger, f"case-{number}")
    rows = open_rows(ledger)

    cases = ledger.cases_of(rows)

    assert len(rows) == len(cases) == 129
    assert [len(cases[f"case-{number}"].reviews) for number in (1, 2, 129)] == [2, 1, 1]
    assert cases == {row.case_id: ledger.case(row.case_id) for row in rows}
    assert ledger.cases_of([]) == {}


def test_the_latest_review_is_the_highest_up_the_chain(ledger):
    row = waiting(ledger, "case-1")
    ledger.decide(row, a_verdict("escalate"), PERSON, a_shown("case-1", level=1))
    ledger.decide(ledger.latest_review("case-1"), a_verdict("escalate"), PERSON, a_shown("case-1", level=2))

    assert ledger.latest_review("case-1").level == 2
    assert [row.level for row in ledger.case("case-1").reviews] == [0, 1, 2]


def test_a_case_without_a_review_has_no_latest_one(ledger):
    received(ledger, "case-1")

    assert ledger.latest_review("case-1") is None
    assert ledger.latest_review("unknown") is None


def test_open_reviews_come_in_the_order_of_opening_whatever_the_clocks_of_their_processes(ledger):
    for case_id, minute in (("case-1", 3), ("case-2", -1440), ("case-3", 1440)):
        waiting(ledger, case_id, minutes(minute))

    assert [row.case_id for row in open_rows(ledger)] == ["case-1", "case-2", "case-3"]
    assert [row.case_id for row in open_rows(ledger, 2)] == ["case-1", "case-2"]


def test_a_review_waits_from_the_time_of_the_database(ledger):
    before = ledger.now()

    row = waiting(ledger, "case-1", NINE)

    assert (row.opened_at, before <= row.queued_at <= ledger.now()) == (NINE, True)
    assert [row] == open_rows(ledger)


def test_open_reviews_are_filtered_by_role_and_domain(ledger):
    waiting(ledger, "case-1", minutes(1))
    waiting(ledger, "case-2", minutes(2), role="senior_manager")
    waiting(ledger, "case-3", minutes(3), role="senior_manager", domain="finance")

    def case_ids(**wanted):
        return [row.case_id for row in open_rows(ledger, **wanted)]

    assert case_ids(role="senior_manager") == ["case-2", "case-3"]
    assert case_ids(domain="customer_support") == ["case-1", "case-2"]
    assert case_ids(role="senior_manager", domain="finance") == ["case-3"]
    assert case_ids(role="unknown") == case_ids(domain="nowhere") == []


def test_answered_reviews_are_not_listed_as_open(ledger):
    rows = [waiting(ledger, f"case-{number}", minutes(number)) for number in (1, 2)]
    ledger.decide(rows[0], a_verdict(), PERSON)
    ledger.decide(rows[1], a_verdict("escalate", at=minutes(9)), PERSON, a_shown("case-2", level=1))

    (left,) = open_rows(ledger)

    assert (left.case_id, left.level, left.opened_at) == ("case-2", 1, minutes(9))


def test_stages_list_cases_in_the_order_of_submission(ledger):
    received(ledger, "case-1")
    finished(ledger, "case-2")
    row = waiting(ledger, "case-3")
    waiting(ledger, "case-4")
    received(ledger, "case-5")
    ledger.decide(row, a_verdict(), PERSON)

    assert ledger.stages(CaseStage.RECEIVED) == ["case-1", "case-5"]
    assert ledger.stages(CaseStage.WAITING) == ["case-4"]
    assert ledger.stages(CaseStage.DECIDED) == ["case-3"]
    assert ledger.stages(CaseStage.FINISHED) == ["case-2"]
    assert ledger.stages(CaseStage.RECEIVED, CaseStage.DECIDED) == ["case-1", "case-3", "case-5"]
    assert ledger.stages(*CaseStage) == ["case-1", "case-2", "case-3", "case-4", "case-5"]
    assert ledger.stages() == []


def test_events_come_in_the_order_in_which_they_were_written(ledger):
    received(ledger, "case-1")
    received(ledger, "case-2")
    finished(ledger, "case-1")

    entries = [(event.seq, event.case_id, event.kind.value) for event in ledger.events()]

    assert entries == [
        (1, "case-1", "submitted"),
        (2, "case-2", "submitted"),
        (3, "case-1", "routed"),
        (4, "case-1", "finished"),
    ]
    assert [event.seq for event in ledger.events("case-1")] == [1, 3, 4]
    assert list(ledger.events("unknown")) == []


def test_records_come_in_the_order_in_which_the_cases_finished(ledger):
    submissions = {case_id: received(ledger, case_id).submission for case_id in ("case-1", "case-2", "case-3")}
    order = ["case-3", "case-1", "case-2"]
    written = [ledger.finish(an_outcome(submissions[case_id]), AUTO, NINE) for case_id in order]

    assert list(ledger.records()) == written
    assert [record.case_id for record in written] == order


def test_a_writer_is_not_blocked_by_a_reader_of_events(ledger):
    received(ledger, "case-1")
    reading = ledger.events()
    next(reading)

    received(ledger, "case-2")

    reading.close()
    assert len(list(ledger.events())) == 2

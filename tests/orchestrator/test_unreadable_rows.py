"""One unreadable row stops only its own case: every list and every step goes on for all others, and names it."""

import logging
from contextlib import nullcontext

import pytest
from support.attacker import Intruder
from support.builders import a_review, a_task, an_output
from support.internals import look_at, services_of
from support.teams import a_policy

from hitl_orchestrator import Proposal
from hitl_orchestrator.errors import HitlError, IncompatibleRecord, LedgerDamaged, RecoveryIncomplete, TamperedReview
from hitl_orchestrator.orchestrator import LedgerAudit

UNREADABLE = {
    "shown": ["{bad", ""],
    "verdict": ["{bad"],
    "opened_at": ["zzz"],
    "level": [-1],
}


@pytest.fixture
def three(durable, waits):
    """Three waiting cases, of which the first has the earliest place in every list."""
    return durable, [waits(durable, f"task-{number}") for number in range(3)]


def the_others(cases):
    return [case.case_id for case in cases[1:]]


@pytest.mark.parametrize("column", UNREADABLE)
def test_an_unreadable_review_leaves_the_inbox_and_assignments_to_the_others(three, intruder, caplog, column):
    hitl, cases = three
    for value in UNREADABLE[column]:
        intruder.change(cases[0].open_review.review_id, **{column: value})

        assert [request.case_id for request in hitl.inbox()] == the_others(cases)
        assert [request.case_id for request in hitl.inbox(limit=1)] == the_others(cases)[:1]
        assert [request.case_id for request in hitl.inbox(reviewer="ana")] == the_others(cases)

    assert hitl.acting_as("ana").reviews.next().case_id == the_others(cases)[0]
    assigned = hitl.acting_as("max").reviews.assign(strategy="push")
    assert [each.review.case_id for each in assigned] == the_others(cases)[1:]
    (line, *_) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"row '{cases[0].case_id}.0' of table reviews" in line.getMessage()
    assert "hitl audit verify" in line.getMessage()


def test_an_unreadable_review_stops_no_step_of_maintenance(opened, durable_store, clock, waits, intruder):
    policy = a_policy(respond_within="PT1H", remind_before="PT30M", on_timeout="escalate")
    hitl = opened(durable_store, policy=policy)
    cases = [waits(hitl, f"task-{number}") for number in range(3)]
    for case in cases:
        hitl.reviews.claim(case.case_id, reviewer="ana")
    intruder.change(cases[0].open_review.review_id, shown="{bad")
    long_ago = "2001-01-01T00:00:00.000000Z"
    intruder.run("UPDATE reviews SET remind_at = ?, claimed_until = ?, expires_at = ?", *[long_ago] * 3)
    notices = []

    with pytest.raises(RecoveryIncomplete) as reported:
        hitl.run_maintenance(on_notice=notices.append)

    causes = {case_id: type(error) for case_id, error in reported.value.failures.items()}
    assert causes.pop(cases[0].case_id) is IncompatibleRecord
    assert causes == dict.fromkeys(the_others(cases), TamperedReview), "the altered deadlines of the others"
    for kind in ("reminded", "returned"):
        assert {each.review.case_id for each in notices if each.kind == kind} == set(the_others(cases))
    alarms = [event for event in services_of(hitl).ledger.events(cases[0].case_id) if event.kind == "alarm"]
    assert len(alarms) == 1


def test_a_review_with_an_unknown_status_is_named_and_not_lost(three, intruder):
    hitl, cases = three
    intruder.change(cases[0].open_review.review_id, status="zzz")
    intruder.move(cases[1].case_id, "zzz")

    for maintain in (hitl.run_maintenance, hitl.recover):
        with pytest.raises(RecoveryIncomplete) as reported:
            maintain()
        assert set(reported.value.failures) == {cases[0].case_id, cases[1].case_id}
        assert "hitl audit verify" in str(reported.value)

    assert hitl.decide(task_id="task-2", decision=a_review("approve", "ana")).status == "approved"


@pytest.mark.parametrize(
    ("column", "value"),
    [("due_at", "zzz"), ("due_at", ""), ("expires_at", "9999-99-99T99:99:99.999999Z"), ("remind_at", "zzz")],
)
def test_a_review_that_waits_for_a_time_that_is_none_is_named(three, intruder, column, value):
    hitl, cases = three
    intruder.change(cases[0].open_review.review_id, **{column: value})

    for maintain in (hitl.run_maintenance, hitl.recover):
        with pytest.raises(RecoveryIncomplete) as reported:
            maintain()
        assert f"{column} {value!r} is not a time" in str(reported.value)
        assert set(reported.value.failures) == {cases[0].case_id}
    assert "alarm" in [event.kind for event in services_of(hitl).ledger.events(cases[0].case_id)]
    assert column in hitl.audit.verify().problem


@pytest.mark.parametrize("column", ["claimed_since", "claimed_until"])
def test_a_claim_until_a_time_that_is_none_has_ended(three, intruder, column):
    hitl, cases = three
    hitl.reviews.claim(cases[0].case_id, reviewer="two")
    intruder.change(cases[0].open_review.review_id, **{column: "zzz"})
    assert column in hitl.audit.verify().problem

    assert hitl.acting_as("ana").reviews.next().case_id == cases[0].case_id
    assert hitl.audit.verify().sound


@pytest.mark.parametrize("column", ["held_since", "held_until"])
def test_a_lease_until_a_time_that_is_none_is_named_and_ends(durable, intruder, column):
    case = durable.cases.enqueue(a_task(), an_output(confidence=0.5))
    times = {"held_since": "2025-01-01T00:00:00.000000Z", "held_until": "9998-01-01T00:00:00.000000Z"} | {column: "zzz"}
    intruder.run("UPDATE cases SET holder = 'away/1/2/3/4', held_since = ?, held_until = ?", *times.values())
    assert column in durable.audit.verify().problem
    assert services_of(durable).ledger.lease(case.case_id) is None

    with pytest.raises(RecoveryIncomplete, match=f"{column} 'zzz' is not a time"):
        durable.recover()

    assert [request.case_id for request in durable.inbox()] == [case.case_id]
    assert durable.audit.verify().sound


def test_recovery_names_a_bounded_number_of_cases():
    error = RecoveryIncomplete({f"case-{number}": ValueError("why") for number in range(500)}, 3)

    assert "'case-19'" in str(error)
    assert "'case-20'" not in str(error)
    assert "and 480 more" in str(error)


@pytest.fixture
def finished(durable, waits, intruder):
    """Three finished cases, in a ledger whose triggers were removed."""
    cases = [waits(durable, f"task-{number}", metadata={"number": number}) for number in range(3)]
    for case in cases:
        durable.decide(case.case_id, decision=a_review("approve", "ana"))
    intruder.disarm()
    return durable, [case.case_id for case in cases]


DAMAGED = [
    "UPDATE events SET entry = '{bad' WHERE kind = 'finished' AND case_id = ?",
    "UPDATE events SET case_id = 'another' WHERE kind = 'finished' AND case_id = ?",
    "UPDATE contents SET body = '' WHERE case_id = ?",
    "UPDATE contents SET key = 'zzz' WHERE case_id = ?",
]


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_record_is_named_and_the_others_are_listed_and_exported(finished, durable_store, intruder, damage):
    hitl, (damaged, *others) = finished
    intruder.run(damage, damaged)

    assert [record.case_id for record in hitl.audit.records()] == others
    with LedgerAudit(durable_store) as audit:
        for listed in (audit.records, audit.rows, audit.events):
            left_out = []
            assert set(others) <= {dict(each)["case_id"] for each in listed(left_out.append)}
            assert "in table events" in str(left_out[0])
        assert not audit.verify().sound
    with pytest.raises(LedgerDamaged) if "UPDATE events" in damage else nullcontext():
        hitl.close()


OUTCOMES = [
    "DELETE FROM outcomes WHERE case_id = ?",
    "UPDATE outcomes SET metadata_digest = 'x' WHERE case_id = ?",
    "UPDATE outcomes SET finished_seq = 0 - finished_seq WHERE case_id = ?",
]


@pytest.mark.parametrize("damage", OUTCOMES)
def test_an_altered_outcome_gives_no_record_the_task_of_another_case(finished, durable_store, intruder, damage):
    _, case_ids = finished
    numbers = dict(zip(case_ids, ('{"number":0}', '{"number":1}', '{"number":2}'), strict=True))
    intruder.run(damage, case_ids[0])

    left_out = []
    with LedgerAudit(durable_store) as audit:
        rows = {row["case_id"]: row["metadata"] for row in audit.rows(left_out.append)}

    assert rows == {case_id: numbers[case_id] for case_id in rows}
    assert len(rows) + len(left_out) == 3
    assert all(f"case '{case_ids[0]}'" in str(error) and "table outcomes" in str(error) for error in left_out)


@pytest.mark.parametrize("damage", ["metadata_digest = x'ff00'", "task_timestamp = x'ff00'"])
def test_an_outcome_with_bytes_for_a_text_is_left_out_by_name(finished, durable_store, intruder, damage):
    if not durable_store.startswith("sqlite"):  # its columns have one type, so that another text stands for the bytes
        damage = "metadata_digest = 'ff00'"
    _, case_ids = finished
    intruder.run(f"UPDATE outcomes SET {damage} WHERE case_id = ?", case_ids[0])

    left_out = []
    with LedgerAudit(durable_store) as audit:
        rows = [row["case_id"] for row in audit.rows(left_out.append)]

    assert rows == case_ids[1:]
    assert [f"case '{case_ids[0]}'" in str(error) for error in left_out] == [True]


def test_an_altered_large_payload_is_reported_and_repaired_and_blocks_no_client(durable, waits, intruder):
    output = an_output("task-1", confidence=0.5).model_copy(
        update={"agent_output": Proposal(predicted_label="long", explanation="x" * 300_000)}
    )
    case = waits(durable, output=output)
    look_at(durable, case.case_id)
    assert intruder.run("SELECT count(*) AS number FROM payloads") != [{"number": 0}]
    intruder.run("UPDATE payloads SET body = 'altered'")

    verification = durable.audit.verify()
    assert not verification.sound
    assert "payloads: the text" in verification.problem
    assert case.case_id in verification.problem
    durable.decide(task_id="task-1", decision=a_review("escalate", "ana"))
    look_at(durable, case.case_id)
    assert durable.audit.verify().sound
    assert durable.decide(task_id="task-1", decision=a_review("approve", "max")).status == "approved"


@pytest.mark.parametrize("table", ["reviews", "contents", "events"])
def test_text_that_is_not_utf_8_stops_only_its_own_case(opened, sqlite_store, waits, table):
    hitl, intruder = opened(sqlite_store), Intruder(sqlite_store)
    cases = [waits(hitl, f"task-{number}") for number in range(3)]
    intruder.disarm()
    column = {"reviews": "shown", "contents": "body", "events": "entry"}[table]
    intruder.run(f"UPDATE {table} SET {column} = CAST(x'ff7b' AS TEXT) WHERE case_id = ?", cases[0].case_id)

    assert {request.case_id for request in hitl.inbox()} >= set(the_others(cases))
    assert hitl.decide(cases[1].case_id, decision=a_review("approve", "ana")).status == "approved"
    with pytest.raises(HitlError):
        hitl.decide(cases[0].case_id, decision=a_review("approve", "ana"))
    assert not hitl.audit.verify().sound
    with pytest.raises(LedgerDamaged) if table == "events" else nullcontext():
        hitl.close()

"""Whatever value a column of one row is changed to, every command goes on for all other cases, and none approves."""

from contextlib import contextmanager, suppress

import pytest
from support.builders import a_review, an_output
from support.calls import Tool, approved, ask
from support.internals import services_of

from hitl_orchestrator import ParentCall, Proposal
from hitl_orchestrator.errors import HitlError, RecoveryIncomplete
from hitl_orchestrator.ledger.database.tables import metadata
from hitl_orchestrator.orchestrator import LedgerAudit

VALUES = (None, "{bad", "zzz", -1, 10**30, "9999-12-31T23:59:59-14:00", '{"schema": 9}', "")
SAMPLE = 8
EMPTIED = {
    "spot_checks": "INSERT INTO spot_checks SELECT case_id, finished_seq FROM outcomes LIMIT 1",
    "scrubs": "INSERT INTO scrubs SELECT case_id, 1, '' FROM cases LIMIT 1",
}
"""The tables whose rows maintenance removes, and a row of each."""

POLICY = {
    "policy_id": "counting",
    "history": {"all": {"count": "cases", "within": "P1D"}},
    "rules": [{"rule_id": "ask", "priority": 1, "conditions": {}, "action": "human_review"}],
}


@pytest.fixture
def store_of_four(opened, durable_store, waits, intruder):
    """Three waiting cases and two finished ones, with a claim, a refusal, large payloads, and no triggers."""
    durable = opened(durable_store, policy=POLICY)
    large = an_output("task-0", confidence=0.5).model_copy(
        update={"agent_output": Proposal(predicted_label="x", explanation="x" * 20_000)}
    )
    waits(durable, "task-0", output=large)
    cases = [waits(durable, f"task-{number}") for number in range(1, 5)]
    durable.reviews.claim(task_id="task-0", reviewer="ana")
    with suppress(HitlError):
        durable.decide(task_id="task-0", decision=a_review("approve", "stranger"))
    for case in cases:
        services_of(durable).ledger.await_decision(case.case_id, ParentCall(graph="agent", thread_id="thread-1"))
    for case in cases[2:]:
        durable.decide(case.case_id, decision=a_review("approve", "two"))
    approved(durable, "called", reviewer="two").run(Tool())
    ask(durable, "calls", parent=ParentCall(graph="agent", thread_id="t"))
    services_of(durable).ledger.keep("digest", "no payload", cases[0].case_id)
    intruder.disarm()
    return durable


def test_every_command_goes_on_for_the_other_cases(store_of_four, intruder):
    with LedgerAudit(intruder.store) as audit:
        for number, (table, column) in enumerate(_sampled(intruder.is_postgres)):
            _check((store_of_four, audit, intruder), table, column, VALUES[number % len(VALUES)])


@pytest.mark.soak
def test_every_command_goes_on_for_the_other_cases_with_every_value(store_of_four, intruder):
    with LedgerAudit(intruder.store) as audit:
        for table, column in _columns():
            for value in VALUES:
                _check((store_of_four, audit, intruder), table, column, value)


def _columns():
    # An altered head row stops all writing: `test_entry_macs.py`.
    tables = [table for table in metadata.sorted_tables if table.name != "ledger_head"]
    return [(table.name, column.name) for table in tables for column in table.columns]


def _sampled(is_postgres):
    """Return every second column, and every eighth of outcomes; the other half on the other database."""
    outcomes = [each for each in _columns() if each[0] == "outcomes"][:: SAMPLE // 2]
    columns = [each for each in _columns() if each[0] != "outcomes"] + outcomes
    return columns[int(is_postgres) :: 2]


def _check(places, table, column, value):
    """Alter one row, run every command, and restore the row."""
    hitl, audit, intruder = places
    if table in EMPTIED:
        intruder.run(f"DELETE FROM {table}")
        intruder.run(EMPTIED[table])
    what = f"{table}.{column} = {value!r}"
    with _altered(intruder, table, column, value) as altered:
        if not altered:
            return
        before = _approved(intruder)
        assert len({"task-0", "task-1", "task-2"} & {request.task_id for request in hitl.inbox()}) >= 2, what
        taken = hitl.acting_as("two").reviews.next()
        assert taken is not None, what
        hitl.reviews.release(taken.case_id, reviewer="two")
        hitl.acting_as("max").reviews.assign(strategy="push", limit=1, seconds=0.001)
        for maintain in (hitl.run_maintenance, hitl.recover):
            with suppress(RecoveryIncomplete):
                maintain()
        left_out = []
        listed = [len(list(each(left_out.append))) for each in (audit.records, audit.rows, audit.events)]
        assert min(listed) >= 1, what
        audit.verify()
        list(hitl.audit.records())
        hitl.executions.list()
        assert _approved(intruder) == before, what


def _approved(intruder):
    return intruder.run("SELECT count(*) AS number FROM events WHERE kind = 'finished'")


@contextmanager
def _altered(intruder, table, column, value):
    """Change one row; yield False where the database refuses the value."""
    keys = [each.name for each in metadata.tables[table].primary_key]
    order = ", ".join(keys)
    row = intruder.run(f"SELECT * FROM {table} ORDER BY {order} LIMIT 1")[0]
    where = " AND ".join(f"{key} = ?" for key in keys)
    sql = f"UPDATE {table} SET {column} = ? WHERE {where}"
    try:
        intruder.run(sql, value, *(row[key] for key in keys))
    except Exception:  # noqa: BLE001 - a type or a constraint of either database
        yield False
        return
    try:
        yield True
    finally:
        # PostgreSQL stores a number in a text column as its text.
        stored = str(value) if intruder.is_postgres and isinstance(row[column], str) else value
        intruder.run(sql, row[column], *(stored if key == column else row[key] for key in keys))


@pytest.mark.parametrize("column", ["role", "risk_level", "task_type"])
def test_verification_names_the_altered_column(durable, waits, intruder, column):
    waits(durable, "task-0")
    intruder.disarm()
    intruder.run(f"UPDATE reviews SET {column} = 'other'")

    assert durable.audit.verify().problem.endswith(f"has another {column}")

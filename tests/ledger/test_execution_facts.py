"""Entries about an execution that do not follow from those before, which a database without its schema could hold."""

import pytest

from hitl_orchestrator.ledger.verification.rows.executions import ExecutionFacts

APPROVED = {"content": "a" * 64}
STARTED = ("started", {"output": APPROVED, "audience": ""})
UNKNOWN = ("unknown", {"check_id": "c"})
FINISHED = ("finished", {"result": None, "check_id": None})

WRONG = {
    "executed twice": ([STARTED, FINISHED, STARTED], "one decision was executed twice"),
    "ended twice": ([STARTED, FINISHED, FINISHED], "its execution was not running"),
    "ended without a start": ([FINISHED], "its execution was not running"),
    "lost after its end": ([STARTED, FINISHED, UNKNOWN], "its execution was not running"),
    "stated by a person who was not asked": (
        [STARTED, ("failed", {"error": "", "check_id": "c"})],
        "no person was asked in that case",
    ),
    "stated in another case": (
        [STARTED, UNKNOWN, ("finished", {"result": None, "check_id": "d"})],
        "no person was asked in that case",
    ),
}


def problems(entries):
    facts = ExecutionFacts()
    facts.add_intake({"gated": {"audience": None}})
    facts.add_outcome({"final_output": APPROVED})
    for seq, (kind, body) in enumerate(entries, start=9):
        yield facts.problem_of({"kind": f"execution_{kind}", "seq": seq, "body": body})


@pytest.mark.parametrize("how", WRONG)
def test_an_entry_that_does_not_follow_is_found(how):
    entries, problem = WRONG[how]
    *before, last = problems(entries)

    assert set(before) <= {None}
    assert problem in last


def test_every_way_to_an_end_follows():
    stated = ("finished", {"result": None, "check_id": "c"})

    for entries in ([STARTED, FINISHED], [STARTED, UNKNOWN, FINISHED], [STARTED, UNKNOWN, stated], [STARTED, UNKNOWN]):
        assert set(problems(entries)) == {None}

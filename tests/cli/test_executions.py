"""`hitl executions`, and the execution in `hitl show` and `hitl audit verify`."""

import shlex
from contextlib import suppress

import pytest
from support.calls import Tool, approved

from hitl_orchestrator import Orchestrator


@pytest.fixture
def executed(hitl, folder):
    """Carry one call out, lose one, and leave one."""
    with Orchestrator.open(f"sqlite:///{folder / 'hitl.db'}") as store:
        by = {"reviewer": "domain_reviewer"}
        approved(store, "made", **by).run(Tool({"paid": 5}))
        with suppress(KeyboardInterrupt):
            approved(store, "lost", **by).run(Tool(error=KeyboardInterrupt()))
        approved(store, "left", **by)
    return hitl


def test_executions_are_listed_with_the_question_that_waits(executed):
    answer = executed("executions")

    assert "A reviewer is asked whether lost happened:" in answer.out
    command = next(line for line in answer.out.splitlines() if "hitl show" in line)
    assert "waits for domain_reviewer" in " ".join(executed(*shlex.split(command)[1:]).out.split())
    assert "2 executions." in answer.out


def test_a_list_of_executions_has_the_call_and_its_result(executed):
    made, lost = (line for line in executed("executions").out.splitlines() if "refund" in line)

    assert made.startswith("made")
    assert '{"paid": 5}' in made
    assert lost.rstrip().endswith("-")


def test_the_question_shows_the_call_and_copies_nothing_of_it(executed):
    command = next(line for line in executed("executions").out.splitlines() if "hitl show" in line)
    shown = executed(*shlex.split(command)[1:])
    check = executed("--json", *shlex.split(command)[1:]).data

    assert "Did refund(" in " ".join(shown.out.split())
    assert "amount" not in str(check["submission"])


def test_the_inbox_lists_the_question_by_the_call_under_a_short_id(executed, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    (listed,) = executed("--json", "inbox").data
    text = executed("inbox").out

    assert listed["asked_about"].startswith("refund(")
    assert f"Did {listed['asked_about'][:20]}" in text
    assert listed["task_id"] not in text
    assert executed("show", listed["case_id"][:18]).code == 0


def test_what_was_approved_is_not_called_executed(executed):
    assert "Executed" not in executed("show", "left").out
    assert "Approved is the proposal:" in executed("show", "left").out


def test_executions_are_listed_for_machines_page_by_page(executed):
    (first,) = executed("--json", "executions", "--limit", "1").data
    (second,) = executed("--json", "executions", "--after", first["case_id"]).data

    assert (first["task_id"], first["status"], first["result"]) == ("made", "finished", {"paid": 5})
    assert (second["task_id"], second["status"]) == ("lost", "unknown")
    assert executed("--json", "executions", "--status", "failed").data == []
    assert executed("executions", "--status", "done").code == 2
    assert "--after" in executed("executions", "--limit", "1").out


def test_a_case_shows_its_execution(executed):
    assert "finished: started" in executed("show", "made").out
    assert executed("--json", "show", "lost").data["execution"]["status"] == "unknown"
    assert executed("--json", "show", "left").data["execution"] is None


def test_verification_names_what_was_never_carried_out(executed):
    answer = executed("audit", "verify", "--any-key")

    assert answer.code == 0
    assert "1 approved call never carried out:" in answer.out

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

    assert "Did lost happen? A reviewer decides it:" in answer.out
    command = next(line for line in answer.out.splitlines() if "hitl show" in line)
    assert "waits for domain_reviewer" in " ".join(executed(*shlex.split(command)[1:]).out.split())
    assert "2 executions." in answer.out


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

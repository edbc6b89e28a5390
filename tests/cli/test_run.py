"""`hitl run`, `hitl recover` and `hitl demo`."""

import io
import json
import sys
import tempfile

import pytest
from support.internals import services_of

from hitl_orchestrator import Orchestrator, Task
from hitl_orchestrator.cli.commands.cases.demo import differences

RUN = ("run", "tasks.json", "--outputs", "agent_outputs.json")
REPLAY = (*RUN, "--reviews", "human_reviews.json")
WAITING = {"task_002": "domain_reviewer", "task_003": "senior_manager", "task_005": "domain_reviewer"}


def change(path, **fields):
    """Change fields of the first record of a file."""
    records = json.loads(path.read_text())
    path.write_text(json.dumps([{**records[0], **fields}, *records[1:]]))


def recorded(**fields):
    output = {
        "review_id": "r1",
        "task_id": "task_003",
        "human_decision": "approve",
        "timestamp": "2025-01-10T10:15:00Z",
    }
    return {**output, **fields}


def test_a_run_without_reviews_leaves_two_reviews_and_an_escalation_open(hitl):
    cases = hitl(*RUN, "--json").data

    assert {case["task_id"]: case["assigned_human_role"] for case in cases if case["status"] == "waiting"} == WAITING
    assert [case["final_decision"] for case in cases if case["status"] == "finished"] == ["approved", "approved"]


def test_replayed_reviews_give_the_canonical_audit_records(hitl, folder):
    assert hitl(*REPLAY).code == 0

    expected = json.loads((folder / "audit_logs.json").read_text())
    found = {record["task_id"]: record for record in hitl("audit", "list", "--json").data}
    for wanted in expected:
        record = found[wanted["task_id"]]
        same = set(wanted) - {"log_id", "timestamp", "latency_seconds"}
        assert {name: record[name] for name in same} == {name: wanted[name] for name in same}
        if wanted["human_involved"]:
            assert (record["latency_seconds"], record["timestamp"]) == (wanted["latency_seconds"], wanted["timestamp"])


@pytest.mark.parametrize("command", [RUN, REPLAY])
def test_running_a_file_twice_is_the_same_cases_and_says_so(hitl, command):
    first = hitl(*command, "--json").data

    again = hitl(*command)

    assert (again.code, again.err) == (0, "")
    assert "5 of them existed before: nothing was stored twice." in again.out
    assert hitl(*command, "--json").data == first


@pytest.mark.parametrize("write", [json.dumps, lambda records: "\n".join(map(json.dumps, records)) + "\n\n"])
def test_json_and_json_lines_are_read_alike(hitl, folder, write):
    for name in ("tasks.json", "agent_outputs.json"):
        (folder / name).write_text(write(json.loads((folder / name).read_text())))

    assert len(hitl(*RUN, "--json").data) == 5


def test_one_object_is_a_file_of_one_task(hitl, folder):
    (folder / "tasks.json").write_text(json.dumps(json.loads((folder / "tasks.json").read_text())[0], indent=2))

    assert [case["task_id"] for case in hitl("run", "tasks.json", "--json").data] == ["task_001"]


def test_a_dash_reads_tasks_from_standard_input(hitl, folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO((folder / "tasks.json").read_text()))

    assert len(hitl("run", "-", "--json").data) == 5


def test_task_without_output_needs_a_reviewer(hitl, folder):
    outputs = json.loads((folder / "agent_outputs.json").read_text())
    (folder / "agent_outputs.json").write_text(json.dumps(outputs[1:]))

    case = hitl(*RUN, "--json").data[0]

    assert (case["task_id"], case["status"], case["rule_id"]) == ("task_001", "waiting", "rule_005")


def test_rejected_task_does_not_stop_others_and_exits_1(hitl, folder):
    hitl(*RUN)
    change(folder / "tasks.json", domain="elsewhere")

    again = hitl(*RUN, "--json")

    assert again.code == 1
    assert [case["task_id"] for case in again.data] == ["task_002", "task_003", "task_004", "task_005"]
    results = json.loads(again.err)
    assert results["error"] == "RequestRejected"
    assert [problem[:53] for problem in results["problems"]] == [
        "task 'task_001' was already submitted with other cont"
    ]


def test_a_resubmission_is_a_new_attempt(hitl, folder):
    first = hitl(*RUN, "--json").data[0]
    change(folder / "tasks.json", domain="elsewhere")

    second = hitl(*RUN, "--resubmit", "--json").data[0]

    assert second["case_id"] != first["case_id"]


def test_recorded_reviews_of_one_task_are_replayed_in_the_order_of_their_times(hitl, folder):
    final = recorded(human_role="compliance_officer")
    passed_up = recorded(
        review_id="r0", human_decision="escalate", human_feedback="beyond me", timestamp="2025-01-10T10:05:00Z"
    )
    (folder / "human_reviews.json").write_text(json.dumps([final, passed_up]))

    once, twice = hitl(*REPLAY, "--json"), hitl(*REPLAY, "--json")

    assert (once.code, once.data[2]["final_decision"]) == (0, "approved")
    assert once.data[2]["assigned_human_role"] == "compliance_officer"
    assert twice == once


def test_unused_recorded_review_is_reported(hitl, folder):
    (folder / "human_reviews.json").write_text(json.dumps([recorded(task_id="task_001")]))

    answer = hitl(*REPLAY)

    assert answer.code == 0
    assert "Recorded reviews not used, because these tasks needed no reviewer: task_001." in answer.out


def test_live_case_rejects_recorded_reviews(hitl):
    hitl(*RUN)

    answer = hitl(*REPLAY)

    assert answer.code == 1
    assert answer.err.splitlines() == [
        f"hitl: task '{task}' was submitted live before; a reviewer decides it, with 'hitl decide', no record"
        for task in WAITING
    ]


def test_recorded_review_below_the_role_is_rejected(hitl, folder):
    (folder / "human_reviews.json").write_text(json.dumps([recorded(human_role="domain_reviewer")]))

    answer = hitl(*REPLAY, "--json")

    assert answer.code == 2
    assert "human_role: 'domain_reviewer' is below 'senior_manager'" in answer.err
    assert answer.data[2]["status"] == "waiting"


def test_second_recorded_review_is_rejected(hitl, folder):
    hitl(*REPLAY)
    change(folder / "human_reviews.json", human_decision="reject")

    answer = hitl(*REPLAY)

    assert answer.code == 1
    assert "was already decided by 'domain_reviewer': approve at 2025-01-10T09:42:00+00:00" in answer.err


def test_policy_and_reviewers_options_apply(hitl, folder):
    policy = {"policy_id": "all", "rules": [{"condition": {"min_confidence": 0.6}, "action": "auto_approve"}]}
    (folder / "p.json").write_text(json.dumps(policy))
    (folder / "v.json").write_text(json.dumps([{"reviewer_id": "ana", "name": "Ana", "roles": ["senior_manager"]}]))

    cases = hitl(*RUN, "--policy", "p.json", "--reviewers", "v.json", "--json").data

    assert {case["final_decision"] for case in cases} == {"approved"}


def test_store_option_overrides_the_environment(hitl, folder, monkeypatch):
    monkeypatch.setenv("HITL_STORE", "sqlite:///from_setting.db")
    hitl(*RUN)
    hitl(*RUN, "--store", "sqlite:///behind.db")
    hitl("--store", "sqlite:///before.db", *RUN)
    hitl("--store", "sqlite:///not_this.db", *RUN, "--store", "sqlite:///this.db")

    made = sorted(path.name for path in folder.glob("*.db"))

    assert made == ["before.db", "behind.db", "from_setting.db", "this.db"]


def test_json_option_may_precede_the_command(hitl):
    assert len(hitl("--json", *RUN).data) == 5


def test_recover_resumes_enqueued_cases_once(hitl, folder):
    hitl(*RUN)
    task = json.loads((folder / "tasks.json").read_text())[0]
    with Orchestrator.open("sqlite:///hitl.db") as orchestrator:
        orchestrator.cases.enqueue(Task(**{**task, "task_id": "left"}))

    assert [(case["task_id"], case["status"]) for case in hitl("recover", "--json").data] == [("left", "waiting")]
    assert hitl("recover").out == "Nothing to recover: every case is finished or waits for a reviewer.\n"


def test_recover_names_stuck_cases_and_resumes_the_others(hitl, folder):
    hitl(*RUN)
    task = json.loads((folder / "tasks.json").read_text())[0]
    with Orchestrator.open("sqlite:///hitl.db") as orchestrator:
        orchestrator.cases.enqueue(Task(**{**task, "task_id": "left"}))
        services_of(orchestrator).reader.graph_version = "another"
        orchestrator.cases.enqueue(Task(**{**task, "task_id": "older"}))

    answer = hitl("recover")

    assert answer.code == 1
    assert "Resumed 1 case; 1 could not be resumed." in answer.out
    assert answer.err.count("\n") == 1
    assert "was routed under graph 'another'" in answer.err


def test_memory_store_reports_discarded_cases(hitl, folder):
    answer = hitl(*RUN, "--store", "memory://")

    assert (answer.code, answer.out.splitlines()[-1]) == (0, "memory:// stores nothing: these cases are discarded.")
    assert not list(folder.glob("*.db"))


def test_the_demo_matches_the_canonical_records_and_ends_with_a_report(hitl, folder, tmp_path_factory, monkeypatch):
    before, elsewhere = sorted(folder.iterdir()), tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))

    answer = hitl("demo")

    assert (answer.code, answer.err) == (0, "")
    assert "5 of 5 records match the expected ones in audit_logs.json." in answer.out
    assert "decisions 50 |" in answer.out
    (page,) = elsewhere.glob("*/*")
    assert str(page) in answer.out.replace("\n", "")
    assert "Sure and wrong" in page.read_text("utf-8")
    assert sorted(folder.iterdir()) == before


def test_the_commands_that_the_demo_ends_with_work(hitl):
    output = hitl("demo", "--data-into", "hitl-demo").out
    commands = [line.split()[1:] for line in output.splitlines() if line.startswith("  hitl ")]

    answers = [hitl(*command) for command in commands]

    assert [command[0] for command in commands] == ["run", "inbox", "show", "decide", "audit", "report"]
    assert [(answer.code, answer.err) for answer in answers] == [(0, "")] * len(commands)
    assert "approved" in hitl("show", "task_002").out


def test_the_demo_in_json_is_its_records(hitl):
    assert [len(record) > 9 for record in hitl("demo", "--json").data] == [True] * 5


def test_demo_does_not_overwrite_changed_files(hitl, folder):
    (folder / "tasks.json").write_text("mine")

    answer = hitl("demo", "--data-into", ".")

    assert (answer.code, answer.err) == (2, "hitl: tasks.json: exists with other content; choose another folder\n")
    assert (folder / "tasks.json").read_text() == "mine"


def test_a_record_that_differs_is_named_with_both_values(hitl, folder):
    expected = json.loads((folder / "audit_logs.json").read_text())
    expected[1] |= {"final_decision": "rejected", "latency_seconds": 1}
    hitl(*REPLAY)
    with Orchestrator.open("sqlite:///hitl.db") as orchestrator:
        records = list(orchestrator.audit.records())

    assert differences(records, expected) == [
        "task_002.final_decision: 'approved', expected 'rejected'",
        "task_002.latency_seconds: 720.0, expected 1",
    ]


def test_routed_cases_are_listed_in_aligned_columns_of_eighty_characters(hitl):
    lines = [line.rstrip() for line in hitl(*RUN).out.splitlines()]

    assert lines[0].split() == ["task", "risk", "conf.", "routing", "rule", "outcome"]
    assert lines[4].split(maxsplit=5) == [
        "task_003",
        "high",
        "0.83",
        "escalate",
        "rule_001",
        "waits for senior_manager",
    ]
    assert len({line.index("rule") for line in (lines[0], *lines[2:7])}) == 1
    assert max(map(len, lines)) <= 80

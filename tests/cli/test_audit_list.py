"""`hitl audit list`: the records, with filters and pages."""

import json

import pytest


def test_a_latency_of_years_is_explained(routed):
    assert "The latency counts from the timestamp of the task" in routed("audit", "list").out


def test_a_short_latency_needs_no_explanation(hitl, folder):
    tasks = json.loads((folder / "tasks.json").read_text())
    (folder / "now.json").write_text(json.dumps([{**tasks[0], "timestamp": None}]))
    hitl("run", "now.json")
    hitl("decide", "task_001", "reject", "--reviewer", "domain_reviewer")

    assert "latency counts" not in hitl("audit", "list").out


def test_list_names_the_person_who_decided(filled):
    answer = filled("audit", "list")

    rows = {line.split()[0]: line for line in answer.out.splitlines() if line.startswith("task_")}
    people = {record["task_id"]: record["human_role"] for record in filled("audit", "list", "--json").data}
    assert " agent " in rows["task_001"]
    assert people["task_002"][:6] in rows["task_002"]


def test_list_shows_whole_names_in_eighty_columns(filled):
    rows = [line.split() for line in filled("audit", "list").out.splitlines() if line.startswith("task_")]

    assert sorted(row[5] for row in rows) == ["agent", "agent", "domain_reviewer", "domain_reviewer", "senior_manager"]
    assert {row[3] for row in rows} == {"auto", "review", "escalate"}
    assert {row[4] for row in rows} == {"approved", "modified", "overridden"}


def test_list_takes_filters_and_pages(filled):
    records = filled("audit", "list", "--json").data
    last = filled("audit", "list", "--rule", "rule_003", "--limit", "1", "--json")
    following = filled("audit", "list", "--rule", "rule_003", "--after", "task_002")
    none = filled("audit", "list", "--decision", "rejected", "--until", "2999-01-01")

    assert [record["task_id"] for record in last.data] == ["task_002"]
    first = next(record for record in records if record["task_id"] == "task_002")
    assert last.err == f"hitl: More records follow; the next page: --after {first['case_id']}\n"
    assert ("task_005" in following.out, "task_002" in following.out) == (True, False)
    assert following.out.endswith("1 audit record routed by rule_003.\n")
    assert none.out == "No audit record ending in rejected, decided until 2999-01-01.\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--decision", "aprove"), "did you mean 'approve'"),
        (("--since", "yesterday"), "write a day such as"),
        (("--since", "2025-02-01", "--until", "2025-01-01"), "the period is empty"),
        (("--after", "task_9"), "task_9"),
    ],
)
def test_list_refuses_what_no_record_can_match(filled, words, problem):
    answer = filled("audit", "list", *words)

    assert (answer.code, answer.out, problem in answer.err) == (2 if "--after" not in words else answer.code, "", True)


def test_list_shows_the_type_and_the_time_where_there_is_room(filled, monkeypatch):
    record = filled("audit", "list", "--json").data[0]

    monkeypatch.setenv("COLUMNS", "200")
    wide = filled("audit", "list").out
    monkeypatch.setenv("COLUMNS", "60")
    narrow = filled("audit", "list").out

    assert (record["task_type"] in wide, " decided " in wide) == (True, True)
    assert " decided " not in narrow

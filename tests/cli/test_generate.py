"""`hitl generate`: the files of a set, which `hitl run` takes."""

import json
from pathlib import Path

from hitl_orchestrator.testing import GENERATED


def test_a_set_is_written_and_run(hitl):
    made = hitl("generate", "--tasks", "7", "--seed", "3", "--out", "set", "--json").data
    tasks, outputs, reviews, _, policy, people, _ = made["files"]
    files = ("--outputs", outputs, "--reviews", reviews, "--policy", policy, "--reviewers", people)

    ran = hitl("run", tasks, *files, "--reviewer", "max", "--json")

    assert ran.code == 0, ran.err
    assert [case["status"] for case in ran.data] == ["finished"] * 7


def test_the_next_command_is_printed(hitl):
    assert "run set/tasks.json --outputs set/agent_outputs.json" in hitl("generate", "--out", "set").out


def test_existing_files_are_replaced_with_force_only(hitl):
    hitl("generate", "--tasks", "6", "--out", "set")
    before = Path("set", "tasks.json").read_bytes()

    refused = hitl("generate", "--tasks", "6", "--seed", "1", "--out", "set")
    kept = Path("set", "tasks.json").read_bytes()
    forced = hitl("generate", "--tasks", "6", "--seed", "1", "--out", "set", "--force")

    assert (refused.code, forced.code) == (2, 0)
    assert "exists" in refused.err
    assert kept == before != Path("set", "tasks.json").read_bytes()
    assert {path.name for path in Path("set").iterdir()} == set(GENERATED)


def test_reviews_fit_the_given_policy(hitl):
    Path("all.json").write_text('{"policy_id": "all", "rules": []}')
    Path("two.json").write_text(
        '{"policy_id": "two", "rules": [{"rule_id": "r", "priority": 1, "conditions": {}, "action": "human_review", '
        '"approvals": 2}]}'
    )

    made = hitl("generate", "--tasks", "9", "--out", "set", "--policy", "all.json")
    refused = hitl("generate", "--tasks", "9", "--out", "other", "--policy", "two.json")

    assert made.code == 0, made.err
    reviewed = {review["task_id"] for review in json.loads(Path("set", "human_reviews.json").read_text("utf-8"))}
    assert reviewed == {f"t{number:02}" for number in range(1, 10)}
    assert (refused.code, "several approvals" in refused.err) == (2, True)
    assert list(Path("other").iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_named(hitl):
    Path("set").write_text("")

    answer = hitl("generate", "--out", "set")

    assert answer.code == 2
    assert "set: cannot be" in answer.err or "set/tasks.json: cannot be" in answer.err

"""`hitl audit redact` as it is typed."""

import json

import pytest


@pytest.fixture
def filled(hitl, folder):
    """A store with the canonical five cases, all finished."""
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviews", "human_reviews.json")
    return hitl


def test_it_says_what_was_destroyed_and_what_it_cannot_reach(filled, folder):
    said = filled("audit", "redact", "task_002", "--reason", "asked for", "--reviewer", "compliance_officer")

    assert (said.code, said.err) == (0, "")
    assert "is redacted:" in said.out
    assert "values erased, with the key of their digests." in said.out.replace("\n", " ")
    assert "Not erased: backups" in said.out


def test_as_json_it_is_the_receipt(filled):
    case_id = next(one["case_id"] for one in filled("audit", "list", "--json").data if one["task_id"] == "task_002")

    receipt = filled("audit", "redact", "task_002", "--reason", "asked for", "--json").data

    assert (receipt["case_id"], receipt["reason"], receipt["actor"]["channel"]) == (case_id, "asked for", "cli")
    assert receipt["destroyed"] >= 3


def test_again_it_says_that_nothing_was_changed(filled):
    first = filled("audit", "redact", "task_002", "--reason", "asked for", "--json").data

    said = filled("audit", "redact", "task_002", "--reason", "once more")
    again = filled("audit", "redact", "task_002", "--reason", "once more", "--json").data

    assert (said.code, again) == (0, first)
    assert "nothing was changed" in said.out


@pytest.mark.parametrize("task", ["task_001", "task_002", "task_003", "task_005"])
def test_what_was_said_is_in_no_answer_and_no_file_any_more(filled, folder, task):
    tasks, outputs = (json.loads((folder / name).read_text()) for name in ("tasks.json", "agent_outputs.json"))
    words = next(one["task_description"] for one in tasks if one["task_id"] == task)
    label = next(one["agent_output"]["explanation"] for one in outputs if one["task_id"] == task)
    assert words in filled("show", task).out.replace("\n", " ")

    filled("audit", "redact", task, "--reason", "asked for")

    for command in (["show", task], ["audit", "show", task], ["audit", "list"], ["audit", "export", "--events"]):
        for form in ([], ["--json"]):
            said = filled(*command, *form)
            assert (said.code, said.err) == (0, "")
            assert words not in said.out
            assert label not in said.out
    store = b"".join(path.read_bytes() for path in folder.glob("hitl.db*"))
    assert words.encode() not in store
    assert label.encode() not in store
    assert filled("audit", "verify").code == 0
    assert "The texts of agents and people in it were erased" in filled("show", task).out


def test_a_proof_of_a_redacted_case_still_proves_its_entries(filled, folder):
    filled("audit", "prove", "task_002", "--out", "before.json")
    filled("audit", "redact", "task_002", "--reason", "asked for")
    filled("audit", "prove", "task_002", "--out", "after.json")

    before, after = filled("audit", "check", "before.json"), filled("audit", "check", "after.json")

    assert (before.code, after.code) == (0, 0)
    assert "values of its contents match the digests in the entries." in before.out
    assert "The proof does not include the contents of the case." in after.out


def test_a_case_that_waits_is_not_redacted(hitl, folder):
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")

    said = hitl("audit", "redact", "task_002", "--reason", "asked for")

    assert (said.code, said.out) == (1, "")
    assert "cannot be redacted: it is waiting, not finished; decide it first, with 'hitl resume" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nobody", "--reason", "x"], 1, "no case or task 'nobody'"),
        (["task_002", "--reason", ""], 2, "redact 'task_002': reason"),
        (["task_002", "--reason", "x", "--reviewer", "stranger"], 1, "reviewer 'stranger'"),
        (["task_002"], 2, "--reason"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(filled, folder, arguments, code, sentence):
    said = filled("audit", "redact", *arguments)

    assert said.code == code
    assert sentence in said.err
    assert "erased" not in filled("show", "task_002").out

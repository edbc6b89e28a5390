"""`hitl audit redact`."""

import json
from io import StringIO

import pytest

REDACTOR = ("--reviewer", "compliance_officer", "--yes")


@pytest.fixture
def filled(hitl, folder):
    """A store with the canonical five cases, all finished."""
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviews", "human_reviews.json")
    return hitl


def test_redaction_reports_erased_values_and_limits(filled, folder):
    answer = filled("audit", "redact", "task_002", "--reason", "asked for", *REDACTOR)

    assert (answer.code, answer.err) == (0, "")
    assert "is redacted:" in answer.out
    assert "values erased, with the key of their digests." in answer.out.replace("\n", " ")
    assert "Not erased: backups" in answer.out


def test_redaction_json_is_the_receipt(filled):
    case_id = next(one["case_id"] for one in filled("audit", "list", "--json").data if one["task_id"] == "task_002")

    receipt = filled("audit", "redact", "task_002", "--reason", "asked for", *REDACTOR, "--json").data

    assert (receipt["case_id"], receipt["reason"], receipt["actor"]["channel"]) == (case_id, "asked for", "cli")
    assert receipt["destroyed"] >= 3


def test_repeated_redaction_changes_nothing(filled):
    first = filled("audit", "redact", "task_002", "--reason", "asked for", *REDACTOR, "--json").data

    answer = filled("audit", "redact", "task_002", "--reason", "once more", *REDACTOR)
    again = filled("audit", "redact", "task_002", "--reason", "once more", *REDACTOR, "--json").data

    assert (answer.code, again) == (0, first)
    assert "nothing was changed" in answer.out


@pytest.mark.parametrize("task", ["task_001", "task_002", "task_003", "task_005"])
def test_redacted_texts_are_in_no_output_and_no_file(filled, folder, task):
    tasks, outputs = (json.loads((folder / name).read_text()) for name in ("tasks.json", "agent_outputs.json"))
    words = next(one["task_description"] for one in tasks if one["task_id"] == task)
    label = next(one["agent_output"]["explanation"] for one in outputs if one["task_id"] == task)
    assert words in filled("show", task).out.replace("\n", " ")

    filled("audit", "redact", task, "--reason", "asked for", *REDACTOR)

    for command in (["show", task], ["audit", "show", task], ["audit", "list"], ["audit", "export", "--events"]):
        for form in ([], ["--json"]):
            answer = filled(*command, *form)
            assert (answer.code, answer.err) == (0, "")
            assert words not in answer.out
            assert label not in answer.out
    store = b"".join(path.read_bytes() for path in folder.glob("hitl.db*"))
    assert words.encode() not in store
    assert label.encode() not in store
    assert filled("audit", "verify").code == 0
    assert "The texts of agents and people in it were erased" in filled("show", task).out


def test_a_proof_of_a_redacted_case_still_proves_its_entries(filled, folder):
    filled("audit", "prove", "task_002", "--out", "before.json")
    filled("audit", "redact", "task_002", "--reason", "asked for", *REDACTOR)
    filled("audit", "prove", "task_002", "--out", "after.json")

    before, after = (filled("audit", "check", f"{name}.json", "--any-key") for name in ("before", "after"))

    assert (before.code, after.code) == (0, 0)
    assert "values of its contents match the digests in the entries." in before.out
    assert "The proof does not include the contents of the case." in after.out


def test_waiting_case_is_not_redacted(hitl, folder):
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")

    answer = hitl("audit", "redact", "task_002", "--reason", "asked for", *REDACTOR)

    assert (answer.code, answer.out) == (1, "")
    assert "cannot be redacted: it is waiting, not finished; decide it first, with 'hitl decide" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["unknown", "--reason", "x", *REDACTOR], 1, "no case or task 'unknown'"),
        (["task_002", "--reason", "", *REDACTOR], 2, "redact 'task_002': reason"),
        (
            ["task_002", "--reason", "x", "--reviewer", "stranger"],
            1,
            "reviewer 'stranger' may not redact this case: there is no such reviewer; did you mean",
        ),
        (
            ["task_002", "--reason", "x", "--reviewer", "senior_manager"],
            1,
            "may not redact this case: it needs 'compliance_officer', the top of the escalation chain, "
            "they hold senior_manager; ask compliance_officer",
        ),
        (["task_002", "--reason", "x", "--reviewer", "compliance_officer"], 2, "--yes is needed without a terminal"),
        (["task_002", "--yes", "--reviewer", "compliance_officer"], 2, "--reason"),
        (["task_002", "--yes", "--reason", "x"], 2, "--reviewer"),
    ],
)
def test_invalid_redaction_is_rejected_and_changes_nothing(filled, folder, arguments, code, sentence):
    answer = filled("audit", "redact", *arguments)

    assert answer.code == code
    assert sentence in answer.err
    assert "erased" not in filled("show", "task_002").out


@pytest.mark.parametrize(("typed", "code"), [("n\n", 1), ("\n", 1), ("y\n", 0)])
def test_a_redaction_at_a_terminal_asks_first(filled, monkeypatch, typed, code):
    terminal = StringIO(typed)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)

    answer = filled("audit", "redact", "task_002", "--reason", "asked for", "--reviewer", "compliance_officer")

    assert (answer.code, "for good? [y/N]" in answer.out) == (code, True)
    assert ("erased" in filled("show", "task_002").out) is (code == 0)

"""Files in each other's places, and standard input in two: one sentence that says what is mixed up."""

import io
import json
import sys

import pytest

KINDS = {
    "tasks.json": "tasks",
    "agent_outputs.json": "agent outputs",
    "human_reviews.json": "reviews",
    "audit_logs.json": "audit records",
    "reviewers.json": "reviewers",
    "routing_policy.json": "a routing policy",
}
PLACES = {
    "tasks.json": ("run", "FILE"),
    "agent_outputs.json": ("run", "tasks.json", "--outputs", "FILE"),
    "human_reviews.json": ("run", "tasks.json", "--reviews", "FILE"),
    "reviewers.json": ("run", "tasks.json", "--reviewers", "FILE"),
    "routing_policy.json": ("policy", "check", "FILE"),
    "proof": ("audit", "check", "FILE"),
}
MIXED = [(place, file) for place in PLACES for file in KINDS if file != place]


@pytest.fixture
def files(folder, hitl):
    """The canonical files, with the reviewers as a list."""
    people = json.loads((folder / "reviewers.json").read_text())
    (folder / "reviewers.json").write_text(json.dumps(people["reviewers"]))
    return hitl


@pytest.mark.parametrize(("place", "file"), MIXED)
def test_a_file_in_the_place_of_another_is_refused_by_its_kind(files, place, file):
    answer = files(*(file if word == "FILE" else word for word in PLACES[place]))

    needed = KINDS.get(place, "a proof of a case")
    assert (answer.code, answer.out) == (2, "")
    kind = f"{file}: it has {KINDS[file]} instead of {needed}; check which file goes where"
    assert answer.err == f"hitl: {kind}\n"


@pytest.mark.parametrize("place", ["tasks.json", "agent_outputs.json", "human_reviews.json"])
def test_an_object_around_the_list_is_refused_in_one_sentence(files, folder, place):
    (folder / "wrapped.json").write_text(json.dumps({"items": json.loads((folder / place).read_text())}))

    answer = files(*("wrapped.json" if word == "FILE" else word for word in PLACES[place]))

    assert (answer.code, answer.out) == (2, "")
    assert answer.err == f"hitl: wrapped.json: it is an object whose 'items' has the {KINDS[place]}; give that list\n"


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (("run", "-", "--outputs", "-"), "TASKS and --outputs"),
        (("run", "-", "--reviews", "-"), "TASKS and --reviews"),
        (("run", "tasks.json", "--outputs", "-", "--reviews", "-"), "--outputs and --reviews"),
        (("policy", "explain", "-", "--outputs", "-"), "TASKS[0] and --outputs"),
        (("policy", "explain", "-", "tasks.json", "-"), "TASKS[0] and TASKS[2]"),
    ],
)
def test_standard_input_in_two_places_is_refused_before_it_is_read(hitl, monkeypatch, words, places):
    monkeypatch.setattr(sys, "stdin", io.StringIO("[]"))

    answer = hitl(*words)

    assert (answer.code, answer.out) == (2, "")
    assert answer.err == f"hitl: standard input can be read once, and {places} name it; give a file\n"
    assert sys.stdin.read() == "[]"


@pytest.mark.parametrize("words", [("run", "-"), ("audit", "check", "-"), ("run", "tasks.json", "--outputs", "-")])
def test_closed_standard_input_is_not_called_a_file(warm, folder, words):
    ran = warm.run(*words, cwd=folder, closed=[0])

    assert ran.code == 2
    assert ran.err.startswith(b"hitl: standard input: it is empty; give ")

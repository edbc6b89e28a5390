"""`hitl init` and `hitl people`: the people of a store at the command line."""

import json
from pathlib import Path

import pytest

MAX = {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"]}
ZOE = {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"]}
EVE = {"reviewer_id": "eve", "name": "Eve", "roles": ["senior_manager"], "domains": ["finance"]}
BY_MAX = ("--reviewer", "max", "--reason", "Eve joins us")


@pytest.fixture
def made(hitl, folder):
    """A store with two persons, and files with other people."""
    for name, people in {"two": [MAX, ZOE], "three": [MAX, ZOE, EVE], "one": [MAX]}.items():
        (folder / f"{name}.json").write_text(json.dumps(people))
    assert hitl("init", "--reviewers", "two.json").code == 0
    return hitl


def test_init_makes_a_store_and_names_what_it_records(hitl, folder):
    answer = hitl("init", "--json")

    assert (answer.code, answer.err) == (0, "")
    assert (answer.data["policy_id"], answer.data["placeholders"]) == ("default_routing_policy_v1", True)
    assert (folder / "hitl.db").exists()
    assert "the bundled default) and the bundled placeholders" in " ".join(hitl("init").out.split())
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json").err == ""


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ((), "from now on it has the bundled placeholder reviewers and the policy 'default_routing_policy_v1'"),
        (("--policy", "routing_policy.json"), "hitl.db has the policy default_routing_policy_v1"),
    ],
)
def test_run_makes_a_missing_store_with_one_printed_line(process, options, line):
    made, again = process("run", "tasks.json", *options), process("run", "tasks.json", *options)

    assert (made.code, len(made.err.splitlines())) == (0, 1)
    assert line in made.err
    assert (again.code, again.err) == (0, "")


@pytest.mark.parametrize("words", [("inbox",), ("show", "task_002"), ("init",), ("run", "tasks.json"), ("sweep",)])
def test_a_command_that_brings_other_people_is_refused(made, monkeypatch, words):
    refused = made(*words, "--reviewers", "three.json")
    monkeypatch.setenv("HITL_REVIEWERS", "one.json")
    by_environment = made(*words)

    for answer in (refused, by_environment):
        assert answer.code == 1
        assert "propose them with 'hitl people propose FILE'" in answer.err
    assert len(made("people", "history", "--json").data) == 1


def test_a_wider_change_takes_two_persons(made):
    proposed = made("people", "propose", "three.json", *BY_MAX)

    assert (proposed.code, proposed.out.splitlines()[0][:17]) == (3, "Not in force yet:")
    assert "account 'eve' is added, with senior_manager in finance" in proposed.out
    case = made("people", "propose", "three.json", *BY_MAX, "--json").data["case_id"]
    assert "Proposed by max" in made("people", "show").out
    listed = " ".join(made("people", "history").out.split())
    assert (listed.count("recorded when the store was opened"), listed.count("proposed by max")) == (1, 1)
    assert made("decide", case, "approve", "--reviewer", "max").code == 1
    assert made("decide", case, "approve", "--reviewer", "zoe").code == 0
    assert [each["reviewer_id"] for each in made("people", "show", "--json").data["reviewers"]] == ["max", "zoe", "eve"]
    assert made("inbox", "--reviewers", "three.json").code == 0
    last = made("people", "history", "--json").data[-1]
    assert (last["author"], last["approved_by"], last["in_force"]) == ("max", "zoe", True)
    assert "changed by max, approved by zoe" in made("people", "history").out
    assert "people" in made("audit", "show", "--policies", "--json").out


def test_the_refusal_of_an_unknown_id_says_what_was_asked(made):
    refused = made("people", "propose", "three.json", "--reviewer", "mex", "--reason", "r")

    assert refused.code == 1
    assert "reviewer 'mex' may not change the people: there is no such reviewer; did you mean 'max'?" in refused.err


def test_own_people_name_who_replays_recorded_reviews(made):
    replay = ("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviews", "none.json")
    Path("none.json").write_text("[]")

    refused = made(*replay)

    assert (refused.code, "name yourself with --reviewer" in refused.err) == (2, True)
    assert made(*replay, "--reviewer", "max").code == 0


def test_a_narrower_change_is_in_force_at_once(made, folder):
    (folder / "less.json").write_text(json.dumps([MAX, {**ZOE, "domains": ["policy"]}]))

    done = made("people", "propose", "less.json", *BY_MAX, "--json")

    assert (done.code, done.data["in_force"], done.data["wider"]) == (0, True, [])


def test_a_single_operator_reads_that_the_change_was_made_alone(hitl, made):
    on = ("--store", "sqlite:///single.db")
    hitl("init", "--reviewers", "one.json", *on)

    done = hitl("people", "propose", "two.json", *BY_MAX, *on)

    assert done.code == 0
    assert "this change was made by one person alone; the ledger records it" in " ".join(done.out.split())
    assert hitl("people", "history", "--json", *on).data[-1]["alone"]


def test_diff_names_what_widens_rights_with_exit_code_1(made):
    wider, same = made("people", "diff", "three.json"), made("people", "diff", "two.json", "--json")

    assert (wider.code, wider.out.splitlines()[0]) == (
        1,
        "wider: account 'eve' is added, with senior_manager in finance",
    )
    assert (same.code, same.data) == (0, [])
    assert made("people", "diff", "one.json", "--json").data[0]["effect"] == "wider"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("propose", "none.json", *BY_MAX), "none.json: cannot be read"),
        (("propose", "tasks.json", *BY_MAX), "tasks.json: it has tasks instead of reviewers"),
        (("show", "abc"), "people 'abc': no such version"),
        (("diff", "none.json"), "none.json: cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(made, words, why):
    answer = made("people", *words)

    assert answer.code == 2
    assert answer.err.startswith(f"hitl: {why}")

"""Commands whose reviewers file lacks what waiting cases need, and stores with a damaged row."""

import json
import sqlite3

import pytest

CHAIN = ["clerk", "boss", "director"]
PEOPLE = {
    "escalation_chain": CHAIN,
    "reviewers": [
        {"reviewer_id": "cy", "name": "Cy", "roles": ["clerk"], "domains": ["customer_support"]},
        {"reviewer_id": "bo", "name": "Bo", "roles": ["boss"]},
        {"reviewer_id": "di", "name": "Di", "roles": ["director"]},
    ],
}
RULE = {"rule_id": "all", "priority": 1, "conditions": {}, "action": "human_review", "assigned_human_role": "clerk"}


@pytest.fixture
def submitted(hitl, folder):
    """The canonical tasks, which all wait for a clerk; the answer of `run`."""
    (folder / "people.json").write_text(json.dumps(PEOPLE))
    (folder / "asks.json").write_text(json.dumps({"policy_id": "asks", "rules": [RULE]}))
    named = ("--outputs", "agent_outputs.json", "--policy", "asks.json", "--reviewers", "people.json")
    return hitl("run", "tasks.json", *named)


def test_run_names_the_domains_in_which_no_reviewer_has_the_role(submitted):
    assert submitted.code == 0
    assert "for 'clerk' in the domain 'trust_and_safety', and no reviewer has this role there" in submitted.err
    assert "customer_support" not in submitted.err


def test_a_store_keeps_its_people_whatever_file_a_command_names(submitted, hitl):
    assert hitl("next", "--reviewer", "cy").code == 0
    refused = hitl("inbox", "--reviewers", "reviewers.json")

    assert refused.code == 1
    assert "the bundled placeholder reviewers are not in force in this store" in refused.err
    assert "leave out --reviewers (HITL_REVIEWERS, reviewers=), or propose them with 'hitl people propose FILE'" in (
        refused.err
    )


def test_a_role_that_was_renamed_is_named_and_not_taken_for_a_stricter_policy(submitted, hitl, folder):
    renamed = json.loads(json.dumps(PEOPLE).replace("clerk", "agent"))
    (folder / "renamed.json").write_text(json.dumps(renamed))
    proposed = hitl("people", "propose", "renamed.json", "--reviewer", "bo", "--reason", "new names", "--json")
    assert hitl("decide", proposed.data["case_id"], "approve", "--reviewer", "di").code == 0

    shown, listed = hitl("show", "task_004"), hitl("inbox")

    for answer in (shown, listed):
        assert answer.code == 0
        text = " ".join(answer.out.split())
        assert "The people of this store have no role 'clerk'" in text
        assert "'hitl people propose' can add the role to the chain" in text
        assert "stricter" not in text
    assert hitl("inbox", "--role", "director", "--json").data[0]["missing_role"] == "clerk"
    taken = hitl("next", "--reviewer", "di")
    assert (taken.code, "have no role 'clerk'" in " ".join(taken.out.split())) == (0, True)


def test_a_role_above_takes_a_case_over(submitted, hitl):
    on = ("--reviewers", "people.json")
    assert hitl("claim", "task_002", "--reviewer", "cy", *on).code == 0
    refused = hitl("claim", "task_002", "--reviewer", "bo", *on)

    taken = hitl("claim", "task_002", "--reviewer", "bo", "--take-over", *on)

    assert (refused.code, "hitl claim --take-over" in refused.err) == (1, True)
    assert (taken.code, "claimed by bo" in taken.out) == (0, True)


def test_the_default_reviewers_decide_in_every_domain(hitl, folder):
    tasks = json.loads((folder / "tasks.json").read_text())
    (folder / "own.json").write_text(json.dumps([tasks[0] | {"domain": "lending", "risk_level": "low"}]))

    assert "no reviewer has this role" not in hitl("run", "own.json").err
    assert hitl("next", "--reviewer", "domain_reviewer").code == 0


@pytest.mark.parametrize("words", [("audit", "list"), ("audit", "export"), ("audit", "export", "--events")])
def test_a_damaged_record_is_left_out_by_name_with_exit_code_1(hitl, folder, words):
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")
    sound = hitl(*words)
    with sqlite3.connect(folder / "hitl.db") as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        first = "(SELECT min(seq) FROM events WHERE kind = 'finished')"
        database.execute(f"UPDATE events SET entry = '{{bad' WHERE seq = {first}")

    damaged = hitl(*words)

    assert (sound.code, damaged.code) == (0, 1)
    assert damaged.err.startswith("hitl: left out: ")
    assert "in table events" in damaged.err
    assert len(damaged.out.splitlines()) == len(sound.out.splitlines()) - 1

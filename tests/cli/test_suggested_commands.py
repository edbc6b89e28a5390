"""Every command that a command suggests is accepted, whatever the state of the case."""

import json
import shlex
import shutil
from contextlib import closing

import pytest
from support.desk_driver import PEOPLE, RULES, policy, submit

from hitl_orchestrator import Orchestrator, Task

TEAM = {"reviewers": [*PEOPLE["reviewers"], {"reviewer_id": "m02", "name": "Seat 4", "roles": ["senior_manager"]}]}
OPTIONS = ("--reviewers", "people.json")
TASK = {"task_id": "t-run", "task_type": "refund", "task_description": "Refund", "domain": "support"}
CALLS = [
    ("inbox",),
    ("inbox", "--reviewer", "r01"),
    ("inbox", "--reviewer", "r02"),
    ("next", "--reviewer", "r01"),
    ("next", "--reviewer", "m01"),
    ("run", "one.json"),
    ("decide", "waits", "approve", "--reviewer", "r02"),
    ("decide", "votes", "approve", "--reviewer", "r01"),
    ("claim", "claimed", "--reviewer", "r01"),
    ("claim", "claimed", "--reviewer", "m01", "--take-over"),
    *(("show", task) for task in ("waits", "claimed", "decided", "blind", "labeled", "voted", "high", "received")),
    *(("claim", task, "--reviewer", "r01") for task in ("waits", "blind", "labeled", "voted", "decided", "received")),
]


@pytest.fixture
def store(folder, hitl, monkeypatch):
    """A store with a case in every state; it is read by the reviewers file and the active policy."""
    # Each command starts from the same copy of the store, from which signed heads would differ.
    monkeypatch.setenv("HITL_HEAD_FILE", "off")
    (folder / "people.json").write_text(json.dumps(TEAM))
    (folder / "one.json").write_text(json.dumps([TASK]))
    looser = {**policy([*RULES[:-1], {"conditions": {}, "action": "auto_approve"}]), "policy_id": "looser"}
    (folder / "looser.json").write_text(json.dumps(looser))
    with closing(Orchestrator.open("sqlite:///hitl.db", policy=policy(), reviewers=TEAM, head_file=False)) as opened:
        for task in ("waits", "claimed", "decided"):
            submit(opened, task)
        for task in ("blind", "labeled"):
            submit(opened, task, task_type="opinion")
        for task in ("votes", "voted"):
            submit(opened, task, task_type="payment")
        submit(opened, "high", risk_level="high")
        opened.cases.enqueue(Task(**TASK | {"task_id": "received"}))
        opened.reviews.claim(task_id="claimed", reviewer="r02")
        opened.reviews.label(task_id="labeled", label="Refund", reviewer="r01")
        opened.decide(task_id="decided", decision="approve", reviewer="r01")
        opened.decide(task_id="voted", decision="approve", reviewer="r02")
    shutil.copy("hitl.db", "before.db")
    return hitl


def suggested(output):
    """Return the commands that stand on lines of their own."""
    lines = [line.strip() for line in output.splitlines() if line.startswith("  ")]
    return [shlex.split(line)[1:] for line in lines if line.split()[0].endswith("hitl")]


def checked(store, *call):
    """Run a command, and each command that it suggests on the store as it then is; return their number."""
    answer = store(*call)
    shutil.copy("hitl.db", "then.db")
    commands = suggested(answer.out)
    for command in commands:
        shutil.copy("then.db", "hitl.db")
        result = store(*command)
        assert result.code == 0, (call, command, result.err)
    shutil.copy("before.db", "hitl.db")
    return len(commands)


def test_no_suggested_command_is_refused(store):
    numbers = {call: checked(store, *call, *OPTIONS) for call in CALLS}

    silent = {call for call, number in numbers.items() if not number}
    assert silent == {
        ("show", "decided"),
        ("show", "received"),
        ("claim", "decided", "--reviewer", "r01"),
        ("claim", "received", "--reviewer", "r01"),
        ("claim", "claimed", "--reviewer", "r01"),
    }


def test_no_command_that_a_policy_change_suggests_is_refused(store):
    propose = ("policy", "activate", "looser.json", "--reviewer", "m01", "--reason", "fewer reviews", *OPTIONS)
    answer = store(*propose)
    [[_, case_id, *_]] = suggested(answer.out)
    shutil.copy("hitl.db", "before.db")

    numbers = [
        checked(store, *call, *OPTIONS) for call in (("show", case_id), ("inbox",), ("next", "--reviewer", "m01"))
    ]

    assert all(numbers)

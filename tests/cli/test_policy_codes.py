"""Exit codes of all `hitl policy` commands: what a deploy script may conclude from each."""

import json

import pytest

from hitl_orchestrator.cli.app import _COMMANDS

DONE, NO, INVALID, WAITS = 0, 1, 2, 3
BY = "--reviewer senior_manager --reason r"


def sure(name, bound):
    high = {"rule_id": "high", "priority": 1, "conditions": {"risk_level": "high"}, "action": "escalate"}
    ahead = {"risk_level": "low", "min_confidence": bound}
    rule = {"rule_id": "sure", "priority": 2, "conditions": ahead, "action": "auto_approve", "spot_check": 0.1}
    return {"policy_id": name, "rules": [high, rule]}


BOTH = {"all": [{"risk_level": "high"}, {"risk_level": "low"}]}
NEVER = {"rule_id": "never", "priority": 1, "conditions": BOTH, "action": "escalate"}
FILES = {
    "active.json": sure("active", 0.93),
    "stricter.json": sure("stricter", 0.97),
    "looser.json": sure("looser", 0.5),
    "error.json": {**sure("error", 0.9), "rules": [NEVER]},
    "warns.json": sure("warns", 0),
    "broken.json": {"policy_id": "broken", "rules": "none"},
    "no.policy-test.yaml": {
        "policy": "active.json",
        "tests": [
            {
                "name": "wrong",
                "facts": {"risk_level": "high", "domain": "d", "task_type": "t"},
                "expect": {"action": "auto_approve"},
            }
        ],
    },
    "yes.policy-test.yaml": {
        "policy": "active.json",
        "tests": [
            {
                "name": "right",
                "facts": {"risk_level": "high", "domain": "d", "task_type": "t"},
                "expect": {"action": "escalate"},
            }
        ],
    },
}

ROWS = [
    # what is looked at
    ("check active.json", DONE),
    ("check warns.json", DONE),
    ("check warns.json --strict", NO),
    ("check error.json", NO),
    ("check broken.json", INVALID),
    ("check none.json", INVALID),
    ("diff active.json stricter.json", DONE),
    ("diff active.json active.json", DONE),
    ("diff active.json looser.json", NO),
    ("diff active.json broken.json", INVALID),
    ("test yes.policy-test.yaml", DONE),
    ("test no.policy-test.yaml", NO),
    ("test yes.policy-test.yaml --min-coverage 100", NO),
    ("test none.policy-test.yaml", INVALID),
    ("schema", DONE),
    ("explain tasks.json --outputs agent_outputs.json", DONE),
    ("explain none", NO),
    ("backtest looser.json", DONE),
    ("backtest broken.json", INVALID),
    ("show active.json", DONE),
    ("show none.json", INVALID),
    ("review active.json", DONE),
    ("review stricter.json", DONE),
    ("review looser.json", NO),
    ("review error.json", NO),
    ("review v1 --against v2", NO),
    ("review v9", NO),
    ("review broken.json", INVALID),
    ("review active.json --out review.pdf", INVALID),
    ("diff v2 v1", NO),
    ("new draft.yaml --task-type t --domain d", DONE),
    ("new active.yaml --task-type t", INVALID),
    ("versions", DONE),
    ("versions --store sqlite:///none.db", INVALID),
    ("status", DONE),
    ("status --store sqlite:///none.db", INVALID),
    # what is in force
    (f"activate stricter.json {BY}", DONE),
    (f"activate active.json {BY}", DONE),
    (f"activate looser.json {BY}", WAITS),
    (f"activate error.json {BY}", INVALID),
    (f"activate broken.json {BY}", INVALID),
    ("activate stricter.json --reviewer domain_reviewer --reason r", NO),
    ("activate stricter.json --reviewer stranger --reason r", NO),
    ("activate stricter.json --reviewer senior_manager", INVALID),
    (f"rollback {BY}", WAITS),
    (f"rollback v1 {BY}", WAITS),
    (f"rollback v2 {BY}", DONE),
    (f"rollback v7 {BY}", NO),
    (f"undo {BY}", DONE),
    ("undo --reviewer compliance_officer --reason r", NO),
    ("undo --reviewer senior_manager", INVALID),
    # what is on trial
    (f"canary stricter.json --share 0.1 {BY}", DONE),
    (f"canary looser.json --share 0.1 {BY}", WAITS),
    (f"canary looser.json --share 2 {BY}", INVALID),
    (f"canary --off {BY}", NO),
    ("canary --report", NO),
    (f"canary --report --off {BY}", INVALID),
    ("canary stricter.json --share 0.1", INVALID),
    (f"shadow looser.json {BY}", DONE),
    (f"shadow --off {BY}", NO),
    ("shadow", DONE),
    ("shadow looser.json", INVALID),
]
COVERED_ELSEWHERE = {"lists"}


@pytest.fixture
def governed(folder, hitl):
    for name, content in FILES.items():
        (folder / name).write_text(json.dumps(content))
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json").code == DONE
    assert hitl("policy", "activate", "active.json", *BY.split()).code == DONE
    return hitl


@pytest.mark.parametrize(("typed", "code"), ROWS, ids=[words for words, _ in ROWS])
def test_a_policy_command_ends_with_the_code_of_its_outcome(governed, typed, code):
    ended = governed("policy", *typed.split())

    assert ended.code == code, (ended.out, ended.err)
    assert bool(ended.err) <= (code in {NO, INVALID})


def test_every_policy_command_has_a_row():
    commands = {name for names in _COMMANDS["policy"].values() for name in names.split()}

    assert {words.split()[0] for words, _ in ROWS} | COVERED_ELSEWHERE == commands


@pytest.mark.parametrize(("policy", "code"), [("stricter", DONE), ("looser", WAITS)])
def test_the_code_0_means_in_force_and_nothing_else_does(governed, policy, code):
    ended = governed("policy", "activate", f"{policy}.json", *BY.split(), "--json")

    active = governed("policy", "status", "--json").data["active"]["policy_id"]
    assert (ended.code, ended.data["in_force"], active == policy) == (code, code == DONE, code == DONE)


def test_a_looser_change_ends_with_0_after_its_approval(governed):
    case = governed("policy", "activate", "looser.json", *BY.split(), "--json").data["case_id"]
    assert governed("decide", case, "approve", "--reviewer", "compliance_officer").code == DONE

    again = governed("policy", "activate", "looser.json", *BY.split(), "--json")

    assert (again.code, again.data["in_force"], again.data["changed"], again.data["version"]) == (DONE, True, False, 3)

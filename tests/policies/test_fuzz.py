"""Whatever stands in a policy file: a policy or a plain refusal, and never one that the published schema refuses."""

import json
import random

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.random_policies import a_policy

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import read_policy
from hitl_orchestrator.policies.language.json_schema import policy_json_schema
from hitl_orchestrator.policies.language.plain_yaml import read_yaml
from hitl_orchestrator.services.config_files import canonical

SCHEMA = Draft202012Validator(policy_json_schema())
STRANGE = [
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    2**70,
    "",
    " ",
    "high",
    "auto_approve",
    "0.8",
    [],
    {},
    [None],
    {"x": 1},
    "PT4H",
    "\u202e",
    "24:00",
]
WORDS = [
    "conditions",
    "condition",
    "metadata",
    "any",
    "all",
    "not",
    "in",
    "eq",
    "gt",
    "time",
    "days",
    "rules",
    "domains",
    "signals",
]


_ROW = {"rule_id": "row", "risk_level": "low", "metadata.amount >=": 5, "ask.team": "x", "action": "escalate"}
PARTS = [
    {"table": [_ROW, {"action": "human_review", "signals": ["risky"], "owner": "desk"}]},
    {"table": {"rows": [_ROW], "first_priority": 3}},
    {"lists": {"blocked": ["DE", 5, True], "filed": {"file": "a.txt", "sha256": "0" * 64, "values": ["x"]}}},
    {"vocabulary": {"domains": ["payments", "support"], "task_types": ["refund", "answer"]}},
]


def mutated(value, dice):
    """Return the value with one thing in it changed, removed, renamed or added."""
    if isinstance(value, dict) and value and dice.random() < 0.85:
        key = dice.choice(list(value))
        chance = dice.random()
        if chance < 0.1:
            return {name: one for name, one in value.items() if name != key}
        if chance < 0.2:
            return {dice.choice(WORDS) if name == key else name: one for name, one in value.items()}
        if chance < 0.3:
            return value | {dice.choice(WORDS): dice.choice(STRANGE)}
        return value | {key: mutated(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.85:
        place = dice.randrange(len(value))
        return [*value[:place], mutated(value[place], dice), *value[place + (dice.random() < 0.9) :]]
    return dice.choice(STRANGE)


def scratched(text, dice):
    """Return the text with a few letters lost, doubled or changed."""
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(text) + 1)
        text = (
            text[:place]
            + dice.choice(("", "{", "}", "[", ":", "\n", "\t", "&a", "*a", "!!", "\x00", "0", '"', "- "))
            + text[place + dice.randint(0, 3) :]
        )
    return text


def check_one(seed):
    dice = random.Random(seed)
    raw = (
        json.loads(canonical("default_policy_v1.json"))
        if dice.random() < 0.1
        else a_policy(seed, most=4).model_dump(mode="json", exclude_defaults=True)
    )
    if dice.random() < 0.3:
        raw = raw | dice.choice(PARTS)
    for _ in range(dice.randint(0, 3)):
        raw = mutated(raw, dice)
    as_yaml = dice.random() < 0.4
    text = yaml.safe_dump(raw, sort_keys=False) if as_yaml else json.dumps(raw)
    if dice.random() < 0.3:
        text = scratched(text, dice)
    where = "p.yaml" if as_yaml else "p.json"
    try:
        read_policy(text, where)
    except InvalidInput as exc:
        without_place = [problem for problem in exc.problems if not problem.startswith((where, "... and "))]
    else:
        without_place = None
    if without_place is not None:
        assert not without_place
        return False
    found = read_yaml(text, where) if as_yaml else json.loads(text)
    assert not list(SCHEMA.iter_errors(found)), (seed, text)
    return True


def test_no_spoiled_policy_ends_in_anything_but_a_policy_or_a_refusal():
    read = sum(check_one(seed) for seed in range(500))
    assert 50 < read < 450  # of both there are enough to tell


@pytest.mark.soak
def test_nor_do_a_hundred_thousand():
    for seed in range(500, 100_000):
        check_one(seed)


def test_the_schema_is_one_and_takes_what_we_ship():
    Draft202012Validator.check_schema(policy_json_schema())
    for name in ("routing_policy.json", "default_policy_v1.json"):
        assert not list(SCHEMA.iter_errors(json.loads(canonical(name))))


@pytest.mark.parametrize(
    "spoiled",
    [
        {"risk_level": "hihg"},
        {"min_confidence": None},
        {"metadata": {"amount": {"above": 5}}},
        {"signals": {"some": ["risky"]}},
        {"time": {"days": ["noday"]}},
        {"not": {"domian": "x"}},
    ],
)
def test_the_schema_refuses_what_an_editor_should_underline(spoiled):
    rule = {"rule_id": "r", "priority": 1, "action": "escalate", "conditions": spoiled}
    assert list(SCHEMA.iter_errors({"policy_id": "p", "metadata": {"amount": "number"}, "rules": [rule]}))

"""What the JSON Schema tells an editor, and what the loader makes of the same file."""

import json

import pytest
from jsonschema import Draft202012Validator
from support.random_policies import STACK

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import policy_hash, policy_json_schema, read_policy
from hitl_orchestrator.policies.language.plain_yaml import read_yaml
from hitl_orchestrator.services.config_files import canonical

SCHEMA = Draft202012Validator(policy_json_schema())
FIRST = {"policy_id": "p", "rules": [{"condition": {"risk_level": "low"}, "action": "escalate"}]}


def one_rule(action="escalate", conditions=None, **more):
    rule = {"rule_id": "r", "priority": 1, "action": action, "conditions": conditions or {}} | more
    return {"policy_id": "p", "metadata": {"amount": "number"}, "rules": [rule]}


def loader_takes(raw):
    try:
        read_policy(json.dumps(raw), "p.json")
    except InvalidInput:
        return False
    return True


@pytest.mark.parametrize(
    "raw",
    [
        *(one_rule(conditions=fields) for fields in ({"all": []}, {"any": []}, {"any": [{}]}, {"not": {}})),
        *(one_rule(conditions=fields) for fields in ({"signals": {}}, {"time": {}})),
        *(one_rule(conditions={"metadata": fields}) for fields in ({}, {"amount": {}}, {"amount": {"in": []}})),
        *(
            one_rule(conditions=fields)
            for fields in ({"domain": ["x", "x"]}, {"signals": {"none": ["risky", "risky"]}})
        ),
        one_rule(conditions={"metadata": {"amount": {"in": [1, 1]}}}),
        *(one_rule(respond_within=time) for time in ("P1M", "P1Y", "PT1.5H", "P", "PT", "PT4")),
        one_rule("auto_approve", assigned_human_role="senior_manager"),
        *(one_rule("auto_approve", **{name: "PT4H"}) for name in ("respond_within", "remind_before", "message")),
        *(one_rule("auto_approve", **fields) for fields in ({"approvals": 2}, {"blind": True}, {"on_timeout": "wait"})),
        *(one_rule(action, spot_check=0.1) for action in ("human_review", "escalate")),
        *(FIRST | {kind: {"x": one_rule()}} for kind in ("domains", "users")),
        one_rule() | {"$schema": 1},
        {"policy_id": "p"},
        *({"policy_id": "p", "table": table} for table in (5, [], [1], {}, {"rows": [], "file": "t.csv"}, {"x": 1})),
        *(one_rule() | {"lists": {"b": values}} for values in (5, [], [None], [[]], {"sha256": "0"}, {"x": 1})),
        *(one_rule() | {"vocabulary": words} for words in (5, {}, {"domains": 1}, {"words": ["x"]})),
        *(one_rule(ask=ask) for ask in (5, {}, {"who": "x"}, {"team": 1}, {"not": []}, {"not": ["a", "a"]})),
        *(one_rule("auto_approve", ask=ask) for ask in ({"team": "x"}, {"role": "senior_manager"})),
        *(one_rule(conditions={"domain": words}) for words in ({"list": 1}, {"in": []}, {"list": "b", "x": 1})),
        one_rule(note=1),
        one_rule() | {"domains": {"x": one_rule(rule_id="s") | {"$schema": "policy.schema.json"}}},
    ],
)
def test_the_json_schema_refuses_what_the_loader_refuses(raw):
    assert not loader_takes(raw)
    assert not SCHEMA.is_valid(raw)


@pytest.mark.parametrize(
    "raw",
    [
        FIRST,
        one_rule(),
        one_rule("auto_approve", assigned_human_role=None, respond_within=None, approvals=1, spot_check=0.1),
        one_rule("human_review", spot_check=0.0, respond_within="P1DT2H3M4.5S"),
        read_yaml(STACK, "p.yaml"),
        {"policy_id": "p", "table": [{"risk_level": "low", "action": "escalate"}]},
        one_rule() | {"table": {"rows": [{"action": "escalate"}], "first_priority": 5}},
        {"policy_id": "p", "rules": [], "domains": {"d": {"policy_id": "d", "table": [{"action": "escalate"}]}}},
        one_rule(conditions={"domain": {"list": "b"}, "task_type": {"in": {"list": "b"}}}) | {"lists": {"b": ["x"]}},
        one_rule(conditions={"metadata": {"amount": {"in": {"list": "n"}}}}) | {"lists": {"n": [1, 2.5, 1]}},
        one_rule() | {"lists": {"b": {"file": "b.txt", "sha256": "0" * 64, "values": ["x"]}}},
        one_rule() | {"vocabulary": {"domains": ["x"], "task_types": None}},
        one_rule(ask={"role": "senior_manager", "team": "x", "not": "ann"}, note="n", owner="o", reference="r"),
    ],
)
@pytest.mark.parametrize("named", [{}, {"$schema": "policy.schema.json"}])
def test_the_json_schema_accepts_what_the_loader_accepts(raw, named):
    assert loader_takes(named | raw)
    assert SCHEMA.is_valid(named | raw)


def test_where_the_schema_is_found_is_no_part_of_the_policy():
    raw = json.loads(canonical("routing_policy.json"))

    named = read_policy(json.dumps({"$schema": "policy.schema.json"} | raw), "p.json")

    assert policy_hash(named) == policy_hash(read_policy(json.dumps(raw), "p.json"))


def test_layers_upon_the_first_shape_are_refused_with_what_they_need():
    with pytest.raises(InvalidInput) as caught:
        read_policy(json.dumps(FIRST | {"domains": {"x": one_rule()}}), "p.json")

    assert list(caught.value.problems) == [
        "p.json: domains: the rules of a policy in layers need rule_id, priority and conditions; "
        "these have only a condition, as in the first format of policy files"
    ]

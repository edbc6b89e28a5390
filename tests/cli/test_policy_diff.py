"""`hitl policy diff` and `hitl policy schema`."""

import json

from jsonschema import Draft202012Validator


def loosened(folder):
    policy = json.loads((folder / "routing_policy.json").read_text())
    policy["rules"][3]["conditions"]["min_confidence"] = 0.75
    (folder / "new.json").write_text(json.dumps(policy))
    return "new.json"


def test_what_gets_looser_is_told_with_an_example_and_the_answer_is_no(hitl, folder):
    told = hitl("policy", "diff", "routing_policy.json", loosened(folder))

    assert told.code == 1
    assert "looser: human_review by domain_reviewer (rule_005) becomes auto_approve (rule_004)" in " ".join(
        told.out.split()
    )
    assert "for low risk with a confidence of 0.75 to below 0.8" in told.out
    assert "such as low risk with a confidence of 0.75" in told.out


def test_what_only_gets_stricter_is_fine(hitl, folder):
    told = hitl("policy", "diff", loosened(folder), "routing_policy.json", "--json")

    assert (told.code, told.data["looser"]) == (0, False)
    (one,) = told.data["differences"]
    assert (one["direction"], one["after"]["rule_id"], one["example"]["confidence_score"]) == (
        "stricter",
        "rule_005",
        0.75,
    )


def test_a_policy_compared_with_itself_changes_nothing(hitl):
    told = hitl("policy", "diff", "routing_policy.json", "routing_policy.json")

    assert (told.code, told.err) == (0, "")
    assert "Every case is decided as before." in told.out


def test_an_unfit_policy_is_refused(hitl, folder):
    (folder / "bad.yaml").write_text("rules: 3")
    told = hitl("policy", "diff", "routing_policy.json", "bad.yaml")

    assert told.code == 2
    assert "bad.yaml" in told.err


def test_the_schema_is_json_schema(hitl):
    told = hitl("policy", "schema")

    assert told.code == 0
    Draft202012Validator.check_schema(json.loads(told.out))


def test_of_policies_for_very_many_users_it_is_told_what_was_not_looked_at(hitl, folder):
    rule = {"priority": 1, "action": "human_review", "conditions": {"risk_level": "high"}}
    users = {name: {"policy_id": name, "rules": [rule | {"rule_id": f"of_{name}"}]} for name in "abcdefg"}
    (folder / "many.json").write_text(json.dumps({"policy_id": "many", "rules": [], "users": users}))
    told = "Not checked: the combined requests of several users, where layers name more than 6 users."

    assert told in " ".join(hitl("policy", "diff", "many.json", "many.json").out.split())
    assert hitl("policy", "diff", "many.json", "many.json", "--json").data["every_list_of_users"] is False
    assert told not in hitl("policy", "diff", "routing_policy.json", "routing_policy.json").out

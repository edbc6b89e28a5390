"""`hitl policy diff` and `hitl policy schema`."""

import json

from jsonschema import Draft202012Validator


def loosened(folder):
    policy = json.loads((folder / "routing_policy.json").read_text())
    policy["rules"][3]["conditions"]["min_confidence"] = 0.75
    (folder / "new.json").write_text(json.dumps(policy))
    return "new.json"


def test_looser_policy_is_reported_with_an_example_and_exit_code_1(hitl, folder):
    answer = hitl("policy", "diff", "routing_policy.json", loosened(folder))

    assert answer.code == 1
    shown = " ".join(answer.out.split())
    assert "1 looser; in 1 of them something goes ahead that a person decided before." in shown
    assert (
        "rule_004: min_confidence 0.8 became 0.75 "
        "looser: human_review by domain_reviewer (rule_005) becomes auto_approve (rule_004)" in shown
    )
    assert "for low risk with a confidence of 0.75 to below 0.8" in answer.out
    assert "such as low risk with a confidence of 0.75" in answer.out


def test_the_first_screen_says_what_each_edit_does_and_details_list_the_rest(hitl, folder):
    policy = json.loads((folder / "routing_policy.json").read_text())
    policy["rules"][3]["conditions"]["min_confidence"] = 0.75
    policy["rules"][0]["respond_within"] = "PT1H"
    (folder / "new.json").write_text(json.dumps(policy))

    brief = hitl("policy", "diff", "routing_policy.json", "new.json").out
    whole = hitl("policy", "diff", "routing_policy.json", "new.json", "--details").out

    first = " ".join(brief.split("\n\n")[0].split())
    assert (
        "rule_004: min_confidence 0.8 became 0.75: looser in 1; the gravest: human_review by domain_reviewer "
        "(rule_005) becomes auto_approve (rule_004)" in first
    )
    assert "rule_001: respond_within 1 hour was added, on_timeout escalate was added: stricter in" in first
    assert ("such as" in brief, "such as" in whole, "--details" in brief, "--details" in whole) == (
        False,
        True,
        True,
        False,
    )


def test_stricter_policy_exits_0(hitl, folder):
    answer = hitl("policy", "diff", loosened(folder), "routing_policy.json", "--json")

    assert (answer.code, answer.data["looser"]) == (0, False)
    assert answer.data["edits"] == ["rule_004: min_confidence 0.75 became 0.8"]
    (one,) = answer.data["differences"]
    assert (one["direction"], one["after"]["rule_id"], one["example"]["confidence_score"]) == (
        "stricter",
        "rule_005",
        0.75,
    )


def test_a_policy_compared_with_itself_changes_nothing(hitl):
    answer = hitl("policy", "diff", "routing_policy.json", "routing_policy.json")

    assert (answer.code, answer.err) == (0, "")
    assert "Every case is decided as before." in answer.out


def test_invalid_policy_is_rejected(hitl, folder):
    (folder / "bad.yaml").write_text("rules: 3")
    answer = hitl("policy", "diff", "routing_policy.json", "bad.yaml")

    assert answer.code == 2
    assert "bad.yaml" in answer.err


def test_the_schema_is_json_schema(hitl):
    answer = hitl("policy", "schema")

    assert answer.code == 0
    Draft202012Validator.check_schema(json.loads(answer.out))


def test_diff_reports_unchecked_requests_of_many_users(hitl, folder):
    rule = {"priority": 1, "action": "human_review", "conditions": {"risk_level": "high"}, "respond_within": "PT1H"}
    users = {name: {"policy_id": name, "rules": [rule | {"rule_id": f"of_{name}"}]} for name in "abc"}
    for name in ("old", "new"):
        (folder / f"{name}.json").write_text(json.dumps({"policy_id": name, "rules": [], "users": users}))
    output = "Not checked, and therefore treated as looser: tasks that several users request together were not compared"
    compared = hitl("policy", "diff", "old.json", "new.json")

    assert output in " ".join(compared.out.split())
    assert compared.code == 1
    data = hitl("policy", "diff", "old.json", "new.json", "--json").data
    assert data["unchecked"] != []
    assert data["edits"] == []
    assert output not in hitl("policy", "diff", "old.json", "old.json").out

"""`hitl policy check` and `hitl policy explain`."""

import json
import os
import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

from hitl_orchestrator.policies.analysis import decision_diagram

RUN = ("run", "tasks.json", "--outputs", "agent_outputs.json")
EXPLAIN = ("policy", "explain", "tasks.json", "--outputs", "agent_outputs.json")
ROUTED = {
    "task_001": ("auto_approve", "rule_004"),
    "task_002": ("human_review", "rule_003"),
    "task_003": ("escalate", "rule_001"),
    "task_004": ("auto_approve", "rule_004"),
    "task_005": ("human_review", "rule_003"),
}
HIDDEN = {
    "policy_id": "p",
    "rules": [
        {"rule_id": "a", "priority": 1, "conditions": {"min_confidence": 0.5}, "action": "auto_approve"},
        {"rule_id": "b", "priority": 2, "conditions": {"min_confidence": 0.9}, "action": "escalate"},
    ],
}


def test_the_canonical_policy_is_sound(hitl):
    answer = hitl("policy", "check", "routing_policy.json")

    assert (answer.code, answer.err) == (0, "")
    assert "1 warning, 1 note in 5 rules; exact over 18 kinds of cases" in answer.out


def test_the_older_shape_is_checked_too(hitl):
    assert hitl("policy", "check", "default_policy_v1.json", "--json").data["policy_id"] == "default_policy_v1"


def test_unreachable_stricter_rule_is_an_error(hitl, folder):
    (folder / "p.json").write_text(json.dumps(HIDDEN))

    answer = hitl("policy", "check", "p.json")

    assert answer.code == 1
    assert "error: unreachable\n  b (line 1): it never decides a case" in answer.out
    findings = hitl("policy", "check", "p.json", "--json").data["findings"]
    assert ("error", "b") in [(finding["severity"], finding["rule_id"]) for finding in findings]


@pytest.mark.parametrize("name", ["routing_policy.json", "routing_policy_mended.json"])
def test_repaired_policy_routes_the_canonical_tasks_as_designed(hitl, name):
    output = hitl(*EXPLAIN, "--policy", name, "--json").data

    assert {task["task_id"]: (task["routing_decision"], task["rule_id"]) for task in output} == ROUTED


def test_explain_names_the_rule_that_decides_and_why_every_other_does_not(hitl):
    results = hitl(*EXPLAIN, "--json").data

    assert [(rule["result"], rule["why"]) for rule in results[1]["rules"]][:2] == [
        ("does not match", "the risk is not high"),
        ("does not match", "the confidence is below 0.75"),
    ]


def test_a_task_of_a_file_is_explained_with_stated_counters(hitl, folder):
    rules = [
        {"rule_id": "few", "priority": 1, "conditions": {"history": {"seen": {"le": 2}}}, "action": "auto_approve"},
    ]
    policy = {"policy_id": "p", "history": {"seen": {"count": "cases", "within": "P1D"}}, "rules": rules}
    (folder / "counts.json").write_text(json.dumps(policy))
    explained = (*EXPLAIN, "--policy", "counts.json", "--json")

    def decided(*typed):
        return {each["rule_id"] for each in hitl(*explained, *typed).data}

    assert (decided(), decided("--history", "seen=2"), decided("--history", "seen=3")) == (
        {"fallback"},
        {"few"},
        {"fallback"},
    )
    for typed, why in (("sene=2", "the counters are seen"), ("seen=two", "such as seen=3"), ("seen=nan", "finite")):
        refused = hitl(*explained, "--history", typed)
        assert (refused.code, why in refused.err) == (2, True), refused.err


def test_explaining_a_file_stores_nothing(hitl, folder):
    hitl("policy", "explain", "tasks.json")

    assert not (folder / "hitl.db").exists()


def test_stored_case_is_explained_by_its_task_id(hitl):
    hitl(*RUN)

    output = hitl("policy", "explain", "task_003").out

    assert "task_003: escalate by senior_manager" in output
    assert output.split().count("decides") == 1


def test_stored_case_is_explained_under_another_policy(hitl, folder):
    (folder / "p.json").write_text(json.dumps(HIDDEN))
    hitl(*RUN)

    (results,) = hitl("policy", "explain", "task_003", "--policy", "p.json", "--json").data

    assert (results["routing_decision"], results["rule_id"], results["policy_id"]) == ("auto_approve", "a", "p")
    assert hitl("show", "task_003", "--json").data["summary"]["status"] == "waiting"


def test_explain_reports_the_fallback(hitl, folder):
    (folder / "p.json").write_text(json.dumps({"policy_id": "p", "rules": []}))

    assert "no rule matches, so a person decides" in hitl("policy", "explain", "tasks.json", "--policy", "p.json").out


def test_check_reports_findings_with_examples_and_repairs(hitl):
    answer = hitl("policy", "check", "routing_policy.json")

    assert (answer.code, answer.err) == (0, "")
    assert "repair: raise rule_002's min_confidence from 0.75 to 0.8 (tightens)" in answer.out
    output = " ".join(answer.out.split())
    assert (
        "for example: medium risk with a confidence of 0.75, compared with low risk with a confidence of 0.75" in output
    )


def test_check_groups_findings_by_kind_and_names_the_line_of_each_rule(hitl, folder):
    (folder / "p.yaml").write_text(
        "policy_id: p\nrules:\n"
        "  - {rule_id: a, priority: 1, conditions: {min_confidence: 0.5}, action: auto_approve}\n"
        "  - rule_id: b\n    priority: 2\n    conditions: {min_confidence: 0.9}\n    action: escalate\n"
        "users:\n  ann:\n    policy_id: ann\n    rules:\n"
        "      - {rule_id: c, priority: 1, conditions: {metadata: {requested_by: {eq: bob}}}, action: auto_approve}\n"
        "    metadata: {requested_by: text}\n"
    )

    answer = hitl("policy", "check", "p.yaml")

    titles = [line for line in answer.out.splitlines() if line.startswith(("error", "warning", "note"))]
    assert titles[:2] == ["error: unreachable", "error: contradiction"]
    assert "  b (line 4): it never decides a case" in answer.out
    assert "  c of user ann (line 12): it can never match" in answer.out
    found = hitl("policy", "check", "p.yaml", "--json").data
    assert (found["errors"], found["rules"], found["kinds_of_cases"]) == (2, 3, 60)
    assert {(one["rule_id"], one["line"]) for one in found["findings"]} >= {("a", 3), ("b", 4), ("c", 12)}


def test_strict_check_rejects_a_policy_that_is_checked_in_part(hitl, monkeypatch):
    monkeypatch.setattr(decision_diagram, "MOST_NODES", 0)

    answer = hitl("policy", "check", "routing_policy_mended.json", "--json")

    assert answer.data["kinds_of_cases"] is None
    assert (answer.code, hitl("policy", "check", "routing_policy_mended.json", "--strict").code) == (0, 1)


def test_check_names_a_domain_in_which_no_reviewer_holds_the_role(hitl, folder):
    people = [
        {"reviewer_id": "ana", "name": "Ana", "roles": ["senior_manager"], "domains": ["lending"]},
        {"reviewer_id": "ben", "name": "Ben", "roles": ["domain_reviewer"], "domains": ["*"]},
    ]
    (folder / "people.json").write_text(json.dumps({"reviewers": people}))
    (folder / "p.yaml").write_text(
        "policy_id: p\nrules:\n"
        "  - {rule_id: lent, priority: 1, conditions: {domain: lending}, action: escalate}\n"
        "  - {rule_id: paid, priority: 2, conditions: {domain: payments}, action: escalate}\n"
    )

    found = hitl("policy", "check", "p.yaml", "--reviewers", "people.json", "--json").data["findings"]

    assert [(one["rule_id"], one["line"], one["sentence"]) for one in found if one["kind"] == "who_decides"] == [
        (
            "paid",
            4,
            "0 of the reviewers hold the role 'senior_manager' or one above it in the domain 'payments', "
            "and the rule needs 1",
        )
    ]


HOUSE_ROLES = """
policy_id: p
rules:
  - {rule_id: a, priority: 1, conditions: {risk_level: high}, action: escalate, ask: {role: surgeon}, approvals: 9}
  - {rule_id: b, priority: 2, conditions: {risk_level: medium}, action: human_review, ask: {team: ward, not: [zoe]}}
  - {rule_id: c, priority: 3, conditions: {risk_level: low}, action: human_review, assigned_human_role: senior_manger}
"""


def test_the_bundled_people_judge_no_role_team_or_number_of_approvals(hitl, folder):
    (folder / "p.yaml").write_text(HOUSE_ROLES)

    answer = hitl("policy", "check", "p.yaml", "--json", "--strict")

    assert (answer.code, answer.data["findings"]) == (0, [])
    assert answer.err == (
        "hitl: not checked without a reviewers file (--reviewers): the role 'surgeon', the team 'ward', "
        "the reviewer 'zoe', the role 'senior_manger' (did you mean 'senior_manager'?)\n"
    )
    assert "no such role" in hitl("policy", "check", "p.yaml", "--reviewers", "reviewers.json").err


def unreadable(store: Path) -> None:
    store.chmod(0)
    if os.access(store, os.R_OK):  # for root a mode is no obstacle
        store.unlink()
        store.mkdir()


UNUSABLE = [
    lambda store: store.write_text("not a database"),
    lambda store: sqlite3.connect(store).execute("CREATE TABLE songs (title TEXT)").connection.close(),
    lambda store: sqlite3.connect(store).execute("DROP TABLE events").connection.close(),
    unreadable,
]


@pytest.mark.parametrize("spoil", UNUSABLE, ids=["not a database", "foreign", "incomplete", "unreadable"])
def test_a_file_is_read_beside_an_unusable_store_that_was_not_named(hitl, folder, monkeypatch, spoil):
    hitl(*RUN)
    hitl("audit", "export", "--out", "past.jsonl")
    if spoil is UNUSABLE[1]:
        (folder / "hitl.db").unlink()
    spoil(folder / "hitl.db")

    for words in (
        ("check", "routing_policy.json"),
        ("diff", "routing_policy.json", "routing_policy.json"),
        ("show", "routing_policy.json"),
        ("explain", "tasks.json", "--policy", "routing_policy.json"),
        ("backtest", "routing_policy.json", "--on", "past.jsonl"),
        ("test", "--policy", "routing_policy.json", "--write-boundaries", "b.policy-test.yaml"),
    ):
        answer = hitl("policy", *words)
        notes = 2 if words[0] == "backtest" else 1  # the other one says what an export lacks
        assert (answer.code, answer.err.count("\n")) == (0, notes), answer.err
        assert answer.err.startswith("hitl: the bundled roles apply, and not those of the default store: ")
        assert hitl("policy", *words, "--store", "sqlite:///hitl.db").code in (1, 2)  # 1 of a damaged ledger
    monkeypatch.setenv("HITL_STORE", "sqlite:///hitl.db")
    assert hitl("policy", "check", "routing_policy.json").code in (1, 2)


def test_the_policy_in_force_needs_its_store_named_or_not(hitl, folder):
    (folder / "hitl.db").write_text("not a database")

    for words in (("show",), ("show", "v1"), ("explain", "tasks.json"), ("backtest", "routing_policy.json")):
        answer = hitl("policy", *words)
        assert (answer.code, answer.err.count("\n")) == (2, 1), answer.err


def test_strict_check_rejects_warnings(hitl):
    assert hitl("policy", "check", "routing_policy.json", "--strict").code == 1
    assert hitl("policy", "check", "routing_policy_mended.json", "--strict").code == 0


def test_check_json_has_kinds_examples_and_repairs(hitl):
    (found, gap) = hitl("policy", "check", "routing_policy.json", "--json").data["findings"]

    assert (found["kind"], found["severity"], found["rules"], len(found["repairs"])) == (
        "monotonicity",
        "warning",
        ["rule_005"],
        2,
    )
    assert [one["risk_level"] for one in found["examples"]] == ["medium", "low"]
    assert gap["kind"] == "gap"


def test_map_fits_80_columns_and_needs_no_colors(hitl):
    lines = hitl("policy", "check", "routing_policy.json", "--map").out.splitlines()

    assert max(map(len, lines)) <= 80
    (medium,) = [line for line in lines if line.startswith("  medium ")]
    assert [one in medium for one in ("R fallback", "\u00b7 R \u00b7", "A rule_002")] == [True] * 3
    assert "         medium, 0.6 to 0.75: R rule_003" in lines


def test_json_includes_the_map_on_request(hitl):
    drawn = hitl("policy", "check", "routing_policy.json", "--map", "--json").data["map"]

    (panel,) = drawn["panels"]
    assert (panel["title"], drawn["more"], drawn["bounds"]) == ("every case", 0, [0.0, 0.6, 0.75, 0.8])
    assert [row["risk"] for row in panel["rows"]] == ["high", "medium", "low"]
    assert panel["rows"][0]["fields"] == [{"rule_id": "rule_001", "action": "escalate", "low": 0.0, "high": 1.0}]
    assert "map" not in hitl("policy", "check", "routing_policy.json", "--json").data


@pytest.mark.parametrize("name", ["loans", "moderation", "refunds"])
def test_the_map_of_every_bundled_policy_fits_80_columns_and_begins_with_what_goes_ahead(hitl, name):
    policy = str(files("hitl_orchestrator.data").joinpath("policies", f"{name}.yaml"))
    lines = hitl("policy", "check", policy, "--map").out.splitlines()
    first = next(place for place, line in enumerate(lines) if "Something goes ahead" in line)

    assert max(map(len, lines)) <= 80
    assert any("A " in line for line in lines[first + 1 : first + 12])


def test_the_map_for_a_phone_is_narrower(hitl, folder):
    assert hitl("policy", "check", "routing_policy.json", "--map-file", "phone.svg", "--phone").code == 0

    assert 'viewBox="0 0 390 ' in (folder / "phone.svg").read_text("utf-8")


def test_map_is_written_as_svg_or_png_only(hitl, folder):
    for name, begins in (("map.svg", b"<svg"), ("map.png", b"\x89PNG")):
        assert hitl("policy", "check", "routing_policy.json", "--map-file", name).code == 0
        assert (folder / name).read_bytes().startswith(begins)
    answer = hitl("policy", "check", "routing_policy.json", "--map-file", "map.gif")
    assert (answer.code, "is neither SVG nor PNG; end it with .svg or .png" in answer.err) == (2, True)
    answer = hitl("policy", "check", "routing_policy.json", "--map-file", "nowhere/map.svg")
    assert (answer.code, "cannot be written" in answer.err) == (2, True)


def test_explain_lists_nearest_changes(hitl):
    assert "It would be approved automatically at a confidence of 0.75 or above." in hitl(*EXPLAIN).out

    nearest = hitl(*EXPLAIN, "--json").data[1]["nearest_changes"]

    assert [(one["routing_decision"], one["changed"], one["sentence"]) for one in nearest] == [
        ("auto_approve", ["confidence"], "would be approved automatically at a confidence of 0.75 or above"),
        ("escalate", ["risk_level"], "would be escalated if the risk were high"),
    ]
    assert nearest[0]["facts"]["confidence_score"] == 0.75


def test_an_explanation_names_the_layer_of_every_rule(hitl, folder):
    layer = {"policy_id": "l", "rules": [{"rule_id": "own", "priority": 1, "conditions": {}, "action": "escalate"}]}
    policy = json.loads((folder / "routing_policy.json").read_text()) | {"domains": {"account_management": layer}}
    (folder / "layered.json").write_text(json.dumps(policy))

    answer = hitl("policy", "explain", "tasks.json", "--outputs", "agent_outputs.json", "--policy", "layered.json")

    assert answer.code == 0
    assert "domain account_management  own" in answer.out
    assert "organization" in answer.out

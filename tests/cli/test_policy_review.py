"""`hitl policy review`: verdicts first, then the whole, as one document for the approver."""

import json

import pytest

from hitl_orchestrator.cli.output.blocks import Cell, Column, Line, Strip, Table
from hitl_orchestrator.cli.views.policies.review.documents import html, markdown
from hitl_orchestrator.cli.views.policies.review.parts import Part

BY = ("--reviewer", "senior_manager", "--reason", "r")


def ahead_from(bound, **more):
    rule = {
        "rule_id": "sure",
        "priority": 1,
        "conditions": {"risk_level": "low", "min_confidence": bound},
        "action": "auto_approve",
        **more,
    }
    return {"policy_id": f"from_{round(100 * bound)}", "rules": [rule]}


@pytest.fixture
def governed(folder, hitl):
    for name, bound in (("usual", 0.9), ("looser", 0.5), ("stricter", 0.97)):
        (folder / f"{name}.json").write_text(json.dumps(ahead_from(bound)))
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--policy", "usual.json").code == 0
    return hitl


def verdicts(answer):
    return {each["about"]: (each["tone"], each["verdict"]) for each in answer.data["verdicts"]}


def test_a_review_compares_with_the_policy_in_force_and_with_the_past_cases(governed):
    reviewed = governed("policy", "review", "looser.json", "--json")

    found = verdicts(reviewed)
    assert reviewed.code == 1
    assert found["Difference"][0] == "bad"
    assert "looser than from_90" in found["Difference"][1]
    assert found["Past cases"][1].startswith("of 5 past cases ")
    assert found["Tests"] == ("watch", "there is no table of tests beside the policy")
    assert len(reviewed.data["differences"]) == 1
    assert reviewed.data["backtest"]["cases"] == 5


def test_a_stricter_policy_with_passing_tests_is_well_reviewed(governed, folder):
    test = {
        "name": "unsure",
        "facts": {"risk_level": "low", "domain": "d", "task_type": "t", "confidence_score": 0.9},
        "expect": {"action": "human_review"},
    }
    (folder / "stricter.policy-test.yaml").write_text(json.dumps({"policy": "stricter.json", "tests": [test]}))

    reviewed = governed("policy", "review", "stricter.json", "--json")

    assert reviewed.code == 0
    assert verdicts(reviewed)["Tests"] == ("good", "1 test passed")
    test["expect"]["action"] = "escalate"
    (folder / "stricter.policy-test.yaml").write_text(json.dumps({"policy": "stricter.json", "tests": [test]}))
    failed = governed("policy", "review", "stricter.json", "--json")
    assert (failed.code, verdicts(failed)["Tests"]) == (1, ("bad", "1 of 1 test failed"))


def test_versions_of_the_store_are_reviewed_by_their_number(governed):
    governed("policy", "activate", "stricter.json", *BY)

    assert "from_90" in verdicts(governed("policy", "review", "v2", "--against", "v1", "--json"))["Difference"][1]
    assert governed("policy", "diff", "v1", "v2").code == 0
    missing = governed("policy", "review", "v3")
    assert (missing.code, "'v3': there is no such version" in missing.err) == (1, True)


@pytest.mark.parametrize("form", ["html", "md"])
def test_the_document_has_the_verdicts_before_all_else_and_every_part(governed, folder, form):
    answer = governed("policy", "review", "looser.json", "--out", f"review.{form}")

    text = (folder / f"review.{form}").read_text()
    assert f"The whole document is in review.{form}." in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80
    places = [
        text.index(words) for words in ("looser than", "No problems" if "No problems" in text else "note", "becomes")
    ]
    assert places == sorted(places)
    for title in ("Difference", "Check", "Tests", "Past cases", "In plain words", "Map"):
        assert f"<h2>{title}</h2>" in text or f"## {title}\n" in text
    assert ("<svg" in text) == (form == "html")
    assert "<script" not in text
    refused = governed("policy", "review", "looser.json", "--out", f"review.{form}")
    assert (refused.code, "exists" in refused.err) == (2, True)


def test_a_policy_is_reviewed_without_a_store(hitl, folder):
    (folder / "usual.json").write_text(json.dumps(ahead_from(0.9)))

    found = verdicts(hitl("policy", "review", "usual.json", "--json"))

    assert found["Difference"] == ("unknown", "there is no policy in force to compare with")
    assert found["Past cases"] == ("unknown", "not tried, there is no store")


HOSTILE = "<script>alert(1)</script> | `x` **b** [l](http://e) \u202e\x1b[31m"


def test_texts_of_others_stay_texts_in_both_forms():
    table = Table((Column(HOSTILE),), [(Cell(HOSTILE),)])
    part = Part(HOSTILE, "bad", HOSTILE, (Line(HOSTILE), Line(HOSTILE, quoted=True), table, Strip([Cell(HOSTILE)])))

    for text in (html(HOSTILE, [part]), markdown(HOSTILE, [part])):
        assert "\u202e" not in text
        assert "\x1b" not in text
    assert "<script" not in html(HOSTILE, [part])
    outside_code = markdown(HOSTILE, [part]).split("```")[0]
    assert "<script" not in outside_code.replace("\\<script", "")
    assert " | `x`" not in outside_code

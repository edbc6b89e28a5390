"""`hitl policy backtest` on a store and on exported files."""

import json
import sys

import pytest

RUN = ("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviews", "human_reviews.json")
STORE, PARQUET, LINES = (), ("--on", "past.parquet"), ("--on", "past.jsonl")


@pytest.fixture
def stricter(hitl, folder):
    assert hitl(*RUN).code == 0
    policy = json.loads((folder / "routing_policy.json").read_text())
    policy["rules"][3]["conditions"]["min_confidence"] = 0.99
    (folder / "new.json").write_text(json.dumps(policy))
    for form in ("parquet", "jsonl"):
        assert hitl("audit", "export", "--format", form, "--out", f"past.{form}").code == 0
    return "new.json"


def test_backtest_reports_changed_decisions(hitl, stricter):
    answer = hitl("policy", "backtest", stricter, "--on", "past.parquet", "--capacity", "domain_reviewer=2x40")

    assert (answer.code, answer.err.count("an export has finished cases only")) == (0, 1)
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    for line in (
        "auto_approve rule_004 human_review rule_005 2",
        "customer_support 3 2 0 66.7 % 0.0 %",
        "domain_reviewer 2.0 4.0 4 80 5 s",
    ):
        assert line in lines
    assert "Not enough data about all cases: there are no cases that would be approved." in answer.out


def test_store_and_export_files_give_the_same_backtest(hitl, stricter):
    results = [hitl("policy", "backtest", stricter, *where, "--json").data for where in (STORE, PARQUET, LINES)]

    assert results[0] == results[1] == results[2]
    assert (results[0]["cases"], results[0]["stricter"], results[0]["looser"]) == (5, 2, 0)


ASKING = """
policy_id: asking
metadata: {amount: number}
rules:
  - {rule_id: cheap, priority: 1, action: auto_approve, conditions: {metadata: {amount: {lt: 100}}}}
"""


def test_redacted_cases_are_left_out_of_stores_and_files(hitl, folder, stricter):
    tasks = json.loads((folder / "tasks.json").read_text())
    more = [one | {"task_id": f"more_{one['task_id']}", "metadata": {"amount": 1}} for one in tasks]
    outputs = json.loads((folder / "agent_outputs.json").read_text())
    (folder / "tasks.json").write_text(json.dumps(more))
    (folder / "agent_outputs.json").write_text(
        json.dumps([one | {"task_id": f"more_{one['task_id']}", "confidence_score": 0.99} for one in outputs])
    )
    (folder / "asking.yaml").write_text(ASKING)
    by = ("--reviewer", "senior_manager", "--reason", "cheap ones go ahead", "--json")
    proposed = hitl("policy", "activate", "asking.yaml", *by).data["case_id"]
    assert hitl("decide", proposed, "approve", "--reviewer", "compliance_officer").code == 0
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json").code == 0
    redactor = ("--reviewer", "compliance_officer", "--yes")
    assert hitl("audit", "redact", "more_task_001", "--reason", "asked to", *redactor).code == 0
    for form in ("parquet", "jsonl"):
        assert hitl("audit", "export", "--format", form, "--out", f"more.{form}").code == 0
    results = [
        hitl("policy", "backtest", "asking.yaml", *where, "--json").data
        for where in (STORE, ("--on", "more.parquet"), ("--on", "more.jsonl"))
    ]

    assert results[0] == results[1] == results[2]
    assert (results[0]["cases"], results[0]["left_out"], results[0]["erased"]) == (9, 1, 1)
    shown = hitl("policy", "backtest", "asking.yaml", "--on", "more.jsonl").out
    assert "1 case left out: in 1 facts that the policy reads were erased." in shown


def test_cases_without_domain_are_left_out_and_counted(hitl, folder, stricter):
    first, *others = (folder / "past.jsonl").read_text().splitlines()
    (folder / "hand.jsonl").write_text("\n".join([json.dumps(json.loads(first) | {"domain": None}), *others]))

    answer = hitl("policy", "backtest", stricter, "--on", "hand.jsonl")
    assert (answer.code, answer.err.count("an export has finished cases only")) == (0, 1)
    assert "1 case left out: in 1 no domain or task type was recorded." in answer.out


def test_two_policies_are_compared_on_the_same_cases(hitl, stricter):
    arguments = ("--on", "past.parquet", "--old", stricter, "--json")

    assert hitl("policy", "backtest", "routing_policy.json", *arguments).data["looser"] == 2


_TWICE = ("--capacity", "domain_reviewer=1", "--capacity", "domain_reviewer=1000")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--on", "none.parquet"], "the file does not exist"),
        (["--on", "past.csv"], "past.csv"),
        (["--store", "sqlite:///none.db"], "there is no such file"),
        (["--on", "sqlite:///none.db"], "--store names a store"),
        (["--on", "tasks.jsonl"], "there are no cases for a backtest"),
        (["--on", "strange.parquet"], "cannot be read"),
        (["--on", "past.parquet", "--capacity", "domain_reviewr=4"], "did you mean 'domain_reviewer'?"),
        (["--on", "past.parquet", "--capacity", "4"], "write cases per day"),
        (["--on", "past.parquet", *_TWICE], "'domain_reviewer' is given 2 times; give it once"),
        (["--on", "past.parquet", "--old", "none.json"], "cannot be read"),
    ],
)
def test_invalid_backtest_options_are_rejected_with_a_sentence(hitl, stricter, folder, arguments, sentence):
    (folder / "strange.parquet").write_text("no parquet")
    (folder / "tasks.jsonl").write_text("")
    answer = hitl("policy", "backtest", stricter, *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert sentence in answer.err


def test_open_cases_and_misspelled_fields_are_shown(hitl, folder):
    assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json").code == 0
    (folder / "typo.yaml").write_text(ASKING.replace("amount", "amout"))

    shown = " ".join(hitl("policy", "backtest", "typo.yaml").out.split())
    data = hitl("policy", "backtest", "typo.yaml", "--json").data

    assert "3 of the cases are open, without a decision yet." in shown
    assert "No past case meets cheap." in shown
    assert "No past case has metadata.amout" in shown
    assert (data["cases"], data["open"], data["fields"][0]["missing"]) == (5, 3, 5)
    assert [rule["rule_id"] for rule in data["rules"]] == ["cheap", "fallback"]


def test_without_polars_it_says_what_to_install(hitl, stricter, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)

    answer = hitl("policy", "backtest", stricter, "--on", "past.parquet")

    assert answer.code == 2
    assert "pip install '.[lab]'" in answer.err

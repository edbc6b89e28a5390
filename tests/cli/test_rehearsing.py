"""`hitl policy simulate`: a policy on past cases, from a store and from what was exported."""

import json
import sys

import pytest

RUN = ("run", "tasks.json", "--outputs", "agent_outputs.json", "--reviews", "human_reviews.json")


@pytest.fixture
def stricter(hitl, folder):
    assert hitl(*RUN).code == 0
    policy = json.loads((folder / "routing_policy.json").read_text())
    policy["rules"][3]["conditions"]["min_confidence"] = 0.99
    (folder / "new.json").write_text(json.dumps(policy))
    for form in ("parquet", "jsonl"):
        assert hitl("audit", "export", "--format", form, "--out", f"past.{form}").code == 0
    return "new.json"


def test_what_would_be_different_is_told(hitl, stricter):
    answer = hitl("policy", "simulate", stricter, "--on", "past.parquet", "--capacity", "domain_reviewer=2x40")

    assert (answer.code, answer.err) == (0, "")
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    for line in (
        "auto_approve rule_004 human_review rule_005 2",
        "customer_support 3 2 0 66.7% 0.0%",
        "domain_reviewer 2.0 4.0 4 80 5 s",
    ):
        assert line in lines
    assert "Not enough data to speak of all: no case would go ahead." in answer.out


def test_a_store_and_both_kinds_of_files_tell_the_same(hitl, stricter):
    told = [
        hitl("policy", "simulate", stricter, "--on", on, "--json").data
        for on in ("sqlite:///hitl.db", "past.parquet", "past.jsonl")
    ]

    assert told[0] == told[1] == told[2]
    assert (told[0]["cases"], told[0]["stricter"], told[0]["looser"]) == (5, 2, 0)


def test_two_policies_are_compared_on_the_same_cases(hitl, stricter):
    arguments = ("--on", "past.parquet", "--old", stricter, "--json")

    assert hitl("policy", "simulate", "routing_policy.json", *arguments).data["looser"] == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--on", "none.parquet"], "there is no such file"),
        (["--on", "past.csv"], "past.csv"),
        (["--on", "sqlite:///none.db"], "there is no such file"),
        (["--on", "tasks.jsonl"], "there are no cases to rehearse on"),
        (["--on", "strange.parquet"], "cannot be read"),
        (["--on", "past.parquet", "--capacity", "domain_reviewr=4"], "did you mean 'domain_reviewer'?"),
        (["--on", "past.parquet", "--capacity", "4"], "give cases a day"),
        (["--on", "past.parquet", "--old", "none.json"], "cannot be read"),
    ],
)
def test_what_cannot_be_rehearsed_is_told_in_a_sentence(hitl, stricter, folder, arguments, told):
    (folder / "strange.parquet").write_text("no parquet")
    (folder / "tasks.jsonl").write_text("")
    answer = hitl("policy", "simulate", stricter, *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert told in answer.err


def test_without_polars_it_says_what_to_install(hitl, stricter, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)

    answer = hitl("policy", "simulate", stricter, "--on", "past.parquet")

    assert answer.code == 2
    assert "pip install 'hitl-orchestrator[lab]'" in answer.err

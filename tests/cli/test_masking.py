"""The parts of an undecided case that `hitl show` hides, in text and in JSON."""

import json

import pytest
from support.builders import a_task, an_output
from support.teams import TEAM, a_policy, say

from hitl_orchestrator import Orchestrator, Proposal
from hitl_orchestrator.domain.enums import HumanDecision


@pytest.fixture
def store(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'hitl.db'}"
    monkeypatch.setenv("HITL_STORE", url)
    (tmp_path / "reviewers.json").write_text(json.dumps(TEAM))
    monkeypatch.setenv("HITL_REVIEWERS", str(tmp_path / "reviewers.json"))
    return url


def output(hitl, capsys, *more):
    """What `hitl show` prints in words and in JSON."""
    from hitl_orchestrator.cli.app import run_command  # noqa: PLC0415

    run_command(["show", "task-1"])
    run_command(["show", "task-1", "--json"])
    return capsys.readouterr().out


def test_blind_review_hides_the_agents_answer_until_decided(store, capsys):
    with Orchestrator.open(store, reviewers=TEAM, policy=a_policy(blind=True)) as hitl:
        hitl.submit(a_task(), an_output(confidence=0.4321, label="Zaphod"))
        before = output(hitl, capsys)
        hitl.reviews.label(task_id="task-1", reviewer="r2", label="my own label")
        between = output(hitl, capsys)
        hitl.reviews.label(task_id="task-1", reviewer="r1", label="mine")
        say(hitl, "r1")

    assert all(secret not in before for secret in ("Zaphod", "0.43", "It says so"))
    assert "my own label" not in between
    assert "Zaphod" in output(None, capsys)


def test_votes_of_others_are_hidden_until_decided(store, capsys):
    with Orchestrator.open(store, reviewers=TEAM, policy=a_policy(approvals=2)) as hitl:
        hitl.submit(a_task(), an_output())
        edited = Proposal(predicted_label="Zaphod")
        say(hitl, "r1", "modify", modified_output=edited, reason="my very reason")
        before = output(hitl, capsys)
        say(hitl, "r2", "modify", modified_output=edited)

    assert all(secret not in before for secret in ("Zaphod", "my very reason", '"human_decision": "modify"'))
    assert "r1 as domain_reviewer: voted at" in before
    assert "my very reason" in output(None, capsys)


def test_quality_checks_are_hidden_until_decided(store, capsys):
    with Orchestrator.open(store, reviewers=TEAM, policy=a_policy()) as hitl:
        hitl.acting_as("s1").reviews.add_gold_case(a_task(), an_output(), HumanDecision.REJECT)
        before = output(hitl, capsys)
        say(hitl, "r1")

    assert "known_answer" not in before
    assert "known_answer" in output(None, capsys)


def test_a_review_that_a_new_policy_makes_blind_hides_the_agents_answer(store, capsys):
    with Orchestrator.open(store, reviewers=TEAM, policy=a_policy()) as hitl:
        hitl.submit(a_task(), an_output(confidence=0.4321, label="Zaphod"))
        hitl.policy.activate(a_policy(blind=True), reviewer="s1", reason="labels are independent")
        before = output(hitl, capsys)

    assert all(secret not in before for secret in ("Zaphod", "0.43", "It says so"))

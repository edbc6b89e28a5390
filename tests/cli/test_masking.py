"""What `hitl show` keeps to itself while somebody is still to answer, in words and in JSON."""

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


def told(hitl, capsys, *more):
    """What `hitl show` prints in words and in JSON."""
    from hitl_orchestrator.cli.app import run_command  # noqa: PLC0415

    run_command(["show", "task-1"])
    run_command(["show", "task-1", "--json"])
    return capsys.readouterr().out


def test_of_a_blind_review_nothing_of_the_agent_s_answer_is_told_until_it_is_decided(store, capsys):
    with Orchestrator.open(store, reviewers=TEAM, policy=a_policy(blind=True)) as hitl:
        hitl.submit(a_task(), an_output(confidence=0.4321, label="Zaphod"))
        before = told(hitl, capsys)
        hitl.reviews.label(task_id="task-1", reviewer="r2", label="my own label")
        between = told(hitl, capsys)
        hitl.reviews.label(task_id="task-1", reviewer="r1", label="mine")
        say(hitl, "r1")

    assert all(secret not in before for secret in ("Zaphod", "0.43", "It says so"))
    assert "my own label" not in between
    assert "Zaphod" in told(None, capsys)


def test_what_others_have_voted_is_told_when_the_case_is_decided(store, capsys):
    with Orchestrator.open(store, reviewers=TEAM, policy=a_policy(approvals=2)) as hitl:
        hitl.submit(a_task(), an_output())
        edited = Proposal(predicted_label="Zaphod")
        say(hitl, "r1", "modify", modified_output=edited, reason="my very reason")
        before = told(hitl, capsys)
        say(hitl, "r2", "modify", modified_output=edited)

    assert all(secret not in before for secret in ("Zaphod", "my very reason", '"human_decision": "modify"'))
    assert "r1 as domain_reviewer: voted at" in before
    assert "my very reason" in told(None, capsys)


def test_that_a_case_measures_its_reviewer_is_told_when_it_is_decided(store, capsys):
    with Orchestrator.open(store, reviewers=TEAM, policy=a_policy()) as hitl:
        hitl.reviews.add_gold_case(a_task(), an_output(), HumanDecision.REJECT)
        before = told(hitl, capsys)
        say(hitl, "r1")

    assert "known_answer" not in before
    assert "known_answer" in told(None, capsys)

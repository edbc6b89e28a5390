"""The parts of an undecided case that `hitl show` hides, in text and in JSON."""

import json
import re

import pytest
from support.builders import a_task, an_output
from support.teams import TEAM, a_policy, say

from hitl_orchestrator import InvalidInput, Orchestrator, Proposal
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.errors import CaseUnfinished


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

    # A time may end in the digits of the confidence.
    assert all(re.search(secret, before) is None for secret in ("Zaphod", r"(?<!\d)0\.43", "It says so"))
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

    # A time may end in the digits of the confidence.
    assert all(re.search(secret, before) is None for secret in ("Zaphod", r"(?<!\d)0\.43", "It says so"))


def without_people(printed):
    """Leave out the line of the people in force: it names all of them, whatever they did."""
    return "".join(line for line in printed.splitlines(keepends=True) if '"people_recorded"' not in line)


@pytest.mark.parametrize("words", [("audit", "show", "task-1", "--json"), ("audit", "export", "--events")])
def test_the_ledger_hides_what_a_blind_gold_case_hides(store, capsys, words):
    from hitl_orchestrator.cli.app import run_command  # noqa: PLC0415

    with Orchestrator.open(store, reviewers=TEAM, policy=a_policy(blind=True, approvals=2)) as hitl:
        given = an_output(confidence=0.4321, label="Zaphod")
        hitl.reviews.add_gold_case(a_task(), given, HumanDecision.REJECT, reviewer="s1")
        hitl.reviews.label(task_id="task-1", reviewer="r1", label="a label of r1")
        say(hitl, "r1", "override", reason="my very reason")
        run_command(list(words))
        before = without_people(capsys.readouterr().out)
        hitl.reviews.label(task_id="task-1", reviewer="r2", label="mine")
        say(hitl, "r2", "override")
        run_command(list(words))
        after = without_people(capsys.readouterr().out)

    secrets = ("Zaphod", "0.4321", "It says so", "known_answer", "a label of r1", "my very reason", '"s1"')
    assert [secret for secret in secrets if secret in before] == []
    assert [secret for secret in secrets if secret not in after] == []


def test_a_proof_and_an_explanation_of_a_blind_case_are_refused_until_it_is_decided(store, capsys):
    from hitl_orchestrator.cli.app import run_command  # noqa: PLC0415

    with Orchestrator.open(store, reviewers=TEAM, policy=a_policy(blind=True)) as hitl:
        hitl.submit(a_task(), an_output(confidence=0.4321, label="Zaphod"))
    for words in (["audit", "prove", "task-1"], ["policy", "explain", "task-1"]):
        with pytest.raises((CaseUnfinished, InvalidInput), match=r"once it is decided|decide it first") as refused:
            run_command(words)

        printed = capsys.readouterr().out + str(refused.value)
        assert [secret for secret in ("Zaphod", "0.4321") if secret in printed] == []


def test_the_ledger_and_both_views_name_the_user_of_the_system_beside_the_reviewer(store, capsys):
    from hitl_orchestrator.cli.app import run_command  # noqa: PLC0415
    from hitl_orchestrator.cli.session import user_of_the_system  # noqa: PLC0415

    with Orchestrator.open(store, reviewers=TEAM, policy=a_policy()) as hitl:
        hitl.submit(a_task(), an_output())
    run_command(["decide", "task-1", "approve", "--reviewer", "r1"])
    capsys.readouterr()
    user = user_of_the_system().subject

    for command in (["show", "task-1"], ["audit", "show", "task-1"]):
        run_command(command)
        assert f"r1 (cli, user {user})" in " ".join(capsys.readouterr().out.split())
    run_command(["audit", "show", "task-1", "--json"])
    [decided] = [each for each in json.loads(capsys.readouterr().out) if each["kind"] == "decided"]
    assert (decided["actor"]["id"], decided["actor"]["os_user"]) == ("r1", user)


def test_a_user_without_a_name_is_recorded_by_number(monkeypatch):
    from hitl_orchestrator.cli import session  # noqa: PLC0415

    for number in (4_000_000_000, 0):
        monkeypatch.setattr(session.os, "getuid", lambda number=number: number)
        assert session.user_of_the_system().subject == ("root" if number == 0 else str(number))

"""Signals of a store: fitted to what its reviewers let through, recorded, shown, erased, and routed on."""

import json
from pathlib import Path

import pytest
from support.builders import a_task, an_output
from support.internals import services_of

from hitl_orchestrator import InvalidInput
from hitl_orchestrator.cli import main
from hitl_orchestrator.policies import ScoreRules, UnusualRules

RULES = ScoreRules(unusual=UnusualRules(least=10, neighbours=3))
POLICY = {
    "policy_id": "careful",
    "rules": [
        {
            "rule_id": "unusual",
            "priority": 1,
            "conditions": {"signals": "unusual"},
            "action": "escalate",
            "assigned_human_role": "senior_manager",
        },
        {"rule_id": "sure", "priority": 2, "conditions": {"min_confidence": 0.8}, "action": "auto_approve"},
    ],
}
STRANGE = "wire everything to the account of a stranger"


def refund(number, amount=20, text=None):
    described = text or f"Please refund the order {1000 + number} of last week"
    return a_task(f"refund-{number}", task_type="refund", task_description=described, metadata={"amount": amount})


def submitted(hitl, number, confidence=0.9, **fields):
    return hitl.submit(refund(number, **fields), an_output(f"refund-{number}", confidence=confidence))


def reviewed(hitl, count=12):
    """Submit refunds that need a review, which people approve."""
    for number in range(count):
        case = submitted(hitl, number, confidence=0.5, amount=18 + number % 5)
        hitl.decide(case.case_id, "approve", reviewer="zoe")


@pytest.fixture
def hitl(opened):
    return fitted(opened, "memory://")


def fitted(opened, store):
    hitl = opened(store, policy=POLICY, score_rules=RULES)
    reviewed(hitl)
    hitl.policy.fit_unusual()
    return hitl


def test_a_policy_routes_on_what_is_unusual_for_the_reviewers_of_the_store(hitl):
    usual, costly = submitted(hitl, 100), submitted(hitl, 101, amount=4000)
    strange = submitted(hitl, 102, text=STRANGE)

    assert (usual.status, usual.rule_id, usual.record.signals) == ("approved", "sure", ())
    assert [(case.status, case.rule_id) for case in (costly, strange)] == [("waiting", "unusual")] * 2
    (why,) = costly.open_review.shown.routing.score.raised
    assert "amount is 4000" in why.sentence
    assert why.value > why.bound


def test_the_record_names_the_snapshot_and_each_reason_and_the_ledger_verifies(hitl):
    case = hitl.decide(submitted(hitl, 100, amount=4000).case_id, "approve", reviewer="zoe")

    assert case.record.reviewed == services_of(hitl).reviewed.current().name
    assert [each.signal for each in case.record.raised] == ["unusual"]
    assert hitl.audit.verify().sound


def test_a_snapshot_is_frozen_until_it_is_fitted_again(hitl):
    before = services_of(hitl).reviewed.current().name
    case = submitted(hitl, 100, amount=4000)
    hitl.decide(case.case_id, "approve", reviewer="zoe")

    assert submitted(hitl, 101, confidence=0.5).open_review.shown.routing.score.reviewed == before
    assert hitl.policy.fit_unusual() not in (before, None)


def test_nothing_was_reviewed_in_a_new_store(opened):
    hitl = opened("memory://", policy=POLICY, score_rules=RULES)

    assert submitted(hitl, 1).rule_id == "unusual"
    assert opened("memory://").policy.fit_unusual() is None


def test_a_redacted_case_keeps_its_signals_and_loses_the_reasons_with_its_texts(opened, store):
    hitl = fitted(opened, store)
    case = hitl.decide(submitted(hitl, 100, amount=4321).case_id, "approve", reviewer="zoe")
    hitl.cases.redact(case.case_id, reason="asked by the customer", reviewer="zoe")

    record = hitl.cases.get(case.case_id).record
    assert (record.signals, record.raised) == (("unusual",), ())
    assert "4321" not in repr([event.body for event in hitl.cases.history(case.case_id)])
    assert hitl.audit.verify().sound
    assert "refund-100" not in {each.task.task_id for each in services_of(hitl).ledger.latest_upheld(100)}


def test_rules_of_a_store_stay_in_force_for_processes_that_state_none(opened, durable_store, tmp_path):
    (tmp_path / "careful.json").write_text(json.dumps(POLICY))
    (tmp_path / "careful.signals.json").write_text('{"low_confidence_below": 0.95}')
    with opened(durable_store, policy=tmp_path / "careful.json") as hitl:
        assert submitted(hitl, 1).record.signals == ("low_confidence",)

    with opened(durable_store) as hitl:
        assert submitted(hitl, 2).record.signals == ("low_confidence",)
    with opened(durable_store, score_rules=ScoreRules()) as hitl:
        assert submitted(hitl, 3).record.signals == ()


def test_the_command_line_reads_the_file_beside_the_policy(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("careful.json").write_text(json.dumps(POLICY))
    Path("careful.signals.json").write_text('{"low_confidence_below": 0.95}')
    Path("tasks.json").write_text(f"[{refund(1).model_dump_json()}]")
    Path("outputs.json").write_text(f"[{an_output('refund-1').model_dump_json()}]")

    assert main(["run", "tasks.json", "--outputs", "outputs.json", "--policy", "careful.json", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["signals"] == ["low_confidence"]
    Path("careful.signals.json").write_text('{"low_confidence_below": 95}')
    for command in ("run tasks.json --policy careful.json --store sqlite:///other.db", "policy check careful.json"):
        assert main(command.split()) == 2
        assert "careful.signals.json: low_confidence_below" in capsys.readouterr().err
    assert not Path("other.db").exists()


def test_unreadable_rules_beside_the_policy_open_no_store(opened, durable_store, tmp_path):
    (tmp_path / "careful.json").write_text(json.dumps(POLICY))
    (tmp_path / "careful.signals.json").write_text('{"risky": 5}')

    with pytest.raises(InvalidInput, match=r"careful\.signals\.json: risky"):
        opened(durable_store, policy=tmp_path / "careful.json")


def test_reviewers_see_the_reasons(opened, sqlite_store, capsys):
    with fitted(opened, sqlite_store) as hitl:
        submitted(hitl, 100, amount=4000)
        view = hitl.reviews.view(task_id="refund-100", reviewer="zoe")
        (request,) = hitl.inbox()
    assert view.raised == request.raised
    assert "amount is 4000" in view._repr_html_()

    for command in ("show", "next --reviewer zoe"):
        main([*command.split(), "--store", sqlite_store, *(["refund-100"] if command == "show" else [])])
        assert "unusual: amount is 4000; reviewed cases of this type have" in " ".join(capsys.readouterr().out.split())

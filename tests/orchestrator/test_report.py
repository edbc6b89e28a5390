"""`hitl.insights.report`, and that of an audit: the same report, of the cases of people and of automatic ones."""

from datetime import datetime

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.cli import main
from hitl_orchestrator.insights.metrics.model import StakeField
from hitl_orchestrator.orchestrator import LedgerAudit, report_on_file
from hitl_orchestrator.services.insights.compliance import derive

pytest.importorskip("polars")

VARYING = {"generated_at", "integrity", "next_steps"}


@pytest.fixture
def store(durable_store):
    """A store with two automatic cases, two reviewed ones, and one that waits."""
    with Orchestrator.open(durable_store) as hitl:
        for name in ("a", "b"):
            hitl.submit(a_task(name, metadata={"amount": 10}), an_output(name, confidence=0.95))
        for name, verdict in (("c", "approve"), ("d", "reject"), ("e", None)):
            hitl.submit(a_task(name, metadata={"amount": 5}), an_output(name, confidence=0.5))
            if verdict is not None:
                hitl.decide(task_id=name, decision=a_review(verdict, "domain_reviewer"))
    return durable_store


def test_the_facade_and_an_audit_give_the_same_report(store):
    with Orchestrator.open(store) as hitl, LedgerAudit(store) as audit:
        here, there = hitl.insights.report(), audit.full_report().report

        assert here.model_dump(exclude=VARYING) == there.model_dump(exclude=VARYING)
        assert here.integrity.sound is there.integrity.sound is True


def test_live_cases_have_their_persons(store):
    with LedgerAudit(store) as audit:
        report = audit.full_report(controls=["aisvs"], stake="amount:EUR").report

    held = {each.criterion_id: each.holds for each in report.verdict.criteria}
    assert (report.verdict.word, held["person_decided"], held["separate_duties"]) == ("sound", True, None)
    assert report.metrics.cases.open == 1
    assert [(stake.total, stake.automatic) for stake in report.metrics.stakes] == [(30, 20)]
    assert [table.framework for table in report.controls] == ["aisvs"]
    assert report.drills


def test_what_is_new_is_named_and_what_no_one_may_decide(durable_store):
    people = [{"reviewer_id": "ana", "name": "Ana", "roles": ["compliance_officer"], "domains": ["finance"]}]
    with Orchestrator.open(durable_store, reviewers=people) as opened:
        hitl = opened.acting_as("ana")
        task = {"task_description": "", "risk_level": "low", "domain": "finance", "task_type": "refund"}
        for number, (at, label) in enumerate([("2025-01-01", "yes"), ("2025-03-01", "yes"), ("2025-03-02", "maybe")]):
            stated = task | {"task_id": f"t{number}", "timestamp": f"{at}T10:00:00Z"}
            stated |= {"domain": "law"} if label == "maybe" else {}
            hitl.submit(stated, {"agent_output": {"predicted_label": label}, "confidence_score": 0.95}, replay=True)
        novelty = opened.insights.report().novelty

    assert novelty.new["labels"] == ("maybe",)
    assert novelty.new["domains"] == ("law",)
    assert "task types" not in novelty.new
    assert novelty.unstaffed_domains == ("law",)


def test_cases_that_were_read_before_are_derived_alike(store):
    with Orchestrator.open(store) as hitl:
        ledger = services_of(hitl).ledger

        again = derive(ledger, cases=hitl.insights.frame())

        assert again == derive(ledger)
        assert (again.derived, again.violations) == (4, ())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"controls": ["iso"]}, "not one of aisvs"),
        ({"since": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001 - that is the case
        ({"stake": "amount"}, "stake: 'amount' is not"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused(arguments, why):
    with Orchestrator.open("memory://") as hitl, pytest.raises(InvalidInput, match=why):
        hitl.insights.report(**arguments)


def test_the_amount_at_stake_of_a_file_is_that_of_its_metadata(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["audit", "export", "--store", store, "--out", "past.jsonl"]) == 0

    with LedgerAudit(store) as audit:
        wanted = audit.metrics(stake=StakeField(field="amount")).stakes
    assert report_on_file("past.jsonl", stake="amount").report.metrics.stakes == wanted


@pytest.mark.parametrize("field", ["amont", "Amount"])
def test_an_amount_that_no_case_states_is_refused_with_those_that_are_stated(store, tmp_path, monkeypatch, field):
    monkeypatch.chdir(tmp_path)
    assert main(["audit", "export", "--store", store, "--out", "past.jsonl"]) == 0
    why = f"'{field}' of its metadata; did you mean 'amount'.; fields with numbers: amount"

    with LedgerAudit(store) as audit, Orchestrator.open(store) as hitl:
        stake = StakeField(field=field)
        for asked in (hitl.insights.report, hitl.insights.metrics, hitl.insights.frame):
            with pytest.raises(InvalidInput, match=why):
                asked(stake=stake)
        with pytest.raises(InvalidInput, match=why):
            audit.full_report(stake=field)
    with pytest.raises(InvalidInput, match=why):
        report_on_file("past.jsonl", stake=field)


def test_a_unit_that_is_named_is_not_empty(store):
    with LedgerAudit(store) as audit, pytest.raises(InvalidInput, match="'amount:'"):
        audit.full_report(stake="amount:")


def test_every_report_has_its_drills_and_the_age_of_its_ledger(store):
    with LedgerAudit(store) as audit:
        report = audit.full_report().report

    assert {each.drill_id for each in report.drills} >= {"planted_errors", "kill_switch", "fatigue"}
    assert report.integrity.oldest is not None
    assert report.integrity.oldest <= report.generated_at

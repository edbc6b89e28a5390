"""`hitl.insights`, and the same of a store that is audited."""

import shutil
from datetime import timedelta

import pytest
from support.attacker import Intruder
from support.builders import NINE, PERSON, a_review, a_task, an_output
from support.internals import services_of
from support.random_policies import STACK
from support.tampering import fill

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.insights.metrics.model import StakeField
from hitl_orchestrator.orchestrator import LedgerAudit
from hitl_orchestrator.policies import read_policy

pl = pytest.importorskip("polars")

AMOUNTS = {"a": 10, "b": 2.5, "c": "7.5", "d": "much", "e": True, "f": None, "g": 1}
STAKE = StakeField(field="amount", unit="EUR")


@pytest.fixture
def store(durable_store):
    """A store with an automatic case for each amount, of which the last one is redacted, and two reviews."""
    with Orchestrator.open(durable_store) as hitl:
        for name, amount in AMOUNTS.items():
            hitl.submit(a_task(name, metadata={"amount": amount}), an_output(name, confidence=0.95))
        services_of(hitl).ledger.redact(hitl.cases.get(task_id="g").case_id, "asked for", PERSON, NINE)
        for name in ("open", "rejected"):
            hitl.submit(a_task(name), an_output(name, confidence=0.5))
        hitl.decide(task_id="rejected", decision=a_review("reject", "domain_reviewer"))
    return durable_store


def test_an_audit_gives_the_frame_and_the_metrics_of_the_facade(store):
    with Orchestrator.open(store) as hitl, LedgerAudit(store) as audit:
        frame, metrics = hitl.insights.frame(stake=STAKE), hitl.insights.metrics(stake=STAKE)
        assert audit.frame(stake=STAKE).equals(frame)
        assert audit.metrics(stake=STAKE) == metrics
        rules = {rule.rule_id for rule in hitl.policy.active().rules}

    assert (metrics.cases.decided, metrics.cases.open, metrics.cases.redacted) == (8, 1, 1)
    assert (metrics.automation.count, metrics.rejection.count) == (7, 1)
    assert {use.rule_id for use in metrics.rules if use.in_force}.union(metrics.never_fired) == rules


def test_rules_of_every_layer_are_in_force_and_may_never_have_fired(tmp_path):
    stack = read_policy(STACK, "acme.yaml")
    with Orchestrator.open(f"sqlite:///{tmp_path / 'layers.db'}", policy=stack) as hitl:
        never_fired = hitl.insights.metrics().never_fired

    assert set(never_fired) == {rule.rule_id for _, layer in stack.parts for rule in layer.rules}
    assert len(never_fired) > len(stack.rules)


def test_progress_ends_at_the_number_of_finished_cases(store):
    read, derived = [], []
    with LedgerAudit(store) as audit:
        audit.metrics(by="domain", on_cases=read.append)
        audit.full_report(verify=False, on_progress=derived.append)

        assert (audit.cases(), sum(read), sum(derived)) == (8, 8, 16)


def test_an_amount_that_is_erased_or_no_number_is_missing(store):
    with LedgerAudit(store) as audit:
        rows = audit.frame(stake=STAKE).select("task_id", "stake", "stake_unit").rows()

    stakes = {task: stake for task, stake, _ in rows}
    assert stakes == {**dict.fromkeys("defg"), "a": 10.0, "b": 2.5, "c": 7.5, "rejected": None}
    assert {unit for *_, unit in rows} == {"EUR"}


def test_an_amount_that_no_case_states_is_refused_everywhere(store):
    unknown = StakeField(field="amounts", unit=None)
    with Orchestrator.open(store) as hitl, LedgerAudit(store) as audit:
        for reading in (hitl.insights.frame, hitl.insights.metrics, audit.frame, audit.metrics):
            with pytest.raises(InvalidInput, match="the field 'amounts' of its metadata; did you mean 'amount'"):
                reading(stake=unknown)


def test_a_period_includes_its_begin_and_excludes_its_end(store):
    read = []
    with Orchestrator.open(store) as hitl:
        frame = hitl.insights.frame(on_cases=read.append)
        last = frame["timestamp"].max()
        until, since = hitl.insights.frame(until=last), hitl.insights.frame(since=last)
        assert hitl.insights.frame(since=last + timedelta(seconds=1)).is_empty()
        with pytest.raises(InvalidInput, match=r"since: .* has no time zone"):
            hitl.insights.frame(since=last.replace(tzinfo=None))

    assert (frame.height, until.height, since["task_id"].to_list()) == (8, 7, ["rejected"])
    assert sum(read) == 8


@pytest.mark.parametrize("durable_store", ["sqlite"], indirect=True)
def test_an_altered_row_is_reported(store):
    """The columns of a server have types, and take no text in place of a number."""
    Intruder(store).run("UPDATE outcomes SET latency_seconds = 'long'")

    with LedgerAudit(store) as audit, pytest.raises(LedgerDamaged, match="cannot be read"):
        audit.metrics()


def test_a_copy_without_its_key_gives_the_same_metrics(sqlite_store, tmp_path):
    with Orchestrator.open(sqlite_store) as hitl:
        fill(hitl, 0, 10)
        metrics = hitl.insights.metrics()
    copy = tmp_path / "elsewhere" / "copy.db"
    copy.parent.mkdir()
    shutil.copyfile(sqlite_store.removeprefix("sqlite:///"), copy)

    with LedgerAudit(f"sqlite:///{copy}") as audit:
        assert audit.metrics() == metrics
    assert [file.name for file in copy.parent.iterdir()] == ["copy.db"]


def test_a_store_in_memory_and_one_without_cases_have_metrics():
    with Orchestrator.open("memory://") as hitl:
        assert hitl.insights.metrics().cases.decided == 0
        assert hitl.insights.frame().is_empty()
        fill(hitl, 0, 5)
        assert hitl.insights.metrics().cases.decided == 4

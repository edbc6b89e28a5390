"""Rows that were altered stop no report: what does not fit is left out, counted, and named in its first lines."""

from contextlib import closing
from pathlib import Path

import pytest
from support.attacker import Intruder
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli import main
from hitl_orchestrator.errors import LedgerDamaged, StoreUnavailable
from hitl_orchestrator.ledger.database.ports import NEWEST
from hitl_orchestrator.orchestrator import LedgerAudit, rendered
from hitl_orchestrator.services.insights.documents import pictures
from hitl_orchestrator.wiring.stores import open_ledger, store_exists

pl = pytest.importorskip("polars")

ALTERED = {
    "a": ("routing_decision", "x"),
    "b": ("timestamp", "0001-01-01T00:00:00.000000Z"),
    "c": ("task_type", "a\u202eb"),
    "d": ("votes", "[[[1],1]]"),
    "e": ("seconds_looked_at", 1e308),
    "f": ("confidence_score", 5.0),
    "g": ("rule_id", ""),
    "h": ("domain", "a\u2028b"),
    "i": ("risk_level", "<b>"),
    "j": ("timestamp", "9999-01-01T00:00:00.000000Z"),
    "k": ("review_probability", -1.0),
}


@pytest.fixture
def altered(durable_store):
    """A store with two good cases, and one for each altered value."""
    with Orchestrator.open(durable_store) as hitl:
        for name in ("good", *ALTERED):
            hitl.submit(a_task(name), an_output(name, confidence=0.95))
        hitl.submit(a_task("decided"), an_output("decided", confidence=0.5))
        hitl.decide(task_id="decided", decision=a_review("approve", "domain_reviewer"))
    intruder = Intruder(durable_store)
    intruder.disarm()
    for name, (column, value) in ALTERED.items():
        intruder.run(f"UPDATE outcomes SET {column} = ? WHERE task_id = ?", value, name)
    return durable_store


def test_a_report_leaves_altered_rows_out_and_says_so_first(altered):
    with LedgerAudit(altered) as audit:
        full = audit.full_report(controls=["aisvs"])
    report = full.report

    assert (report.verdict.word, report.verdict.severity) == ("not sound", "bad")
    assert "the ledger was tampered with" in report.alarms[0]
    (named,) = [alarm for alarm in report.alarms if "no version writes" in alarm]
    assert f"{len(ALTERED)} rows" in named
    assert "votes (1)" in named and "timestamp (2)" in named  # noqa: PT018 - one sentence
    assert (report.signal.decisions, report.metrics.cases.unreadable) == (2, len(ALTERED))
    assert str(rendered(full, "md")).index("tampered") < 2000
    assert set(pictures(full, ("light",)))


def test_the_frame_and_the_metrics_have_the_other_rows(altered, caplog):
    with Orchestrator.open(altered) as hitl:
        assert sorted(hitl.insights.frame()["task_id"]) == ["decided", "good"]
        assert f"{len(ALTERED)} rows have values" in caplog.text
        cases = hitl.insights.metrics().cases
    assert (cases.decided, cases.unreadable) == (2, len(ALTERED))


def test_a_store_in_memory_leaves_such_rows_out_as_well():
    with Orchestrator.open("memory://") as hitl:
        for name in ("a", "b"):
            hitl.submit(a_task(name), an_output(name, confidence=0.95))
        with services_of(hitl).ledger._database.write() as transaction:
            transaction._connection.execute("UPDATE outcomes SET final_decision = 'x' WHERE task_id = 'a'")
        report = hitl.insights.report()

    assert (report.verdict.word, report.signal.decisions, report.metrics.cases.unreadable) == ("not sound", 1, 1)


def test_the_figures_are_those_of_the_state_that_was_verified(durable_store):
    with Orchestrator.open(durable_store) as hitl:
        hitl.submit(a_task("a"), an_output("a", confidence=0.5))
        hitl.decide(task_id="a", decision=a_review("reject", "domain_reviewer"))
        intruder = Intruder(durable_store)
        intruder.disarm()
        changed = []

        def change(number: int) -> None:
            if not changed:
                changed.append(number)
                intruder.run("UPDATE outcomes SET human_decision = 'approve', final_decision = 'approved'")

        intruder.rearm()
        report = hitl.insights.report(on_progress=change)
        assert changed
        assert (report.integrity.sound, report.metrics.verdicts.reject) == (True, 1)
        assert hitl.insights.report().verdict.word == "not sound"


def test_one_state_of_a_ledger_refuses_to_be_written(durable_store):
    with Orchestrator.open(durable_store) as hitl:
        hitl.submit(a_task("a"), an_output("a"))
    with closing(open_ledger(durable_store)) as ledger, ledger.at_one_state() as state:
        assert state.ledger_id == ledger.ledger_id
        with pytest.raises(StoreUnavailable, match="nothing may change"):
            state.keep("0" * 64, "{}")
        with pytest.raises(StoreUnavailable, match="nothing may change"):
            state._database.scrub()


def test_a_ledger_without_the_version_of_its_tables_is_damaged_not_missing(durable_store, capsys):
    with Orchestrator.open(durable_store) as hitl:
        hitl.submit(a_task("a"), an_output("a"))
    intruder = Intruder(durable_store)
    intruder.run("DELETE FROM alembic_version")
    try:
        assert store_exists(durable_store)
        for opening in (Orchestrator.open, LedgerAudit):
            with pytest.raises(LedgerDamaged, match="table alembic_version"):
                opening(durable_store)
        assert main(["report", "--store", durable_store]) == 1
    finally:
        intruder.run("INSERT INTO alembic_version VALUES (?)", NEWEST)
    assert "alembic_version" in capsys.readouterr().out


def test_heads_that_no_own_key_signed_are_not_authenticated(sqlite_store):
    file = sqlite_store.removeprefix("sqlite:///")
    with Orchestrator.open(sqlite_store) as hitl:
        hitl.submit(a_task("a"), an_output("a"))
    with LedgerAudit(sqlite_store) as audit:
        assert audit.full_report().report.integrity.heads == 1
    Path(f"{file.removesuffix('.db')}.db.head-key").unlink()

    with LedgerAudit(sqlite_store) as audit:
        report = audit.full_report().report
    assert report.integrity.heads == 0
    assert any("not authenticated" in alarm for alarm in report.alarms)
    assert not Path(f"{file}.head-key").exists()


def test_a_new_file_of_heads_after_a_lost_one_is_no_secret(sqlite_store, caplog):
    file = Path(sqlite_store.removeprefix("sqlite:///"))
    with Orchestrator.open(sqlite_store) as hitl:
        hitl.submit(a_task("a"), an_output("a"))
    assert "signed heads" not in caplog.text
    (heads,) = file.parent.glob("*.heads")
    heads.unlink()

    with Orchestrator.open(sqlite_store) as hitl:
        hitl.submit(a_task("b"), an_output("b"))
    assert "the signed heads in" in caplog.text
    assert "are gone" in caplog.text

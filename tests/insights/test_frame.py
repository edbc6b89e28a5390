"""The frame of finished cases: what follows from its columns, and the same values from a store and from an export."""

import json
import re
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders import NINE, PERSON
from support.internals import services_of
from support.stores import address_of
from support.tampering import fill

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.cli.commands.audit.export_formats import Target, write
from hitl_orchestrator.domain.enums import OWN_QUESTIONS, HumanDecision
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.ledger.events.outcomes import Outcome
from hitl_orchestrator.orchestrator import LedgerAudit
from hitl_orchestrator.wiring.stores import open_to_audit

pytest.importorskip("polars")

import polars as pl

from hitl_orchestrator.insights.frame import BANDS, DERIVED, FRAME, empty, from_rows, prepared, read_export, schema

NOON = "2025-01-10T12:00:00.000000Z"
CASES = [f"case-{number}" for number in range(6)]
ROWS = st.fixed_dictionaries(
    {
        "task_type": st.sampled_from([None, "invoice", *OWN_QUESTIONS]),
        "confidence_score": st.none() | st.floats(0, 1) | st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0]),
        "final_decision": st.sampled_from(["approved", "rejected", "canceled", "superseded"]),
        "decision_source": st.sampled_from(["agent", "human", "timeout", "submitter"]),
        "human_decision": st.none() | st.sampled_from(HumanDecision).map(str),
        "quality_check": st.sampled_from([None, None, "spot_check", "second_review", "known_answer"]),
        "quality_check_of": st.none() | st.sampled_from(CASES),
        "review_probability": st.sampled_from([0.3, 0.7, 1.0]) | st.floats(0.001, 1),
        "drawn": st.none() | st.booleans(),
    }
)


def a_frame(rows):
    numbered = [
        {**dict.fromkeys(FRAME), "timestamp": NOON, "finished_seq": number, "case_id": CASES[number], **row}
        for number, row in enumerate(rows)
    ]
    return from_rows([list(row.values()) for row in numbered])


def a_verdict(row):
    """Whether the deciding person overturned the proposal; None where no person decided."""
    is_final = row["decision_source"] == "human" and row["human_decision"] not in (None, "escalate")
    return row["human_decision"] != "approve" if is_final else None


def a_band(confidence):
    if confidence is None:
        return "none"
    if confidence >= 0.95:
        return "0.95-1.00"
    return next(band for band, end in zip(BANDS[1:], (0.5, 0.6, 0.7, 0.8, 0.9, 0.95), strict=False) if confidence < end)


@settings(max_examples=60)
@given(rows=st.lists(ROWS, min_size=1, max_size=len(CASES)))
def test_the_derived_columns_follow_from_the_rows(rows):
    frame = prepared(a_frame(rows))
    checks = {
        row["quality_check_of"]: a_verdict(row)
        for row in rows
        if row["quality_check"] == "spot_check" and a_verdict(row) is not None
    }

    assert frame.height == len(rows)
    for row, found, case_id in zip(rows, frame.to_dicts(), CASES, strict=False):
        is_auto = row["decision_source"] == "agent" and row["quality_check"] is None
        drawn = bool(is_auto and row["drawn"])
        verdict, checked = a_verdict(row), checks.get(case_id) if drawn else None
        assert found["kind"] == (
            "change" if row["task_type"] in OWN_QUESTIONS else "quality_check" if row["quality_check"] else "case"
        )
        assert found["is_decided"] == (row["final_decision"] in ("approved", "rejected"))
        assert (found["by_person"], found["overturned"]) == (verdict is not None, verdict)
        assert found["confidence_band"] == a_band(row["confidence_score"])
        assert (found["is_drawn"], found["check_overturned"]) == (drawn, checked)
        assert found["looked_at"] == (verdict is not None or checked is not None)
        assert found["look_overturned"] == (checked if verdict is None else verdict)
        chance = row["review_probability"] if found["kind"] == "case" or checked is not None else 1.0
        weight = None if verdict is None and checked is None else 1 / (chance or 1.0)
        assert found["look_weight"] == weight


def test_a_frame_is_prepared_lazily_without_the_columns_that_it_lacks():
    few = pl.LazyFrame({"case_id": ["a"], "final_decision": ["approved"], "decision_source": ["agent"]})
    whole = prepared(few)
    assert isinstance(whole, pl.LazyFrame)
    (row,) = whole.collect().to_dicts()
    assert (row["is_decided"], row["kind"], row["looked_at"], row["reviewer_id"]) == (True, "case", False, None)
    assert whole.collect_schema().to_python().keys() == {*FRAME, *DERIVED}


def test_a_frame_without_cases_is_prepared():
    assert prepared(empty()).schema == pl.Schema(schema((*FRAME, *DERIVED)))


def test_the_columns_are_those_of_the_table():
    assert tuple(FRAME) == tuple(name for name in Outcome._fields if name != "metadata_digest")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A store of cases of every kind, one of them redacted, and its exports."""
    folder = tmp_path_factory.mktemp("filled")
    store = address_of("sqlite", folder)
    with Orchestrator.open(store) as hitl:
        fill(hitl, 0, 10)
        services_of(hitl).ledger.redact(hitl.cases.get(task_id="task-1").case_id, "asked for", PERSON, NINE)
    with LedgerAudit(store) as audit:
        for form in ("jsonl", "parquet"):
            write(audit, Target(form, str(folder / f"cases.{form}")), pytest.fail, events=False)
    return folder


@pytest.fixture(scope="module")
def stored(filled):
    with closing(open_to_audit(address_of("sqlite", filled))) as ledger:
        return from_rows(ledger.outcomes(*FRAME))


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_export_gives_the_frame_of_its_store(filled, stored, form):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    exported = read_export(str(filled / f"cases.{form}"))

    # A redaction leaves nothing of the proposal in a record, and its existence in the table.
    differing = ["finished_seq", "has_proposal"]
    assert exported.drop("metadata", *differing).equals(stored.drop(differing))
    assert exported.filter(~pl.col("redacted"))["has_proposal"].all()
    assert prepared(exported).drop([*differing, "metadata"]).equals(prepared(stored).drop(differing))


def test_a_store_says_which_votes_were_cast_and_what_was_erased(stored):
    by_task = {row["task_id"]: row for row in stored.to_dicts()}

    votes = [["domain_reviewer", "escalate", "domain_reviewer"], ["senior_manager", "approve", "senior_manager"]]
    assert json.loads(by_task["task-2"]["votes"]) == votes
    assert (by_task["task-1"]["redacted"], by_task["task-1"]["predicted_label"]) == (True, None)
    assert (by_task["task-0"]["redacted"], by_task["task-0"]["label_changed"]) == (False, False)
    assert by_task["task-3"]["label_changed"] is True
    assert stored["shown_length"].min() > 20


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("cases.xlsx", "", "exported cases are a file .parquet, .jsonl, .ndjson, .csv"),
        ("cases.csv", "a,b\n1,2\n", "it has no column case_id"),
        ("none.jsonl", None, "the file does not exist"),
        ("cases.jsonl", "no JSON", "it cannot be read"),
        ("cases.jsonl", '{"a": 1}', "rows have no case_id"),
        ("cases.jsonl", '{"case_id": "a", "timestamp": "yesterday"}', "it cannot be read"),
        ("cases.parquet", "no Parquet", "it cannot be read"),
    ],
)
def test_a_file_that_is_no_export_is_refused(tmp_path, name, text, problem):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInput, match=problem):
        read_export(str(tmp_path / name))


GOOD = {
    "case_id": "a",
    "risk_level": "low",
    "routing_decision": "auto_approve",
    "rule_id": "r",
    "final_decision": "approved",
    "timestamp": "2025-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("confidence_score", 5, "row 2: confidence_score: 5.0"),
        ("confidence_score", -3, "confidence_score: -3.0"),
        ("review_probability", 2, "review_probability: 2.0"),
        ("latency_seconds", -1e12, "latency_seconds"),
        ("seconds_looked_at", 1e308, "seconds_looked_at"),
        ("final_decision", "boo", "final_decision: 'boo'"),
        ("final_decision", None, "final_decision: None"),
        ("risk_level", "<b>", "risk_level: '<b>'"),
        ("decision_source", "x", "decision_source"),
        ("task_type", "a\u202eb", "task_type: 'a"),
        ("task_type", "x" * 5000, "task_type: 'xxx"),
        ("rule_id", None, "rule_id: None"),
        ("case_id", "a", "row 2: case_id: 'a': it is there twice"),
        ("case_id", "a b", "case_id: 'a b': no export has"),
        ("timestamp", "0001-01-01T00:00:00Z", "timestamp: '0001-01-01"),
        ("timestamp", "+99999-01-01T00:00:00Z", "timestamp"),
        ("signals", ["made up"], "signals: 'made up'"),
        ("votes", "{", "votes: '{'"),
        ("votes", [1, 2], "votes"),
        ("votes", [{}, {}], "votes"),
    ],
)
def test_an_export_with_a_value_that_none_has_is_refused_with_its_row(tmp_path, column, value, problem):
    file = tmp_path / "cases.jsonl"
    rows = [GOOD, {**GOOD, "case_id": "b", column: value}]
    file.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InvalidInput, match=re.escape(problem)):
        read_export(str(file))
    file.write_text(json.dumps(GOOD))
    assert read_export(str(file)).height == 1


def test_a_row_with_a_value_of_another_type_is_refused():
    with pytest.raises(InvalidInput, match="cannot be read"):
        a_frame([{"latency_seconds": "long"}])


def test_a_time_in_another_form_of_the_standard_is_read_too():
    times = ["2025-01-10T12:00:00.250000Z", "2025-01-10T12:00:00Z", "2025-01-10T14:00:00.5+02:00", None]
    microseconds = a_frame([{"timestamp": time} for time in times])["timestamp"].dt.epoch("us").to_list()

    noon = 1_736_510_400_000_000
    assert microseconds == [noon + 250_000, noon, noon + 500_000, None]

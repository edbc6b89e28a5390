"""The table of outcomes has the values of the audit records and tasks, and verification protects it."""

import json
from datetime import datetime
from functools import partial
from itertools import count
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.attacker import Intruder
from support.builders import AGENT, NINE, PERSON, a_routing, a_shown, a_submission, a_task, a_verdict, an_outcome

from hitl_orchestrator.backtest import stored
from hitl_orchestrator.backtest.history import frames
from hitl_orchestrator.backtest.stored import stored_frame
from hitl_orchestrator.domain.audit import Vote
from hitl_orchestrator.domain.enums import Signal
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.insights.frame import FRAME, empty, from_rows
from hitl_orchestrator.ledger.database.tables import outcomes
from hitl_orchestrator.ledger.events.outcomes import Outcome, shown_label
from hitl_orchestrator.ledger.keys.signing import new_signing_key
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.wiring.clocks import now_in_utc

AUTO = a_routing("auto_approve")
NUMBER = count()
NAMES = st.one_of(
    st.sampled_from(["null", "a,b", 'says "no"', "back\\slash", "[a]", "{}", "Ä€🙂", "1", "true"]),
    st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=20)
    .map(partial(normalize, "NFC"))
    .filter(str.strip),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
METADATA = st.dictionaries(TEXTS, st.one_of(st.none(), TEXTS, st.floats(-1e9, 1e9), st.integers(-9, 9)))


def finished(ledger, metadata=None, **fields):
    name = f"case-{next(NUMBER)}"
    case = ledger.receive(a_submission(name, a_task(f"of-{name}", metadata=metadata or {})), AGENT)
    return ledger.finish(an_outcome(case.submission).model_copy(update=fields), AUTO, NINE)


VOTES = st.sampled_from(["ana", "ben"]).map(
    lambda name: Vote(review_id="r", reviewer_id="x", person=name, role="boss", human_decision="approve", at=NINE)
)
FIELDS = st.fixed_dictionaries(
    {
        "domain": NAMES,
        "task_type": NAMES,
        "rule_id": NAMES,
        "confidence_score": st.none() | st.floats(0, 1),
        "review_probability": st.floats(0, 1),
        "latency_seconds": st.floats(0, 1e6),
        "signals": st.lists(st.sampled_from(list(Signal)), unique=True).map(tuple),
        "votes": st.lists(VOTES, min_size=2, max_size=3).map(tuple),
        "classifier_error": st.none() | st.just("TimeoutError"),
        "unreadable": st.sampled_from([(), ("confidence_score",)]),
        "due_at": st.none() | st.just(NINE),
        "seconds_looked_at": st.none() | st.floats(0, 1e6),
        "label_changed": st.sampled_from([None, True, False]),
    }
)


def as_times(values):
    return [value and datetime.fromisoformat(value) for value in values]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(fields=FIELDS, metadata=METADATA)
def test_an_outcome_has_the_values_of_its_record_and_task(shared_ledger, fields, metadata):
    record = finished(shared_ledger, metadata, **fields).model_dump(mode="json")

    *_, (*columns, stored_metadata, is_redacted) = shared_ledger.outcomes(*Outcome._fields, metadata=True)

    outcome = Outcome._make(columns)._asdict()
    times = ("received_at", "review_opened_at", "due_at", "timestamp")
    assert as_times(outcome.pop(name) for name in times) == as_times(record[name] for name in times)
    assert outcome.pop("signals").split() == record["signals"]
    assert outcome.pop("has_proposal") == int(record["proposed_output"] is not None)
    assert outcome.pop("task_timestamp") == "2025-01-10T09:00:00.000000Z"
    assert (outcome.pop("metadata_digest") is None) is (metadata == {})
    assert outcome.pop("finished_seq") == shared_ledger.head().seq
    assert outcome.pop("predicted_label") == record["proposed_output"]["predicted_label"]
    assert json.loads(outcome.pop("votes")) == [[v["person"], v["human_decision"], v["role"]] for v in record["votes"]]
    assert outcome.pop("classifier_failed") == (record["classifier_error"] is not None)
    assert outcome.pop("unreadable") == bool(record["unreadable"])
    assert outcome.pop("redacted") == 0
    assert outcome == {name: record[name] for name in outcome}
    assert (json.loads(stored_metadata), is_redacted) == (metadata, False)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(fields=FIELDS, metadata=METADATA)
def test_a_frame_has_the_values_of_the_record(shared_ledger, fields, metadata):
    pytest.importorskip("polars")
    record = finished(shared_ledger, metadata, **fields).model_dump(mode="json")

    *_, frame = frames(shared_ledger, needs=frozenset({"metadata"}))

    *_, row = frame.collect().to_dicts()
    assert json.loads(row.pop("metadata")) == metadata
    assert row.pop("redacted") is False
    assert (row.pop("proposed_output") is None) is (record["proposed_output"] is None)
    assert row.pop("task_timestamp") == "2025-01-10T09:00:00.000000Z"
    received = row.pop("received_at")
    assert received is None or received[:19] == record["received_at"][:19]
    label, proposed = row.pop("predicted_label"), record["proposed_output"]
    assert label == (None if proposed is None else shown_label(proposed["predicted_label"]))
    assert row == {name: record[name] for name in row}


def test_outcomes_come_in_the_order_in_which_the_cases_finished(ledger):
    submissions = [
        ledger.receive(a_submission(name, a_task(f"of-{name}", domain=name)), AGENT).submission for name in "abc"
    ]
    for submission in reversed(submissions):
        ledger.finish(an_outcome(submission), AUTO, NINE)
    ledger.receive(a_submission("unfinished", a_task("waits")), AGENT)

    assert list(ledger.outcomes("case_id", "domain")) == [("c", "c"), ("b", "b"), ("a", "a")]


def test_an_outcome_is_written_once(ledger):
    submission = ledger.receive(a_submission(), AGENT).submission
    review = ledger.decide(ledger.open_review(a_shown(), NINE), a_verdict(), PERSON)
    for _ in range(2):
        ledger.finish(an_outcome(submission, review), a_routing(), NINE)

    assert list(ledger.outcomes("reviewer_id", "human_decision")) == [("ana", "approve")]


def test_redaction_erases_the_metadata_of_an_outcome(ledger):
    case_id = finished(ledger, {"amount": 1}).case_id
    ledger.redact(case_id, "asked for", PERSON, NINE)

    columns = ("case_id", "predicted_label", "redacted")
    assert list(ledger.outcomes(*columns, metadata=True)) == [(case_id, None, 1, None, True)]


@pytest.mark.parametrize("redacted", [False, True])
def test_a_change_of_any_column_is_found(sqlite_ledger, store_file, redacted):
    submission = sqlite_ledger.receive(a_submission(), AGENT).submission
    review = sqlite_ledger.decide(sqlite_ledger.open_review(a_shown(), NINE), a_verdict(), PERSON)
    sqlite_ledger.finish(an_outcome(submission, review), a_routing(), NINE)
    if redacted:
        sqlite_ledger.redact("case-1", "asked for", PERSON, NINE)
    intruder, signer = Intruder(f"sqlite:///{store_file}"), LedgerSigner(sqlite_ledger, now_in_utc, new_signing_key)
    assert signer.verify().sound

    for name in Outcome._fields[2:]:
        before = intruder.run(f"SELECT {name} FROM outcomes")[0][name]
        other = before + 1 if isinstance(before, int | float) else f"{before}x"
        intruder.run(f"UPDATE outcomes SET {name} = ?", other)
        assert f"its row in the outcomes has another {name}" in str(signer.verify().problem)
        intruder.run(f"UPDATE outcomes SET {name} = ?", before)
    assert signer.verify().sound


def test_the_tuple_has_the_columns_of_the_table():
    assert Outcome._fields == tuple(column.name for column in outcomes.columns)


def test_an_unreadable_column_is_reported_as_damage(sqlite_ledger, store_file):
    pytest.importorskip("polars")
    finished(sqlite_ledger)
    Intruder(f"sqlite:///{store_file}").run("UPDATE outcomes SET confidence_score = 'high'")

    with pytest.raises(LedgerDamaged, match="cannot be read"):
        list(frames(sqlite_ledger, needs=frozenset()))


ROUNDTRIP = st.fixed_dictionaries(
    {
        "domain": NAMES,
        "task_type": NAMES,
        "rule_id": NAMES,
        "confidence_score": st.none() | st.floats(0, 1),
        "latency_seconds": st.floats(0, 1e6),
        "review_seconds": st.none() | st.floats(0, 1e6),
        "signals": st.lists(st.sampled_from(list(Signal)), unique=True).map(tuple),
        "proposed_output": TEXTS.filter(bool).map(lambda label: Proposal(predicted_label=label)),
    }
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(fields=ROUNDTRIP)
def test_a_frame_of_texts_has_the_values_of_the_rows(shared_ledger, fields):
    pytest.importorskip("polars")
    finished(shared_ledger, **fields)

    frame = stored_frame(shared_ledger)

    assert frame.equals(from_rows(shared_ledger.outcomes(*FRAME)))


def test_frames_come_in_the_order_of_finishing_whatever_their_size(sqlite_ledger, monkeypatch):
    pytest.importorskip("polars")
    names = [finished(sqlite_ledger).case_id for _ in range(23)]
    monkeypatch.setattr(stored, "ROWS_AT_A_TIME", 5)
    monkeypatch.setattr(stored, "_ROWS_OF_A_TEXT", 2)
    read = []

    frame = stored_frame(sqlite_ledger, ("case_id", "finished_seq"), read.append)

    assert frame["case_id"].to_list() == names
    assert frame["finished_seq"].is_sorted()
    assert sum(read) == 23
    assert len(read) > 3


def test_a_ledger_without_outcomes_gives_an_empty_frame(sqlite_ledger):
    pytest.importorskip("polars")
    assert stored_frame(sqlite_ledger).equals(empty())


@pytest.mark.parametrize(
    "damage", ["latency_seconds = 'long'", "rule_id = 'a' || char(31) || 'b'", "rule_id = 'a' || char(10) || 'b'"]
)
def test_a_row_that_cannot_be_read_into_a_frame_is_reported(sqlite_ledger, store_file, damage):
    pytest.importorskip("polars")
    finished(sqlite_ledger)
    Intruder(f"sqlite:///{store_file}").run(f"UPDATE outcomes SET {damage}")

    with pytest.raises(LedgerDamaged, match="rows of outcomes cannot be read"):
        stored_frame(sqlite_ledger)

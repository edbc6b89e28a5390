"""Policies, payloads and the chain of entries, on every store."""

import json
from hashlib import sha256

import pytest
from support.builders import AGENT, NINE, PERSON, a_routing, a_shown, a_submission, a_verdict, an_outcome, minutes

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import canonical_json


def test_a_policy_is_kept_under_its_hash(ledger):
    ledger.record_policy("p", "h", {"policy_id": "p", "rules": [1, {"é": None}]}, NINE)

    assert ledger.policy("h") == {"policy_id": "p", "rules": [1, {"é": None}]}
    (event,) = ledger.events()
    assert (event.kind, event.case_id) == (EventKind.POLICY_RECORDED, None)
    assert event.body == {"policy_id": "p", "policy_hash": "h", "policy": {"policy_id": "p", "rules": [1, {"é": None}]}}


def test_recording_a_policy_again_changes_nothing(ledger):
    ledger.record_policy("p", "h", {"rules": []}, NINE)
    before = list(ledger.events())

    ledger.record_policy("another name", "h", {"rules": ["other"]}, minutes(1))

    assert ledger.policy("h") == {"rules": []}
    assert list(ledger.events()) == before


def test_the_policy_that_was_recorded_last_is_the_current_one(ledger):
    for name in ("first", "second", "first"):
        ledger.record_policy("p", name, {"description": name, "rules": []}, NINE)

    assert ledger.current_policy() == {"description": "first", "rules": []}
    assert [event.body["policy_hash"] for event in ledger.events()] == ["first", "second", "first"]


def test_a_new_store_has_no_current_policy(ledger):
    assert ledger.current_policy() is None


def test_an_unknown_policy_is_a_key_error(ledger):
    with pytest.raises(KeyError):
        ledger.policy("nothing")


def test_mutating_a_policy_after_recording_it_changes_nothing(ledger):
    body = {"rules": []}
    ledger.record_policy("p", "h", body, NINE)

    body["rules"].append("later")
    ledger.policy("h")["rules"].append("later still")

    assert ledger.policy("h") == {"rules": []}


def test_a_payload_is_stored_unchanged_and_once(ledger):
    body = json.dumps({"text": "ä\u2028🜁" * 50_000}, ensure_ascii=False)
    name = sha256(body.encode()).hexdigest()

    ledger.keep(name, body)
    ledger.keep(name, "something else")

    assert ledger.kept(name) == body


def test_an_unknown_payload_is_a_key_error(ledger):
    with pytest.raises(KeyError):
        ledger.kept("nothing")


def test_closing_is_idempotent(ledger):
    ledger.close()

    ledger.close()


def test_every_entry_contains_the_digest_of_the_previous_one(ledger):
    ledger.record_policy("p", "h", {"rules": []}, NINE)
    case = ledger.receive(a_submission("case-1"), AGENT)
    row = ledger.decide(ledger.open_review(a_shown("case-1"), NINE), a_verdict(), PERSON)
    ledger.finish(an_outcome(case.submission, row), a_routing(), NINE)

    with ledger.snapshot() as snapshot:
        entries = list(snapshot.entries())
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.digest for entry in entries] == [event.digest for event in ledger.events()]
    previous = "0" * 64
    for entry in entries:
        content = json.loads(entry.entry)
        assert (content["seq"], content["case_id"], content["kind"], content["previous"]) == (*entry[:3], previous)
        assert entry.entry == canonical_json(content)
        assert entry.digest == sha256(entry.entry.encode()).hexdigest()
        previous = entry.digest

"""Policies, payloads and the chain of entries, on every store."""

import json
from hashlib import sha256

import pytest
from support.builders import AGENT, NINE, PERSON, a_routing, a_shown, a_submission, a_verdict, an_outcome, minutes
from support.recorded_policies import record_policy

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.ledger.events.policy_builders import recorded


def test_a_policy_is_kept_under_its_hash(ledger):
    record_policy(ledger, "p", "h", {"policy_id": "p", "rules": [1, {"é": None}]}, NINE)

    assert ledger.policy("h") == {"policy_id": "p", "rules": [1, {"é": None}]}
    (event,) = ledger.events()
    assert (event.kind, event.case_id) == (EventKind.POLICY_RECORDED, None)
    assert event.body == {
        "policy_id": "p",
        "policy_hash": "h",
        "people_hash": "people",
        "policy": {"policy_id": "p", "rules": [1, {"é": None}]},
    }


def test_an_entry_is_refused_after_another_one_about_policies_or_people(ledger):
    record_policy(ledger, "p", "h", {"rules": []}, NINE)
    before = list(ledger.events())

    assert not ledger.govern([recorded("another name", "h", {"rules": ["other"]}, "people", minutes(1))], 0)

    assert ledger.policy("h") == {"rules": []}
    assert list(ledger.events()) == before


def test_an_unknown_policy_is_a_key_error(ledger):
    with pytest.raises(KeyError):
        ledger.policy("nothing")


def test_mutating_a_policy_after_recording_it_changes_nothing(ledger):
    body = {"rules": []}
    record_policy(ledger, "p", "h", body, NINE)

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
    record_policy(ledger, "p", "h", {"rules": []}, NINE)
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

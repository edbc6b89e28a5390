"""Stricter policies that come into force are drills of the kill switch."""

from support.builders import a_review
from support.internals import services_of
from support.policy_changes import BY_MAX, LOOSE, STRICT, USUAL, hash_of

from hitl_orchestrator.services.insights.drills import switches_in


def test_only_stricter_policies_count(opened, store, clock):
    hitl = opened(store, policy=USUAL)
    ledger = services_of(hitl).ledger
    assert switches_in(ledger) == []

    clock.tick(60)
    hitl.policy.activate(STRICT, **BY_MAX)
    loose = hitl.policy.activate(LOOSE, **BY_MAX)
    hitl.decide(loose.case.case_id, a_review("approve", "zoe"))
    hitl.policy.start_canary(USUAL, 0.5, **BY_MAX)

    first, canary = switches_in(ledger)
    assert (first.policy_hash, first.before, first.at) == (hash_of(STRICT), hash_of(USUAL), clock())
    assert (canary.policy_hash, canary.before) == (hash_of(USUAL), None)

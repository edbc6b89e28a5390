"""For whom a review waits: where the active policy has become stricter, for the higher role that may now decide it."""

import pytest
from support.builders import a_review, canonical

from hitl_orchestrator import InvalidInput, Orchestrator

LENIENT = canonical("routing_policy")
TO_THE_TOP = {"rule_id": "all", "priority": 1, "conditions": {}, "action": "escalate"}
STRICT = {"policy_id": "strict", "rules": [{**TO_THE_TOP, "assigned_human_role": "compliance_officer"}]}


def waiting_for(hitl, role, **narrowed):
    return [row.task_id for row in hitl.inbox(role, **narrowed)]


@pytest.fixture
def stricter(opened, durable_store, clock, waits) -> Orchestrator:
    """Three reviews opened under a lenient policy, seen under a strict one that no task has come in under yet."""
    with opened(durable_store, policy=LENIENT) as hitl:
        for name, fields in {"a": {}, "b": {"risk": "high"}, "c": {"domain": "finance"}}.items():
            clock.tick()
            waits(hitl, name, **fields)
        assert waiting_for(hitl, "domain_reviewer") == ["a", "c"]
    return opened(durable_store, policy=STRICT)


def test_under_a_stricter_policy_reviews_are_listed_for_the_role_that_may_decide_them(stricter):
    assert waiting_for(stricter, "compliance_officer") == ["a", "b", "c"]
    assert waiting_for(stricter, "domain_reviewer") == waiting_for(stricter, "senior_manager") == []
    assert waiting_for(stricter, None) == ["a", "b", "c"]


def test_the_inbox_is_filtered_by_domain_and_limit(stricter):
    assert waiting_for(stricter, "compliance_officer", domain="finance") == ["c"]
    assert waiting_for(stricter, "compliance_officer", limit=2) == ["a", "b"]


def test_reviews_listed_for_a_reviewer_can_be_decided_by_them(stricter):
    for row in stricter.inbox("compliance_officer"):
        assert stricter.decide(row.case_id, a_review("approve", "zoe")).status == "approved"

    assert stricter.inbox() == []


def test_under_a_more_lenient_policy_reviews_stay_where_they_are(opened, durable_store, waits):
    with opened(durable_store, policy=STRICT) as hitl:
        waits(hitl, "a")

    hitl = opened(durable_store, policy=LENIENT)

    assert waiting_for(hitl, "compliance_officer") == ["a"]
    assert waiting_for(hitl, "domain_reviewer") == []


def test_an_escalated_review_is_listed_for_its_new_role(opened, durable_store, waits):
    with opened(durable_store, policy=LENIENT) as hitl:
        waits(hitl, "a")
        hitl.decide(task_id="a", decision=a_review("escalate", "ana"))

    hitl = opened(durable_store, policy={"policy_id": "asks_always", "rules": []})

    assert waiting_for(hitl, "senior_manager") == ["a"]


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 100_001}, {"role": "a\nb"}, {"domain": "\x00"}])
def test_invalid_inbox_filters_are_rejected_under_any_policy(stricter, asked):
    with pytest.raises(InvalidInput, match="inbox: "):
        stricter.inbox(**asked)

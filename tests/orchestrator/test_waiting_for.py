"""For whom a review waits: where the active policy has become stricter, for the higher role that may now decide it."""

import pytest
from support.builders import a_review, canonical
from support.people_changes import change_policy

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
    return change_policy(opened(durable_store), STRICT)


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

    hitl = change_policy(opened(durable_store), LENIENT)

    assert waiting_for(hitl, "compliance_officer") == ["a"]
    assert waiting_for(hitl, "domain_reviewer") == []


def test_an_escalated_review_is_listed_for_its_new_role(opened, durable_store, waits):
    with opened(durable_store, policy=LENIENT) as hitl:
        waits(hitl, "a")
        hitl.decide(task_id="a", decision=a_review("escalate", "ana"))

    hitl = change_policy(opened(durable_store), {"policy_id": "asks_always", "rules": []})

    assert waiting_for(hitl, "senior_manager") == ["a"]


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 100_001}, {"role": "a\nb"}, {"domain": "\x00"}])
def test_invalid_inbox_filters_are_rejected_under_any_policy(stricter, asked):
    with pytest.raises(InvalidInput, match="inbox: "):
        stricter.inbox(**asked)


SPLIT = {
    "policy_id": "split",
    "rules": [{**TO_THE_TOP, "conditions": {"domain": "finance"}, "assigned_human_role": "compliance_officer"}],
}


@pytest.fixture
def mixed(opened, durable_store, clock, waits) -> Orchestrator:
    """Nine reviews of a previous policy, of which the active one sends every third to the top, and three of its own."""
    policies = ((LENIENT, range(9)), (SPLIT, range(9, 12)))
    hitl = opened(durable_store, policy=LENIENT)
    for policy, numbers in policies:
        change_policy(hitl, policy)
        for number in numbers:
            waits(hitl, f"t{number:02}", domain="finance" if number % 3 == 0 else "customer_support")
    return hitl


def every_page(hitl, limit, **wanted):
    rows, page = [], hitl.inbox(limit=limit, **wanted)
    while True:
        rows += [row.task_id for row in page]
        if not page.more:
            return rows
        page = hitl.inbox(limit=limit, after=page[-1].review_id, **wanted)


@pytest.mark.parametrize(
    ("wanted", "thirds"),
    [
        ({"role": "compliance_officer"}, (0,)),
        ({"role": "domain_reviewer"}, (1, 2)),
        ({"reviewer": "ana"}, (1, 2)),
        ({"reviewer": "zoe"}, (0, 1, 2)),
        ({"reviewer": "zoe", "role": "compliance_officer"}, (0,)),
    ],
)
def test_a_list_is_the_same_however_often_and_in_whatever_pages_it_is_read(mixed, wanted, thirds):
    expected = [f"t{number:02}" for number in range(12) if number % 3 in thirds]

    assert [every_page(mixed, limit, **wanted) for limit in (1, 2, 50, 1)] == [expected] * 4


def test_a_review_for_another_role_is_read_once_under_one_policy(mixed, intruder, caplog):
    expected = every_page(mixed, 50, role="compliance_officer")
    for row in mixed.inbox("domain_reviewer", limit=6):
        intruder.change(row.review_id, shown="unreadable")

    caplog.clear()
    assert every_page(mixed, 2, role="compliance_officer") == expected
    assert caplog.text.count("left out") == 0
    assert len(mixed.inbox("domain_reviewer")) == 2
    assert caplog.text.count("left out") == 6


def test_a_change_of_the_active_policy_moves_reviews_to_their_new_role(mixed):
    mixed.inbox("domain_reviewer")
    assert len(mixed.inbox("compliance_officer")) == 4

    mixed.policy.activate(STRICT, reviewer="max", reason="all of them from now on")

    assert (len(mixed.inbox("compliance_officer")), mixed.inbox("domain_reviewer")) == (12, [])
    assert mixed.reviews.next(reviewer="ana") is None

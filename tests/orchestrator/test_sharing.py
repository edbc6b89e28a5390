"""Who gets what: the next best case, work that is given out, filters of the inbox, and several decided at once."""

from collections import Counter

import pytest
from support.builders import a_review
from support.internals import services_of
from support.teams import TEAM, a_policy, kinds, say, submit

from hitl_orchestrator import InvalidInput
from hitl_orchestrator.domain.enums import RiskLevel


def test_next_returns_the_unclaimed_review_with_the_earliest_deadline(team):
    hitl = team(respond_within="PT1H")
    for number in range(3):
        submit(hitl, f"task-{number}")

    taken = [hitl.reviews.next(reviewer=who) for who in ("r1", "r2", "r3", "s1")]

    assert [row and row.task_id for row in taken] == ["task-0", "task-1", "task-2", None]
    assert [row.claimed_by for row in taken[:3]] == ["r1", "r2", "r3"]


def test_the_inbox_filters_reviews(team):
    hitl = team()
    submit(hitl, "task-1", domain="finance", risk_level="high", task_type="loan")
    submit(hitl, "task-2")
    hitl.reviews.claim(task_id="task-2", reviewer="r1")

    def listed(**wanted):
        return [row.task_id for row in hitl.inbox(**wanted)]

    assert listed() == ["task-1", "task-2"]
    assert listed(task_type="loan") == listed(risk_level=RiskLevel.HIGH) == listed(unclaimed=True) == ["task-1"]
    assert listed(claimed_by="r1") == listed(domain="customer_support") == ["task-2"]
    assert listed(overdue=True) == listed(claimed_by="r2") == []
    with pytest.raises(InvalidInput, match="risk_level: 'hihg' is not one of low, medium, high; did you mean 'high'"):
        hitl.inbox(risk_level="hihg")


def test_bulk_decisions_are_limited_to_harmless_cases(team):
    hitl = team()
    ids = [submit(hitl, f"task-{number}").case_id for number in range(3)]
    risky, above = submit(hitl, "risky", risk_level="high").case_id, submit(hitl, "above").case_id
    say(hitl, "r1", "escalate", "above")

    with pytest.raises(InvalidInput) as refused:
        hitl.reviews.decide_many([ids[0], risky, above], a_review("approve", None), reviewer="r1")
    assert refused.value.problems == (
        "bulk: task 'risky': its risk is high; decide it separately",
        "bulk: task 'above': it was escalated; decide it separately",
    )
    with pytest.raises(InvalidInput, match="modify is for one case alone"):
        hitl.reviews.decide_many(ids[:1], a_review("modify", None), reviewer="r1")

    done = hitl.reviews.decide_many(ids, a_review("approve", None), reviewer="r1")
    assert [case.status for case in done] == ["approved"] * 3


def test_push_assigns_to_the_least_loaded_eligible_reviewer(team):
    hitl = team()
    for number in range(8):
        submit(hitl, f"task-{number}", by="r3")

    given = hitl.acting_as("s1").reviews.assign()

    held = Counter(services_of(hitl).people.human(one.to) for one in given)
    assert (held["few"], held["r1"] + held["r2"], abs(held["r1"] - held["r2"])) == (1, 7, 1)
    assert all(one.review.claimed_by == one.to for one in given)
    assert [event.actor.id for event in hitl.cases.history(task_id="task-0") if event.kind == "claimed"] == ["s1"]
    assert hitl.audit.verify().sound


def test_a_review_without_an_eligible_reviewer_is_assigned_to_the_role_above(opened, store):
    people = [{**TEAM[0], "domains": ["finance"]}, *TEAM[4:5]]
    hitl = opened(store, reviewers=people, policy=a_policy())
    submit(hitl)

    [given] = hitl.acting_as("s1").reviews.assign()

    assert given.to == "s1"
    assert given.why == (
        "no reviewer with the role 'domain_reviewer' may decide this: "
        "no reviewer has it in the domain 'customer_support'; it goes to 'senior_manager'"
    )


def test_a_review_without_an_available_reviewer_waits_with_a_reason(opened, store):
    elsewhere = {**TEAM[4], "domains": ["finance"]}
    hitl = opened(store, reviewers=[TEAM[5], elsewhere], policy=a_policy())
    submit(hitl, "task-1")
    submit(hitl, "task-2")

    first, second = hitl.acting_as("s1").reviews.assign()

    assert (first.to, second.to) == ("few", None)
    assert second.why.endswith("few holds 1 reviews of at most 1; it waits for them")


def test_cases_of_a_customer_go_to_the_same_reviewer(team, clock):
    hitl = team()
    for number in range(4):
        submit(hitl, f"task-{number}", metadata={"customer": "c1"})
    say(hitl, "r2", task_id="task-0")

    assert {one.to for one in hitl.acting_as("s1").reviews.assign(strategy="sticky")} == {"r2"}
    with pytest.raises(InvalidInput, match="strategy: 'pushy' is not one of push, sticky; did you mean 'push'"):
        hitl.acting_as("s1").reviews.assign(strategy="pushy")


def test_a_forged_review_does_not_block_other_reviews(opened, durable_store, intruder):
    hitl = opened(durable_store, reviewers=TEAM, policy=a_policy())
    first, second = (submit(hitl, f"task-{number}").open_review for number in range(2))
    intruder.change(first.review_id, version=7)

    [forged, given] = hitl.acting_as("s1").reviews.assign(seconds=0.001)
    while services_of(hitl).ledger.now() <= given.review.claimed_until:
        pass

    assert (forged.to, given.review.review_id) == (None, second.review_id)
    assert hitl.reviews.next(reviewer="r3").review_id == second.review_id
    assert "alarm" in kinds(hitl, "task-0")


def test_a_case_of_another_graph_version_is_left_to_compatible_code(team):
    hitl = team()
    submit(hitl)
    services_of(hitl).reader.graph_version = "g-newer"

    assert hitl.reviews.next(reviewer="r1") is None
    [left] = hitl.acting_as("s1").reviews.assign()
    assert (left.to, "graph" in left.why) == (None, True)

"""A limit counts the reviews that are given out: those of others take no place, and what is left out is stated."""

from datetime import timedelta

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import InvalidInput
from hitl_orchestrator.errors import NotAuthorized


@pytest.fixture
def behind(hitl, waits):
    """Six reviews of a domain that Ben cannot decide, then two of his, of which he submitted one, then one more."""
    for number in range(6):
        waits(hitl, f"theirs-{number}")
    waits(hitl, "his-1", domain="finance")
    hitl.submit(a_task("his-own", domain="finance"), an_output("his-own", 0.5), submitted_by="ben")
    waits(hitl, "his-2", domain="finance")
    return hitl


def ids(page):
    return [row.task_id for row in page]


def test_reviews_of_others_take_no_place_in_the_inbox_of_a_reviewer(behind):
    first = behind.inbox(reviewer="ben", limit=1)
    second = behind.inbox(reviewer="ben", limit=1, after=first[-1].review_id)

    assert (ids(first), first.more) == (["his-1"], True)
    assert (ids(second), second.more) == (["his-2"], False)
    assert behind.reviews.next(reviewer="ben").task_id == "his-1"


@pytest.mark.parametrize("wanted", [{}, {"role": "domain_reviewer"}, {"domain": "finance"}, {"reviewer": "two"}])
@pytest.mark.parametrize("limit", [1, 4, 9])
def test_the_pages_of_an_inbox_are_the_whole_inbox(behind, wanted, limit):
    found, page = [], behind.inbox(limit=limit, **wanted)
    while True:
        found += page
        if not page.more:
            break
        assert len(page) == limit
        page = behind.inbox(limit=limit, after=page[-1].review_id, **wanted)

    assert found == behind.inbox(**wanted)


def test_a_page_goes_on_after_a_review_that_was_decided_meanwhile(behind):
    page = behind.inbox(limit=2)
    behind.decide(page[-1].case_id, a_review("approve", "ana"))

    assert ids(behind.inbox(limit=2, after=page[-1].review_id)) == ["theirs-2", "theirs-3"]


@pytest.mark.parametrize("after", ["unknown", "", "a\x00b"])
def test_a_page_after_no_review_is_invalid_input(hitl, after):
    with pytest.raises(InvalidInput, match=r"after: there is no review|is not a valid name"):
        hitl.inbox(after=after)


def test_the_inbox_of_the_acting_reviewer_is_their_own(behind):
    assert ids(behind.acting_as("ben").inbox()) == ["his-1", "his-2"]
    with pytest.raises(NotAuthorized):
        behind.acting_as("ben").inbox(reviewer="ana")


def test_the_limit_of_assignments_counts_those_that_were_given_out(opened, store, waits):
    ben = {"reviewer_id": "ben", "name": "Ben", "roles": ["domain_reviewer"], "domains": ["finance"]}
    boss = {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"], "domains": ["finance"]}
    away = {"away": [{"first": "2000-01-01", "last": "2100-01-01"}]}
    hitl = opened(store, reviewers=[ben, boss | away])
    for number in range(4):
        waits(hitl, f"theirs-{number}")
    for number in range(3):
        waits(hitl, f"his-{number}", domain="finance")

    first, second = hitl.acting_as("max").reviews.assign(limit=2), hitl.acting_as("max").reviews.assign(limit=2)

    assert [(each.review.task_id, each.to) for each in first if each.to] == [("his-0", "ben"), ("his-1", "ben")]
    assert [each.review.task_id for each in first if not each.to] == ["theirs-0", "theirs-1"]
    assert (first.more, first.unassigned) == (True, 4)
    assert [each.review.task_id for each in second if each.to] == ["his-2"]
    assert (second.more, second.unassigned) == (False, 4)


def test_reviews_that_no_reviewer_can_take_are_counted_and_not_read(opened, durable_store, waits, intruder, caplog):
    ben = {"reviewer_id": "ben", "name": "Ben", "roles": ["domain_reviewer"], "domains": ["finance"]}
    boss = {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"], "domains": ["elsewhere"]}
    hitl = opened(durable_store, reviewers=[ben | {"max_open_claims": 2}, boss]).acting_as("max")
    theirs = [waits(hitl, f"theirs-{number}") for number in range(4)]
    for number in range(5):
        waits(hitl, f"his-{number}", domain="finance")
    intruder.change(theirs[-1].open_review.review_id, shown="{bad")

    assigned = hitl.reviews.assign(limit=3)

    assert [(each.review.task_id, each.to) for each in assigned] == [
        *((f"theirs-{number}", None) for number in range(3)),
        *((f"his-{number}", "ben") for number in range(2)),
    ]
    assert (assigned.more, assigned.unassigned) == (False, 7)
    assert "holds 2 reviews of at most 2" in hitl.reviews.assign(limit=100)[-1].why
    assert "theirs-3" not in caplog.text


def test_the_total_of_an_inbox_is_that_of_all_its_pages(behind):
    page = behind.inbox(limit=2, count=True)

    assert (len(page), page.more, page.total) == (2, True, 9)
    assert behind.inbox("domain_reviewer", "finance", limit=2, count=True, after=page[-1].review_id).total == 3
    assert (behind.inbox(limit=2).total, behind.inbox(reviewer="ben", count=True).total) == (None, None)


def test_a_page_goes_on_after_a_case_or_a_task(behind):
    page = behind.inbox(limit=2)

    for name in (page[-1].case_id, page[-1].task_id):
        assert ids(behind.inbox(limit=2, after=name)) == ["theirs-2", "theirs-3"]


@pytest.mark.parametrize("limit", [0, -1, 100_001])
def test_a_limit_of_assignments_out_of_range_is_invalid_input(hitl, limit):
    with pytest.raises(InvalidInput, match=r"assign: limit -?\d+ is not in"):
        hitl.acting_as("max").reviews.assign(limit=limit)


@pytest.mark.parametrize("wrong", [timedelta(days=-1), timedelta(days=1)], ids=["behind", "ahead"])
def test_a_process_with_a_wrong_clock_changes_neither_order_nor_ages_nor_due_times(opened, durable_store, waits, wrong):
    policy = {"policy_id": "p", "rules": [{"rule_id": "r", "priority": 1, "conditions": {}, "action": "human_review"}]}
    policy["rules"][0] |= {"respond_within": "PT1H"}
    right = opened(durable_store, policy=policy)
    skewed = opened(durable_store, policy=policy, clock=lambda: services_of(right).ledger.now() + wrong)
    before = services_of(right).ledger.now()

    for number, hitl in enumerate((right, skewed, right, skewed)):
        waits(hitl, f"task-{number}")

    page = skewed.inbox()
    assert ids(page) == ["task-0", "task-1", "task-2", "task-3"]
    assert all(before <= row.queued_at <= page.as_of for row in page)
    assert all(row.due_at - row.queued_at == timedelta(hours=1) for row in page)
    assert right.inbox(overdue=True) == []

"""The queue of open reviews, page by page: nothing twice and nothing missed, under any filters."""

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.builders import AGENT, NINE, PERSON, a_routing, a_shown, a_submission, a_task, a_verdict, minutes

from hitl_orchestrator.domain.enums import OnTimeout
from hitl_orchestrator.ledger.ports.claims import InboxFilter

ROLES, DOMAINS, POLICIES = ("domain_reviewer", "senior_manager"), ("support", "finance", "legal"), ("a" * 64, "b" * 64)


def opened(ledger, case_id, role=ROLES[0], domain=DOMAINS[0], policy_hash=POLICIES[0], *, due=False):
    task, routing = a_task(f"task-of-{case_id}", domain=domain), a_routing(role=role)
    ledger.receive(a_submission(case_id, task), AGENT)
    asked = {"policy_hash": policy_hash, "respond_within": timedelta(hours=1) if due else None}
    routing = routing.model_copy(update={"decision": routing.decision.model_copy(update=asked)})
    shown = a_shown(case_id, role=role, task=task, routing=routing, on_timeout=OnTimeout.WAIT if due else None)
    return ledger.open_review(shown, NINE)


@pytest.fixture(scope="module")
def queue(shared_ledger):
    """Reviews of every role, domain and policy, with and without a deadline; every third one is claimed."""
    groups = product(ROLES, DOMAINS, POLICIES, (False, True))
    rows = [
        opened(shared_ledger, f"case-{number}", role, domain, policy, due=due)
        for number, (role, domain, policy, due) in enumerate(groups)
    ]
    for row in rows[::3]:
        shared_ledger.claim(row, "ana", PERSON, NINE, 3600)
    return shared_ledger


def pages(ledger, wanted, limit, between=lambda: None, skip=None):
    """Return the ids of all pages."""
    found, end = [], None
    while True:
        page = ledger.queue_page(wanted, limit, end, skip)
        assert len(page.reviews) <= limit
        found += [row.review_id for row in page.reviews]
        if page.end is None:
            return found
        end = page.end
        between()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    groups=st.tuples(
        *(st.sets(st.sampled_from(each), min_size=1) for each in ((*ROLES, "unknown"), DOMAINS, POLICIES))
    ),
    free=st.booleans(),
    limit=st.integers(1, 30),
)
def test_the_pages_of_any_filters_are_the_whole_list_in_order(queue, groups, free, limit):
    roles, domains, policies = map(sorted, groups)
    wanted = [
        InboxFilter(role=role, domain=domain, state=policy, unclaimed=free)
        for role, domain, policy in product(roles, domains, policies)
    ]

    everything = queue.queue_page([InboxFilter()], 1000).reviews
    expected = [
        row.review_id
        for row in everything
        if row.role in roles
        and row.domain in domains
        and row.shown.routing.decision.policy_hash in policies
        and not (free and row.claimed_by)
    ]
    assert pages(queue, wanted, limit) == expected
    assert queue.queue_count(wanted) == len(expected)
    if expected:
        assert queue.queue_count(wanted, queue.place_of(expected[0])) == len(expected) - 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@example(left_out=set(range(24)) - {22}, roles=set(ROLES), limit=1)
@given(
    left_out=st.sets(st.integers(0, 23)),
    roles=st.sets(st.sampled_from(ROLES), min_size=1),
    limit=st.integers(1, 30),
)
def test_the_pages_without_some_reviews_are_the_list_without_them(queue, left_out, roles, limit):
    wanted, names = [InboxFilter(role=role) for role in roles], {f"case-{number}.0" for number in left_out}

    found = pages(queue, wanted, limit, skip=names.__contains__)

    assert found == [name for name in pages(queue, wanted, 1000) if name not in names]


def test_the_whole_list_is_ordered_by_due_time_and_then_as_opened(queue):
    rows = queue.queue_page([InboxFilter()], 1000).reviews

    assert len(rows) == 24
    due, undue = rows[:12], rows[12:]
    assert [row.due_at for row in due] == sorted(row.due_at for row in due)
    assert [int(row.case_id.removeprefix("case-")) for row in undue] == list(range(0, 24, 2))


def test_more_filters_than_one_statement_holds_are_one_list(queue):
    wanted = [InboxFilter(role=role, domain=f"d{number}") for role in ROLES for number in range(150)]
    wanted += [InboxFilter(role=role, domain=domain) for role in ROLES for domain in DOMAINS]

    assert pages(queue, wanted, 5) == pages(queue, [InboxFilter()], 1000)
    assert queue.queue_count(wanted) == 24


def test_the_roles_and_policies_of_open_reviews_are_known(queue):
    groups = queue.queue_groups()

    assert (sorted(groups.roles), sorted(groups.states)) == (sorted(ROLES), sorted(POLICIES))
    assert sorted(queue.queue_domains()) == sorted(DOMAINS)


def test_changes_between_two_pages_move_no_other_review(ledger):
    rows = [opened(ledger, f"case-{number}") for number in range(7)]
    steps = iter(range(20, 40))

    def change():
        number = next(steps)
        opened(ledger, f"case-{number}", due=number % 2 == 0)
        if number < 22:
            ledger.decide(rows[number - 20], a_verdict(at=minutes(1)), PERSON)

    found = pages(ledger, [InboxFilter()], 2, change)

    assert len(found) == len(set(found))
    assert {row.review_id for row in rows} <= set(found)


def test_a_place_is_kept_after_the_decision_and_unknown_without_a_review(ledger):
    row = opened(ledger, "case-1")
    place = ledger.place_of(row.review_id)
    ledger.decide(row, a_verdict(), PERSON)

    assert ledger.place_of(row.review_id) == place is not None
    assert (ledger.place_of("case-2.0"), ledger.queue_groups()) == (None, ([], []))

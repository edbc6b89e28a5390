"""The role that an open review needs is kept with the policies under which it was derived, and only saves reading."""

import logging
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.internals import services_of
from support.people_changes import change_people, change_policy
from support.policy_changes import BY_MAX

from hitl_orchestrator.ledger.ports.claims import DERIVED, Needed
from hitl_orchestrator.services.reviews import requirements

ROLES = ("domain_reviewer", "senior_manager", "compliance_officer")
RULE = {"rule_id": "all", "priority": 9, "conditions": {}, "action": "human_review", "assigned_human_role": ROLES[0]}
FINANCE = {"rule_id": "finance", "priority": 1, "conditions": {"domain": "finance"}, "action": "human_review"}
LOOSE, STRICT = (
    {"policy_id": "p", "rules": rules}
    for rules in ([RULE], [FINANCE | {"assigned_human_role": ROLES[1]}, RULE | {"rule_id": "others"}])
)
RAISED = {"task-1", "task-3"}


@pytest.fixture
def before(opened, durable_store, waits):
    """Four reviews for the lowest role; a stricter policy asks for a higher one for two of them."""
    with opened(durable_store, policy=LOOSE) as hitl:
        for number in range(4):
            waits(hitl, f"task-{number}", domain="finance" if number % 2 else "customer_support")
    return durable_store


def stricter(hitl):
    """Return the orchestrator with the stricter policy in force and its roles derived."""
    change_policy(hitl, STRICT)
    hitl.run_maintenance()
    return hitl


def crashing(hitl):
    """Return an orchestrator that puts changes in force and dies before it derives roles."""
    services_of(hitl).policy._cases._settle_roles = lambda: None
    return hitl


def listed(hitl, role):
    return {request.task_id for request in hitl.inbox(role)}


def test_the_first_list_of_a_new_process_reads_no_review_of_another_role(opened, before, intruder, caplog):
    with opened(before) as hitl:
        stricter(hitl)
        raised = hitl.cases.get(task_id="task-1").open_review.review_id
    intruder.change(raised, shown="{bad")

    with opened(before, policy=STRICT) as hitl:
        assert listed(hitl, ROLES[0]) == {"task-0", "task-2"}
        assert not [record for record in caplog.records if record.levelno == logging.WARNING]
        assert listed(hitl, ROLES[1]) == {"task-3"}
    assert f"row '{raised}' of table reviews" in caplog.text


def test_an_activation_derives_the_roles_at_once(opened, before, intruder):
    hitl = opened(before, policy=LOOSE)
    hitl.policy.activate(LOOSE, **BY_MAX)
    assert hitl.policy.activate(STRICT, **BY_MAX).in_force

    rows = intruder.run("SELECT needed_role, needed_under FROM reviews ORDER BY place")

    assert [row["needed_role"] for row in rows] == [ROLES[0], ROLES[1]] * 2
    assert all(row["needed_under"].startswith(DERIVED) for row in rows)
    assert hitl.audit.verify().sound


def test_roles_of_a_stricter_policy_hide_no_review_under_a_looser_one(opened, before):
    with opened(before) as hitl:
        change_policy(crashing(stricter(hitl)), LOOSE)

    with opened(before) as hitl:
        for _ in range(2):
            assert (len(hitl.inbox(ROLES[0])), hitl.inbox(ROLES[1])) == (4, [])
            assert hitl.acting_as("ana").reviews.next().task_id == "task-0"
            hitl.reviews.release(task_id="task-0", reviewer="ana")
            hitl.run_maintenance()


def test_a_changed_chain_of_roles_hides_no_review(opened, before):
    people = [{"reviewer_id": "top", "name": "Top", "roles": ["board"]}]
    with opened(before) as hitl:
        change_people(crashing(stricter(hitl)), {"reviewers": people, "escalation_chain": ["board"]})

    with opened(before, reviewers=None) as hitl:
        for _ in range(2):
            assert len(hitl.inbox("board")) == 4
            assert services_of(hitl).inbox.missing_roles()
            hitl.run_maintenance()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(kept=st.lists(st.tuples(st.sampled_from((*ROLES, "gone")), st.sampled_from("ab")), min_size=4, max_size=4))
def test_a_role_of_another_state_says_nothing(stored, kept):
    hitl, rows = stored
    services_of(hitl).ledger.set_needed(
        [Needed(row, role, DERIVED + state) for row, (role, state) in zip(rows, kept, strict=True)]
    )

    assert {role: listed(hitl, role) for role in ROLES} == {
        ROLES[0]: {"task-0", "task-2"},
        ROLES[1]: RAISED,
        ROLES[2]: set(),
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(roles=st.lists(st.sampled_from(ROLES), min_size=4, max_size=4))
def test_an_altered_role_shows_no_review_to_a_weaker_one(stored, roles):
    hitl, rows = stored
    state = services_of(hitl).inbox._needed.state
    services_of(hitl).ledger.set_needed([Needed(*each, state) for each in zip(rows, roles, strict=True)])

    for role, reviewer in product(ROLES, ("ana", "max", "zoe")):
        assert all(request.needed_role == role for request in hitl.inbox(role))
        for request in hitl.inbox(reviewer=reviewer):
            assert request.needed_role == (ROLES[1] if request.task_id in RAISED else ROLES[0])


@pytest.fixture
def stored(opened, before):
    hitl = change_policy(opened(before), STRICT)
    return hitl, [request.review_id for request in hitl.inbox()]


def test_verification_names_a_role_that_no_policy_explains(opened, before, intruder):
    hitl = opened(before, policy=LOOSE)
    intruder.run("UPDATE reviews SET needed_role = 'senior_manager' WHERE task_type <> ''")

    assert "another needed_role" in hitl.audit.verify().problem


@pytest.mark.parametrize("derived", [1, 2, 3])
def test_a_list_derives_a_bounded_number_of_roles_and_leaves_no_review_out(opened, before, monkeypatch, derived):
    monkeypatch.setattr(requirements, "_DERIVED_FOR_A_LIST", derived)
    with opened(before) as hitl:
        change_policy(crashing(hitl), STRICT)

    with opened(before) as hitl:
        lists = {role: hitl.inbox(role) for role in ROLES}
        assert {request.task_id for requests in lists.values() for request in requests} == {
            f"task-{number}" for number in range(4)
        }
        assert {request.task_id for request in lists[ROLES[1]]} == {f"task-{n}" for n in (1, 3) if n < derived}
        assert all(
            request.needed_role == (ROLES[1] if request.task_id in RAISED else ROLES[0])
            for request in hitl.inbox(ROLES[0])
        )
        by_pages = [request for at in pages_of(hitl, ROLES[0]) for request in at]
        assert by_pages == list(lists[ROLES[0]])
        hitl.recover()
        assert (listed(hitl, ROLES[0]), listed(hitl, ROLES[1])) == ({"task-0", "task-2"}, RAISED)


def pages_of(hitl, role):
    """Yield the list of a role, one review a page."""
    page = hitl.inbox(role, limit=1)
    while page:
        yield page
        page = hitl.inbox(role, limit=1, after=page[-1].review_id)

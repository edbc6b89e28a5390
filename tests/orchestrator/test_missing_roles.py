"""A role that was renamed or removed while its review waits: the top of the chain decides, and every face names it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_review
from support.internals import services_of
from support.teams import a_policy, let_time_pass

from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.errors import NotAuthorized

RULE = {"respond_within": "PT1S", "on_timeout": "escalate"}
BEFORE = {
    "escalation_chain": ["agent", "boss", "director"],
    "reviewers": [{"reviewer_id": "bo", "name": "Bo", "roles": ["boss"]}],
}
NOW = {
    "escalation_chain": ["agent", "lead", "director"],
    "reviewers": [
        {"reviewer_id": "ag", "name": "Ag", "roles": ["agent"]},
        {"reviewer_id": "le", "name": "Le", "roles": ["lead"]},
        {"reviewer_id": "di", "name": "Di", "roles": ["director"]},
    ],
}


@pytest.fixture
def renamed(opened, durable_store, waits):
    """A store with a review that waits for a role that was renamed, and one for a role that remains."""
    hitl = opened(durable_store, reviewers=BEFORE, policy=a_policy(assigned_human_role="boss", **RULE))
    waits(hitl, "of-boss")
    assert hitl.people.propose(NOW, reviewer="bo", reason="the roles have other names").alone
    change = hitl.policy.activate(a_policy(assigned_human_role="agent", **RULE), reviewer="le", reason="new names")
    hitl.decide(change.case.case_id, "approve", reviewer="di")
    waits(hitl, "of-agent")
    return hitl


def test_the_top_of_the_chain_finds_and_decides_a_review_whose_role_was_renamed(renamed):
    (request,) = renamed.inbox("director")
    view = renamed.reviews.view(task_id="of-boss")

    assert (request.task_id, request.needed_role, request.missing_role) == ("of-boss", "director", "boss")
    assert (view.role, view.missing_role, view.may_decide) == ("director", "boss", ("di",))
    assert "escalate" not in [choice.decision for choice in view.choices]
    for who in ("ag", "le"):
        assert renamed.inbox(reviewer=who)[0].task_id == "of-agent"
        with pytest.raises(NotAuthorized, match="'director'"):
            renamed.decide(task_id="of-boss", decision=a_review("approve", who))
    assert renamed.acting_as("di").reviews.next().task_id == "of-boss"
    assert renamed.decide(task_id="of-boss", decision=a_review("approve", "di")).status == "approved"


def test_a_missed_deadline_of_a_renamed_role_goes_to_the_top_and_the_others_go_on(renamed, clock, caplog):
    let_time_pass(renamed, clock, 2)
    while services_of(renamed).ledger.now() < renamed.inbox()[-1].due_at:
        pass

    moved = renamed.run_maintenance()

    assert {case.task_id: case.open_review.role for case in moved} == {"of-boss": "director", "of-agent": "lead"}
    assert any("'boss'" in record.getMessage() for record in caplog.records)


def test_assignment_gives_a_review_of_a_renamed_role_to_the_top(renamed):
    assigned = {each.review.task_id: each.to for each in renamed.acting_as("di").reviews.assign(strategy="push")}

    assert assigned == {"of-boss": "di", "of-agent": "ag"}


ROLES = st.sampled_from(["a", "b", "c", "gone", "missing"])


@given(chain=st.sampled_from([("a",), ("a", "b"), ("a", "b", "c")]), role=ROLES, other=ROLES)
def test_a_chain_answers_for_every_role_and_puts_a_missing_one_under_the_top_alone(chain, role, other):
    roles = RoleChain(roles=chain)

    assert roles.filled(role) in chain
    assert (roles.above(role) is None) == (role == roles.top)
    assert roles.upward(role)[-1] == (roles.top)
    assert roles.reaches(roles.top, role)
    for below in chain[:-1]:
        assert roles.reaches(below, role) == (role in chain and chain.index(below) >= chain.index(role))
    higher = roles.filled(roles.higher(role, other))
    assert roles.reaches(higher, roles.filled(role))
    assert roles.reaches(higher, roles.filled(other))

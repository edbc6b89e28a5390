"""A claim ends with the right to decide: it binds no one once its holder left, lost the right, or is away."""

import pytest
from support.builders import a_review
from support.people_changes import change_people

from hitl_orchestrator.errors import NotAuthorized, ReviewClaimed

ANA = {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"]}
BOB = {"reviewer_id": "bob", "name": "Bob", "roles": ["domain_reviewer"]}
CLEO = {"reviewer_id": "cleo", "name": "Cleo", "roles": ["senior_manager"]}
GOVERNING = [{"reviewer_id": who, "name": who, "roles": ["compliance_officer"]} for who in ("max", "zoe")]
DAY = 86_400
ALWAYS = [{"first": "2000-01-01", "last": "9999-01-01"}]
WITHOUT_THE_RIGHT = {
    "unknown": [BOB, CLEO],
    "other role": [{"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"], "domains": ["finance"]}, BOB],
    "away": [ANA | {"away": ALWAYS}, BOB, CLEO],
}


@pytest.fixture
def held(opened, durable_store, waits):
    """A store with a review that Ana claimed for a day, to be opened again and given other reviewers."""
    with opened(durable_store, reviewers=[ANA, BOB, CLEO, *GOVERNING]) as hitl:
        waits(hitl)
        hitl.reviews.claim(task_id="task-1", reviewer="ana", seconds=DAY)
    return lambda people: change_people(opened(durable_store, reviewers=None), [*people, *GOVERNING])


def releases(hitl):
    return [event for event in hitl.cases.history(task_id="task-1") if event.kind == "released"]


@pytest.mark.parametrize("people", WITHOUT_THE_RIGHT.values(), ids=WITHOUT_THE_RIGHT)
def test_maintenance_returns_a_void_claim_once_and_records_why(held, people):
    hitl, notices = held(people), []

    hitl.run_maintenance(on_notice=notices.append)
    hitl.run_maintenance(on_notice=notices.append)

    assert [(notice.kind, notice.to) for notice in notices] == [("returned", ("ana",))]
    (event,) = releases(hitl)
    assert "'ana'" in event.body["because"]
    assert hitl.acting_as("bob").reviews.next().task_id == "task-1"
    assert hitl.audit.verify().sound


@pytest.mark.parametrize("people", WITHOUT_THE_RIGHT.values(), ids=WITHOUT_THE_RIGHT)
def test_others_claim_and_decide_at_once_in_spite_of_a_void_claim(held, people):
    hitl = held(people)
    assert hitl.reviews.view(task_id="task-1", reviewer="bob").why_not == ""

    hitl.reviews.claim(task_id="task-1", reviewer="bob")

    assert len(releases(hitl)) == 1
    assert hitl.decide(task_id="task-1", decision=a_review("reject", "bob")).status == "rejected"
    assert hitl.audit.verify().sound


@pytest.mark.parametrize("people", WITHOUT_THE_RIGHT.values(), ids=WITHOUT_THE_RIGHT)
def test_a_void_claim_keeps_no_review_from_next_and_assign(held, people):
    with held(people) as hitl:
        assert hitl.acting_as("bob").reviews.next().task_id == "task-1"
        assert "'ana'" in releases(hitl)[0].body["because"]
        hitl.reviews.release(task_id="task-1", reviewer="bob")
    with held([ANA, CLEO]) as hitl:
        hitl.reviews.claim(task_id="task-1", reviewer="ana")

    assert [each.to for each in held([BOB, CLEO]).acting_as("cleo").reviews.assign()] == ["bob"]


def test_a_valid_claim_is_kept_from_next_and_assign(held):
    hitl = held([ANA, BOB, CLEO])

    assert (hitl.acting_as("bob").reviews.next(), hitl.acting_as("cleo").reviews.assign()) == (None, [])
    assert releases(hitl) == []


def test_a_decision_ends_a_void_claim_and_a_valid_claim_still_binds(held):
    with held([ANA, BOB, CLEO]) as hitl:
        hitl.run_maintenance()
        with pytest.raises(ReviewClaimed, match="take it over"):
            hitl.decide(task_id="task-1", decision=a_review("reject", "bob"))
        assert releases(hitl) == []

    hitl = held([BOB])

    assert hitl.decide(task_id="task-1", decision=a_review("reject", "bob")).status == "rejected"


def test_a_delegation_to_a_reviewer_who_left_ends_with_the_claim(opened, held):
    with held([ANA, BOB, CLEO]) as hitl:
        hitl.reviews.delegate(task_id="task-1", to="bob", reviewer="ana", seconds=DAY)
    hitl = held([ANA, CLEO])

    hitl.run_maintenance()

    (request,) = hitl.inbox()
    assert (request.claimed_by, request.delegated_by) == (None, None)
    assert hitl.audit.verify().sound


def test_only_a_role_above_the_holder_takes_a_case_over_and_the_ledger_records_it(held):
    hitl = held([ANA, BOB, CLEO])
    with pytest.raises(NotAuthorized, match="take this over"):
        hitl.reviews.claim(task_id="task-1", reviewer="bob", take_over=True)
    with pytest.raises(ReviewClaimed):
        hitl.reviews.claim(task_id="task-1", reviewer="cleo")

    request = hitl.reviews.claim(task_id="task-1", reviewer="cleo", take_over=True)

    assert request.claimed_by == "cleo"
    (event,) = releases(hitl)
    assert (event.actor.id, event.body["because"]) == ("cleo", "taken over by 'cleo'")
    with pytest.raises(ReviewClaimed):
        hitl.decide(task_id="task-1", decision=a_review("reject", "ana"))
    assert hitl.audit.verify().sound


def test_an_unknown_reviewer_is_answered_with_a_bounded_list_of_reviewers(opened, store, waits):
    people = [{"reviewer_id": f"reviewer-{number}", "name": "A", "roles": ["domain_reviewer"]} for number in range(500)]
    hitl = opened(store, reviewers=people)
    waits(hitl)

    with pytest.raises(NotAuthorized, match=r"reviewer-0, .*reviewer-9 and 490 more") as refused:
        hitl.reviews.claim(task_id="task-1", reviewer="someone")
    assert len(str(refused.value)) < 400

"""A review that a reviewer is at is left to them for a while."""

import sqlite3

import pytest
from support.builders import a_review

from hitl_orchestrator.errors import CaseNotWaiting, InvalidInput, NotAuthorized, ReviewClaimed


def test_only_the_claimant_decides_and_others_see_the_claimant(hitl, waits):
    waits(hitl)
    hitl.reviews.claim(task_id="task-1", reviewer="ana")

    with pytest.raises(ReviewClaimed, match="'ana'"):
        hitl.decide(task_id="task-1", decision=a_review("approve", "two"))

    assert hitl.decide(task_id="task-1", decision=a_review("approve", "ana")).status == "approved"
    reported = [
        (event.kind.value, event.actor.id)
        for event in hitl.cases.history(task_id="task-1")
        if event.actor.id != "orchestrator"
    ]
    assert reported == [("submitted", None), ("claimed", "ana"), ("refused", "two"), ("decided", "ana")]
    assert hitl.audit.verify().sound


def test_other_reviewers_may_decide_a_released_review(hitl, waits):
    waits(hitl)
    hitl.reviews.claim(task_id="task-1", reviewer="ana")

    assert hitl.reviews.release(task_id="task-1", reviewer="ana")
    assert not hitl.reviews.release(task_id="task-1", reviewer="ana")
    assert hitl.decide(task_id="task-1", decision=a_review("approve", "two")).status == "approved"
    assert hitl.audit.verify().sound


@pytest.mark.parametrize("who", ["ben", "stranger"])
def test_a_claim_needs_the_right_to_decide(hitl, waits, who):
    waits(hitl)

    with pytest.raises(NotAuthorized):
        hitl.reviews.claim(task_id="task-1", reviewer=who)


def test_only_waiting_reviews_can_be_claimed_and_claims_expire(hitl, waits):
    waits(hitl)
    for seconds in (0, -1, 86_401, float("nan"), "x", None):
        with pytest.raises(InvalidInput, match=r"is not (in|a number)"):
            hitl.reviews.claim(task_id="task-1", reviewer="ana", seconds=seconds)
    hitl.decide(task_id="task-1", decision=a_review("reject", "ana"))

    with pytest.raises(CaseNotWaiting):
        hitl.reviews.claim(task_id="task-1", reviewer="ana")


def test_an_escalated_review_has_no_claim(hitl, waits):
    waits(hitl)
    hitl.reviews.claim(task_id="task-1", reviewer="ana")

    above = hitl.decide(task_id="task-1", decision=a_review("escalate", "ana")).open_review

    assert above.claimed_by is None
    assert hitl.decide(task_id="task-1", decision=a_review("reject", "max")).status == "rejected"


@pytest.mark.parametrize("claimed_by", ["'zoe'", "NULL"])
def test_a_claim_altered_in_the_database_is_detected(opened, sqlite_store, waits, claimed_by):
    hitl = opened(sqlite_store)
    waits(hitl)
    hitl.reviews.claim(task_id="task-1", reviewer="ana")
    with sqlite3.connect(sqlite_store.removeprefix("sqlite:///")) as intruder:
        intruder.execute(f"UPDATE reviews SET claimed_by = {claimed_by}")

    assert "has another claimed_by" in hitl.audit.verify().problem

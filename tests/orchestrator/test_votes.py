"""Several persons decide together: each signs once, for themselves, and as many as the rule asks for must agree."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from support.builders import a_review
from support.internals import services_of
from support.teams import TEAM, a_policy, kinds, say, submit

from hitl_orchestrator import RequestRejected
from hitl_orchestrator.errors import (
    NotAuthorized,
    ReviewEscalated,
    StaleReview,
)
from hitl_orchestrator.services.acting import Acting


def test_two_signatures_are_two_sealed_decisions_and_the_record_names_both(team):
    hitl = team(approvals=2)
    submit(hitl)

    first = say(hitl, "r1")
    done = say(hitl, "r2")

    assert (first.status, done.status) == ("waiting", "approved")
    assert [(vote.reviewer_id, vote.human_decision) for vote in done.record.votes] == [
        ("r1", "approve"),
        ("r2", "approve"),
    ]
    assert [row.status.value for row in hitl.cases.get(task_id="task-1").reviews] == ["voted", "decided"]
    assert kinds(hitl)[-4:] == ["review_opened", "decided", "resumed", "finished"]
    assert (done.record.approvals_needed, done.record.escalations) == (2, 0)
    assert hitl.audit.verify().sound


@pytest.mark.parametrize("again", ["r1", "r1b"])
def test_two_accounts_of_a_person_count_as_one_vote(team, again):
    hitl = team(approvals=2)
    submit(hitl)
    say(hitl, "r1")

    with pytest.raises(
        NotAuthorized, match="have answered this case already, and another person must decide; ask r2, r3"
    ):
        say(hitl, again, "reject")
    assert hitl.reviews.next(reviewer="r1b") is None


def test_the_same_signature_again_is_the_same_receipt(team):
    hitl = team(approvals=2)
    submit(hitl)

    assert say(hitl, "r1").reviews == say(hitl, "r1").reviews
    assert len(hitl.cases.get(task_id="task-1").reviews) == 2


def test_disagreement_escalates_with_the_votes(team):
    hitl = team(approvals=2)
    submit(hitl)
    say(hitl, "r1")

    up = say(hitl, "r2", "reject").open_review
    done = say(hitl, "s1", "reject")

    assert (up.role, up.shown.passed_up_because) == (
        "senior_manager",
        "the reviewers disagree: domain_reviewer voted approve; domain_reviewer voted reject",
    )
    assert (done.status, done.record.escalations, len(done.record.votes)) == ("rejected", 1, 3)
    assert hitl.audit.verify().sound


def test_the_second_vote_does_not_see_the_first(team):
    hitl = team(approvals=2)
    submit(hitl)
    say(hitl, "r1", reason="my reason")

    seen = hitl.reviews.view(task_id="task-1", reviewer="r2")

    assert "voted" in [line.what for line in seen.history]
    assert "approve" not in " ".join(line.what for line in seen.history)
    assert "my reason" not in seen.model_dump_json()


def test_a_majority_of_three_outvotes_one(team):
    hitl = team(approvals=2, agreement="majority")
    submit(hitl)
    say(hitl, "r1")
    assert say(hitl, "r2", "reject").open_review.role == "domain_reviewer"

    assert say(hitl, "r3").status == "approved"


def test_distinct_roles_need_votes_of_two_roles(team):
    hitl = team(approvals=2, distinct_roles=True)
    submit(hitl)
    say(hitl, "r1")

    with pytest.raises(NotAuthorized, match="the rule requires distinct roles"):
        say(hitl, "r2")
    assert say(hitl, "s1").status == "approved"


def test_the_last_reviewer_may_change_a_vote_and_a_rejection_is_final(opened, store):
    hitl = opened(store, reviewers=TEAM[:2], policy=a_policy(approvals=2))
    submit(hitl, by="r2")

    assert say(hitl, "r1").status == "waiting"
    assert say(hitl, "r1", "reject").status == "rejected"
    assert hitl.audit.verify().sound


def test_rejecting_a_second_vote_does_not_reveal_the_first(team):
    hitl = team(approvals=2)
    submit(hitl)
    seen = hitl.cases.get(task_id="task-1").open_review
    say(hitl, "r1")

    for named in ({"review_id": seen.review_id}, {"shown_digest": seen.digest}):
        with pytest.raises(RequestRejected) as refused:
            hitl.decide(task_id="task-1", decision=a_review("reject", "r2", **named))
        assert "approve" not in str(refused.value)
    assert isinstance(refused.value, StaleReview)
    with pytest.raises(ReviewEscalated, match="the case now has another open review"):
        hitl.decide(task_id="task-1", decision=a_review("reject", "r2", review_id=seen.review_id))


def test_concurrent_votes_all_count(team):
    hitl = team(approvals=3)
    submit(hitl)
    start = Barrier(3)

    def vote(who):
        start.wait()
        return say(hitl, who).status

    with ThreadPoolExecutor(3) as pool:
        stated = list(pool.map(vote, ("r1", "r2", "r3")))

    assert hitl.cases.get(task_id="task-1").status == "approved"
    assert len(hitl.cases.get(task_id="task-1").record.votes) == 3
    assert "approved" in stated
    assert hitl.audit.verify().sound


def test_an_interrupted_vote_is_completed_by_the_next(opened, durable_store):
    hitl = opened(durable_store, reviewers=TEAM, policy=a_policy(approvals=2))
    row = submit(hitl).open_review
    services_of(hitl).recorder.decide(row, a_review("approve", "r1"), acting=Acting())  # and the process ends here
    hitl.close()

    again = opened(durable_store, reviewers=TEAM)
    assert again.recover() == []
    assert say(again, "r2").status == "approved"
    assert again.audit.verify().sound

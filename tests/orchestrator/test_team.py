"""A team at work: delegation, withdrawal, reminders, separation of duties. The same on every store."""

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of
from support.teams import TEAM, a_policy, kinds, let_time_pass, say, submit

from hitl_orchestrator import InvalidInput
from hitl_orchestrator.errors import (
    CaseNotWaiting,
    NotAuthorized,
    RecoveryIncomplete,
    ReviewClaimed,
    ReviewWithdrawn,
    TaskConflict,
)
from hitl_orchestrator.services.acting import Acting


def test_submitters_and_requesters_do_not_decide(team):
    hitl = team()
    submit(hitl, by="r1b", metadata={"requested_by": ["r2", "requester"]})

    with pytest.raises(NotAuthorized, match="they submitted this case; another person with the role 'domain_reviewer'"):
        say(hitl, "r1")
    with pytest.raises(NotAuthorized, match="the task was requested by them"):
        hitl.reviews.claim(task_id="task-1", reviewer="r2")
    assert hitl.reviews.next(reviewer="r1") is None
    assert hitl.reviews.view(task_id="task-1").may_decide == ("r3", "few", "s1", "top")
    assert say(hitl, "r3").record.submitted_by == "r1b"


def test_a_decision_belongs_to_the_authenticated_reviewer(team):
    hitl = team()
    submit(hitl)

    with pytest.raises(NotAuthorized, match="the call names 'r2'; reviewers act for themselves only"):
        hitl.decide(task_id="task-1", decision=a_review("approve", "r2"), reviewer="r1")
    assert hitl.decide(task_id="task-1", decision=a_review("approve", "r1"), reviewer="r1").record.reviewer_id == "r1"


def test_a_released_delegation_returns_to_the_delegating_reviewer(team):
    hitl = team()
    submit(hitl)
    hitl.reviews.claim(task_id="task-1", reviewer="r1")

    given = hitl.reviews.delegate(task_id="task-1", reviewer="r1", to="r2", reason="knows the customer")
    row = hitl.cases.get(task_id="task-1").open_review
    assert (given.claimed_by, row.claimed_by, row.delegated_by) == ("r2", "r2", "r1")
    with pytest.raises(ReviewClaimed):
        say(hitl, "r1")
    assert hitl.reviews.release(task_id="task-1", reviewer="r2")

    assert hitl.cases.get(task_id="task-1").open_review.claimed_by == "r1"
    assert kinds(hitl)[-4:] == ["claimed", "delegated", "refused", "released"]
    assert say(hitl, "r1").status == "approved"
    assert hitl.audit.verify().sound


def test_delegation_needs_a_claim_and_an_authorized_receiver(team):
    hitl = team()
    submit(hitl, by="r3")
    with pytest.raises(NotAuthorized, match="they do not hold this review; claim it first"):
        hitl.reviews.delegate(task_id="task-1", reviewer="r1", to="r2")
    hitl.reviews.claim(task_id="task-1", reviewer="r1")

    with pytest.raises(NotAuthorized, match="'r3' may not decide this: they submitted"):
        hitl.reviews.delegate(task_id="task-1", reviewer="r1", to="r3")
    with pytest.raises(NotAuthorized, match="name another reviewer"):
        hitl.reviews.delegate(task_id="task-1", reviewer="r1", to="r1")


def test_the_claim_limit_is_enforced(team):
    hitl = team()
    submit(hitl, "task-1")
    submit(hitl, "task-2")
    hitl.reviews.claim(task_id="task-1", reviewer="few")
    hitl.reviews.claim(task_id="task-1", reviewer="few")

    with pytest.raises(NotAuthorized, match="they hold 1 reviews, which is the limit; decide or release"):
        hitl.reviews.claim(task_id="task-2", reviewer="few")
    with pytest.raises(NotAuthorized, match="which is the limit"):
        hitl.reviews.next(reviewer="few")
    hitl.reviews.claim(task_id="task-2", reviewer="r1")
    with pytest.raises(NotAuthorized, match="which is the limit"):
        hitl.reviews.delegate(task_id="task-2", reviewer="r1", to="few")


def test_a_submitter_cancels_a_claimed_case(team):
    hitl = team()
    submit(hitl, by="agent-7")
    hitl.reviews.claim(task_id="task-1", reviewer="r1")
    for who in ("r1", "requester"):
        with pytest.raises(NotAuthorized, match="only the submitter who is recorded, if there is one, may cancel it"):
            hitl.cases.cancel(task_id="task-1", submitted_by=who, reason="no")
    with pytest.raises(InvalidInput, match="state the reason"):
        hitl.cases.cancel(task_id="task-1", submitted_by="agent-7", reason=" ")

    gone = hitl.cases.cancel(task_id="task-1", submitted_by="agent-7", reason="the customer called")

    assert (gone.status, gone.record.decision_source, gone.record.human_involved) == ("canceled", "submitter", False)
    assert (gone.final_output, gone.record.human_reason) == (None, "the customer called")
    with pytest.raises(ReviewWithdrawn, match=r"was canceled by agent-7 at .* and no longer accepts decisions"):
        say(hitl, "r1")
    with pytest.raises(CaseNotWaiting):
        hitl.cases.cancel(task_id="task-1", submitted_by="agent-7", reason="again")
    assert hitl.audit.verify().sound


def test_a_case_without_a_submitter_cannot_be_canceled(team):
    hitl = team()
    submit(hitl)

    with pytest.raises(NotAuthorized, match="only the submitter who is recorded, if there is one, may cancel it"):
        hitl.cases.cancel(task_id="task-1", submitted_by="r1", reason="no")


def test_a_new_attempt_supersedes_the_previous_one(team):
    hitl = team()
    old = submit(hitl)

    with pytest.raises(TaskConflict):
        submit(hitl, task_description="Classify a letter")
    assert hitl.audit.verify().sound
    new = hitl.submit(a_task(task_description="Classify a letter"), an_output(), resubmit=True)

    assert new.submission.supersedes == old.case_id
    assert hitl.cases.get(old.case_id).status == "superseded"
    assert [row.case_id for row in hitl.inbox()] == [new.case_id]
    with pytest.raises(ReviewWithdrawn, match="was superseded"):
        hitl.decide(old.case_id, a_review("approve", "r1"))
    assert hitl.audit.verify().sound


def test_recovery_supersedes_cases_with_a_newer_attempt(team):
    hitl = team()
    old = submit(hitl)
    hitl.cases.enqueue(a_task(task_description="Classify a letter"), an_output(), resubmit=True)
    assert hitl.cases.get(old.case_id).status == "waiting"

    hitl.recover()

    assert hitl.cases.get(old.case_id).status == "superseded"
    assert len(hitl.inbox()) == 1


def test_an_error_of_the_mailer_is_reported_and_stops_no_other_reminder(team, clock):
    hitl = team(respond_within="PT1H", remind_before="PT59M59.96S")
    for name in ("first", "second"):
        submit(hitl, name)
    let_time_pass(hitl, clock, 60)
    tried = []

    def on_notice(notice):
        tried.append(notice.review.task_id)
        raise ConnectionError("no mail server")

    with pytest.raises(RecoveryIncomplete, match="no mail server"):
        hitl.run_maintenance(on_notice=on_notice)

    assert tried == ["first", "second"]


def test_authorized_reviewers_are_reminded_once_before_the_deadline(team, clock):
    hitl = team(respond_within="PT1H", remind_before="PT59M59.96S")
    submit(hitl, by="r1")
    notices = []
    hitl.run_maintenance(on_notice=notices.append)
    let_time_pass(hitl, clock, 1)

    hitl.run_maintenance(on_notice=notices.append)
    hitl.run_maintenance(on_notice=notices.append)

    assert [(notice.kind, notice.to) for notice in notices] == [("reminded", ("r2", "r3", "few", "s1", "top"))]
    assert kinds(hitl)[-1] == "reminded"
    assert hitl.audit.verify().sound


def test_a_lapsed_claim_returns_to_the_inbox(team, clock):
    hitl = team()
    submit(hitl)
    hitl.reviews.claim(task_id="task-1", reviewer="r1", seconds=0.04)
    let_time_pass(hitl, clock, 1)
    notices = []

    hitl.run_maintenance(on_notice=notices.append)
    hitl.run_maintenance(on_notice=notices.append)

    assert [(notice.kind, notice.to) for notice in notices] == [("returned", ("r1",))]
    assert hitl.cases.get(task_id="task-1").open_review.claimed_by is None
    assert kinds(hitl)[-1] == "released"
    assert hitl.audit.verify().sound


def test_a_rule_can_count_working_time_only(opened, store):
    calendar = {"timezone": "UTC", "begins": "09:00", "ends": "17:00"}
    people = {"reviewers": TEAM, "calendar": calendar}
    hitl = opened(store, reviewers=people, policy=a_policy(respond_within="PT16H", business_hours=True))

    row = submit(hitl).open_review

    length = row.due_at - row.opened_at if store == "memory://" else row.shown.answer_within
    assert length.total_seconds() >= 24 * 3600  # two working days, with a night between them at least
    with pytest.raises(InvalidInput, match="the people have no calendar"):
        opened("memory://", reviewers=TEAM, policy=a_policy(respond_within="PT16H", business_hours=True))


def test_recovery_completes_an_interrupted_withdrawal(opened, durable_store):
    hitl = opened(durable_store, reviewers=TEAM, policy=a_policy())
    case = submit(hitl, by="agent-7")
    services_of(hitl).recorder.cancel(
        case.open_review, case, "agent-7", reason="gone", acting=Acting()
    )  # and the process ends here
    hitl.close()

    again = opened(durable_store, reviewers=TEAM)
    assert [moved.status for moved in again.recover()] == ["canceled"]
    assert again.cases.get(task_id="task-1").record.human_reason == "gone"
    assert again.audit.verify().sound

"""A team at work: two signatures, blind labels, delegation, withdrawal, reminders. The same on every store."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from builders import a_review, a_task, an_output

from hitl_orchestrator import Proposal, Refusal, UnfitInput
from hitl_orchestrator.domain.words import HumanDecision, RiskLevel
from hitl_orchestrator.errors import (
    CaseNotWaiting,
    NotAuthorised,
    ReviewClaimed,
    ReviewPassedOn,
    ReviewWithdrawn,
    StaleReview,
    TaskConflict,
)

TEAM = [
    *({"reviewer_id": name, "name": name, "roles": ["domain_reviewer"]} for name in ("r1", "r2", "r3")),
    {"reviewer_id": "r1b", "name": "r1 again", "roles": ["domain_reviewer"], "person": "r1"},
    {"reviewer_id": "s1", "name": "s1", "roles": ["senior_manager"]},
    {"reviewer_id": "few", "name": "few", "roles": ["domain_reviewer"], "max_open_claims": 1},
    {"reviewer_id": "top", "name": "top", "roles": ["compliance_officer"]},
]


def a_policy(**asking):
    rule = {"rule_id": "r1", "priority": 1, "conditions": {}, "action": "human_review", **asking}
    return {"policy_id": "team", "rules": [rule]}


@pytest.fixture
def team(opened, store):
    """Open the store with a team, under one rule that asks people in some way."""
    return lambda **asking: opened(store, reviewers=TEAM, policy=a_policy(**asking))


def submit(hitl, task_id="task-1", **task):
    by = task.pop("by", None)
    return hitl.submit(a_task(task_id, **task), an_output(task_id), submitted_by=by)


def say(hitl, who, word="approve", task_id="task-1", **said):
    return hitl.decide(task_id, a_review(word, None, **said), by=who)


def kinds(hitl, task_id="task-1"):
    return [event.kind.value for event in hitl.history(task_id)]


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
    assert [row.status.value for row in hitl.show("task-1").reviews] == ["voted", "decided"]
    assert kinds(hitl)[-4:] == ["review_opened", "decided", "resumed", "finished"]
    assert (done.record.approvals_needed, done.record.escalations) == (2, 0)
    assert hitl.verify().sound


@pytest.mark.parametrize("again", ["r1", "r1b"])
def test_nobody_signs_twice_under_whatever_account(team, again):
    hitl = team(approvals=2)
    submit(hitl)
    say(hitl, "r1")

    with pytest.raises(NotAuthorised, match="have answered this case already, and it takes another person; ask r2, r3"):
        say(hitl, again, "reject")
    assert hitl.next_for("r1b") is None


def test_the_same_signature_again_is_the_same_receipt(team):
    hitl = team(approvals=2)
    submit(hitl)

    assert say(hitl, "r1").reviews == say(hitl, "r1").reviews
    assert len(hitl.show("task-1").reviews) == 2


def test_who_disagrees_sends_it_up_and_who_is_above_reads_what_was_said(team):
    hitl = team(approvals=2)
    submit(hitl)
    say(hitl, "r1")

    up = say(hitl, "r2", "reject").open_review
    done = say(hitl, "s1", "reject")

    assert (up.role, up.shown.passed_up_because) == (
        "senior_manager",
        "the reviewers disagree: domain_reviewer said approve; domain_reviewer said reject",
    )
    assert (done.status, done.record.escalations, len(done.record.votes)) == ("rejected", 1, 3)
    assert hitl.verify().sound


def test_who_signs_second_does_not_see_what_the_first_said(team):
    hitl = team(approvals=2)
    submit(hitl)
    say(hitl, "r1", reason="my reason")

    seen = hitl.view("task-1", "r2")

    assert "voted" in [line.what for line in seen.history]
    assert "approve" not in " ".join(line.what for line in seen.history)
    assert "my reason" not in seen.model_dump_json()


def test_a_majority_of_three_outvotes_one(team):
    hitl = team(approvals=2, agreement="majority")
    submit(hitl)
    say(hitl, "r1")
    assert say(hitl, "r2", "reject").open_review.role == "domain_reviewer"

    assert say(hitl, "r3").status == "approved"


def test_distinct_roles_ask_for_two_roles(team):
    hitl = team(approvals=2, distinct_roles=True)
    submit(hitl)
    say(hitl, "r1")

    with pytest.raises(NotAuthorised, match="the rule asks distinct roles"):
        say(hitl, "r2")
    assert say(hitl, "s1").status == "approved"


def test_where_nobody_is_left_one_may_change_ones_mind_and_to_reject_is_final(opened, store):
    hitl = opened(store, reviewers=TEAM[:2], policy=a_policy(approvals=2))
    submit(hitl, by="r2")

    assert say(hitl, "r1").status == "waiting"
    assert say(hitl, "r1", "reject").status == "rejected"
    assert hitl.verify().sound


def test_whoever_submitted_or_wanted_it_does_not_decide_it(team):
    hitl = team()
    submit(hitl, by="r1b", metadata={"requested_by": ["r2", "somebody"]})

    with pytest.raises(NotAuthorised, match="they submitted this case; another person with the role 'domain_reviewer'"):
        say(hitl, "r1")
    with pytest.raises(NotAuthorised, match="the task was requested by them"):
        hitl.claim("task-1", "r2")
    assert hitl.next_for("r1") is None
    assert hitl.view("task-1").may_decide == ("r3", "few", "s1", "top")
    assert say(hitl, "r3").record.submitted_by == "r1b"


def test_an_answer_is_that_of_whoever_the_face_knows(team):
    hitl = team()
    submit(hitl)

    with pytest.raises(NotAuthorised, match="the answer names 'r2'; everybody answers for themselves"):
        hitl.decide("task-1", a_review("approve", "r2"), by="r1")
    assert hitl.decide("task-1", a_review("approve", "r1"), by="r1").record.reviewer_id == "r1"


def test_what_is_delegated_comes_back_when_it_is_let_go(team):
    hitl = team()
    submit(hitl)
    hitl.claim("task-1", "r1")

    given = hitl.delegate("task-1", "r1", "r2", reason="knows the customer")
    assert (given.claimed_by, given.delegated_by) == ("r2", "r1")
    with pytest.raises(ReviewClaimed):
        say(hitl, "r1")
    assert hitl.release("task-1", "r2")

    assert hitl.show("task-1").open_review.claimed_by == "r1"
    assert kinds(hitl)[-4:] == ["claimed", "delegated", "refused", "released"]
    assert say(hitl, "r1").status == "approved"
    assert hitl.verify().sound


def test_nobody_gives_on_what_they_do_not_hold_nor_to_whom_it_may_not_go(team):
    hitl = team()
    submit(hitl, by="r3")
    with pytest.raises(NotAuthorised, match="they do not hold this review; claim it first"):
        hitl.delegate("task-1", "r1", "r2")
    hitl.claim("task-1", "r1")

    with pytest.raises(NotAuthorised, match="'r3' may not decide this: they submitted"):
        hitl.delegate("task-1", "r1", "r3")
    with pytest.raises(NotAuthorised, match="name somebody else"):
        hitl.delegate("task-1", "r1", "r1")


def test_nobody_holds_more_than_they_may(team):
    hitl = team()
    submit(hitl, "task-1")
    submit(hitl, "task-2")
    hitl.claim("task-1", "few")
    hitl.claim("task-1", "few")

    with pytest.raises(NotAuthorised, match="they hold 1 reviews already, as many as they may; decide or release"):
        hitl.claim("task-2", "few")
    with pytest.raises(NotAuthorised, match="as many as they may"):
        hitl.next_for("few")
    hitl.claim("task-2", "r1")
    with pytest.raises(NotAuthorised, match="as many as they may"):
        hitl.delegate("task-2", "r1", "few")


def test_the_submitter_takes_a_case_back_from_under_somebody_s_hands(team):
    hitl = team()
    submit(hitl, by="agent-7")
    hitl.claim("task-1", "r1")
    for who in ("r1", "somebody"):
        with pytest.raises(NotAuthorised, match="only 'agent-7', who submitted it, may cancel it"):
            hitl.cancel("task-1", who, reason="no")
    with pytest.raises(UnfitInput, match="say why"):
        hitl.cancel("task-1", "agent-7", reason=" ")

    gone = hitl.cancel("task-1", "agent-7", reason="the customer called")

    assert (gone.status, gone.record.decision_source, gone.record.human_involved) == ("cancelled", "submitter", False)
    assert (gone.final_output, gone.record.human_reason) == (None, "the customer called")
    with pytest.raises(ReviewWithdrawn, match=r"was cancelled by 'agent-7' at .*, and takes no answer"):
        say(hitl, "r1")
    with pytest.raises(CaseNotWaiting):
        hitl.cancel("task-1", "agent-7", reason="again")
    assert hitl.verify().sound


def test_of_a_case_whose_submitter_nobody_knows_nobody_cancels(team):
    hitl = team()
    submit(hitl)

    with pytest.raises(NotAuthorised, match="nobody is recorded as who submitted it"):
        hitl.cancel("task-1", "r1", reason="no")


def test_a_new_attempt_takes_the_place_of_the_one_before(team):
    hitl = team()
    old = submit(hitl)

    with pytest.raises(TaskConflict):
        submit(hitl, task_description="Classify a letter")
    assert hitl.verify().sound
    new = hitl.submit(a_task(task_description="Classify a letter"), an_output(), resubmit=True)

    assert new.submission.supersedes == old.case_id
    assert hitl.show(old.case_id).status == "superseded"
    assert [row.case_id for row in hitl.inbox()] == [new.case_id]
    with pytest.raises(ReviewWithdrawn, match="was superseded"):
        hitl.decide(old.case_id, a_review("approve", "r1"))
    assert hitl.verify().sound


def test_what_a_crash_left_behind_a_new_attempt_is_put_right_by_recovering(team):
    hitl = team()
    old = submit(hitl)
    hitl.accept(a_task(task_description="Classify a letter"), an_output(), resubmit=True)
    assert hitl.show(old.case_id).status == "waiting"

    hitl.recover()

    assert hitl.show(old.case_id).status == "superseded"
    assert len(hitl.inbox()) == 1


def test_a_blind_reviewer_says_first_what_they_think(team):
    hitl = team(blind=True)
    submit(hitl)

    seen = hitl.view("task-1", "r1")
    assert (seen.hidden, seen.proposal, seen.confidence, seen.would_go_through, seen.similar) == (
        True,
        None,
        None,
        (),
        (),
    )
    assert "Refund" not in seen.model_dump_json()
    assert "0.9" not in seen.model_dump_json(exclude={"asking"})
    assert hitl.view("task-1").hidden
    with pytest.raises(NotAuthorised, match="commit an own label first"):
        say(hitl, "r1")

    shown = hitl.label("task-1", "r1", "Complaint")
    again = hitl.label("task-1", "r1", "Refund")

    assert (shown.hidden, shown.proposal.predicted_label) == (False, "Refund")
    assert again.own_label == "Complaint"
    assert hitl.view("task-1", "r2").hidden
    assert say(hitl, "r1").record.own_label == "Complaint"
    assert hitl.verify().sound


def test_the_first_look_is_told_once_and_a_look_lets_a_claim_live_on(team, clock):
    hitl = team()
    submit(hitl)
    first = hitl.claim("task-1", "r1", seconds=5).claimed_until
    hitl.view("task-1", "r1")
    clock.tick(2)

    assert hitl.view("task-1", "r1").claimed_until > first
    done = say(hitl, "r1")
    assert kinds(hitl).count("viewed") == 1
    assert done.record.seconds_looked_at == 2
    assert hitl.verify().sound


def let_time_pass(hitl, clock, seconds):
    clock.tick(seconds)
    if hitl.ledger.now() != clock():
        then = hitl.ledger.now()
        while (hitl.ledger.now() - then).total_seconds() < 0.05:
            pass


def test_who_may_answer_is_reminded_once_before_it_is_due(team, clock):
    hitl = team(respond_within="PT1H", remind_before="PT59M59.96S")
    submit(hitl, by="r1")
    notices = []
    hitl.sweep(on_notice=notices.append)
    let_time_pass(hitl, clock, 1)

    hitl.sweep(on_notice=notices.append)
    hitl.sweep(on_notice=notices.append)

    assert [(notice.kind, notice.to) for notice in notices] == [("reminded", ("r2", "r3", "few", "s1", "top"))]
    assert kinds(hitl)[-1] == "reminded"
    assert hitl.verify().sound


def test_what_somebody_claimed_and_left_goes_back_to_all(team, clock):
    hitl = team()
    submit(hitl)
    hitl.claim("task-1", "r1", seconds=0.04)
    let_time_pass(hitl, clock, 1)
    notices = []

    hitl.sweep(on_notice=notices.append)
    hitl.sweep(on_notice=notices.append)

    assert [(notice.kind, notice.to) for notice in notices] == [("returned", ("r1",))]
    assert hitl.show("task-1").open_review.claimed_by is None
    assert kinds(hitl)[-1] == "released"
    assert hitl.verify().sound


def test_the_next_case_is_the_one_that_is_due_first_and_nobody_holds(team):
    hitl = team(respond_within="PT1H")
    for number in range(3):
        submit(hitl, f"task-{number}")

    taken = [hitl.next_for(who) for who in ("r1", "r2", "r3", "s1")]

    assert [row and row.shown.task.task_id for row in taken] == ["task-0", "task-1", "task-2", None]
    assert [row.claimed_by for row in taken[:3]] == ["r1", "r2", "r3"]


def test_the_inbox_is_narrowed(team):
    hitl = team()
    submit(hitl, "task-1", domain="finance", risk_level="high", task_type="loan")
    submit(hitl, "task-2")
    hitl.claim("task-2", "r1")

    def listed(**wanted):
        return [row.shown.task.task_id for row in hitl.inbox(**wanted)]

    assert listed() == ["task-1", "task-2"]
    assert listed(task_type="loan") == listed(risk_level=RiskLevel.HIGH) == listed(unclaimed=True) == ["task-1"]
    assert listed(mine="r1") == listed(domain="customer_support") == ["task-2"]
    assert listed(overdue=True) == listed(mine="r2") == []
    with pytest.raises(UnfitInput, match="risk_level: 'hihg' is none of low, medium, high; did you mean 'high'"):
        hitl.inbox(risk_level="hihg")


def test_several_are_decided_at_once_only_where_each_is_harmless(team):
    hitl = team()
    for number in range(3):
        submit(hitl, f"task-{number}")
    submit(hitl, "risky", risk_level="high")
    submit(hitl, "above")
    say(hitl, "r1", "escalate", "above")

    with pytest.raises(UnfitInput) as refused:
        hitl.decide_many(["task-0", "risky", "above"], a_review("approve", None), by="r1")
    assert refused.value.problems == (
        "bulk: task 'risky': its risk is high; decide it by itself",
        "bulk: task 'above': it was escalated; decide it by itself",
    )
    with pytest.raises(UnfitInput, match="modify is for one case alone"):
        hitl.decide_many(["task-0"], a_review("modify", None), by="r1")

    done = hitl.decide_many([f"task-{number}" for number in range(3)], a_review("approve", None), by="r1")
    assert [case.status for case in done] == ["approved"] * 3


def test_a_case_with_a_known_answer_looks_like_any_other_and_is_never_carried_out(team):
    hitl = team()
    submit(hitl, "task-1")
    hitl.plant(a_task("task-2"), an_output("task-2"), HumanDecision.REJECT)

    real, planted = hitl.view("task-1", "r1"), hitl.view("task-2", "r1")
    for task_id in ("task-1", "task-2"):
        say(hitl, "r1", "approve", task_id)

    unlike = {name for name in type(real).model_fields if getattr(real, name) != getattr(planted, name)}
    assert unlike <= {"case_id", "task_id", "review_id", "digest", "task", "similar"}
    assert [record.task_id for record in hitl.records()] == ["task-1"]
    [kept_apart] = hitl.records(probes=True)
    assert (kept_apart.probe_expected, kept_apart.human_decision, kept_apart.final_output) == (
        "reject",
        "approve",
        None,
    )
    assert hitl.show("task-2").final_output is None
    assert hitl.verify().sound


def test_a_case_that_nobody_would_be_asked_about_cannot_be_planted(opened, store):
    hitl = opened(store, reviewers=TEAM)

    with pytest.raises(UnfitInput, match="the policy lets it go ahead"):
        hitl.plant(a_task(), an_output(confidence=0.95), HumanDecision.REJECT)


def test_a_second_look_is_somebody_else_s(team):
    hitl = team()
    submit(hitl)
    first = say(hitl, "r1")

    hitl.second_look("task-1", "task-9")

    assert hitl.next_for("r1b") is None
    assert hitl.next_for("r2").shown.task.task_id == "task-9"
    assert say(hitl, "r2", "reject", "task-9").record.probe_of == first.case_id
    assert [record.task_id for record in hitl.records()] == ["task-1"]


def test_a_reason_is_one_of_the_list(team):
    hitl = team()
    submit(hitl)

    with pytest.raises(UnfitInput, match=r"reason_code: 'agent_eror'; the reasons are .*; did you mean 'agent_error'"):
        say(hitl, "r1", "reject", reason_code="agent_eror")
    assert say(hitl, "r1", "reject", reason_code="agent_error").record.reason_code == "agent_error"


def test_what_was_edited_is_told_as_a_patch(team):
    hitl = team()
    submit(hitl)

    edited = Proposal(predicted_label="Complaint", explanation="It says so", amount=3)
    record = say(hitl, "r1", "modify", modified_output=edited).record

    assert sorted(record.output_patch, key=lambda step: step["op"]) == [
        {"op": "add", "path": "/amount", "value": 3},
        {"op": "replace", "path": "/predicted_label", "value": "Complaint"},
    ]


def test_what_confidence_means_is_said_once_enough_was_decided(team, clock):
    hitl = team()
    for number in range(20):
        clock.tick()
        submit(hitl, f"task-{number}")
        say(hitl, "r1", "approve" if number % 4 else "reject", f"task-{number}")
    submit(hitl, "task-x")

    seen = hitl.view("task-x", "r1")

    assert seen.confidence_means == (
        "of 20 outputs of this type at confidence 0.9 to 1.0 that people decided, 15 were upheld"
    )
    assert [case.task_id for case in seen.similar] == [f"task-{number}" for number in (19, 18, 17, 16, 15)]


def test_what_was_said_on_the_way_is_erased_with_the_rest(team):
    hitl = team(blind=True)
    submit(hitl, by="agent-7", metadata={"customer": "Zaphod"})
    hitl.claim("task-1", "r1")
    hitl.delegate("task-1", "r1", "r2", reason="Zaphod knows why")
    hitl.label("task-1", "r2", "Zaphod again")
    say(hitl, "r2", "modify", modified_output=Proposal(predicted_label="Zaphod"))

    hitl.redact("task-1", reason="asked for")

    assert "Zaphod" not in " ".join(event.model_dump_json() for event in hitl.history("task-1"))
    assert "Zaphod" not in hitl.show("task-1").model_dump_json()
    assert hitl.ledger.last_reviewer_for("Zaphod") is None
    assert hitl.verify().sound


def test_an_answer_to_a_review_that_another_has_voted_on_is_refused_without_telling_what_they_said(team):
    hitl = team(approvals=2)
    submit(hitl)
    seen = hitl.show("task-1").open_review
    say(hitl, "r1")

    for named in ({"review_id": seen.review_id}, {"shown_digest": seen.digest}):
        with pytest.raises(Refusal) as refused:
            hitl.decide("task-1", a_review("reject", "r2", **named))
        assert "approve" not in str(refused.value)
    assert isinstance(refused.value, StaleReview)
    with pytest.raises(ReviewPassedOn, match="the case asks the next person now"):
        hitl.decide("task-1", a_review("reject", "r2", review_id=seen.review_id))


def test_those_who_vote_at_once_are_all_heard(team):
    hitl = team(approvals=3)
    submit(hitl)
    start = Barrier(3)

    def vote(who):
        start.wait()
        return say(hitl, who).status

    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(vote, ("r1", "r2", "r3")))

    assert hitl.show("task-1").status == "approved"
    assert len(hitl.show("task-1").record.votes) == 3
    assert "approved" in said
    assert hitl.verify().sound


def test_work_is_given_to_whoever_has_least_and_to_nobody_who_may_not(team):
    hitl = team()
    for number in range(8):
        submit(hitl, f"task-{number}", by="r3")

    given = hitl.assign()

    held = Counter(hitl.people.human(one.to) for one in given)
    assert (held["few"], held["r1"] + held["r2"], abs(held["r1"] - held["r2"])) == (1, 7, 1)
    assert all(one.row.claimed_by == one.to for one in given)
    assert [event.actor.id for event in hitl.history("task-0") if event.kind == "claimed"] == ["orchestrator"]
    assert hitl.verify().sound


def test_what_nobody_may_decide_goes_to_the_role_above_and_says_so(opened, store):
    people = [{**TEAM[0], "domains": ["finance"]}, *TEAM[4:5]]
    hitl = opened(store, reviewers=people, policy=a_policy())
    submit(hitl)

    [given] = hitl.assign()

    assert given.to == "s1"
    assert given.why == (
        "nobody with the role 'domain_reviewer' may decide this: nobody has it in the domain 'customer_support'; "
        "it goes to 'senior_manager'"
    )


def test_what_nobody_is_there_for_waits_and_says_so(opened, store):
    hitl = opened(store, reviewers=[TEAM[5]], policy=a_policy())
    submit(hitl, "task-1")
    submit(hitl, "task-2")

    first, second = hitl.assign()

    assert (first.to, second.to) == ("few", None)
    assert second.why.endswith("few holds 1 reviews of at most 1; it waits for them")


def test_the_same_customer_comes_to_the_same_reviewer(team, clock):
    hitl = team()
    for number in range(4):
        submit(hitl, f"task-{number}", metadata={"customer": "c1"})
    say(hitl, "r2", task_id="task-0")

    assert {one.to for one in hitl.assign(strategy="sticky")} == {"r2"}
    with pytest.raises(UnfitInput, match="strategy: 'pushy' is none of push, sticky; did you mean 'push'"):
        hitl.assign(strategy="pushy")


def test_an_edit_that_does_not_fit_its_type_is_refused_before_anything_is_stored(opened, store):
    schema = {"type": "object", "properties": {"amount": {"type": "number", "maximum": 100}}, "required": ["amount"]}
    hitl = opened(store, reviewers=TEAM, policy=a_policy(), schemas={"document_classification": schema})
    submit(hitl)
    before = hitl.show("task-1"), len(hitl.history("task-1"))

    with pytest.raises(UnfitInput) as refused:
        say(hitl, "r1", "modify", modified_output=Proposal(predicted_label="Edited", amount=200))

    assert "/amount" in refused.value.problems[0]
    assert (hitl.show("task-1"), len(hitl.history("task-1"))) == before
    assert hitl.view("task-1").output_schema == schema
    fitting = Proposal(predicted_label="Edited", amount=20)
    assert say(hitl, "r1", "modify", modified_output=fitting).final_output == fitting


def test_what_agents_can_learn_is_told_of_each_case_that_a_person_decided(team):
    hitl = team()
    submit(hitl, "task-1")
    submit(hitl, "task-2", by="x")
    hitl.plant(a_task("task-3"), an_output("task-3"), HumanDecision.REJECT)
    say(hitl, "r1", "reject", human_feedback="not a refund", reason_code="agent_error")
    hitl.cancel("task-2", "x", reason="gone")
    say(hitl, "r1", "reject", "task-3")

    [told] = hitl.feedback()

    assert (told.task_id, told.agent_correct, told.human_override) == ("task-1", False, False)
    assert (told.error_type, told.notes) == ("agent_error", "not a refund")


def test_working_time_alone_counts_where_the_rule_says_so(opened, store):
    calendar = {"timezone": "UTC", "begins": "09:00", "ends": "17:00"}
    people = {"reviewers": TEAM, "calendar": calendar}
    hitl = opened(store, reviewers=people, policy=a_policy(respond_within="PT16H", business_hours=True))

    row = submit(hitl).open_review

    length = row.due_at - row.opened_at if store == "memory://" else row.shown.answer_within
    assert length.total_seconds() >= 24 * 3600  # two working days, with a night between them at least
    with pytest.raises(UnfitInput, match="the reviewers file has no calendar"):
        opened("memory://", reviewers=TEAM, policy=a_policy(respond_within="PT16H", business_hours=True))

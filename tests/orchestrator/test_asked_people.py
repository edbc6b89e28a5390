"""Rules that ask a team, or exclude reviewers: who may decide, on every path to a decision. The same on every store."""

import pytest
from support.builders import NINE, a_review, a_task, an_output
from support.people_changes import change_people, change_policy
from support.teams import TEAM, a_policy, say, submit

from hitl_orchestrator.errors import InvalidInput, NotAuthorized

FRAUD = {"team_id": "fraud", "members": ["r2", "s1"]}
NEW = {"reviewer_id": "new", "name": "new", "roles": ["domain_reviewer"]}
LEGAL = {"team_id": "legal", "members": ["r3", "s1"]}
PEOPLE = {"reviewers": TEAM, "teams": [FRAUD, LEGAL]}


@pytest.fixture
def asked(opened, store):
    """Open the store with a team, under one rule with this `ask`."""

    def open_with(people=PEOPLE, **rule):
        return opened(store, reviewers=people, policy=a_policy(**rule))

    return open_with


def may_decide(hitl, task_id="task-1"):
    return hitl.reviews.view(task_id=task_id).may_decide


def test_only_the_team_that_a_rule_asks_may_decide(asked):
    hitl = asked(ask={"team": "fraud"})
    submit(hitl)

    outside = "the rule asks the team 'fraud', and they are not in it; ask r2 or s1"
    for refused in ("r1", "r3", "top"):
        with pytest.raises(NotAuthorized, match=outside):
            say(hitl, refused)
        with pytest.raises(NotAuthorized, match=outside):
            hitl.reviews.claim(task_id="task-1", reviewer=refused)
        assert hitl.reviews.next(reviewer=refused) is None
        assert list(hitl.inbox(reviewer=refused)) == []
    assert may_decide(hitl) == ("r2", "s1")
    assert [request.teams for request in hitl.inbox(reviewer="r2")] == [("fraud",)]

    assert hitl.reviews.next(reviewer="r2").task_id == "task-1"
    with pytest.raises(NotAuthorized, match=outside):
        hitl.reviews.delegate(task_id="task-1", reviewer="r2", to="r3")
    assert say(hitl, "r2").record.reviewer_id == "r2"
    assert hitl.audit.verify().sound


def test_every_account_of_a_member_is_in_the_team(asked):
    hitl = asked({"reviewers": TEAM, "teams": [{"team_id": "fraud", "members": ["r1"]}]}, ask={"team": "fraud"})
    submit(hitl)

    assert may_decide(hitl) == ("r1", "r1b")


def test_the_person_whom_a_rule_excludes_may_not_decide_under_any_account(asked):
    hitl = asked(ask={"not": ["r1", "top"]})
    submit(hitl)

    for refused in ("r1", "r1b", "top"):
        with pytest.raises(NotAuthorized, match=r"they may not decide this case; ask r2, r3, s1 or few$"):
            say(hitl, refused)
    assert may_decide(hitl) == ("r2", "r3", "few", "s1")


def test_an_excluded_person_may_not_decide_after_an_escalation_either(asked):
    hitl = asked(ask={"not": ["s1"]})
    submit(hitl)
    say(hitl, "r1", "escalate")

    assert may_decide(hitl) == ("top",)
    with pytest.raises(NotAuthorized, match="the rule states that they may not decide this case"):
        say(hitl, "s1")
    assert say(hitl, "top").status == "approved"


def test_an_escalated_case_leaves_the_team(asked):
    hitl = asked({"reviewers": TEAM, "teams": [{"team_id": "fraud", "members": ["r2"]}]}, ask={"team": "fraud"})
    submit(hitl)

    say(hitl, "r2", "escalate")

    assert may_decide(hitl) == ("s1", "top")
    assert say(hitl, "s1").record.human_role == "senior_manager"


PAIR = {"team_id": "fraud", "members": ["r2", "r3"]}
TWO = {"reviewers": TEAM, "teams": [PAIR]}
OTHERWISE = {"approvals": 2, "conditions": {"domain": "customer_support"}}
ASKS = OTHERWISE | {"ask": {"team": "fraud"}}
SHORT = {
    "a member leaves the team": {"reviewers": TEAM, "teams": [PAIR | {"members": ["r3"]}]},
    "a member is removed": {
        "reviewers": [each for each in TEAM if each["reviewer_id"] != "r2"],
        "teams": [PAIR | {"members": ["r3"]}],
    },
    "a member decides in another domain": {
        "reviewers": [each | {"domains": ["legal"]} if each["reviewer_id"] == "r2" else each for each in TEAM],
        "teams": [PAIR],
    },
}


@pytest.mark.parametrize("left", SHORT.values(), ids=SHORT)
def test_where_two_persons_leave_a_team_short_of_members_the_top_of_the_chain_decides(asked, left):
    hitl = asked(TWO, **ASKS)
    submit(hitl)
    change_people(hitl, left, by="s1", approver="top")

    assert may_decide(hitl) == ("r3", "top")
    with pytest.raises(NotAuthorized):
        say(hitl, "s1")
    say(hitl, "r3")
    assert say(hitl, "top").status == "approved"


@pytest.mark.parametrize("state", ["active", "of an open case", "canary"])
@pytest.mark.parametrize("left", SHORT.values(), ids=SHORT)
def test_one_person_alone_cannot_make_a_team_short_that_a_policy_asks_and_decide_its_cases(opened, store, left, state):
    asks, other = a_policy(**ASKS), a_policy(**OTHERWISE)
    hitl = opened(store, reviewers=TWO, policy=other if state == "canary" else asks)
    submit(hitl)
    if state == "of an open case":
        change_policy(hitl, other, by="s1", approver="top")
    if state == "canary":
        assert hitl.policy.start_canary(asks, share=0.5, reviewer="s1", reason="try it").in_force
    before = may_decide(hitl)

    done = hitl.people.propose(left, reviewer="top", reason="they left")

    assert not done.in_force
    assert "a policy asks the team 'fraud'" in str(done.wider)
    assert may_decide(hitl) == before


def test_a_team_that_a_policy_in_force_asks_cannot_be_removed(asked):
    hitl = asked(TWO, **ASKS)

    with pytest.raises(InvalidInput, match=r"the policy in force v1 .* asks the team 'fraud'; keep it, or change"):
        hitl.people.propose({"reviewers": TEAM}, reviewer="top", reason="smaller")

    change_policy(hitl, a_policy(**OTHERWISE), by="s1", approver="top")
    assert hitl.people.propose({"reviewers": TEAM}, reviewer="top", reason="smaller").in_force


def test_an_approved_removal_of_a_team_that_a_policy_asks_meanwhile_is_not_carried_out(asked):
    hitl = asked(TWO)
    done = hitl.people.propose({"reviewers": [*TEAM, NEW]}, reviewer="s1", reason="one more, and no team")
    assert not done.in_force
    assert hitl.policy.activate(a_policy(ask={"team": "fraud"}), reviewer="s1", reason="fraud decides").in_force

    hitl.decide(done.case.case_id, "approve", reviewer="top")

    assert [team.team_id for team in hitl.people.active().teams] == ["fraud"]
    assert "asks the team 'fraud'" in hitl.people.history()[-1].body["why"]


def test_a_member_of_a_team_that_no_policy_asks_leaves_it_by_one_person(asked):
    hitl = asked(TWO)
    submit(hitl)

    assert hitl.people.propose({"reviewers": TEAM}, reviewer="top", reason="no team").in_force


def test_the_only_member_who_asked_for_the_task_leaves_it_to_the_top(asked):
    hitl = asked({"reviewers": TEAM, "teams": [{"team_id": "fraud", "members": ["r2"]}]}, ask={"team": "fraud"})
    submit(hitl, metadata={"requested_by": "r2"})

    assert may_decide(hitl) == ("top",)


def test_a_team_with_too_few_members_for_the_approvals_is_helped_by_the_top(asked):
    hitl = asked(
        {"reviewers": TEAM, "teams": [{"team_id": "fraud", "members": ["r2"]}]}, ask={"team": "fraud"}, approvals=2
    )
    submit(hitl)
    assert may_decide(hitl) == ("r2", "top")

    say(hitl, "r2")
    with pytest.raises(NotAuthorized):
        say(hitl, "s1")

    assert say(hitl, "top").status == "approved"


def test_the_votes_of_a_quorum_come_from_the_team(asked):
    hitl = asked(ask={"team": "fraud"}, approvals=2)
    submit(hitl)

    say(hitl, "r2")
    with pytest.raises(NotAuthorized, match="they are not in it"):
        say(hitl, "r3")
    assert say(hitl, "s1").status == "approved"


def test_reviews_are_assigned_within_the_team(asked):
    hitl = asked(ask={"team": "fraud"})
    for number in range(3):
        submit(hitl, f"task-{number}")

    assigned = hitl.reviews.assign(reviewer="s1")

    assert {each.to for each in assigned} == {"r2"}


def test_a_bulk_decision_is_refused_to_a_reviewer_outside_the_team(asked):
    hitl = asked(ask={"team": "fraud"})
    cases = [submit(hitl, f"task-{number}").case_id for number in range(2)]

    with pytest.raises(NotAuthorized, match="they are not in it"):
        hitl.reviews.decide_many(cases, "approve", reviewer="r1")
    assert [case.status for case in hitl.reviews.decide_many(cases, "approve", reviewer="r2")] == ["approved"] * 2


def test_the_teams_of_two_layers_must_both_hold_and_their_exclusions_add_up(opened, store):
    policy = a_policy(ask={"team": "fraud", "not": ["r1"]})
    layer = a_policy(ask={"team": "legal", "not": ["r3"]})
    layer["rules"][0]["rule_id"] = "own"
    hitl = opened(store, reviewers=PEOPLE, policy=policy | {"domains": {"customer_support": layer}})
    submit(hitl)

    assert may_decide(hitl) == ("s1",)
    assert hitl.inbox()[0].teams == ("fraud", "legal")
    assert hitl.inbox()[0].not_by == ("r1", "r3")


def test_a_policy_that_asks_a_team_from_now_on_also_asks_it_for_waiting_cases(asked):
    hitl = asked()
    submit(hitl)
    assert "r1" in may_decide(hitl)

    hitl.policy.activate(a_policy(ask={"team": "fraud"}), reviewer="s1", reason="fraud decides")

    assert may_decide(hitl) == ("r2", "s1")


def test_dropping_a_team_takes_two_persons_and_asking_one_takes_one(asked):
    hitl = asked(ask={"team": "fraud"})

    fewer = hitl.policy.activate(a_policy(), reviewer="s1", reason="anyone may decide")
    other = hitl.policy.activate(a_policy(ask={"team": "legal"}), reviewer="s1", reason="legal decides")
    more = hitl.policy.activate(a_policy(ask={"team": "fraud", "not": ["r1"]}), reviewer="s1", reason="not r1")

    assert [each.in_force for each in (fewer, other, more)] == [False, False, True]


def test_another_member_of_an_asked_team_takes_two_persons_and_one_less_too(asked):
    hitl = asked(ask={"team": "fraud"})
    more = {"reviewers": TEAM, "teams": [{**FRAUD, "members": ["r2", "s1", "r1"]}, LEGAL]}
    fewer = {"reviewers": TEAM, "teams": [{**FRAUD, "members": ["s1"]}, LEGAL]}

    wider = hitl.people.propose(more, reviewer="s1", reason="r1 helps")

    assert (wider.in_force, wider.wider) == (False, ("'r1' joins the team 'fraud'",))
    assert not hitl.people.propose(fewer, reviewer="s1", reason="r2 left").in_force


def test_the_case_of_a_change_shows_the_remarks_on_the_changed_rules(asked):
    hitl = asked(ask={"team": "fraud"})
    remarked = a_policy(note="Since the audit of March", owner="claims desk", reference="REG-12")

    change = hitl.policy.activate(remarked, reviewer="s1", reason="anyone may decide")

    shown = hitl.reviews.view(change.case.case_id, reviewer="top").proposal.explanation
    assert "about r1: Since the audit of March (owner: claims desk; reference: REG-12)" in shown


@pytest.mark.parametrize(
    ("ask", "problem"),
    [
        ({"team": "frod"}, "ask.team: there is no team 'frod'; the teams are fraud, legal; did you mean 'fraud'?"),
        ({"not": ["r1", "tpo"]}, "ask.not: there is no reviewer 'tpo'; did you mean 'top'?"),
    ],
)
def test_a_rule_that_names_a_team_or_a_reviewer_who_does_not_exist_is_refused(opened, ask, problem):
    with pytest.raises(InvalidInput) as refused:
        opened("memory://", reviewers=PEOPLE, policy=a_policy(ask=ask))
    assert problem in str(refused.value)


def test_a_recorded_decision_of_a_reviewer_outside_the_team_is_refused(asked):
    hitl = asked(ask={"team": "fraud"}).acting_as("s1")
    case = hitl.submit(a_task(), an_output(), replay=True)

    with pytest.raises(NotAuthorized, match="they are not in it"):
        hitl.cases.replay(a_review("approve", "r1", timestamp=NINE), case.case_id)
    assert hitl.cases.replay(a_review("approve", "r2", timestamp=NINE), case.case_id).status == "replayed"

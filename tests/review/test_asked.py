"""Rights under a rule that asks teams and excludes reviewers, over random people."""

from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_shown, a_submission

from hitl_orchestrator.domain.decision import ReviewRequirements
from hitl_orchestrator.domain.enums import ReviewStatus
from hitl_orchestrator.domain.review import Reviewer, StoredReview
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.review.people import People, Team
from hitl_orchestrator.review.rights import Rights, barred_by_duty, barred_by_rule

NAMES = ("a", "b", "c", "d", "e")
TEAMS = ("x", "y")
SOME = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
PEOPLE = st.builds(
    lambda roles, persons, teams: People(
        [
            Reviewer(reviewer_id=name, name=name, roles=(role,), person=person)
            for name, role, person in zip(NAMES, roles, persons, strict=True)
        ],
        teams=[Team(team_id=name, members=tuple(members)) for name, members in zip(TEAMS, teams, strict=False)],
    ),
    st.lists(st.sampled_from(DEFAULT_CHAIN.roles), min_size=5, max_size=5),
    st.lists(st.sampled_from([None, "p"]), min_size=5, max_size=5),
    st.lists(SOME, max_size=2),
)
ASKED = st.builds(
    ReviewRequirements,
    approvals=st.integers(1, 2),
    teams=st.lists(st.sampled_from(TEAMS), unique=True).map(tuple),
    not_by=st.lists(st.sampled_from(NAMES), unique=True, max_size=2).map(tuple),
)


def rights_of(people, asked, needed, escalations=0):
    shown = a_shown(role=needed, escalations=escalations)
    row = StoredReview(
        review_id=shown.review_id,
        case_id=shown.case_id,
        level=0,
        role=needed,
        domain="customer_support",
        status=ReviewStatus.OPEN,
        version=1,
        digest=shown.digest,
        shown=shown,
        opened_at=shown.task.timestamp,
    )
    barred = barred_by_rule(asked, people) | barred_by_duty(a_submission(), people)
    return Rights(people=people, row=row, needed=needed, requirements=asked, barred=barred)


@given(PEOPLE, ASKED, st.sampled_from(DEFAULT_CHAIN.roles), st.integers(0, 1))
def test_who_may_decide_is_what_the_rule_says(people, asked, needed, escalations):
    excluded = {people.human(name) for name in asked.not_by}
    allowed = [each for each in people if each.human not in excluded]
    holders = [each for each in allowed if DEFAULT_CHAIN.reaches(each.roles[0], needed)]
    expected = {each.reviewer_id for each in holders}
    if asked.teams and not escalations:
        teams = {team.team_id: {people.human(name) for name in team.members} for team in people.teams}
        inside = set.intersection(*(teams.get(name, set()) for name in asked.teams))
        members = {each.reviewer_id for each in holders if each.human in inside}
        enough = len({people.human(each) for each in members}) >= asked.approvals
        top = {each.reviewer_id for each in allowed if each.roles[0] == DEFAULT_CHAIN.top}
        expected = members if enough else members | top

    assert {each.reviewer_id for each in people if rights_of(people, asked, needed, escalations).may(each)} == expected


@given(PEOPLE, ASKED, st.sampled_from(DEFAULT_CHAIN.roles))
def test_a_case_has_no_decider_only_where_no_holder_of_the_top_role_is_left(people, asked, needed):
    rights = rights_of(people, asked, needed)

    if not any(rights.may(each) for each in people):
        excluded = {people.human(name) for name in asked.not_by}
        assert not [each for each in people if each.human not in excluded and DEFAULT_CHAIN.top in each.roles]

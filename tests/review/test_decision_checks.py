"""The rights of people, without any case: who stands where in the chain, and what a reviewers file may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import NINE, a_shown

from hitl_orchestrator import InvalidInput, Reviewer
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.errors import NotAuthorized, TopOfChain
from hitl_orchestrator.review.decision_checks import role_to_decide_in, role_to_pass_to
from hitl_orchestrator.review.people import read_people

ROLES = DEFAULT_CHAIN.roles
roles = st.sampled_from(ROLES)
ANA = {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"]}


@given(st.sets(roles, min_size=1), roles, st.none() | roles, st.booleans())
def test_a_reviewer_decides_in_the_lowest_sufficient_role(held, needed, named, at_home):
    person = Reviewer(reviewer_id="p", name="P", roles=sorted(held), domains=["here"])
    fit = [role for role in ROLES if role in held and ROLES.index(role) >= ROLES.index(needed)]
    allowed = at_home and bool(fit) and named in (None, *fit)

    try:
        role = role_to_decide_in(person, needed, "here" if at_home else "there", DEFAULT_CHAIN, named)
    except NotAuthorized:
        assert not allowed
    else:
        assert allowed
        assert role == (named or fit[0])


@given(st.sampled_from(ROLES), st.sampled_from(ROLES))
def test_an_escalation_goes_above_the_review_and_the_escalating_reviewer(asked, decided_in):
    shown = a_shown(role=asked)
    fields = {"review_id": "r", "case_id": "c", "level": 0, "role": asked, "domain": "d", "status": "open"}
    row = StoredReview(**fields, version=1, digest="x", shown=shown, opened_at=NINE)
    above = max(ROLES.index(asked), ROLES.index(decided_in)) + 1

    if above == len(ROLES):
        with pytest.raises(TopOfChain):
            role_to_pass_to(row, decided_in, DEFAULT_CHAIN)
    else:
        assert role_to_pass_to(row, decided_in, DEFAULT_CHAIN) == ROLES[above]


def test_people_are_read_from_a_list_or_from_an_object_with_their_chain():
    assert [one.reviewer_id for one in read_people([ANA], "r.json")] == ["ana"]
    people = read_people({"escalation_chain": ["domain_reviewer", "boss"], "reviewers": [ANA]}, "r.json")
    assert people.chain.roles == ("domain_reviewer", "boss")


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        ([], "r.json"),
        ({"reviewers": []}, r"r\.json"),
        ("ana", r"r\.json"),
        ([{**ANA, "roles": []}], r"\[0\]\.roles"),
        ([{**ANA, "role": "x"}], "unknown field; did you mean 'roles'"),
        ([{**ANA, "roles": ["domain_revewer"]}], "not in escalation_chain; did you mean 'domain_reviewer'"),
        ([ANA, ANA], "occurs twice"),
        ({"escalation_chain": ["a", "a"], "reviewers": [ANA]}, "a role occurs twice"),
    ],
)
def test_an_invalid_reviewers_file_is_rejected(raw, match):
    with pytest.raises(InvalidInput, match=match):
        read_people(raw, "r.json")


def test_an_unknown_name_has_no_rights():
    with pytest.raises(NotAuthorized, match="did you mean 'ana'"):
        read_people([ANA], "r.json").named("anna")

"""Quorum: when votes agree, and the next step if they do not."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.domain.decision import ReviewRequirements
from hitl_orchestrator.domain.enums import Agreement, HumanDecision
from hitl_orchestrator.review.quorum import Ballot, Step, agreed, disagreement, latest, next_step

words = st.sampled_from(["approve", "reject", "modify"])
persons = st.sampled_from("abcde")
ballots = st.builds(
    lambda person, role, decision, escalations: Ballot(person, role, decision, HumanDecision(decision), escalations),
    persons,
    st.sampled_from(["domain_reviewer", "senior_manager"]),
    words,
    st.integers(0, 2),
)


def says(person: str, word: str, role: str = "domain_reviewer", escalations: int = 0) -> Ballot:
    return Ballot(person, role, word, HumanDecision(word), escalations)


def after(*votes: Ballot, requirements: ReviewRequirements, others: bool = True, above: bool = True) -> Step:
    return next_step(votes, requirements, others=others, others_above=above)


TWO = ReviewRequirements(approvals=2)
MAJORITY_OF_THREE = ReviewRequirements(approvals=2, agreement=Agreement.MAJORITY)


@pytest.mark.parametrize("word", ["approve", "reject", "modify"])
def test_two_equal_votes_settle_the_case(word):
    assert after(says("a", word), requirements=TWO) is Step.ANOTHER
    assert after(says("a", word), says("b", word), requirements=TWO) is Step.SETTLES


@pytest.mark.parametrize("order", list(permutations(["approve", "reject"])))
def test_disagreement_escalates_in_either_order(order):
    assert after(says("a", order[0]), says("b", order[1]), requirements=TWO) is Step.UP


def test_only_the_latest_vote_of_a_person_counts():
    assert after(says("a", "approve"), says("a", "approve"), requirements=TWO) is Step.ANOTHER
    assert [vote.decision for vote in latest([says("a", "approve"), says("a", "reject")])] == ["reject"]


def test_a_majority_rule_requests_a_third_reviewer_before_escalating():
    first, second = says("a", "approve"), says("b", "reject")

    assert after(first, second, requirements=MAJORITY_OF_THREE) is Step.ANOTHER
    assert after(first, second, says("c", "approve"), requirements=MAJORITY_OF_THREE) is Step.SETTLES
    assert after(first, second, says("c", "modify"), requirements=MAJORITY_OF_THREE) is Step.UP


def test_votes_before_an_escalation_still_count():
    below = says("a", "approve"), says("b", "reject")

    assert after(*below, says("m", "reject", "senior_manager", 1), requirements=TWO) is Step.SETTLES
    assert after(*below, says("m", "modify", "senior_manager", 1), requirements=TWO) is Step.ANOTHER


def test_votes_count_by_role_if_the_rule_requires_distinct_roles():
    requirements = ReviewRequirements(approvals=2, distinct_roles=True)
    same = says("a", "approve"), says("b", "approve")

    assert after(*same, requirements=requirements) is Step.ANOTHER
    assert after(*same, says("m", "approve", "senior_manager"), requirements=requirements) is Step.SETTLES


def test_without_further_reviewers_only_a_rejection_is_final():
    assert after(says("a", "reject"), requirements=TWO, others=False, above=False) is Step.SETTLES
    for word in ("approve", "modify"):
        assert after(says("a", word), requirements=TWO, others=False, above=False) is Step.ANOTHER


def test_at_the_top_another_reviewer_of_the_top_role_is_needed():
    assert after(says("a", "approve"), says("b", "reject"), requirements=TWO, above=False) is Step.ANOTHER


def test_the_reason_of_an_escalation_lists_the_votes():
    assert disagreement([says("a", "approve"), says("b", "reject")]) == (
        "the reviewers disagree: domain_reviewer voted approve; domain_reviewer voted reject"
    )


@given(st.lists(ballots, min_size=1, max_size=8), st.integers(2, 4), st.booleans(), st.booleans(), st.booleans())
def test_only_a_rejection_is_settled_by_too_few_votes(given, approvals, distinct, others, above):
    requirements = ReviewRequirements(approvals=approvals, distinct_roles=distinct)
    newest = given[-1]

    if (
        next_step(given, requirements, others=others, others_above=above) is Step.SETTLES
        and newest.decision != "reject"
    ):
        wanting = {one.person for one in latest(given) if one.outcome == newest.outcome}
        assert len(wanting) >= approvals


@given(st.lists(ballots, min_size=1, max_size=6, unique_by=lambda one: one.person), st.integers(1, 4), st.randoms())
def test_agreement_does_not_depend_on_the_order_of_votes(given, approvals, random):
    requirements = ReviewRequirements(approvals=approvals)
    shuffled = random.sample(given, len(given))

    assert all(
        agreed(given, word, requirements) == agreed(shuffled, word, requirements) for word in ("approve", "reject")
    )

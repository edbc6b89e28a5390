import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_lot

from hitl_orchestrator.domain.decision import SINGLE_REVIEW, Facts, ReviewRequirements, RoutingDecision
from hitl_orchestrator.domain.enums import Action, Agreement, RiskLevel
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import Policy, Rule, check, decide, policy_hash, read_policy
from hitl_orchestrator.policies.analysis.check import Severity
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry

ANYTHING = Facts(RiskLevel.LOW, "d", "t", 0.9)
EVERYTHING = {
    "approvals": 2,
    "agreement": "majority",
    "distinct_roles": True,
    "respond_within": "P1D",
    "remind_before": "PT4H",
    "business_hours": True,
    "blind": True,
}
ASKINGS = st.builds(
    ReviewRequirements,
    approvals=st.integers(1, 9),
    agreement=st.sampled_from(Agreement),
    distinct_roles=st.booleans(),
    business_hours=st.booleans(),
    blind=st.booleans(),
    teams=st.lists(st.sampled_from(["fraud", "legal"]), unique=True).map(sorted).map(tuple),
    not_by=st.lists(st.sampled_from(["ann", "bob"]), unique=True).map(sorted).map(tuple),
)
DECISIONS = st.builds(
    lambda role, asking, action, name: RoutingDecision(
        action=action,
        rule_id=name,
        assigned_human_role=None if action is Action.AUTO_APPROVE else role,
        reason="r holds",
        policy_id="p",
        policy_hash=name * 20,
        requirements=SINGLE_REVIEW if action is Action.AUTO_APPROVE else asking,
    ),
    st.sampled_from([*DEFAULT_CHAIN.roles, "gone"]),
    ASKINGS,
    st.sampled_from(Action),
    st.sampled_from("ab"),
)


def a_rule(**fields):
    return {"rule_id": "r1", "priority": 1, "conditions": {}, "action": "human_review"} | fields


def read(*rules, roles=DEFAULT_CHAIN):
    return read_policy(json.dumps({"policy_id": "p", "rules": rules}), "p.json", roles)


@pytest.mark.parametrize("action", ["human_review", "escalate"])
def test_a_decision_tells_how_its_rule_wants_people_to_be_asked(action):
    decision = decide(read(a_rule(action=action, **EVERYTHING)), ANYTHING)

    assert decision.respond_within == timedelta(days=1)
    assert decision.requirements == ReviewRequirements(
        approvals=2,
        agreement=Agreement.MAJORITY,
        distinct_roles=True,
        remind_before=timedelta(hours=4),
        business_hours=True,
        blind=True,
    )


def test_the_default_is_a_single_review_of_the_whole_case():
    assert decide(read(a_rule()), ANYTHING).requirements == SINGLE_REVIEW
    assert decide(read(), ANYTHING).requirements == SINGLE_REVIEW


def test_default_review_requirements_do_not_change_the_hash():
    old = "9a8638ed22342cd7f5dc7a80b91ba17410652238dfe96cd6ae2edf0dfe9cb474"
    usual = {"approvals": 1, "agreement": "unanimity", "distinct_roles": False, "business_hours": False, "blind": False}

    assert policy_hash(read(a_rule())) == policy_hash(read(a_rule(**usual))) == old


@pytest.mark.parametrize("field", sorted(EVERYTHING))
def test_each_of_them_makes_another_policy(field):
    plain = {"approvals": 3, "respond_within": "P2D"}

    assert policy_hash(read(a_rule(**plain))) != policy_hash(read(a_rule(**plain | {field: EVERYTHING[field]})))


@pytest.mark.parametrize("field", sorted(EVERYTHING.keys() - {"respond_within"}))
def test_auto_approve_refuses_review_requirements(field):
    with pytest.raises(InvalidInput, match=rf"rules\[0\]\.{field}: .*auto_approve has no reviewer; leave it out"):
        read(a_rule(action="auto_approve", **{field: EVERYTHING[field]}))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"approvals": 0}, "approvals: 0: input should be greater than or equal to 1"),
        ({"approvals": 10}, "approvals: 10: input should be less than or equal to 9"),
        ({"approvals": "2"}, 'approvals: "2": input should be a valid integer'),
        ({"approvals": True}, "approvals: true: input should be a valid integer"),
        ({"blind": "yes"}, 'blind: "yes": input should be a valid boolean'),
        (
            {"approvals": 2, "agreement": "majorty"},
            "\"majorty\" is not one of unanimity, majority; did you mean 'majority'?",
        ),
        ({"agreement": "majority"}, "it applies to several reviewers; set approvals to at least 2"),
        (
            {"distinct_roles": True},
            "distinct_roles: true: it applies to several reviewers; set approvals to at least 2",
        ),
        ({"remind_before": "PT1H"}, 'remind_before: "PT1H": it needs a time limit; add respond_within'),
        ({"business_hours": True}, "business_hours: true: it needs a time limit; add respond_within"),
        ({"remind_before": 60, "respond_within": "P1D"}, "write an ISO 8601 duration"),
        ({"remind_before": "P1D", "respond_within": "PT24H"}, "make it shorter than respond_within"),
        ({"aprovals": 2}, "unknown field; did you mean 'approvals'?"),
    ],
)
def test_meaningless_conditions_are_refused_with_the_remedy(fields, sentence):
    with pytest.raises(InvalidInput) as refused:
        read(a_rule(**fields))

    [problem] = refused.value.problems
    assert sentence in problem


def test_distinct_roles_that_can_never_be_found_are_refused():
    sentence = (
        "p.json: rules[0].distinct_roles: true: 3 approvals by distinct roles are impossible: 'senior_manager' "
        "and the roles above it are only senior_manager and compliance_officer; require fewer approvals, assign a "
        "lower role, or leave distinct_roles out"
    )

    with pytest.raises(InvalidInput) as refused:
        read(a_rule(action="escalate", approvals=3, distinct_roles=True))

    assert refused.value.problems == (sentence,)
    assert read(a_rule(approvals=3, distinct_roles=True)).rules[0].requirements.approvals == 3


def test_a_policy_made_in_python_is_checked_for_roles_that_can_never_be_found():
    rule = Rule(**a_rule(approvals=3, distinct_roles=True))

    [found] = check(Policy(policy_id="p", rules=(rule,)), RoleChain(roles=("domain_reviewer", "boss")))

    assert (found.severity, found.rule_id) == (Severity.ERROR, "r1")
    assert "3 approvals by distinct roles are impossible" in found.sentence


def test_rules_of_equal_priority_that_ask_people_differently_are_named():
    found = check(read(a_rule(), a_rule(rule_id="r2", approvals=2)))

    assert any("their answers differ" in one.sentence and one.rule_id == "r2" for one in found)


@pytest.fixture
def rulebook():
    return PolicyRegistry(read(), DEFAULT_CHAIN, {}.__getitem__, a_lot)


@given(DECISIONS, DECISIONS)
def test_a_policy_change_never_removes_requirements_from_an_open_case(one, other):
    rulebook = PolicyRegistry(read(), DEFAULT_CHAIN, {}.__getitem__, a_lot)

    chosen = rulebook.stricter(one, other)

    asked = (one.requirements, other.requirements)
    room = chosen.requirements.approvals <= len(DEFAULT_CHAIN.upward(chosen.assigned_human_role or "gone"))
    assert chosen.action.strictness == max(one.action.strictness, other.action.strictness)
    assert chosen.requirements.approvals == max(each.approvals for each in asked)
    assert chosen.requirements.blind == any(each.blind for each in asked)
    assert chosen.requirements.distinct_roles == (room and any(each.distinct_roles for each in asked))


@given(DECISIONS)
def test_a_decision_that_asks_for_all_the_other_does_stays_as_it_is(decision):
    rulebook = PolicyRegistry(read(), DEFAULT_CHAIN, {}.__getitem__, a_lot)
    sound = rulebook.stricter(decision, decision)

    assert rulebook.stricter(sound, sound) is sound


def test_of_two_equal_decisions_the_one_with_more_approvals_applies(rulebook):
    one, two = (decide(read(a_rule(rule_id=f"of_{n}", approvals=n)), ANYTHING) for n in (1, 2))

    assert rulebook.stricter(one, two) is two
    assert rulebook.stricter(two, one) is two


def test_the_stricter_decision_keeps_the_approvals_of_the_other_and_names_it(rulebook):
    weaker = decide(read(a_rule(rule_id="two", approvals=2, blind=True)), ANYTHING)
    stricter = decide(read(a_rule(rule_id="up", action="escalate")), ANYTHING)

    chosen = rulebook.stricter(weaker, stricter)

    assert (chosen.rule_id, chosen.assigned_human_role) == ("up", "senior_manager")
    assert (chosen.requirements.approvals, chosen.requirements.blind) == (2, True)
    assert chosen.reason == (
        f"{stricter.reason}; two of policy {weaker.policy_hash[:12]} adds requirements for the review"
    )


def test_roles_are_distinct_only_as_far_as_there_are_roles(rulebook):
    weaker = decide(read(a_rule(approvals=2, distinct_roles=True)), ANYTHING)
    top = decide(read(a_rule(rule_id="top", action="escalate", assigned_human_role="compliance_officer")), ANYTHING)

    asked = rulebook.stricter(weaker, top).requirements

    assert (asked.approvals, asked.distinct_roles) == (2, False)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ({"approvals": 2, "agreement": "majority"}, {}, "majority"),
        ({"approvals": 2, "agreement": "majority"}, {"approvals": 3, "agreement": "majority"}, "majority"),
        ({"approvals": 2}, {"approvals": 3, "agreement": "majority"}, "unanimity"),
    ],
)
def test_unanimity_that_was_asked_of_several_stays_asked(rulebook, one, other, together):
    first, second = (decide(read(a_rule(**fields)), ANYTHING) for fields in (one, other))

    assert rulebook.stricter(first, second).requirements.agreement == together


def hashed(**fields):
    return policy_hash(read(a_rule(**fields)))


def test_the_role_of_ask_is_the_assigned_role_in_another_spelling():
    asked, short = {"role": "senior_manager", "team": "fraud"}, {"team": "fraud"}

    assert read(a_rule(ask=asked)) == read(a_rule(ask=short, assigned_human_role="senior_manager"))
    assert hashed(ask={"role": "senior_manager"}) == hashed(assigned_human_role="senior_manager")
    assert hashed(ask=asked) != hashed(assigned_human_role="senior_manager")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"ask": {"role": "senior_manger"}}, 'rules[0].ask.role: "senior_manger": no such role; the role chain is'),
        (
            {"ask": {"role": "senior_manager"}, "assigned_human_role": "domain_reviewer"},
            "rules[0].ask.role: \"senior_manager\": assigned_human_role is 'domain_reviewer', and this is another role",
        ),
        ({"ask": {}}, "rules[0].ask: it names neither role, team nor reviewers; add role, team or not"),
        ({"ask": {"not": ["ann", "ann"]}}, "rules[0].ask.not"),
        ({"ask": {"not": ["Ann Lee"]}}, "rules[0].ask.not: 'Ann Lee' is a name; write the id of the reviewer"),
        ({"ask": {"team": "fraud"}, "action": "auto_approve"}, "rules[0].ask: auto_approve has no reviewer"),
        ({"ask": {"role": "senior_manager"}, "action": "auto_approve"}, 'rules[0].ask.role: "senior_manager": auto_'),
        ({"note": " "}, 'rules[0].note: " ": it is empty; write a text, or leave it out'),
    ],
)
def test_an_unsound_ask_is_refused_where_it_is_written(fields, problem):
    with pytest.raises(InvalidInput) as refused:
        read(a_rule(**fields))
    assert any(problem in each for each in refused.value.problems)


def test_a_note_an_owner_and_a_reference_are_kept_and_change_nothing():
    plain, remarked = read(a_rule()), read(a_rule(note="Since the audit", owner="claims desk", reference="REG-12"))

    assert policy_hash(plain) == policy_hash(remarked)
    assert decide(plain, ANYTHING) == decide(remarked, ANYTHING)
    assert read_policy(remarked.model_dump_json(), "p.json") == remarked
    assert remarked.rules[0].owner == "claims desk"

"""What layers ask of people together is asked only where so many people can give it."""

import pytest

from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.services.config_files import check_they_fit, load_people, load_policy

PEOPLE = [
    ("rita", "domain_reviewer"),
    ("sam", "senior_manager"),
    ("carl", "compliance_officer"),
    ("cora", "compliance_officer"),
]
THREE = {"rule_id": "three", "action": "human_review", "assigned_human_role": "domain_reviewer", "approvals": 3}
TO_THE_TOP = {"rule_id": "top", "action": "escalate", "assigned_human_role": "compliance_officer"}
TO_THE_MIDDLE = {"rule_id": "middle", "action": "escalate", "assigned_human_role": "senior_manager"}
LAX = {"rule_id": "lax", "action": "human_review", "assigned_human_role": "domain_reviewer"}


def a_layer(*rules, **more):
    return {"policy_id": "p", "rules": [{"priority": 1, "conditions": {}} | rule for rule in rules], **more}


def fitted(organization, **layers):
    raw = [{"reviewer_id": who, "name": who, "roles": [role]} for who, role in PEOPLE]
    return check_they_fit(load_policy(a_layer(*organization) | layers, DEFAULT_CHAIN), load_people(raw))


@pytest.mark.parametrize(
    ("organization", "layers", "how_many", "who"),
    [
        ([THREE], {"domains": {"pay": a_layer(TO_THE_TOP)}}, "'three' (organization)", "'top' (domain pay)"),
        ([TO_THE_TOP], {"users": {"ann": a_layer(THREE)}}, "'three' (user ann)", "'top' (organization)"),
        (
            [],
            {"domains": {"pay": a_layer(THREE)}, "users": {"ann": a_layer(TO_THE_TOP)}},
            "'three' (domain pay)",
            "'top' (user ann)",
        ),
        (
            [LAX],
            {"users": {"ann": a_layer(THREE), "bob": a_layer(TO_THE_TOP)}},
            "'three' (user ann)",
            "'top' (user bob)",
        ),
    ],
)
def test_two_layers_that_require_too_many_reviewers_together_are_refused_by_name(organization, layers, how_many, who):
    with pytest.raises(InvalidInput) as refused:
        fitted(organization, **layers)
    assert refused.value.problems == (
        f"policy 'p': {how_many} requires 3 approvals and {who} requires the role 'compliance_officer': where both "
        "match, the case needs 3 reviewers with this role, and only 2 of the reviewers have it or a role above it; "
        "add reviewers, or require fewer",
    )


@pytest.mark.parametrize(
    ("organization", "layers"),
    [
        ([THREE], {"domains": {"pay": a_layer(TO_THE_MIDDLE)}}),
        ([THREE], {}),
        ([], {"domains": {"pay": a_layer(THREE), "support": a_layer(TO_THE_TOP)}}),
        ([THREE | {"conditions": {"domain": "support"}}], {"domains": {"pay": a_layer(TO_THE_TOP)}}),
        (
            [THREE | {"conditions": {"risk_level": "low"}}],
            {"users": {"ann": a_layer(TO_THE_TOP | {"conditions": {"risk_level": "high"}})}},
        ),
        ([LAX, THREE | {"priority": 2}], {"domains": {"pay": a_layer(TO_THE_TOP)}}),
    ],
)
def test_layers_that_can_be_met_or_never_combine_are_accepted(organization, layers):
    assert fitted(organization, **layers).policy_id == "p"

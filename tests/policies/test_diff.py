"""What a change of policy changes: every region, and no other, each with a case in which it is so."""

import json
import random

import pytest
from support.random_facts import facts_at_random
from support.random_policies import FIELDS, STACK, a_policy, a_policy_with

from hitl_orchestrator.domain.decision import Facts, RoutingDecision
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.policies import Policy, compile_policy, read_policy
from hitl_orchestrator.policies.analysis.diff import Direction, compare, direction
from hitl_orchestrator.services.config_files import canonical

CANONICAL = canonical("routing_policy.json")


def read(text=CANONICAL, **changed):
    """Return the canonical policy with one rule changed."""
    raw = json.loads(text)
    raw["rules"] = [rule | changed.get(rule["rule_id"], {}) for rule in raw["rules"]]
    return read_policy(json.dumps(raw), "p.json")


def test_a_policy_differs_in_nothing_from_itself_however_it_is_written():
    other = json.loads(CANONICAL)
    other["rules"].reverse()
    for rule in other["rules"]:
        rule["rule_id"] = f"x_{rule['rule_id']}"
    assert compare(read(), read_policy(json.dumps(other), "p.json")).differences == ()


def test_a_lower_bound_is_reported_as_looser_between_the_two_bounds():
    (found,) = compare(read(), read(rule_004={"conditions": {"risk_level": "low", "min_confidence": 0.75}})).differences
    assert found.sentence == (
        "looser: human_review by domain_reviewer (rule_005) becomes auto_approve (rule_004) "
        "for low risk with a confidence of 0.75 to below 0.8"
    )
    assert (found.example.risk_level, found.example.confidence) == ("low", 0.75)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"rule_001": {"assigned_human_role": "compliance_officer"}}, Direction.STRICTER),
        ({"rule_001": {"assigned_human_role": "domain_reviewer"}}, Direction.LOOSER),
        ({"rule_001": {"approvals": 2}}, Direction.STRICTER),
        ({"rule_003": {"blind": True}}, Direction.STRICTER),
        ({"rule_002": {"spot_check": 0.2}}, Direction.STRICTER),
        ({"rule_003": {"respond_within": "PT4H"}}, Direction.STRICTER),
        ({"rule_003": {"message": "Look twice."}}, Direction.OTHER),
        ({"rule_002": {"action": "escalate"}}, Direction.STRICTER),
        ({"rule_003": {"action": "escalate", "assigned_human_role": "senior_manager"}}, Direction.STRICTER),
    ],
)
def test_each_kind_of_change_is_stricter_looser_or_otherwise(changed, expected):
    assert [one.direction for one in compare(read(), read(**changed)).differences] == [expected]
    back = {Direction.STRICTER: Direction.LOOSER, Direction.LOOSER: Direction.STRICTER}.get(expected, expected)
    assert [one.direction for one in compare(read(**changed), read()).differences] == [back]


@pytest.mark.parametrize(
    "careful",
    [
        {"assigned_human_role": "compliance_officer"},
        {"approvals": 2},
        {"approvals": 2, "distinct_roles": True},
        {"blind": True},
    ],
)
def test_to_escalate_is_looser_all_the_same_where_it_asks_for_less_of_people(careful):
    old = {"action": "human_review", "assigned_human_role": "domain_reviewer"} | careful
    new = {"action": "escalate", "assigned_human_role": "senior_manager"}
    assert [one.direction for one in compare(read(rule_001=old), read(rule_001=new)).differences] == [Direction.LOOSER]


def changes_by_hand(old, new, facts):
    """Return how the answers to these facts differ, according to the engine."""
    before, after = (compile_policy(one).decide(facts) for one in (old, new))
    names = ("action", "assigned_human_role", "requirements", "hold")
    same = all(getattr(before, name) == getattr(after, name) for name in names)
    return None if same else (direction(before, after, DEFAULT_CHAIN), before.rule_id, after.rule_id)


def assert_every_change_is_reported(seed, cases):
    old, new, dice = a_policy(seed, most=12), a_policy(seed + 10_000, most=12), random.Random(seed)
    if dice.random() < 0.5:
        rules = [*old.rules[:-1], *new.rules[:2]] if len(old.rules) > 1 else new.rules
        renamed = [rule.model_copy(update={"rule_id": f"n{place}"}) for place, rule in enumerate(rules)]
        declared = {
            name: getattr(old, name) for name in ("metadata", "proposal", "history", "derived", "timezone", "holidays")
        }
        new = Policy(policy_id="new", rules=tuple(renamed), **declared)
    comparison = compare(old, new)
    reported = {(each.direction, each.before.rule_id, each.after.rule_id) for each in comparison.differences}
    assert comparison.unchecked == ()
    for each in comparison.differences:
        expected = (each.direction, each.before.rule_id, each.after.rule_id)
        assert changes_by_hand(old, new, each.example) == expected, seed
    changes = {changes_by_hand(old, new, facts_at_random(dice)) for _ in range(cases)} - {None}
    assert changes <= reported, seed


@pytest.mark.parametrize("seed", range(12))
def test_every_change_is_reported_and_every_reported_change_is_real(seed):
    assert_every_change_is_reported(seed, 100)


@pytest.mark.soak
def test_every_change_of_two_thousand_pairs_is_reported():
    for seed in range(12, 2_012):
        assert_every_change_is_reported(seed, 200)


def test_layers_are_compared_where_they_have_a_say():
    old = read_policy(STACK, "acme.yaml")
    later = compare(old, read_policy(STACK.replace("gt: 5000", "gt: 9000"), "acme.yaml")).differences
    assert {one.direction for one in later} == {Direction.LOOSER}
    assert {one.before.rule_id for one in later} == {"pay_big"}
    assert {one.example.domain for one in later} == {"payments"}
    without = read_policy(STACK[: STACK.index("users:")], "acme.yaml")
    assert {(one.direction, one.after.rule_id) for one in compare(old, without).differences} >= {("looser", "org_go")}
    assert compare(old, old).differences == ()


def test_a_stack_is_only_stricter_than_its_organization():
    stack = read_policy(STACK, "acme.yaml")
    alone = read_policy(STACK[: STACK.index("domains:")], "acme.yaml")
    assert {one.direction for one in compare(alone, stack).differences} == {Direction.STRICTER}


def test_a_field_of_two_types_is_compared_all_the_same():
    old = a_policy_with([("escalate", {"metadata": {"amount": {"gt": 5}}})])
    new = a_policy_with([("escalate", {"metadata": {"amount": {"eq": "much"}}})], metadata={"amount": "text"})
    assert {one.direction for one in compare(old, new).differences} == {Direction.LOOSER, Direction.STRICTER}


def test_a_role_outside_the_chain_counts_as_the_top_that_decides_for_it():
    review = compile_policy(read()).decide(Facts(RiskLevel.MEDIUM, "any", "any", 0.9))
    top, unknown = (review.model_copy(update={"assigned_human_role": role}) for role in (DEFAULT_CHAIN.top, "renamed"))

    assert direction(review, unknown, DEFAULT_CHAIN) is Direction.STRICTER
    assert direction(unknown, review, DEFAULT_CHAIN) is Direction.LOOSER
    assert direction(top, unknown, DEFAULT_CHAIN) is Direction.OTHER


def claims(**changed):
    rules = [
        {"rule_id": "lawsuit", "conditions": {"metadata": {"vip": {"eq": True}}}, "action": "escalate"},
        {"rule_id": "large", "conditions": {"metadata": {"amount": {"gt": 5000}}}, "action": "human_review"},
        {"rule_id": "small", "conditions": {"metadata": {"amount": {"le": 100}}}, "action": "auto_approve"},
    ]
    named = [rule | {"priority": place} | changed.get(rule["rule_id"], {}) for place, rule in enumerate(rules)]
    return read_policy(json.dumps({"policy_id": "p", "metadata": FIELDS, "rules": named}), "p.json")


def test_what_earlier_rules_imply_is_left_out_and_the_text_says_so():
    new = claims(small={"conditions": {"metadata": {"amount": {"le": 200}}}})
    (found,) = compare(claims(), new).differences

    assert found.headline == "small: amount <= 100 became <= 200"
    assert found.where == (
        "every case with a confidence where amount is above 100 and at most 200, unless an earlier rule decides",
    )
    assert compile_policy(new).decide(found.example).rule_id == "small"


def test_a_requirement_of_one_rule_is_described_without_what_earlier_rules_imply():
    (found,) = compare(claims(), claims(large={"respond_within": "PT36H"})).differences

    assert found.aspects == ("time to answer none to 1 day 12 hours",)
    assert found.where == (
        "every case where amount is missing or of another type or above 5000, unless an earlier rule decides",
    )


@pytest.mark.parametrize(("share", "expected"), [(0.5, Direction.STRICTER), (0.01, Direction.LOOSER)])
def test_a_smaller_share_held_for_a_person_is_looser(share, expected):
    (found,) = compare(claims(small={"hold": 0.1}), claims(small={"hold": share})).differences

    assert found.direction is expected
    assert found.headline.startswith("small: hold 10 % became ")


def test_the_gravest_differences_come_first():
    approve = {"action": "auto_approve", "conditions": {"metadata": {"amount": {"gt": 5000}}}}
    new = claims(
        lawsuit={"action": "auto_approve", "conditions": {"risk_level": "low", "metadata": {"vip": {"eq": True}}}},
        large=approve,
    )
    comparison = compare(claims(), new)
    grades = [(each.before.action.value, each.after.action.value) for each in comparison.differences]
    looser = [each for each in comparison.differences if each.direction is Direction.LOOSER]

    assert comparison.differences[: len(looser)] == tuple(looser)
    ahead = [before for before, after in grades if after == "auto_approve" and before != "auto_approve"]
    assert ahead == sorted(ahead, reverse=True)
    assert set(ahead) == {"human_review", "escalate"}
    assert f"in {len(ahead)} of them something goes ahead" in comparison.summary


class LaterDecision(RoutingDecision):
    """A decision with a requirement that `direction` does not know."""

    team: str = "claims"


def test_a_requirement_that_cannot_be_ordered_counts_as_looser():
    decision = compile_policy(claims()).decide(Facts(RiskLevel.LOW, "any", "any", None))
    one, other = (LaterDecision(**dict(decision) | {"team": team}) for team in ("claims", "fraud"))

    assert direction(one, other, DEFAULT_CHAIN) is direction(other, one, DEFAULT_CHAIN) is Direction.LOOSER
    assert direction(one, one, DEFAULT_CHAIN) is Direction.OTHER

"""What a change of policy changes for tasks that several users request together, each of whom may have a layer."""

import random
from itertools import combinations, permutations

import pytest

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.policies import compile_policy
from hitl_orchestrator.policies.analysis.diff import Direction, differences, direction, looks_at_every_list
from hitl_orchestrator.policies.language.model import policy_of
from hitl_orchestrator.policies.lifecycle.change_request import where_looser

USERS = ("ann", "bob", "carl")
ALWAYS = {"min_confidence": 0.5, "action": "auto_approve"}
DISTINCT = {"assigned_human_role": "domain_reviewer", "approvals": 2, "distinct_roles": True}
TOP = {"assigned_human_role": "compliance_officer"}


def a_layer(name, *rules):
    """Return a layer of rules, each given by all that it says."""
    asks = ("risk_level", "min_confidence", "metadata", "all")
    return {
        "policy_id": name,
        "metadata": {"requested_by": "text"},
        "rules": [
            {
                "action": "human_review",
                "rule_id": f"{name}_{place}",
                "priority": place,
                "conditions": {one: said for one, said in rule.items() if one in asks},
            }
            | {one: said for one, said in rule.items() if one not in asks}
            for place, rule in enumerate(rules)
        ],
    }


def a_stack(*own, **users):
    """Return a policy with layers for users."""
    return policy_of(a_layer("own", *own) | {"users": {name: a_layer(name, *rules) for name, rules in users.items()}})


def requested_by(*names, risk=RiskLevel.LOW, confidence=0.9):
    return Facts(risk, "any", "any", confidence, metadata={"requested_by": list(names)})


def test_what_only_two_users_together_show_is_told_and_takes_a_second_person():
    # Ann asks for two roles. Once Bob asks for the highest, one is left of them; and Carl hides that where he is asked.
    carl = [{**TOP, "approvals": 3}]
    old = a_stack(ALWAYS, ann=[DISTINCT], bob=[], carl=carl)
    new = a_stack(ALWAYS, ann=[DISTINCT], bob=[TOP], carl=carl)
    found = differences(old, new)
    (looser,) = [one for one in found if one.direction is Direction.LOOSER]

    assert (looser.direction, looser.example.metadata) == (Direction.LOOSER, {"requested_by": ["ann", "bob"]})
    assert looser.where == ("every case requested together by ann and bob",)
    assert looser.sentence.startswith(
        "looser: human_review by domain_reviewer (ann_0) becomes human_review by compliance_officer (bob_0), "
        "and asks otherwise (distinct_roles true to false) for every case"
    )
    assert {one.direction for one in found if one is not looser} == {Direction.STRICTER}
    assert len(where_looser(old, new, DEFAULT_CHAIN)) == 1


def test_a_list_of_users_without_layers_is_not_hidden_by_those_who_have_one():
    both = [{"metadata": {"requested_by": {"exists": True, "eq": name}}} for name in ("x", "y")]
    old = a_stack({"all": both}, ALWAYS, ann=[{"action": "escalate"}])
    new = a_stack(ALWAYS, ann=[{"action": "escalate"}])
    (found,) = differences(old, new)

    assert found.direction is Direction.LOOSER
    assert found.where == (
        "every case with a confidence of 0.5 or above requested by a list of users, of whom nobody has a layer",
    )
    assert [compile_policy(one).decide(found.example).needs_human for one in (old, new)] == [True, False]


def at_random(dice, name, simple):
    """Return the rules of a layer. Of simple ones, what two ask for together is all that either asks for."""
    rules = []
    for _ in range(dice.randint(0, 2)):
        asked = {"risk_level": "low"} if dice.random() < 0.4 else {}
        role, approvals = dice.choice(DEFAULT_CHAIN.roles), dice.choice((1, 1, 2, 3))
        people = {"assigned_human_role": role, "approvals": approvals, "blind": dice.random() < 0.3}
        if approvals == 3 and dice.random() < 0.5:
            people |= {"agreement": "majority"}
        if not simple and 1 < approvals <= len(DEFAULT_CHAIN.upward(role)):
            people |= {"distinct_roles": True}
        if not simple and dice.random() < 0.5:
            people |= {"respond_within": "PT4H", "on_timeout": dice.choice(("escalate", "reject", "wait"))}
        if not simple and dice.random() < 0.3:
            people |= {"message": dice.choice("AB")}
        go = {"action": "auto_approve", "spot_check": dice.choice((0, 0.1, 0.5))}
        rules.append(asked | dice.choice((go, people, people | {"action": "escalate"})))
    return rules


def a_pair(seed, simple=False):
    """Return two policies, of which one or two layers differ."""
    dice = random.Random(seed)
    layers = {name: at_random(dice, name, simple) for name in ("own", *USERS)}
    other = layers | {name: at_random(dice, name, simple) for name in dice.sample(list(layers), dice.randint(1, 2))}
    return [a_stack(*one["own"], **{name: one[name] for name in USERS}) for one in (layers, other)]


def shown(old, new, facts):
    """Return how the answers to facts differ, without the names of the rules; None where they do not."""
    before, after = (compile_policy(one).decide(facts) for one in (old, new))
    said = [
        (
            one.action,
            one.assigned_human_role,
            one.requirements,
            one.message,
            one.respond_within,
            one.on_timeout,
            one.spot_check,
        )
        for one in (before, after)
    ]
    return None if said[0] == said[1] else (direction(before, after, DEFAULT_CHAIN), *said)


def lists_of(*sizes):
    return [
        requested_by(*some, risk=risk) for size in sizes for some in combinations(USERS, size) for risk in RiskLevel
    ]


@pytest.mark.parametrize("seed", [*range(12), 246])
def test_no_list_of_users_shows_a_change_that_is_not_told(seed):
    old, new = a_pair(seed)
    found = differences(old, new)
    told = {shown(old, new, one.example) for one in found}

    assert None not in told
    assert {shown(old, new, facts) for facts in lists_of(0, 1, 2, 3)} - {None} <= told
    for one in found:
        answers = [compile_policy(policy).decide(one.example) for policy in (old, new)]
        assert [answer.rule_id for answer in answers] == [one.before.rule_id, one.after.rule_id]
        assert one.direction is direction(*answers, DEFAULT_CHAIN)


@pytest.mark.parametrize("seed", range(40))
def test_what_asks_for_more_by_the_larger_of_two_is_looser_for_several_only_where_it_is_for_one(seed):
    old, new = a_pair(seed, simple=True)
    several, one = (
        {
            risk
            for risk in RiskLevel
            for facts in lists_of(*sizes)
            if facts.risk_level is risk and looser(old, new, facts)
        }
        for sizes in ((2, 3), (0, 1))
    )

    assert several <= one


def looser(old, new, facts):
    found = shown(old, new, facts)
    return found is not None and found[0] is Direction.LOOSER


@pytest.mark.parametrize("seed", range(6))
def test_in_which_order_users_are_named_changes_no_answer(seed):
    compiled = compile_policy(a_pair(seed)[0])

    assert len({compiled.decide(requested_by(*names)).model_dump_json() for names in permutations(USERS)}) == 1


def test_of_very_many_users_it_is_said_that_not_every_list_was_looked_at():
    few, many = (a_stack(ALWAYS, **{f"user_{place}": [TOP] for place in range(size)}) for size in (6, 7))

    assert (looks_at_every_list(few, few), looks_at_every_list(few, many)) == (True, False)

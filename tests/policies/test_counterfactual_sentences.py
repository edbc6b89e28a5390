"""The sentence of a counterfactual holds for every case it covers, names the nearest value, and is found in time."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.random_facts import facts_at_random
from support.random_policies import DOMAINS, a_policy, a_policy_with

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import Action, RiskLevel
from hitl_orchestrator.policies import PolicyStack, compile_policy
from hitl_orchestrator.policies.engine.axes.fields.sources import SOURCES
from hitl_orchestrator.policies.explanation.counterfactuals import changes_to_approval, nearest_changes

HOURS = {"begins": "08:00", "ends": "18:00"}


def report(policy, confidence=0.9, task_type="other", domain="d", **more):
    facts = Facts(RiskLevel.LOW, domain, task_type, confidence, **more)
    return [one.sentence for one in nearest_changes(compile_policy(policy), facts)]


def with_documents(number):
    fields = [f"doc_{place:02}" for place in range(number)]
    rules = [("human_review", {"metadata": {field: {"eq": False}}}) for field in fields]
    policy = a_policy_with(
        [*rules, ("auto_approve", {"min_confidence": 0.8})], metadata=dict.fromkeys(fields, "boolean")
    )
    return policy, fields


@pytest.mark.parametrize("number", [4, 26, 100])
def test_three_wrong_fields_of_many_are_found_together(number):
    policy, fields = with_documents(number)
    wrong = [fields[0], fields[number // 2], fields[-1]]
    given = {field: field not in wrong for field in fields}
    all_three = "if {} were true, if {} were true and if {} were true".format(*wrong)

    assert report(policy, metadata=given) == [f"would be approved automatically {all_three}"]
    facts = Facts(RiskLevel.LOW, "d", "other", 0.9, metadata=given)
    assert changes_to_approval(compile_policy(policy), facts) == (all_three,)


def test_the_search_ends_where_every_fact_can_matter_and_no_few_of_them_suffice():
    fields = [f"doc_{place:02}" for place in range(30)]
    every = {"min_confidence": 0.5, "metadata": {field: {"eq": True} for field in fields}}
    policy = a_policy_with([("auto_approve", every)], metadata=dict.fromkeys(fields, "boolean"))

    assert report(policy) == []


def test_whatever_is_none_of_many_words_is_tried_before_each_of_them():
    domains = [f"d{place}" for place in range(500)]
    policy = a_policy_with([("human_review", {"domain": domains}), ("auto_approve", {"min_confidence": 0.5})])
    outside = "if it were outside d0, d1, d10 or 497 more"

    for confidence, found in ((0.9, outside), (0.3, f"at a confidence of 0.5 or above and {outside}")):
        assert changes_to_approval(compile_policy(policy), Facts(RiskLevel.LOW, "d7", "t", confidence)) == (found,)


def test_a_change_of_two_facts_is_described_as_far_as_both_lead_to_the_action():
    policy = a_policy_with(
        [
            ("human_review", {"min_confidence": 0.6, "metadata": {"amount": {"lt": 100}}}),
            ("auto_approve", {"min_confidence": 0.5, "metadata": {"amount": {"lt": 200}}}),
        ]
    )

    assert report(policy, 0.3, metadata={"amount": 500}) == [
        "would be approved automatically at a confidence of 0.5 or above and if amount were at least 100 and below 200"
    ]


def in_layers(seed):
    """Return a policy of an organization, a domain and a user."""
    parts = [a_policy(seed * 3 + place, most=4) for place in range(3)]
    base, domain, user = (
        part.model_copy(
            update={"rules": tuple(one.model_copy(update={"rule_id": f"{place}{one.rule_id}"}) for one in part.rules)}
        )
        for place, part in enumerate(parts)
    )
    return PolicyStack.of(base, domains={DOMAINS[0]: domain}, users={"ann": user})


def any_facts(dice):
    facts = facts_at_random(dice)
    whom = dice.choice((None, "ann", "bob", ["ann", "bob"]))
    minutes = dice.randrange(365 * 24 * 60)
    moment = datetime.fromtimestamp(1_735_689_600 + 60 * minutes, UTC) if dice.random() < 0.9 else None
    return replace(facts, received=moment, metadata=facts.metadata | ({"requested_by": whom} if whom else {}))


def taking(facts, other, name):
    """Return facts with one fact of others."""
    if name == "confidence":
        return replace(facts, confidence=other.confidence, has_proposal=other.has_proposal)
    if name in ("time", "time.task"):
        field = "received" if name == "time" else "moment"
        return replace(facts, **{field: getattr(other, field)})
    source, _, field = name.partition(".")
    if field:
        return SOURCES[source].with_value(facts, field, SOURCES[source].value(other, field))
    return replace(facts, **{name: getattr(other, name)})


def some_of(region, facts, dice):
    """Yield random facts that are like these but for those of a region, and stand in it."""
    for _ in range(10):
        found = facts
        for axis, mask in region:
            drawn = (any_facts(dice) for _ in range(40))
            fitting = (one for one in drawn if mask >> axis.locate(one) & 1)
            steps = [step for step in range(axis.size) if mask >> step & 1]
            found = taking(found, next(fitting, None) or axis.place(facts, dice.choice(steps)), axis.name)
        yield found


def assert_the_sentences_are_true(policy, seed):
    dice = random.Random(seed)
    compiled, facts = compile_policy(policy), any_facts(dice)
    for change in nearest_changes(compiled, facts):
        assert [axis.name for axis, _ in change.region] == list(change.changed)
        for like in some_of(change.region, facts, dice):
            assert compiled.decide(like).action is change.action, (seed, change.sentence, like)


@pytest.mark.parametrize("seed", range(12))
def test_a_sentence_holds_for_every_case_it_covers(seed):
    assert_the_sentences_are_true(a_policy(seed, most=4), seed)


@pytest.mark.parametrize("seed", range(6))
def test_a_sentence_about_layers_holds_for_every_case_it_covers(seed):
    assert_the_sentences_are_true(in_layers(seed), seed)


def of_bounds(seed):
    """Return a policy whose rules ask for stretches of the confidence and of two numbers, one over another."""
    dice = random.Random(seed)

    def stretch():
        low, high = sorted(dice.sample(range(5), 2))
        return {"ge": low, "lt": high}

    rules = [
        (dice.choice(list(Action)).value, {"min_confidence": dice.choice((0.2, 0.4, 0.6)), "metadata": one})
        for one in ({"amount": stretch(), "age": stretch()} for _ in range(6))
    ]
    return a_policy_with(rules, metadata={"amount": "number", "age": "number"})


@pytest.mark.parametrize("seed", range(20))
def test_sentences_hold_where_several_bounds_must_be_met_together(seed):
    dice = random.Random(seed)
    policy = of_bounds(seed)
    given = Facts(RiskLevel.LOW, "d", "t", 0.1, metadata={"amount": dice.choice((-1, 9)), "age": dice.choice((-1, 9))})
    compiled = compile_policy(policy)
    for change in nearest_changes(compiled, given):
        for _ in range(40):
            fields = {name: dice.randrange(-2, 12) / 2 for name in ("amount", "age")}
            other = replace(given, confidence=dice.randrange(11) / 10, metadata=fields)
            like = given
            for name in change.changed:
                like = taking(like, other, name)
            if all(mask >> axis.locate(like) & 1 for axis, mask in change.region):
                assert compiled.decide(like).action is change.action, (change.sentence, like)


@pytest.mark.soak
def test_sentences_hold_for_hundreds_of_policies():
    for seed in range(12, 500):
        assert_the_sentences_are_true(a_policy(seed, most=12), seed)
        assert_the_sentences_are_true(in_layers(seed), seed)


def test_the_nearest_number_is_nearest_by_value_however_many_are_named_between():
    rules = [("human_review", {"metadata": {"amount": {"eq": value}}}) for value in range(101, 110)]
    far = [{"metadata": {"amount": {"lt": 100}}}, {"metadata": {"amount": {"gt": 100_000}}}]
    policy = a_policy_with([*rules, ("auto_approve", {"min_confidence": 0.5, "any": far})])

    assert report(policy, metadata={"amount": 109.5}) == ["would be approved automatically if amount were below 100"]
    assert report(policy, metadata={"amount": 99_999}) == [
        "would be approved automatically if amount were above 100000"
    ]


def test_the_nearest_confidence_and_the_nearest_time_are_so_too():
    between = [("human_review", {"min_confidence": 0.6 + place / 100}) for place in range(1, 5)]
    ends = {"any": [{"max_confidence": 0.3}, {"min_confidence": 0.66}]}
    policy = a_policy_with([("auto_approve", ends), *between])
    assert report(policy, 0.59) == ["would be approved automatically at a confidence of 0.66 or above"]
    assert report(policy, 0.31) == ["would be approved automatically at a confidence below 0.3"]

    noisy = [
        ("human_review", {"time": {"days": "tuesday", "begins": f"{hour:02}:00", "ends": f"{hour:02}:30"}})
        for hour in range(8)
    ]
    days = {"time": {"days": ["monday", "thursday"]}, "min_confidence": 0.5}
    policy = a_policy_with([*noisy, ("auto_approve", days)])
    assert report(policy, received=datetime(2025, 1, 7, 9, tzinfo=UTC)) == ["would be approved automatically on monday"]
    assert report(policy, received=datetime(2025, 1, 8, 15, tzinfo=UTC)) == [
        "would be approved automatically on thursday"
    ]


def for_users(**actions):
    """Return a policy that approves, and asks for refunds that these users request."""
    layers = {
        user: a_policy_with([(action, {"task_type": "refund"}, {"rule_id": f"of_{user}"}.items())], policy_id=user)
        for user, action in actions.items()
    }
    return PolicyStack.of(a_policy_with([("auto_approve", {"min_confidence": 0.5})]), users=layers)


def test_the_requester_can_be_the_nearest_change():
    policy = for_users(ann="escalate")

    assert "would be escalated if requested by ann" in report(policy, task_type="refund")
    mine = report(policy, task_type="refund", metadata={"requested_by": "ann"})
    assert "would be approved automatically if requested by another user" in mine
    assert "would be approved automatically if it were of a type other than refund" in mine
    together = report(policy, task_type="refund", metadata={"requested_by": ["ann", "bob"]})
    assert "would be approved automatically if requested by a user other than ann" in together


def test_another_user_excludes_users_with_a_layer():
    policy = for_users(ann="escalate", bob="human_review")
    mine = report(policy, task_type="refund", metadata={"requested_by": "ann"})

    assert "would be approved automatically if requested by a user other than ann or bob" in mine
    assert "would go to a person if requested by bob" in mine
    assert Action.HUMAN_REVIEW in {
        one.action for one in nearest_changes(compile_policy(policy), Facts(RiskLevel.LOW, "d", "refund", 0.9))
    }

"""What was edited between two policies is named in words, for every field that a rule or a policy has."""

import json
import random
from datetime import timedelta

import pytest
from support.random_policies import a_policy, a_stack

from hitl_orchestrator.domain.shown.durations import exact_duration
from hitl_orchestrator.policies import edits
from hitl_orchestrator.policies.analysis.diff import compare
from hitl_orchestrator.policies.language.model import policy_hash, policy_of

SMALL = {
    "rule_id": "small",
    "priority": 5,
    "conditions": {"risk_level": "low", "min_confidence": 0.9, "metadata": {"amount": {"gt": 0, "le": 2000}}},
    "action": "auto_approve",
    "spot_check": 0.05,
}
REST = {"rule_id": "rest", "priority": 9, "conditions": {}, "action": "human_review", "respond_within": "P2D"}


def claims(*rules, **fields):
    return policy_of({"policy_id": "claims", "metadata": {"amount": "number"}, "rules": list(rules), **fields})


def small(**fields):
    return SMALL | fields


def amount(**comparison):
    return small(conditions=SMALL["conditions"] | {"metadata": {"amount": comparison}})


def test_an_edit_within_alternatives_is_named_without_its_place():
    def either(most):
        parts = [
            {"metadata": {"amount": {"gt": most}}},
            {"at_least": {"n": 1, "of": [{"domain": "x"}, {"domain": "y"}]}},
        ]
        return REST | {"conditions": {"any": parts}}

    assert [edit.text for edit in edits(claims(either(5000)), claims(either(6000)))] == [
        "rest: amount > 5000 became > 6000"
    ]


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ([amount(gt=0, le=3000), REST], "small: amount <= 2000 became <= 3000"),
        ([amount(gt=0, lt=2000), REST], "small: amount <= 2000 became < 2000"),
        ([amount(le=2000), REST], "small: amount > 0 was removed"),
        ([amount(gt=0, le=2000, ne=7), REST], "small: amount is not 7 was added"),
        ([small(spot_check=0.1), REST], "small: spot_check 5 % became 10 %"),
        ([SMALL, REST | {"respond_within": "PT36H"}], "rest: respond_within 2 days became 1 day 12 hours"),
        ([SMALL, REST | {"message": "Look twice."}], "rest: message 'Look twice.' was added"),
        ([SMALL, REST | {"approvals": 2}], "rest: approvals 1 became 2"),
        (
            [small(conditions=SMALL["conditions"] | {"risk_level": ["low", "medium"]}), REST],
            "small: risk_level gained medium",
        ),
        ([REST], "small is removed"),
        ([SMALL | {"rule_id": "tiny"}, REST], "tiny is the new name of small"),
        ([SMALL | {"priority": 10}, REST], "rest: now comes first"),
    ],
)
def test_an_edit_names_the_rule_and_the_condition(rules, text):
    assert [edit.text for edit in edits(claims(SMALL, REST), claims(*rules))] == [text]


def test_a_new_rule_is_written_out_and_a_declaration_is_named():
    rule = {"rule_id": "big", "priority": 1, "conditions": {"metadata": {"amount": {"gt": 9}}}, "action": "escalate"}
    new = claims(rule, SMALL, REST, timezone="Europe/Vienna")

    assert [edit.text for edit in edits(claims(SMALL, REST), new)] == [
        "timezone UTC became 'Europe/Vienna'",
        "big is new: escalate, amount > 9, assigned_human_role senior_manager",
    ]


BLOCKED = {
    "rule_id": "blocked",
    "priority": 1,
    "conditions": {"metadata": {"amount": {"in": {"list": "odd"}}}},
    "action": "escalate",
    "assigned_human_role": "compliance_officer",
}


@pytest.mark.parametrize(
    ("elsewhere", "also"),
    [
        (
            {"assigned_human_role": "senior_manager"},
            "blocked: assigned_human_role compliance_officer became senior_manager",
        ),
        ({}, None),
    ],
)
def test_a_difference_is_headed_by_the_edit_of_the_list_that_led_to_it(elsewhere, also):
    old = claims(BLOCKED, SMALL, REST, lists={"odd": [13, 17]})
    new = claims(BLOCKED | elsewhere, SMALL, REST | {"approvals": 2}, lists={"odd": [13]})
    edited = {(each.before.rule_id, each.after.rule_id): each.edits for each in compare(old, new).differences}

    assert edited["blocked", "small"] == ("lists odd lost 17",)
    assert edited["blocked", "rest"] == ("lists odd lost 17", "rest: approvals 1 became 2")
    assert edited["rest", "rest"] == ("rest: approvals 1 became 2",)
    assert edited.get(("blocked", "blocked")) == (None if also is None else (also,))


def test_a_difference_is_headed_by_the_edit_of_what_a_calculation_reads():
    top = {"rule_id": "top", "priority": 1, "conditions": {"derived": {"double": {"gt": 9}}}, "action": "escalate"}
    other = top | {"rule_id": "other", "conditions": {"metadata": {"kind": {"eq": "x"}}}}
    fields = {"derived": {"double": "2 * amount"}, "metadata": {"amount": {"type": "number", "min": 0}, "kind": "text"}}
    bounded = fields | {"metadata": {"amount": {"type": "number", "min": 0, "max": 1000}, "kind": "text"}}
    moved = {
        edit.text: edit.moves for edit in edits(claims(top, other, REST, **fields), claims(top, other, REST, **bounded))
    }

    assert moved == {"metadata amount max 1000 was added": {"top"}}


def test_a_removed_layer_is_one_edit_and_heads_its_differences():
    old = claims(SMALL, REST, users={"ann": {"policy_id": "a", "rules": [REST | {"rule_id": "ann_asks"}]}})
    new = claims(SMALL, REST)
    text = "the layer is removed, with ann_asks (user ann)"

    assert [edit.text for edit in edits(old, new)] == [text]
    assert {each.edits for each in compare(old, new).differences} == {(text,)}


def test_the_time_to_answer_goes_with_what_happens_after_it():
    bare = {name: value for name, value in REST.items() if name != "respond_within"}
    (edit,) = edits(claims(SMALL, REST), claims(SMALL, bare))

    assert edit.text == "rest: respond_within 2 days was removed, on_timeout escalate was removed"


def test_the_order_of_the_edits_is_that_of_the_rules_in_every_process():
    rules = [REST | {"rule_id": f"r{place}", "priority": place, "approvals": place} for place in range(1, 9)]
    shown = [edit.text for edit in edits(claims(*rules, REST), claims(REST))]

    assert shown == [f"r{place} is removed" for place in range(1, 9)]


def test_an_edit_in_a_layer_names_the_layer():
    layers = [{"motor": {"policy_id": "m", "rules": [REST | {"rule_id": "cap", "approvals": n}]}} for n in (1, 2)]
    old, new = (claims(SMALL, REST, domains=each) for each in layers)

    assert [edit.text for edit in edits(old, new)] == ["cap: approvals 1 became 2 (domain motor)"]


def test_nested_conditions_are_named_without_their_place():
    old, new = (
        claims(small(conditions={"any": [{"risk_level": "low"}, {"metadata": {"amount": {"lt": top}}}]}), REST)
        for top in (5, 6)
    )

    assert [edit.text for edit in edits(old, new)] == ["small: amount < 5 became < 6"]


@pytest.mark.parametrize("seed", range(16))
def test_no_difference_is_without_an_edit_and_equal_policies_have_none(seed):
    old, new = (
        (a_stack(seed, 2, ()), a_stack(seed + 1_000, 2, ()))
        if seed % 2
        else (a_policy(seed, 4), a_policy(seed + 1_000, 4))
    )
    named = {edit.text for edit in edits(old, new)}

    assert edits(old, old) == []
    assert policy_hash(old) == policy_hash(new) or named
    for difference in compare(old, new).differences:
        assert difference.edits
        assert set(difference.edits) <= named
        assert difference.where


def test_one_edit_is_the_headline_of_every_difference_that_it_leads_to():
    dice = random.Random(7)
    for seed in range(10):
        policy = a_policy(seed, 6)
        raw = json.loads(policy.model_dump_json(exclude_defaults=True, by_alias=True))
        rule = dice.choice(raw["rules"])
        rule["action"] = "escalate" if rule["action"] != "escalate" else "human_review"
        for name in ("assigned_human_role", "hold", "spot_check"):
            rule.pop(name, None)
        for difference in compare(policy, policy_of(raw)).differences:
            assert difference.headline.startswith(f"{rule['rule_id']}: action ")


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(days=2), "2 days"),
        (timedelta(days=1, hours=1), "1 day 1 hour"),
        (timedelta(minutes=90), "1 hour 30 minutes"),
        (timedelta(seconds=0.5), "0.5 seconds"),
        (timedelta(weeks=52), "364 days"),
        (timedelta(0), "0 seconds"),
    ],
)
def test_a_duration_is_written_exactly_and_in_words(length, text):
    assert exact_duration(length) == text


def test_remarks_are_no_edit_since_they_change_no_decision():
    noted = REST | {"note": "Agreed in May", "owner": "claims desk", "reference": "4.2"}

    assert edits(claims(SMALL, REST), claims(SMALL, noted)) == []


def test_a_message_is_no_requirement_of_a_looser_answer():
    before, after = claims(REST), claims(REST | {"respond_within": "P3D", "message": "Look twice."})

    (difference,) = compare(before, after).differences

    assert difference.direction == "looser"
    assert difference.change == (
        "human_review by domain_reviewer (rest) has other requirements (time to answer 2 days to 3 days)"
    )

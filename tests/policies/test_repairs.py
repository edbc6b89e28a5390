"""The smallest changes that mend where a riskier task is treated more leniently, each checked."""

import json
import random
from importlib.resources import files

import pytest
from support.random_policies import a_policy, a_policy_with

from hitl_orchestrator.policies import Direction, PolicyStack, check, compare, read_policy
from hitl_orchestrator.policies.analysis.findings import FindingKind, Severity
from hitl_orchestrator.policies.analysis.repairs import Effect, repairs, with_repairs

DATA = files("hitl_orchestrator.data")


def shipped(name):
    return read_policy(DATA.joinpath(name).read_text("utf-8"), name)


def lenient(policy):
    return [one for one in check(policy) if one.kind is FindingKind.MONOTONICITY]


def rules_of(policy):
    return policy.model_dump(mode="json")["rules"]


def test_the_canonical_policy_is_repaired_by_raising_or_lowering_one_bound():
    policy = shipped("routing_policy.json")
    (finding,) = lenient(policy)

    assert [(one.sentence, one.effect, one.cells) for one in repairs(policy, finding)] == [
        ("raise rule_002's min_confidence from 0.75 to 0.8 (tightens)", Effect.TIGHTENS, 1),
        ("lower rule_004's min_confidence from 0.8 to 0.75 (loosens)", Effect.LOOSENS, 1),
    ]


def test_the_bundled_repaired_policy_is_the_first_repair_applied():
    policy = shipped("routing_policy.json")
    mended = shipped("routing_policy_mended.json")

    assert rules_of(mended) == rules_of(repairs(policy, lenient(policy)[0])[0].policy)
    assert [one.kind for one in check(mended)] == [FindingKind.GAP]
    assert mended.policy_id != policy.policy_id


def test_findings_carry_their_repairs():
    policy = shipped("routing_policy.json")
    (report,) = [one.repairs for one in with_repairs(policy, check(policy)) if one.repairs]

    assert report == (
        "raise rule_002's min_confidence from 0.75 to 0.8 (tightens)",
        "lower rule_004's min_confidence from 0.8 to 0.75 (loosens)",
    )


def test_where_no_bound_helps_the_action_of_one_rule_does():
    policy = a_policy_with([("auto_approve", {"risk_level": "medium", "min_confidence": 0.5}), ("human_review", {})])

    assert [one.sentence for one in repairs(policy, lenient(policy)[0])] == [
        "change the action of r1 to human_review (tightens)"
    ]


def test_each_layer_of_a_stack_is_repaired_by_itself():
    canonical = shipped("routing_policy.json")
    quiet = a_policy_with([("human_review", {"task_type": "refund"})])
    stack = PolicyStack.of(canonical, domains={"payments": quiet})

    report = {
        (one.layer, one.repairs) for one in with_repairs(stack, check(stack)) if one.kind is FindingKind.MONOTONICITY
    }

    assert report == {("organization", with_repairs(canonical, check(canonical))[0].repairs)}


def judged(findings):
    return {
        (one.kind, one.severity, one.rule_id, one.rules)
        for one in findings
        if one.severity is not Severity.NOTE and one.kind is not FindingKind.UNCHECKED
    }


def check_repairs(seed):
    """Every repair resolves its finding, brings no warning, and does what its label states; return their number."""
    policy, number = a_policy(seed, most=5, kinds=("risk_level", "confidence", "domain", "metadata", "not")), 0
    before = check(policy)
    for finding in random.Random(seed).sample(found := lenient(policy), min(2, len(found))):
        for mend in repairs(policy, finding):
            after = judged(check(mend.policy))
            assert after < judged(before), (seed, mend.sentence)
            assert (finding.kind, finding.severity, finding.rule_id, finding.rules) not in after, (seed, mend.sentence)
            directions = {one.direction for one in compare(policy, mend.policy).differences} - {Direction.OTHER}
            expected = {Direction.STRICTER: Effect.TIGHTENS, Direction.LOOSER: Effect.LOOSENS}
            effect = expected[directions.pop()] if len(directions) == 1 else Effect.CHANGES
            assert mend.effect is effect, (seed, mend.sentence)
            number += 1
    return number


@pytest.mark.parametrize("seed", range(40))
def test_a_repair_resolves_its_finding_brings_no_warning_and_is_labeled_as_it_acts(seed):
    check_repairs(seed)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_the_repairs_of_two_thousand_policies_bring_no_warning_and_are_labeled_as_they_act():
    assert sum(map(check_repairs, range(2_000))) > 1_000


def test_the_canonical_file_stays_as_it_is():
    assert json.loads(DATA.joinpath("routing_policy.json").read_text("utf-8"))["rules"][1]["conditions"] == {
        "risk_level": "medium",
        "min_confidence": 0.75,
    }


def test_a_note_is_added_where_there_are_too_many_changes():
    kinds = ("risk_level", "domain", "task_type", "confidence", "signals", "metadata", "time", "all", "any", "not")
    policy = a_policy(6, 30, kinds)
    found = check(policy)

    report = with_repairs(policy, found)

    assert [one.model_copy(update={"repairs": ()}) for one in report[:-1]] == found
    assert (report[-1].kind, report[-1].severity, report[-1].rule_id) == (FindingKind.UNCHECKED, Severity.NOTE, None)
    assert report[-1].sentence.endswith("was stopped: there are too many changes to try them all")


def test_no_note_is_added_where_every_change_was_tried():
    policy = a_policy_with([("auto_approve", {"risk_level": "medium", "min_confidence": 0.5}), ("human_review", {})])

    assert len(with_repairs(policy, check(policy))) == len(check(policy))


@pytest.mark.timeout(60)
def test_no_policy_of_long_lists_keeps_one_waiting_for_its_mends():
    dice = random.Random(7)
    rules = [
        (
            dice.choice(("human_review", "escalate", "auto_approve")),
            {
                "domain": dice.sample([f"d{number}" for number in range(200)], 30),
                "task_type": dice.sample([f"t{number}" for number in range(200)], 30),
                "min_confidence": dice.randint(0, 9) / 10,
            },
        )
        for _ in range(12)
    ]
    policy = a_policy_with(rules)

    assert {one.kind for one in with_repairs(policy, check(policy))} >= {
        FindingKind.MONOTONICITY,
        FindingKind.UNCHECKED,
    }

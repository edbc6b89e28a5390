"""The check finds the usual mistakes of an author in realistic policies, and nothing in the policies themselves."""

import pytest
from support.realistic_policies import REALISTIC, realistic

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import Severity, check, read_policy, with_lines

TRAVEL, TRANSFERS, CLINIC, RELEASES = "travel", "transfers", "clinic", "releases"
# The mistake, the policy, the text and what it becomes, and the rule that the finding names.
PLANTED = [
    ("comparison turned round", TRAVEL, "{payout: {gt: 3000}}", "{payout: {lt: 3000}}", "large"),
    ("comparison turned round", TRANSFERS, "{sum: {gt: 25000}}", "{sum: {lt: 25000}}", "high"),
    ("comparison turned round", CLINIC, "{temperature: {ge: 40}}", "{temperature: {le: 40}}", "high_fever"),
    ("comparison turned round", RELEASES, "{lines: {gt: 800}}", "{lines: {lt: 800}}", "big"),
    ("shadowed", TRAVEL, "rule_id: huge\n    priority: 30", "rule_id: huge\n    priority: 42", "huge"),
    ("shadowed", TRANSFERS, "rule_id: very_high, priority: 2,", "rule_id: very_high, priority: 99,", "very_high"),
    ("shadowed", CLINIC, "rule_id: fever, priority: 60,", "rule_id: fever, priority: 25,", "high_fever"),
    ("shadowed", RELEASES, "rule_id: enormous, priority: 3,", "rule_id: enormous, priority: 99,", "enormous"),
    ("negative amount", TRAVEL, "{payout: {le: 600}}", "{payout: {le: -600}}", "luggage"),
    ("negative amount", TRANSFERS, "{sum: {le: 2000}}", "{sum: {le: -2000}}", "small_transfer"),
    ("negative amount", RELEASES, "lines: {le: 300}", "lines: {le: -300}", "patch_update"),
    ("bound outside the range", TRAVEL, "{payout: {gt: 10000}}", "{payout: {gt: 100000}}", "huge"),
    ("bound outside the range", TRANSFERS, "customer_age: {lt: 18}", "customer_age: {lt: 180}", "minor"),
    ("bound outside the range", CLINIC, "{urgency: {gt: 3}}", "{urgency: {gt: 5}}", "routine_medium"),
    ("bound outside the range", RELEASES, "{criticality: {ge: 4}}", "{criticality: {ge: 7}}", "critical_service"),
    ("misspelt value", TRAVEL, "{eq: change_of_mind}", "{eq: change_of_mnid}", "changed_mind"),
    (
        "misspelt value",
        TRANSFERS,
        "{in: [CH, LI, DE, AT, FR, IT]}",
        "{in: [CH, Li, DE, AT, FR, IT]}",
        "not_allowed_country",
    ),
    (
        "misspelt value",
        RELEASES,
        "{stage: {in: [preview, production]}}",
        "{stage: {in: [preveiw, production]}}",
        "weekend",
    ),
    ("misspelt layer", TRAVEL, "  cruises:\n", "  cruisse:\n", None),
    ("misspelt layer", RELEASES, "  billing:\n", "  biling:\n", None),
    ("misspelt domain", RELEASES, "{domain: billing,", "{domain: biling,", "billing_schema"),
    ("misspelt role", TRAVEL, "role: compliance_officer", "role: complience_officer", None),
    ("misspelt role", TRANSFERS, "role: compliance_officer", "role: complience_officer", None),
    ("swapped hours", TRAVEL, 'begins: "21:00", ends: "07:00"', 'begins: "07:00", ends: "21:00"', "large_at_night"),
    ("swapped hours", CLINIC, 'begins: "22:00", ends: "06:00"', 'begins: "06:00", ends: "22:00"', "at_night"),
    ("missing exists", TRAVEL, "{cabins: {exists: true, gt: 3}}", "{cabins: {gt: 3}}", "many_cabins"),
    ("missing exists", TRAVEL, "{lawyer: {exists: true, ne: false}}", "{lawyer: {ne: false}}", "lawyer_involved"),
    ("risky before strict", TRAVEL, "luggage\n    priority: 90", "luggage\n    priority: 15", "luggage"),
    ("risky before strict", TRANSFERS, "standing_order, priority: 10", "standing_order, priority: 0", "standing_order"),
    ("risky before strict", CLINIC, "routine_low, priority: 120", "routine_low, priority: 55", "routine_low"),
    ("risky before strict", RELEASES, "patch_update, priority: 12", "patch_update, priority: 0", "patch_update"),
    (
        "equal priority",
        TRAVEL,
        "just_before_departure\n    priority: 75",
        "just_before_departure\n    priority: 70",
        "just_before_departure",
    ),
    (
        "equal priority",
        TRANSFERS,
        "instant_at_weekend, priority: 8",
        "instant_at_weekend, priority: 7",
        "instant_at_weekend",
    ),
    ("equal priority", CLINIC, "high_fever, priority: 30", "high_fever, priority: 20", "high_fever"),
    ("equal priority", RELEASES, "schema, priority: 2", "schema, priority: 1", "schema"),
    ("low risk asked more", TRAVEL, "min_confidence: 0.95", "min_confidence: 0.86", "small_and_fair"),
    (
        "low risk asked more",
        TRANSFERS,
        "standing_order, risk_level: low,",
        "standing_order, risk_level: medium,",
        "standing_order",
    ),
    (
        "low risk asked more",
        CLINIC,
        "risk_level: low, min_confidence: 0.85",
        "risk_level: low, min_confidence: 0.95",
        "routine_medium",
    ),
    ("low risk asked more", RELEASES, "risk_level: [low, medium]", "risk_level: [medium]", "patch_update"),
    ("unused rule", TRAVEL, "{payout: {gt: 1000}}", "{payout: {gt: 3500}}", "cruise_limit"),
    ("unused rule", TRANSFERS, "{sum: {gt: 1500}}", "{sum: {gt: 15000}}", "business_cap"),
    ("unused rule", RELEASES, "{lines: {gt: 40}}", "{lines: {gt: 900}}", "billing_cap"),
    ("unreachable bound", TRAVEL, "{payout: {le: 1500}}", "{payout: {le: 15000}}", "small_and_safe"),
    ("unreachable bound", TRANSFERS, "{sum: {le: 5000}}", "{sum: {le: 50000}}", "standing_order"),
    ("unreachable bound", RELEASES, "lines: {le: 80}", "lines: {le: 8000}", "small_change"),
    ("wrong unit", TRAVEL, "{suspicion: {ge: 70}}", "{suspicion: {ge: 0.7}}", "suspicious"),
    ("wrong unit", TRANSFERS, "{sum: {gt: 100000}}", "{sum: {gt: 10000000}}", "very_high"),
    ("wrong unit", CLINIC, "{temperature: {ge: 40}}", "{temperature: {ge: 104}}", "high_fever"),
]
APPENDED = [
    ("duplicate", TRAVEL, "{metadata: {payout: {gt: 3000}}}, action: escalate, respond_within: P2D", 41),
    ("duplicate", CLINIC, "{metadata: {age: {ge: 80}}}, action: human_review", 99),
    ("duplicate", RELEASES, "{risk_level: high}, action: escalate", 5),
    ("ascending table", TRAVEL, "{metadata: {payout: {gt: 1500, le: 3000}}}, action: human_review", 25),
    ("ascending table", TRANSFERS, "{metadata: {sum: {gt: 5000, le: 25000}}}, action: human_review", 1),
    ("ascending table", RELEASES, "{metadata: {lines: {gt: 300, le: 800}}}, action: human_review", 0),
]


def found(text):
    """Return the findings of a policy text with their lines: those that its author would look at."""
    return with_lines(check(read_policy(text, "p.yaml")), text, "p.yaml")


def about(findings):
    return {(one.kind, one.severity, one.rule_id, one.rules) for one in findings}


def line_of(rule_id, text):
    return next(
        number for number, line in enumerate(text.split("\n"), start=1) if f"rule_id: {rule_id}" in line.split(",")[0]
    )


def assert_found(name, text, rule_id):
    """A finding that the policy did not have names the rule, or names it among the others, with the right lines."""
    before = about(found(REALISTIC[name]))
    new = [one for one in found(text) if (one.kind, one.severity, one.rule_id, one.rules) not in before]
    named = [one for one in new if rule_id is None or rule_id in (one.rule_id, *one.rules)]
    assert named, [one.sentence for one in new]
    for one in named:
        assert one.rule_id is None or one.line == line_of(one.rule_id, text)
    assert any(one.severity is not Severity.NOTE or one.kind == "missing_fact" for one in named)


@pytest.mark.parametrize(("mistake", "name", "right", "wrong", "rule_id"), PLANTED)
def test_a_planted_mistake_is_found(mistake, name, right, wrong, rule_id):
    text = REALISTIC[name]
    assert right in text
    planted = text.replace(right, wrong, 1)
    if mistake in {"misspelt role", "misspelt layer"} and name != RELEASES:
        with pytest.raises(InvalidInput, match="did you mean"):
            read_policy(planted, "p.yaml")
    else:
        assert_found(name, planted, rule_id)


@pytest.mark.parametrize(("mistake", "name", "rule", "priority"), APPENDED)
def test_a_planted_rule_is_found(mistake, name, rule, priority):
    added = f"rules:\n  - {{rule_id: added, priority: {priority}, conditions: {rule}}}\n"

    assert_found(name, REALISTIC[name].replace("rules:\n", added, 1), "added")


@pytest.mark.parametrize("name", REALISTIC)
def test_no_false_alarm(name):
    assert [one.sentence for one in check(realistic(name)) if one.severity is not Severity.NOTE] == []


def test_an_approval_below_zero_is_found_where_the_range_is_not_declared():
    text = REALISTIC[TRAVEL].replace("payout: {type: number, min: 0, max: 50000, unit: EUR}", "payout: number")
    bounded = text.replace("{payout: {le:", "{payout: {gt: 0, le:")
    planted = bounded.replace("{payout: {gt: 0, le: 600}}", "{payout: {le: 600}}")

    assert [one.kind for one in found(bounded) if one.severity is not Severity.NOTE] == []
    assert [(one.kind, one.rule_id) for one in found(planted) if one.severity is not Severity.NOTE] == [
        ("below_zero", "luggage")
    ]

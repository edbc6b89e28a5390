"""What reviewers see of a confidence and its signals, in every view."""

import json

import pytest

from hitl_orchestrator import Orchestrator

TASK = {
    "task_id": "mail-1",
    "task_type": "mail",
    "task_description": "Classify an email",
    "domain": "customer_support",
    "risk_level": "low",
    "timestamp": "2025-01-10T09:15:00Z",
}
RULES = [
    {
        "rule_id": "go",
        "priority": 1,
        "conditions": {"min_confidence": 0.8, "signals": {"none": ["ambiguous"]}},
        "action": "auto_approve",
    },
    {"rule_id": "look", "priority": 2, "conditions": {}, "action": "human_review"},
]
UNREADABLE = "alternatives could not be read"


@pytest.fixture
def waiting(hitl, folder):
    """Submit a case whose confidence is just below a bound, and whose alternatives cannot be read."""
    output = {"predicted_label": "Refund", "alternatives": "Complaint, perhaps"}
    files = {
        "tasks.json": [TASK],
        "outputs.json": [{"task_id": "mail-1", "agent_output": output, "confidence_score": 0.1 + 0.7}],
        "policy.json": {"policy_id": "p", "rules": RULES},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    assert hitl("run", "tasks.json", "--outputs", "outputs.json", "--policy", "policy.json").code == 0
    return hitl


@pytest.mark.parametrize(
    "command",
    [
        ("run", "tasks.json", "--outputs", "outputs.json", "--policy", "policy.json"),
        ("inbox",),
        ("show", "mail-1"),
        ("next", "--reviewer", "domain_reviewer"),
        ("policy", "explain", "mail-1", "--policy", "policy.json"),
        ("policy", "explain", "tasks.json", "--outputs", "outputs.json", "--policy", "policy.json"),
    ],
    ids=" ".join,
)
def test_a_confidence_below_a_bound_is_shown_below_it(waiting, command):
    shown = waiting(*command).out

    assert "0.7999" in shown
    assert "0.8000" not in shown


@pytest.mark.parametrize("command", [("show", "mail-1"), ("next", "--reviewer", "domain_reviewer")], ids=" ".join)
def test_reviewers_see_which_fields_could_not_be_read(waiting, command):
    assert f"signals: ambiguous ({UNREADABLE})" in " ".join(waiting(*command).out.split())


def test_the_card_of_a_case_shows_the_same(waiting, folder):
    with Orchestrator.open(f"sqlite:///{folder / 'hitl.db'}") as hitl:
        card = hitl.reviews.view(task_id="mail-1")._repr_html_()

    assert "</i></span>0.7999 " in card
    assert "width:calc(100% * 0.79)" in card
    assert UNREADABLE in card


def test_a_stored_case_is_explained_by_the_score_it_was_routed_by(waiting, folder):
    facts = waiting("policy", "explain", "mail-1", "--policy", "policy.json", "--json").data[0]["facts"]

    assert (facts["confidence_score"], facts["signals"]) == (0.1 + 0.7, ["ambiguous"])

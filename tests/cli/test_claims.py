"""Inbox filters, claims, delegation, cancellation, blind labels, bulk decisions and insights."""

import io
import json

import pytest
from support.desk_driver import PEOPLE, policy

RULES = [
    {"conditions": {"task_type": "content_moderation"}, "action": "human_review", "blind": True},
    {"conditions": {"task_type": "policy_decision"}, "action": "escalate", "respond_within": "PT2H"},
    {"conditions": {"risk_level": "medium"}, "action": "human_review", "approvals": 2},
    {"conditions": {"risk_level": "low"}, "action": "human_review"},
]


@pytest.fixture
def team(hitl, folder, monkeypatch):
    """The canonical tasks, all of which wait: one blind, one of risk, one for two persons, two of low risk."""
    (folder / "policy.json").write_text(json.dumps(policy(RULES)))
    people = [one | {"domains": ["*"]} for one in PEOPLE["reviewers"]]
    (folder / "people.json").write_text(json.dumps(people))
    monkeypatch.setenv("HITL_REVIEWERS", "people.json")
    answer = hitl(
        "run", "tasks.json", "--outputs", "agent_outputs.json", "--policy", "policy.json", "--submitted-by", "shop"
    )
    assert answer.code == 0, answer.err
    return hitl


def ids(answer):
    return [row["task_id"] for row in answer.data]


@pytest.mark.parametrize(
    ("filters", "tasks"),
    [
        (("--type", "sentiment_analysis"), ["task_004"]),
        (("--risk", "medium"), ["task_002", "task_005"]),
        (("--overdue",), []),
        (("--claimed-by", "r02"), ["task_001"]),
        (("--unclaimed",), ["task_003", "task_002", "task_004", "task_005"]),
        (("--unclaimed", "--risk", "low"), ["task_004"]),
    ],
)
def test_the_inbox_filters_reviews(team, filters, tasks):
    team("claim", "task_001", "--reviewer", "r02")

    assert ids(team("inbox", *filters, "--json")) == tasks


def test_inbox_shows_claims_in_eighty_columns(team):
    assert "claimed by" not in team("inbox").out
    team("claim", "task_001", "--reviewer", "r02")

    lines = team("inbox").out.splitlines()

    assert lines[0].split()[-2:] == ["claimed", "by"]
    assert next(line for line in lines if line.startswith("task_001")).split()[-1] == "r02"
    assert max(map(len, lines)) <= 80


def test_next_claims_and_shows_the_most_urgent_case(team):
    answer = team("next", "--reviewer", "m01")

    assert answer.out.startswith("Task task_003: claimed, for senior_manager")
    assert "A reviewer is needed because:\n  │ rule-2 matches" in answer.out
    assert ids(team("inbox", "--claimed-by", "m01", "--json")) == ["task_003"]


def test_next_exits_1_if_no_review_is_available(team):
    for _ in range(4):
        assert team("next", "--reviewer", "r01", "--json").code == 0

    answer = team("next", "--reviewer", "r01", "--json")

    assert (answer.code, answer.data) == (1, None)
    assert team("next", "--reviewer", "r01").out == "No unclaimed reviews are available to you.\n"


def test_released_delegation_returns_to_delegator(team):
    team("claim", "task_001", "--reviewer", "r01")

    assert "r02 has task_001 until" in team("delegate", "task_001", "--reviewer", "r01", "--to", "r02").out
    assert team("release", "task_001", "--reviewer", "r02").out == "Released; r01 has it again.\n"
    assert team("release", "task_001", "--reviewer", "r02", "--json").data == {"released": False, "claimed_by": "r01"}


def test_only_the_submitter_cancels(team):
    refused = team("cancel", "task_001", "--submitted-by", "r01", "--reason", "x")

    assert (refused.code, refused.out) == (1, "")
    assert "may not cancel this case: only the submitter who is recorded" in refused.err
    assert (
        team("cancel", "task_001", "--submitted-by", "shop", "--reason", "sent twice", "--json").data["stage"]
        == "finished"
    )
    output = team("show", "task_001").out
    assert "domain_reviewer: canceled by shop at" in output
    assert "│ sent twice" in output


def test_blind_case_is_hidden_everywhere_until_labeled(team):
    secrets = ("Potential Policy Violation", "0.74")
    for answer in (team("inbox"), team("inbox", "--json"), team("claim", "task_005", "--reviewer", "r01")):
        blind = [line for line in answer.out.splitlines() if any(secret in line for secret in secrets)]
        assert blind == []
    assert secrets[0] not in team("show", "task_005").out

    seen = team("label", "task_005", "Fine", "--reviewer", "r01", "--json").data

    assert (seen["own_label"], seen["proposal"]["predicted_label"]) == ("Fine", secrets[0])
    assert team("decide", "task_005", "reject", "--reviewer", "r01").code == 0
    assert "own label, before the agent's was shown: Fine" in team("show", "task_005").out


def test_show_names_both_approving_reviewers(team):
    first = team("decide", "task_002", "approve", "--reviewer", "r01", "--reason-code", "other")
    assert "The case now waits for domain_reviewer." in first.out
    assert team("decide", "task_002", "reject", "--reviewer", "r01").code == 1
    team("decide", "task_002", "approve", "--reviewer", "r02")

    output = " ".join(team("show", "task_002").out.split())

    assert "human_review to domain_reviewer, 2 reviewers must agree" in output
    assert "one vote of several" in output
    assert "reason code other" in output
    assert "votes: r01 approve, r02 approve" in output


def test_a_case_is_escalated_with_a_reason(team):
    assert team("escalate", "task_001", "--reviewer", "r01", "--reason", "beyond me").code == 0
    assert team("inbox", "--role", "senior_manager", "--json").data[-1]["escalated_because"] == "beyond me"


BULK = ("bulk", "approve", "task_001", "task_004", "--reviewer", "r01")


def test_bulk_lists_each_case_and_decides_them_all(team):
    answer = team(*BULK, "--yes")

    assert answer.code == 0
    assert answer.out.index("task_001") < answer.out.index("task_004") < answer.out.index("Recorded for 2 cases.")
    ended = [team("show", one, "--json").data["summary"]["final_decision"] for one in BULK[2:4]]
    assert ended == ["approved", "approved"]


class Keyboard(io.StringIO):
    """Standard input at a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("typed", "code", "waiting"), [("y\n", 0, 3), ("n\n", 1, 5)])
def test_bulk_asks_at_a_terminal(team, monkeypatch, typed, code, waiting):
    monkeypatch.setattr("sys.stdin", Keyboard(typed))

    assert team(*BULK).code == code
    assert len(team("inbox", "--json").data) == waiting


def test_bulk_is_rejected_without_confirmation_or_for_ineligible_cases(team, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert (team(*BULK).code, team(*BULK, "--json").code) == (2, 2)

    refused = team("bulk", "approve", "task_001", "task_003", "task_005", "--reviewer", "m01", "--yes")

    assert refused.code == 2
    for why in ("it was escalated", "its review is blind", "the cases come from several rules"):
        assert why in refused.err
    assert len(team("inbox", "--json").data) == 5


def test_assign_reports_each_assignment(team):
    given = team("assign", "--reviewer", "m01", "--json").data

    assert {one["task_id"]: one["role"] for one in given}["task_003"] == "senior_manager"
    assert all(one["assigned_to"] for one in given)
    assert "every open review is claimed" in team("assign", "--reviewer", "m01").out


def test_feedback_and_stats_report_reviewed_cases(team):
    assert team("feedback").out == team("stats", "--reviewers").out == "No case has been reviewed yet.\n"
    team("decide", "task_001", "approve", "--reviewer", "r01")
    team("decide", "task_004", "reject", "--reviewer", "r01", "--feedback", "wrong", "--reason-code", "agent_error")

    events = {one["task_id"]: one for one in team("feedback", "--json").data}

    assert (events["task_001"]["agent_correct"], events["task_004"]["error_type"]) == (True, "agent_error")
    assert "The agent was right in 1 of 2 reviewed cases." in team("feedback").out
    assert team("stats", "--reviewers", "--json").data["care"][0]["reviewer"] == "r01"
    assert "50 % of 2" in team("stats", "--reviewers").out


def test_the_desk_needs_a_terminal(team):
    answer = team("review", "--reviewer", "r01")

    assert (answer.code, answer.out) == (2, "")
    assert "the review desk needs a terminal" in answer.err


def test_assign_passes_over_what_no_reviewer_may_take_and_states_what_is_left_out(hitl, folder):
    people = [{"reviewer_id": "bea", "name": "Bea", "roles": ["senior_manager"], "domains": ["account_management"]}]
    (folder / "people.json").write_text(json.dumps(people))
    reviewers = ("--reviewers", "people.json")
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json", *reviewers)

    answer = hitl("assign", "--reviewer", "bea", "--limit", "1", "--json", *reviewers)

    assert [(row["task_id"], row["assigned_to"]) for row in answer.data] == [("task_002", None), ("task_003", "bea")]
    assert answer.err == "hitl: 1 more review that no reviewer can take now, passed over and not listed\n"
    shown = hitl("assign", "--reviewer", "bea", "--limit", "1", *reviewers).out
    assert "1 more review that no reviewer can take now, passed over and not listed" in " ".join(shown.split())

    on = ("--store", "sqlite:///of_placeholders.db")
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json", *on)
    with_all = hitl("assign", "--reviewer", "senior_manager", "--limit", "1", "--json", *on)
    assert with_all.err == "hitl: the limit was reached before the end of the queue, run it again to go on\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("decide", "t", "approve", "--reviewer", "r", "--assessment", "sure"), '--assessment: "sure" is not one of'),
        (("decide", "t", "aprove", "--reviewer", "r"), 'DECISION: "aprove" is not one of'),
        (("decide", "t", "approve", "--reviewer", "r", "--key", ""), '--key: "" is not an id'),
        (("inbox", "--risk", "hi"), "--risk: 'hi' is not one of"),
        (("assign", "--reviewer", "senior_manager", "--strategy", "any"), "--strategy: 'any' is not one of"),
        (
            ("assign", "--reviewer", "m01", "--hours", "25"),
            "--hours: 25 is not above 0 and at most 24, which is a day",
        ),
        (("next", "--reviewer", "domain_reviewer", "--minutes", "0"), "--minutes: 0 is not above 0 and at most 1440"),
    ],
)
def test_a_refusal_names_the_option(canonical, arguments, problem):
    answer = canonical(*arguments)

    assert answer.code == 2
    assert answer.err.startswith(f"hitl: {problem}")

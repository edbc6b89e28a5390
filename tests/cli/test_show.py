"""`hitl show` and `hitl audit`: a case from its proposal to its outcome."""

import json
import re
import shlex

from tests.cli.conftest import APPROVE, RUN


def test_show_names_the_higher_role_under_a_stricter_policy(stricter):
    output = stricter("show", "task_002").out

    assert "Task task_002: waits for senior_manager" in output
    assert "The policy is stricter now: senior_manager decides this, domain_reviewer no longer may." in " ".join(
        output.split()
    )
    command = output.splitlines()[-1].split()
    assert command == ["hitl", "decide", "task_002", "approve", "--reviewer", "senior_manager"]
    assert stricter(*command[1:]).code == 0


def test_show_suggests_an_eligible_reviewer_of_the_lowest_role(limited):
    limited(*RUN, "--reviewers", "people.json")

    output = limited("show", "task_005", "--reviewers", "people.json").out

    assert "Next, as domain_reviewer (2 reviewers may)" in output
    command = shlex.split(output.splitlines()[-1])
    assert command[1:6] == ["decide", "task_005", "approve", "--reviewer", "max"]
    assert limited(*command[1:]).code == 0


def test_show_names_a_voter_once_who_votes_again_when_no_other_is_left(hitl, folder):
    people = [{"reviewer_id": f"r{number}", "name": f"R {number}", "roles": ["clerk"]} for number in (1, 2)]
    (folder / "people.json").write_text(json.dumps({"reviewers": people, "escalation_chain": ["clerk"]}))
    both = {"rule_id": "both", "priority": 1, "action": "human_review", "assigned_human_role": "clerk", "approvals": 2}
    (folder / "policy.json").write_text(json.dumps({"policy_id": "p", "rules": [both | {"conditions": {}}]}))
    hitl(*RUN, "--submitted-by", "r2", "--reviewers", "people.json", "--policy", "policy.json")
    for why in ("sure", "still sure"):
        assert hitl("decide", "task_002", "approve", "--reviewer", "r1", "--feedback", why).code == 0

    output = " ".join(hitl("show", "task_002").out.split())

    assert output.count("r1 as clerk: voted at") == 1
    assert ", 2 times; the vote is shown when the case is decided" in output


def test_show_reports_missing_reviewers(limited):
    limited(*RUN, "--reviewers", "people.json")

    output = limited("show", "task_002", "--reviewers", "people.json").out

    problem = "No reviewer of this store may decide this: it needs domain_reviewer, or a higher role, in"
    assert problem in " ".join(output.split())
    assert "hitl decide" not in output


def test_suggested_commands_repeat_the_reviewers_file(limited):
    output = limited(*RUN, "--reviewers", "people.json").out

    assert [line.strip() for line in output.splitlines()[-2:]] == [
        "hitl inbox --reviewers people.json",
        "hitl show task_002 --reviewers people.json",
    ]


def test_show_suggests_only_accepted_decisions(hitl):
    hitl("run", "tasks.json")
    hitl("decide", "task_003", "escalate", "--reviewer", "senior_manager", "--reason", "beyond me")

    output = hitl("show", "task_003").out

    assert "Next, as compliance_officer (1 reviewer may): reject, modify or override, such as" in " ".join(
        output.split()
    )
    assert output.splitlines()[-1].split()[:4] == ["hitl", "decide", "task_003", "reject"]


def test_show_covers_proposal_to_outcome(routed):
    routed("decide", "task_003", "override", "--reviewer", "senior_manager", "--reason", "an exception")

    results = routed("show", "task_003").out

    for sentence in (
        "Task task_003: override_approved",
        "Not Eligible",
        "confidence 0.83 (reported); signals: risky",
        "escalate to senior_manager",
        "rule_001 matches: the risk is high",
        "senior_manager as senior_manager: override at 20",
        "│ an exception",
        "override_approved, decided by human, ",
        "Nothing is executed: the reviewer overrode the proposal and gave no output.",
    ):
        assert sentence in results
    history = [line.split()[4] for line in results[results.index("History") :].splitlines()[3:]]
    assert history == ["submitted", "routed", "review", "decided", "resumed", "finished"]


def test_show_names_rights_and_content_of_a_decision(routed):
    shown = routed("inbox", "--role", "senior_manager", "--json").data[0]["digest"]
    routed("decide", "task_003", "override", "--reviewer", "senior_manager", "--reason", "an exception")

    output = " ".join(routed("show", "task_003").out.split())

    assert "holds senior_manager in every domain; authentication stated, channel cli" in output
    assert f"saw {shown[:12]}; choices: approve, reject, modify, override, escalate; decided after" in output
    assert re.search(r"software [0-9.]+\w*; graph g[0-9a-f]{12}", output)


def test_show_omits_rights_of_replayed_decisions(hitl):
    hitl(*RUN, "--reviews", "human_reviews.json")

    output = hitl("show", "task_003").out

    assert "override_approved" in output
    assert "authentication" not in output
    assert "decided after" not in output


def test_show_ends_with_the_command_that_decides_the_case(routed):
    command = routed("show", "task_003").out.splitlines()[-1].split()

    assert command == ["hitl", "decide", "task_003", "approve", "--reviewer", "senior_manager"]
    assert routed(*command[1:]).code == 0


def test_suggested_commands_repeat_the_store(hitl):
    output = hitl(*RUN, "--store", "sqlite:///my cases.db").out

    assert "hitl inbox --store 'sqlite:///my cases.db'" in output


def test_show_in_json_is_the_case_with_its_history(routed):
    case = routed("show", "task_002", "--json").data

    assert case["summary"]["status"] == "waiting"
    assert case["submission"]["task"]["task_id"] == "task_002"
    assert [event["kind"] for event in case["history"]] == ["submitted", "routed", "review_opened"]


def test_entries_of_a_case_are_chained_by_digest(routed):
    entries = routed("audit", "show", "task_002", "--json").data

    assert [entry["kind"] for entry in entries] == ["submitted", "routed", "review_opened"]
    assert entries[1]["previous"] == entries[0]["digest"]
    assert entries[0]["digest"][:12] in routed("audit", "show", "task_002").out


def test_audit_list_shows_decision_source(routed):
    routed(*APPROVE)

    lines = routed("audit", "list").out.splitlines()

    assert lines[4].split()[:6] == ["task_002", "medium", "0.68", "review", "approved", "domain_reviewer"]
    assert lines[-1] == "3 audit records."
    assert max(map(len, lines)) <= 80

"""`hitl inbox` and `hitl decide`."""

import json

import pytest
from support.builders import a_task

from hitl_orchestrator import Orchestrator
from tests.cli.conftest import APPROVE, RUN


def test_inbox_json_has_the_fields_reviewers_need(routed):
    review = routed("inbox", "--json").data[1]

    assert {name: review[name] for name in ("task_id", "role", "domain", "risk_level", "confidence_score")} == {
        "task_id": "task_003",
        "role": "senior_manager",
        "domain": "account_management",
        "risk_level": "high",
        "confidence_score": 0.83,
    }
    assert review["proposal"]["predicted_label"] == "Not Eligible"
    assert (review["rule_id"], review["reason"], review["signals"]) == (
        "rule_001",
        "rule_001 matches: the risk is high",
        ["risky"],
    )
    assert {"review_id", "case_id", "opened_at", "digest"} <= review.keys()


@pytest.mark.parametrize(
    ("narrowed", "tasks"),
    [
        (("--role", "senior_manager"), ["task_003"]),
        (("--domain", "trust_and_safety"), ["task_005"]),
        (("--role", "domain_reviewer", "--limit", "1"), ["task_002"]),
        (("--role", "compliance_officer"), []),
    ],
)
def test_the_inbox_is_narrowed_by_role_domain_and_number(routed, narrowed, tasks):
    assert [review["task_id"] for review in routed("inbox", *narrowed, "--json").data] == tasks


def test_the_inbox_fits_eighty_columns_with_its_ids_whole(routed):
    lines = routed("inbox").out.splitlines()

    assert [line.split()[0] for line in lines[2:5]] == ["task_002", "task_003", "task_005"]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("reviewer", "tasks"),
    [("domain_reviewer", ["task_002", "task_005"]), ("senior_manager", ["task_002", "task_003", "task_005"])],
)
def test_inbox_of_a_reviewer_has_the_reviews_they_may_decide_now(routed, reviewer, tasks):
    reviews = routed("inbox", "--reviewer", reviewer, "--json").data

    assert [review["task_id"] for review in reviews] == tasks
    assert "approve" in reviews[0]["choices"]
    hint = routed("inbox", "--reviewer", reviewer).out.splitlines()[-1].split()
    assert hint == ["hitl", "claim", "task_002", "--reviewer", reviewer]
    assert routed(*hint[1:]).code == 0


def test_inbox_rejects_an_unknown_reviewer(routed):
    assert routed("inbox", "--reviewer", "unknown").code == 1


def test_inbox_counts_approvals_where_several_are_needed(hitl, folder):
    rule = {"rule_id": "two", "priority": 1, "conditions": {}, "action": "human_review", "approvals": 2}
    (folder / "two.json").write_text(json.dumps({"policy_id": "two", "rules": [rule]}))
    hitl(*RUN, "--policy", "two.json")

    assert "0 of 2" in hitl("inbox").out
    assert hitl("inbox", "--json").data[0]["approvals_needed"] == 2


def test_resume_is_an_alias_of_decide(routed):
    assert routed("resume", *APPROVE[1:], "--json").data["final_decision"] == "approved"


def test_empty_inbox_is_reported(routed):
    assert routed("inbox", "--role", "compliance_officer").out == "No open reviews.\n"


def test_unknown_role_is_invalid_input(routed):
    answer = routed("inbox", "--role", "senior_manger")

    assert (answer.code, answer.out) == (2, "")
    assert (
        "the roles are domain_reviewer, senior_manager, compliance_officer; did you mean 'senior_manager'?"
        in answer.err
    )


@pytest.fixture
def stopped(routed):
    """The same store, with a task more that was taken in and not run, as a crash leaves it."""
    with Orchestrator.open("sqlite:///hitl.db") as store:
        store.cases.enqueue(a_task("cut-off"))
    return routed


def test_inbox_names_cases_that_no_reviewer_can_decide_yet(stopped):
    answer = stopped("inbox")

    assert answer.err == (
        "hitl: 1 case is neither finished nor waiting for a reviewer: cut-off; "
        "'hitl recover' resumes unfinished cases\n"
    )
    assert stopped("inbox", "--json").err == ""
    assert stopped("show", "cut-off", "--json").data["summary"]["status"] == "unfinished"
    stopped("recover")
    assert stopped("inbox").err == ""


def test_stricter_policy_moves_reviews_to_the_higher_role(stricter):
    found = {task["task_id"]: task for task in stricter("inbox", "--role", "senior_manager", "--json").data}

    assert list(found) == ["task_002", "task_003", "task_005"]
    assert found["task_002"]["role"] == "senior_manager"
    assert stricter("inbox", "--role", "domain_reviewer", "--json").data == []
    assert stricter("inbox").out.count(" senior_manager ") == 3
    assert len(stricter("inbox", "--role", "senior_manager", "--limit", "2", "--json").data) == 2


def test_repeated_decision_returns_the_same_result(routed):
    first, again = routed(*APPROVE, "--json"), routed(*APPROVE, "--json")

    assert again == first
    assert (again.code, again.data["final_decision"]) == (0, "approved")
    assert "This decision was recorded at" in routed(*APPROVE).out


def test_second_decision_is_rejected_with_the_first_one(routed):
    routed(*APPROVE)

    late = routed("decide", "task_002", "reject", "--reviewer", "senior_manager", "--json")

    assert (late.code, late.out) == (1, "")
    results = json.loads(late.err)
    assert results["error"] == "ReviewAlreadyDecided"
    assert "was already decided by 'domain_reviewer': approve at 20" in results["problems"][0]


def test_edited_output_is_the_final_output(routed, folder):
    edited = {"predicted_label": "Allowed", "note": "borderline"}
    (folder / "edited.json").write_text(json.dumps(edited))

    answer = routed(
        "decide", "task_005", "modify", "--reviewer", "domain_reviewer", "--output", "@edited.json", "--json"
    )

    assert answer.data["final_decision"] == "modified_and_approved"
    assert answer.data["final_output"] == {**edited, "explanation": ""}


def test_a_case_is_resumed_by_its_own_id_as_well(routed):
    case_id = routed("inbox", "--json").data[0]["case_id"]

    assert routed("decide", case_id, "approve", "--reviewer", "domain_reviewer").code == 0


def test_escalated_case_waits_for_the_next_role(routed):
    passed_up = routed("decide", "task_003", "escalate", "--reviewer", "senior_manager", "--reason", "beyond me")
    (review,) = routed("inbox", "--role", "compliance_officer", "--json").data

    assert "The case now waits for compliance_officer." in passed_up.out
    assert (review["task_id"], review["escalated_because"]) == ("task_003", "beyond me")
    assert "Escalated to compliance_officer:\n    │ beyond me" in routed("show", "task_003").out


def test_feedback_and_assessment_are_kept_in_the_record(routed):
    routed(*APPROVE, "--feedback", "right", "--assessment", "high")

    assert routed("audit", "list", "--json").data[-1]["human_feedback"] == "right"
    assert "approve at 20" in (result := " ".join(routed("show", "task_002").out.split()))
    assert ", high confidence" in result
    assert "│ right" in result


REFUSED = [
    (("unknown", "approve", "--reviewer", "domain_reviewer"), 1, "no case or task 'unknown' in this store"),
    (("task_001", "approve", "--reviewer", "domain_reviewer"), 1, "is not waiting for a decision: it is approved"),
    (("task_002", "approve", "--reviewer", "domain_reviwer"), 1, "did you mean 'domain_reviewer'?"),
    (("task_003", "approve", "--reviewer", "domain_reviewer"), 1, "it needs 'senior_manager' or a role above it"),
    (("task_002", "approve", "--reviewer", "domain_reviewer", "--digest", "ab"), 1, "read the case again"),
    (("task_002", "modify", "--reviewer", "domain_reviewer"), 2, "modify needs the edited output"),
    (
        ("task_003", "override", "--reviewer", "senior_manager"),
        2,
        "override needs a reason; give one with reason=",
    ),
    (
        ("task_003", "escalate", "--reviewer", "senior_manager"),
        2,
        "escalate needs a reason; give one with reason=",
    ),
    (
        ("task_002", "approve", "--reviewer", "domain_reviewer", "--output", '{"predicted_label": "x"}'),
        2,
        "approve takes no output; leave output= (--output) out, or modify or override",
    ),
    (("task_002", "approve", "--reviewer", "domain_reviewer", "--review-id", "x"), 2, "has no review 'x'"),
]


@pytest.mark.parametrize(("arguments", "code", "sentence"), REFUSED)
def test_invalid_decision_is_rejected_and_the_case_still_waits(routed, arguments, code, sentence):
    answer = routed("decide", *arguments)

    assert (answer.code, answer.out) == (code, "")
    assert sentence in answer.err
    assert answer.err.count("\n") == 1
    assert len(routed("inbox", "--json").data) == 3


def test_escalation_beyond_the_top_is_rejected(routed):
    answer = routed("decide", "task_003", "escalate", "--reviewer", "compliance_officer", "--reason", "hm")

    assert (answer.code, answer.err.count("the top of the chain")) == (1, 1)


def test_inbox_json_states_on_stderr_that_more_reviews_follow_and_how_to_go_on(routed):
    first = routed("inbox", "--limit", "2", "--json")
    last = first.data[-1]["review_id"]
    rest = routed("inbox", "--after", last, "--json")

    assert first.err == f"hitl: more reviews follow; add --after {last} to list them\n"
    assert [review["task_id"] for review in first.data + rest.data] == ["task_002", "task_003", "task_005"]
    assert (rest.code, rest.err) == (0, "")


def test_inbox_states_in_its_last_lines_that_more_reviews_follow(routed):
    shown = " ".join(routed("inbox", "--limit", "2").out.split())
    assert "2 of 3 open reviews" in shown
    assert "more reviews follow; add --after" in shown
    assert [each["task_id"] for each in routed("inbox", "--after", "task_002", "--json").data] == [
        "task_003",
        "task_005",
    ]
    assert "follow" not in routed("inbox", "--limit", "3").out


def test_inbox_after_an_unknown_review_is_invalid_input(routed):
    answer = routed("inbox", "--after", "unknown", "--json")

    assert (answer.code, answer.out) == (2, "")
    assert "there is no review 'unknown'" in answer.err


def test_fields_of_an_output_that_could_not_be_read_are_named_in_the_inbox_and_by_explain(hitl, folder):
    outputs = json.loads((folder / "agent_outputs.json").read_text())
    outputs[1]["agent_output"]["unusual"] = 7
    (folder / "unreadable.json").write_text(json.dumps(outputs))
    hitl("run", "tasks.json", "--outputs", "unreadable.json")

    listed = {one["task_id"]: one["unreadable"] for one in hitl("inbox", "--json").data}
    _, of_file, *_ = hitl("policy", "explain", "tasks.json", "--outputs", "unreadable.json", "--json").data
    [of_case] = hitl("policy", "explain", "task_002", "--json").data
    of_other = hitl("policy", "explain", "task_004", "--json").data[0]

    assert (listed["task_002"], listed["task_003"]) == (["unusual"], [])
    assert (of_file["unreadable"], of_case["unreadable"], of_other["unreadable"]) == (["unusual"], ["unusual"], [])
    assert "unusual (unusual could not be read)" in hitl("policy", "explain", "task_002").out


def test_the_inbox_says_nothing_of_unreadable_fields_in_a_blind_review(hitl, folder):
    outputs = json.loads((folder / "agent_outputs.json").read_text())
    outputs[0]["agent_output"]["unusual"] = 7
    (folder / "unreadable.json").write_text(json.dumps(outputs))
    rule = {"rule_id": "all", "priority": 1, "conditions": {}, "action": "human_review", "blind": True}
    (folder / "blind.json").write_text(json.dumps({"policy_id": "blind", "rules": [rule]}))
    hitl("run", "tasks.json", "--outputs", "unreadable.json", "--policy", "blind.json")

    assert {tuple(one["unreadable"]) for one in hitl("inbox", "--json").data} == {()}

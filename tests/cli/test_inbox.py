"""`hitl inbox`, `hitl show`, `hitl decide` and `hitl audit`."""

import json
import re
import shlex

import pytest
from support.builders import a_task

from hitl_orchestrator import Orchestrator

RUN = ("run", "tasks.json", "--outputs", "agent_outputs.json")
APPROVE = ("decide", "task_002", "approve", "--reviewer", "domain_reviewer")


@pytest.fixture
def routed(hitl):
    """The canonical tasks, three of which wait."""
    hitl(*RUN)
    return hitl


def test_the_inbox_in_json_shows_all_that_a_reviewer_needs(routed):
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
        "rule_001 holds: the risk is high",
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


def test_an_inbox_that_was_cut_says_so(routed):
    assert "there may be more, --limit 4 lists them" in " ".join(routed("inbox", "--limit", "2").out.split())


def test_an_empty_inbox_says_so(routed):
    assert routed("inbox", "--role", "compliance_officer").out == "No open reviews.\n"


def test_a_misspelled_role_is_no_empty_inbox(routed):
    said = routed("inbox", "--role", "senior_manger")

    assert (said.code, said.out) == (2, "")
    assert (
        "the roles are domain_reviewer, senior_manager, compliance_officer; did you mean 'senior_manager'?" in said.err
    )


@pytest.fixture
def stopped(routed):
    """The same store, with a task more that was taken in and not run, as a crash leaves it."""
    with Orchestrator.open("sqlite:///hitl.db") as store:
        store.cases.enqueue(a_task("cut-off"))
    return routed


def test_the_inbox_mentions_what_a_crash_has_left(stopped):
    said = stopped("inbox")

    assert (
        said.err == "hitl: 1 case is running or left unfinished by a crash; 'hitl recover' resumes unfinished cases\n"
    )
    assert stopped("inbox", "--json").err == ""
    stopped("recover")
    assert stopped("inbox").err == ""


STRICT = {"policy_id": "strict", "rules": [{"rule_id": "all", "priority": 1, "conditions": {}, "action": "escalate"}]}


@pytest.fixture
def stricter(routed, folder):
    """The same store, after a stricter policy has come in: every case needs a senior manager."""
    (folder / "strict.json").write_text(json.dumps(STRICT))
    with Orchestrator.open("sqlite:///hitl.db", policy="strict.json") as store:
        store.cases.enqueue(a_task("brings-the-policy-in"))
    routed("recover")
    return routed


def test_where_the_policy_became_stricter_the_higher_role_finds_the_review(stricter):
    found = {task["task_id"]: task for task in stricter("inbox", "--role", "senior_manager", "--json").data}

    assert list(found) == ["task_002", "task_003", "task_005", "brings-the-policy-in"]
    assert found["task_002"]["role"] == "senior_manager"
    assert stricter("inbox", "--role", "domain_reviewer", "--json").data == []
    assert stricter("inbox").out.count(" senior_manager ") == 4
    assert len(stricter("inbox", "--role", "senior_manager", "--limit", "2", "--json").data) == 2


def test_where_the_policy_became_stricter_show_names_who_decides_now(stricter):
    told = stricter("show", "task_002").out

    assert "Task task_002: waits for senior_manager" in told
    assert "The policy is stricter now: senior_manager decides this, domain_reviewer no longer may." in " ".join(
        told.split()
    )
    command = told.splitlines()[-1].split()
    assert command == ["hitl", "decide", "task_002", "approve", "--reviewer", "senior_manager"]
    assert stricter(*command[1:]).code == 0


PEOPLE = [
    {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"], "domains": ["finance"]},
    {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"], "domains": ["trust_and_safety"]},
    {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"], "domains": ["trust_and_safety"]},
]


@pytest.fixture
def limited(folder, hitl):
    """The canonical tasks, and people who may decide in some domains alone."""
    (folder / "people.json").write_text(json.dumps(PEOPLE))
    return hitl


def test_show_suggests_who_may_decide_in_this_domain_the_lowest_first(limited):
    limited(*RUN, "--reviewers", "people.json")

    told = limited("show", "task_005", "--reviewers", "people.json").out

    assert "Next, as domain_reviewer (2 reviewers may)" in told
    command = shlex.split(told.splitlines()[-1])
    assert command[1:6] == ["decide", "task_005", "approve", "--reviewer", "max"]
    assert limited(*command[1:]).code == 0


def test_show_says_where_nobody_may_decide(limited):
    limited(*RUN, "--reviewers", "people.json")

    told = limited("show", "task_002", "--reviewers", "people.json").out

    problem = "No reviewer in the reviewers file may decide this: it needs domain_reviewer, or a higher role, in"
    assert problem in " ".join(told.split())
    assert "hitl decide" not in told


def test_what_to_type_after_a_run_names_the_same_people(limited):
    told = limited(*RUN, "--reviewers", "people.json").out

    assert [line.strip() for line in told.splitlines()[-2:]] == [
        "hitl inbox --reviewers people.json",
        "hitl show task_002 --reviewers people.json",
    ]


def test_show_offers_only_what_would_be_taken(hitl):
    hitl("run", "tasks.json")
    hitl("decide", "task_003", "escalate", "--reviewer", "senior_manager", "--reason", "beyond me")

    told = hitl("show", "task_003").out

    assert "Next, as compliance_officer (1 reviewer may): reject, modify or override, such as" in " ".join(told.split())
    assert told.splitlines()[-1].split()[:4] == ["hitl", "decide", "task_003", "reject"]


def test_the_same_answer_again_is_the_same_receipt(routed):
    first, again = routed(*APPROVE, "--json"), routed(*APPROVE, "--json")

    assert again == first
    assert (again.code, again.data["final_decision"]) == (0, "approved")
    assert "This decision was recorded at" in routed(*APPROVE).out


def test_another_answer_is_refused_saying_who_decided_what_and_when(routed):
    routed(*APPROVE)

    late = routed("decide", "task_002", "reject", "--reviewer", "senior_manager", "--json")

    assert (late.code, late.out) == (1, "")
    told = json.loads(late.err)
    assert told["error"] == "ReviewAlreadyDecided"
    assert "was already decided by 'domain_reviewer': approve at 20" in told["problems"][0]


def test_an_edited_output_is_what_may_be_carried_out(routed, folder):
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


def test_a_case_that_is_passed_up_waits_for_the_next_role_with_the_reason(routed):
    passed_up = routed("decide", "task_003", "escalate", "--reviewer", "senior_manager", "--reason", "beyond me")
    (review,) = routed("inbox", "--role", "compliance_officer", "--json").data

    assert "The case now waits for compliance_officer." in passed_up.out
    assert (review["task_id"], review["escalated_because"]) == ("task_003", "beyond me")
    assert "Escalated to compliance_officer: beyond me" in routed("show", "task_003").out


def test_feedback_and_assessment_are_kept_in_the_record(routed):
    routed(*APPROVE, "--feedback", "right", "--assessment", "high")

    assert routed("audit", "list", "--json").data[-1]["human_feedback"] == "right"
    assert "approve at 20" in (told := " ".join(routed("show", "task_002").out.split()))
    assert ", high confidence" in told
    assert '"right"' in told


REFUSED = [
    (("nobody", "approve", "--reviewer", "domain_reviewer"), 1, "no case or task 'nobody' in this store"),
    (("task_001", "approve", "--reviewer", "domain_reviewer"), 1, "does not wait for a decision: it is approved"),
    (("task_002", "approve", "--reviewer", "domain_reviwer"), 1, "did you mean 'domain_reviewer'?"),
    (("task_003", "approve", "--reviewer", "domain_reviewer"), 1, "it needs 'senior_manager' or a role above it"),
    (("task_002", "approve", "--reviewer", "domain_reviewer", "--digest", "ab"), 1, "look at the case again"),
    (("task_002", "modify", "--reviewer", "domain_reviewer"), 2, "modify needs the edited output"),
    (("task_003", "override", "--reviewer", "senior_manager"), 2, "override needs a reason; say why"),
    (("task_003", "escalate", "--reviewer", "senior_manager"), 2, "escalate needs a reason; say why"),
    (
        ("task_002", "approve", "--reviewer", "domain_reviewer", "--output", '{"predicted_label": "x"}'),
        2,
        "approve takes no output; to change the output, modify or override",
    ),
    (("task_002", "approve", "--reviewer", "domain_reviewer", "--review-id", "x"), 2, "has no review 'x'"),
]


@pytest.mark.parametrize(("arguments", "code", "sentence"), REFUSED)
def test_an_answer_that_does_not_fit_is_refused_and_the_case_waits_on(routed, arguments, code, sentence):
    answer = routed("decide", *arguments)

    assert (answer.code, answer.out) == (code, "")
    assert sentence in answer.err
    assert answer.err.count("\n") == 1
    assert len(routed("inbox", "--json").data) == 3


def test_nobody_escalates_beyond_the_top(routed):
    answer = routed("decide", "task_003", "escalate", "--reviewer", "compliance_officer", "--reason", "hm")

    assert (answer.code, answer.err.count("the top of the chain")) == (1, 1)


def test_show_tells_the_story_from_proposal_to_outcome(routed):
    routed("decide", "task_003", "override", "--reviewer", "senior_manager", "--reason", "an exception")

    told = routed("show", "task_003").out

    for sentence in (
        "Task task_003: override_approved",
        "Not Eligible",
        "confidence 0.83 (reported); signals: risky",
        "escalate to senior_manager",
        "rule_001 holds: the risk is high",
        "senior_manager as senior_manager: override at 20",
        '"an exception"',
        "override_approved, decided by human after",
    ):
        assert sentence in told
    history = [line.split()[4] for line in told[told.index("History") :].splitlines()[3:]]
    assert history == ["submitted", "routed", "review_opened", "decided", "resumed", "finished"]


def test_show_tells_by_what_right_somebody_decided_and_what_they_had_before_them(routed):
    shown = routed("inbox", "--role", "senior_manager", "--json").data[0]["digest"]
    routed("decide", "task_003", "override", "--reviewer", "senior_manager", "--reason", "an exception")

    told = " ".join(routed("show", "task_003").out.split())

    assert "holds senior_manager in every domain; authentication stated, channel cli" in told
    assert f"saw {shown[:12]}; choices: approve, reject, modify, override, escalate; decided after" in told
    assert re.search(r"software [0-9.]+\w*; graph g[0-9a-f]{12}", told)


def test_show_claims_nothing_about_a_decision_of_the_past(hitl):
    hitl(*RUN, "--reviews", "human_reviews.json")

    told = hitl("show", "task_003").out

    assert "override_approved" in told
    assert "authentication" not in told
    assert "decided after" not in told


def test_show_ends_with_the_command_that_decides_the_case(routed):
    command = routed("show", "task_003").out.splitlines()[-1].split()

    assert command == ["hitl", "decide", "task_003", "approve", "--reviewer", "senior_manager"]
    assert routed(*command[1:]).code == 0


def test_commands_to_type_next_name_the_store_that_was_named(hitl):
    told = hitl(*RUN, "--store", "sqlite:///my cases.db").out

    assert "hitl inbox --store 'sqlite:///my cases.db'" in told


def test_show_in_json_is_the_case_with_its_history(routed):
    case = routed("show", "task_002", "--json").data

    assert case["summary"]["status"] == "waiting"
    assert case["submission"]["task"]["task_id"] == "task_002"
    assert [event["kind"] for event in case["history"]] == ["submitted", "routed", "review_opened"]


def test_the_ledger_entries_of_a_case_hold_each_other(routed):
    entries = routed("audit", "show", "task_002", "--json").data

    assert [entry["kind"] for entry in entries] == ["submitted", "routed", "review_opened"]
    assert entries[1]["previous"] == entries[0]["digest"]
    assert entries[0]["digest"][:12] in routed("audit", "show", "task_002").out


def test_audit_list_tells_who_decided(routed):
    routed(*APPROVE)

    lines = routed("audit", "list").out.splitlines()

    assert lines[4].split()[:6] == ["task_002", "medium", "0.68", "human_review", "approved", "human"]
    assert lines[-1] == "3 audit records."
    assert max(map(len, lines)) <= 80

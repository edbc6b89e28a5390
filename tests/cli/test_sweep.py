"""`hitl sweep`, deadlines as people read them, and answers that are named by a key."""

import json
import re

import pytest

RULE = {"rule_id": "all", "priority": 1, "conditions": {}, "action": "human_review"}
KEYED = ("approve", "--reviewer", "domain_reviewer", "--key", "k1")


@pytest.fixture
def timed(hitl, folder):
    """Run the canonical tasks under a policy with a time to answer."""

    def run(within, then="escalate"):
        rules = [RULE | {"respond_within": within, "on_timeout": then}]
        (folder / "timed.json").write_text(json.dumps({"policy_id": "timed", "rules": rules}))
        assert hitl("run", "tasks.json", "--outputs", "agent_outputs.json", "--policy", "timed.json").code == 0
        return hitl

    return run


def test_what_is_not_due_is_listed_with_what_is_left_and_nothing_is_swept(timed):
    hitl = timed("PT4H")

    assert re.search(r"due \(\w+\)", hitl("inbox").out)
    assert {review["on_timeout"] for review in hitl("inbox", "--json").data} == {"escalate"}
    assert "then it is escalated" in " ".join(hitl("show", "task_001").out.split())
    swept = hitl("sweep")
    assert (swept.code, swept.out) == (0, "Nothing to sweep: no deadline has passed.\n")


def test_without_a_time_to_answer_the_inbox_has_no_such_column(hitl):
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")

    assert "due" not in hitl("inbox").out.splitlines()[0]
    assert {review["due_at"] for review in hitl("inbox", "--json").data} == {None}


def test_what_nobody_answered_is_passed_up(timed):
    hitl = timed("PT0.001S")

    swept = hitl("sweep")

    assert (swept.code, "5 escalated, 0 ended" in swept.out) == (0, True)
    assert {review["role"] for review in hitl("inbox", "--json").data} == {"senior_manager"}
    assert "no decision in time, escalated at" in " ".join(hitl("show", "task_001").out.split())


def test_what_nobody_answered_is_rejected(timed):
    hitl = timed("PT0.001S", "reject")

    ended = hitl("sweep", "--json").data

    assert {(case["status"], case["final_decision"]) for case in ended} == {("finished", "rejected")}
    assert {record["decision_source"] for record in hitl("audit", "list", "--json").data} == {"timeout"}
    assert "no decision in time, rejected at" in " ".join(hitl("show", "task_001").out.split())
    assert hitl("audit", "verify").code == 0


def test_a_late_answer_is_refused(timed):
    hitl = timed("PT0.001S")

    late = hitl("decide", "task_001", "approve", "--reviewer", "domain_reviewer")

    assert late.code == 1
    assert "no longer accepts decisions" in late.err


def test_an_answer_under_a_key_is_one_receipt_and_the_key_takes_no_other(hitl):
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")

    first, again = (hitl("decide", "task_002", *KEYED) for _ in range(2))
    other = hitl("decide", "task_005", *KEYED)

    assert (first.code, again.code, other.code) == (0, 0, 1)
    assert "nothing was changed" in again.out
    assert "idempotency key 'k1' was used for another answer" in other.err


def test_a_key_that_is_no_id_is_told_as_such(hitl):
    bad = hitl("decide", "task_002", "approve", "--reviewer", "domain_reviewer", "--key", "two words")

    assert bad.code == 2
    assert 'idempotency_key: "two words" is not an id' in bad.err


def test_time_outs_that_approve_are_refused_with_the_policy(hitl, folder):
    rules = [RULE | {"respond_within": "PT4H", "on_timeout": "approve"}]
    (folder / "timed.json").write_text(json.dumps({"policy_id": "timed", "rules": rules}))

    checked = hitl("policy", "check", "timed.json")

    assert checked.code == 2
    assert 'rules[0].on_timeout: "approve" is not one of escalate, reject, wait' in checked.err

"""`hitl sweep`, deadlines, and idempotency keys."""

import json
import re
import time

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


def test_sweep_ignores_reviews_that_are_not_due(timed):
    hitl = timed("PT4H")

    assert re.search(r"due \(\w+\)", hitl("inbox").out)
    assert {review["on_timeout"] for review in hitl("inbox", "--json").data} == {"escalate"}
    assert "then it is escalated" in " ".join(hitl("show", "task_001").out.split())
    swept = hitl("sweep")
    assert (swept.code, swept.out) == (0, "Nothing to sweep: no deadline has passed.\n")


def test_deadlines_are_local_with_their_zone_on_terminals_and_utc_in_json(timed, monkeypatch):
    hitl = timed("PT4H")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()

    header, due = hitl("inbox").out.splitlines()[0], hitl("inbox", "--json").data[0]["due_at"]
    monkeypatch.undo()
    time.tzset()

    assert "due (JST)" in header
    assert due.endswith("+00:00")


def test_inbox_without_deadlines_has_no_due_column(hitl):
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")

    assert "due" not in hitl("inbox").out.splitlines()[0]
    assert {review["due_at"] for review in hitl("inbox", "--json").data} == {None}


def test_overdue_reviews_are_escalated(timed):
    hitl = timed("PT0.001S")

    swept = hitl("sweep")

    assert (swept.code, "5 escalated, 0 ended" in swept.out) == (0, True)
    assert {review["role"] for review in hitl("inbox", "--json").data} == {"senior_manager"}
    assert "no decision in time, escalated at" in " ".join(hitl("show", "task_001").out.split())


def test_overdue_reviews_are_rejected_if_the_rule_says_so(timed):
    hitl = timed("PT0.001S", "reject")

    ended = hitl("sweep", "--json").data

    assert {(case["status"], case["final_decision"]) for case in ended} == {("finished", "rejected")}
    assert {record["decision_source"] for record in hitl("audit", "list", "--json").data} == {"timeout"}
    assert "no decision in time, rejected at" in " ".join(hitl("show", "task_001").out.split())
    assert hitl("audit", "verify").code == 0


def test_late_decision_is_rejected(timed):
    hitl = timed("PT0.001S")

    late = hitl("decide", "task_001", "approve", "--reviewer", "domain_reviewer")

    assert late.code == 1
    assert "no longer accepts decisions" in late.err


def test_idempotency_key_returns_one_result_and_rejects_other_decisions(hitl):
    hitl("run", "tasks.json", "--outputs", "agent_outputs.json")

    first, again = (hitl("decide", "task_002", *KEYED) for _ in range(2))
    other = hitl("decide", "task_005", *KEYED)

    assert (first.code, again.code, other.code) == (0, 0, 1)
    assert "nothing was changed" in again.out
    assert "idempotency key 'k1' was used for another answer" in other.err


def test_invalid_idempotency_key_is_rejected(hitl):
    bad = hitl("decide", "task_002", "approve", "--reviewer", "domain_reviewer", "--key", "two words")

    assert bad.code == 2
    assert '--key: "two words" is not an id' in bad.err


def test_policy_with_approving_timeout_is_rejected(hitl, folder):
    rules = [RULE | {"respond_within": "PT4H", "on_timeout": "approve"}]
    (folder / "timed.json").write_text(json.dumps({"policy_id": "timed", "rules": rules}))

    checked = hitl("policy", "check", "timed.json")

    assert checked.code == 2
    assert 'rules[0].on_timeout: "approve" is not one of escalate, reject, wait' in checked.err

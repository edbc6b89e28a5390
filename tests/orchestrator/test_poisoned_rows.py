"""Rows that our code cannot have written: an unreadable row decides nothing and is reported once, by name."""

import json

import pytest
from support.builders import a_review, a_task, an_output, canonical
from support.internals import decide_and_stop, services_of
from support.people_changes import change_policy
from support.stores import resealed

from hitl_orchestrator.errors import HitlError, IncompatibleRecord, PolicyUnreadable, RecoveryIncomplete, TamperedPolicy
from hitl_orchestrator.orchestrator import LedgerAudit
from hitl_orchestrator.policies import read_policy

UNREADABLE = ["", "no JSON", "null", '{"review":{"human_decision":"approve"}}']
ASKS_ALWAYS = {"policy_id": "asks_always", "rules": []}


def alarms(hitl, case_id):
    return [event.body["cause"] for event in services_of(hitl).ledger.events(case_id) if event.kind == "alarm"]


@pytest.mark.parametrize("text", UNREADABLE)
@pytest.mark.parametrize("column", ["shown", "verdict"])
def test_a_waiting_case_with_an_unreadable_review_is_not_decided(durable, waits, intruder, column, text):
    case = waits(durable)
    sound = intruder.row(case.open_review.review_id)[column]
    intruder.change(case.open_review.review_id, **{column: text})

    for _ in range(3):
        with pytest.raises(IncompatibleRecord, match=case.case_id):
            durable.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert list(durable.audit.records()) == []
    assert not durable.audit.verify().sound
    (cause,) = alarms(durable, case.case_id)
    assert "in a form that this version cannot read" in cause
    intruder.change(case.open_review.review_id, **{column: sound})
    assert durable.decide(task_id="task-1", decision=a_review("reject", "ana")).status == "rejected"


@pytest.mark.parametrize("text", UNREADABLE)
@pytest.mark.parametrize("column", ["shown", "verdict"])
def test_a_decided_case_with_an_unreadable_review_is_not_resumed(durable, waits, intruder, column, text):
    case = waits(durable)
    decide_and_stop(durable, a_review("reject", "ana"), task_id="task-1")
    intruder.change(case.open_review.review_id, **{column: text})

    for _ in range(3):
        with pytest.raises(RecoveryIncomplete) as reported:
            durable.recover()
        assert isinstance(reported.value.failures[case.case_id], HitlError)

    assert list(durable.audit.records()) == []
    assert not durable.audit.verify().sound
    assert len(alarms(durable, case.case_id)) == 1


@pytest.mark.parametrize("stage", ["approved", "", "FINISHED", "decided "])
def test_an_unknown_stage_is_rejected_by_name(durable, waits, intruder, stage):
    case = waits(durable)
    intruder.move(case.case_id, stage)

    with pytest.raises(HitlError, match=case.case_id):
        durable.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert list(durable.audit.records()) == []
    assert not durable.audit.verify().sound


# The policies.


@pytest.fixture
def under_another(opened, durable_store, waits):
    """A case submitted under a policy that reviews everything, in a store with another active policy."""
    with opened(durable_store, policy=ASKS_ALWAYS) as hitl:
        case = waits(hitl)
        accepted = hitl.cases.enqueue(a_task("task-2"), an_output("task-2", confidence=0.99))
    with change_policy(opened(durable_store), canonical("routing_policy")) as hitl:
        hitl.cases.enqueue(a_task("task-3"), an_output("task-3"))
    return case, accepted


ALTERED = [
    lambda body: json.dumps(canonical("routing_policy")),
    lambda body: body.replace("asks_always", "asks_anyway"),
    lambda body: "no JSON",
    lambda body: "{}",
    lambda body: '{"policy_id": "asks_always", "rules": [], "extra": 1}',
    lambda body: None,
]


@pytest.mark.parametrize("altered", ALTERED)
def test_an_altered_stored_policy_approves_nothing(opened, durable_store, under_another, intruder, altered):
    case, accepted = under_another
    text = altered(intruder.run("SELECT body FROM policies WHERE policy_id = 'asks_always'")[0]["body"])
    if text is None:
        intruder.run("DELETE FROM policies WHERE policy_id = 'asks_always'")
    else:
        intruder.run("UPDATE policies SET body = ? WHERE policy_id = 'asks_always'", text)

    hitl = opened(durable_store)
    for _ in range(2):
        with pytest.raises(TamperedPolicy, match="in the store differs from the recorded one"):
            hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))
        with pytest.raises(RecoveryIncomplete) as reported:
            hitl.recover()
        assert isinstance(reported.value.failures[accepted.case_id], TamperedPolicy)

    finished = [record.task_id for record in hitl.audit.records() if record.task_type != "policy_change"]
    assert set(finished) <= {"task-3"}
    assert len(alarms(hitl, case.case_id)) == 1
    assert not hitl.audit.verify().sound


@pytest.mark.parametrize("problem", ['"rules":', '"timezone":"Mars/Base","rules":', '"of_a_later_version":1,"rules":'])
def test_a_policy_that_is_stored_as_recorded_and_refused_here_is_not_called_altered(
    opened, durable_store, waits, intruder, problem
):
    with opened(durable_store, policy=ASKS_ALWAYS) as hitl:
        waits(hitl)
    intruder.disarm()
    for table, column, where in (("policies", "body", ""), ("events", "entry", " WHERE kind = 'policy_recorded'")):
        stored = intruder.run(f"SELECT {column} FROM {table}{where}")[0][column]
        policy = json.loads(stored) if table == "policies" else json.loads(stored)["body"]["policy"]
        before = json.dumps(policy, separators=(",", ":"), sort_keys=True)
        policy |= json.loads("{" + problem + json.dumps(policy["rules"]) + "}")
        after = json.dumps(policy, separators=(",", ":"), sort_keys=True)
        intruder.run(f"UPDATE {table} SET {column} = ?{where}", stored.replace(before, after))
    resealed(durable_store)

    if problem == '"rules":':
        assert opened(durable_store).inbox()
        return
    with pytest.raises(PolicyUnreadable, match="is stored as the ledger records it, and this installation cannot read"):
        opened(durable_store)


def lenient() -> str:
    """The canonical policy, which lets everything through."""
    rule = {"rule_id": "all", "priority": 1, "conditions": {"risk_level": "low"}, "action": "auto_approve"}
    return json.dumps({"policy_id": "p", "rules": [rule]})


@pytest.mark.parametrize("where", ["row", "entry", "no policy", "no JSON", "gone"])
def test_a_store_with_an_altered_active_policy_does_not_open(opened, durable_store, waits, intruder, where):
    with opened(durable_store, policy=ASKS_ALWAYS) as hitl:
        waits(hitl)
    intruder.disarm()
    reported = intruder.run("SELECT entry FROM events WHERE kind = 'policy_recorded'")[0]["entry"]
    entry = json.loads(reported)
    entry["body"]["policy"] = read_policy(lenient(), "p").model_dump(mode="json")
    if where in ("row", "gone"):
        sql = {"row": "UPDATE policies SET body = ?", "gone": "DELETE FROM policies WHERE body <> ?"}[where]
        intruder.run(sql, lenient())
    else:
        text = {
            "entry": json.dumps(entry),
            "no policy": reported.replace('"rules"', '"ruled"'),
            "no JSON": reported[:-9],
        }
        intruder.run("UPDATE events SET entry = ? WHERE kind = 'policy_recorded'", text[where])

    with pytest.raises(HitlError, match=r"policy .* in the store differs|the ledger was tampered with"):
        opened(durable_store)

    with LedgerAudit(durable_store) as audit:
        assert not audit.verify().sound

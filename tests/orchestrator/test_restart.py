"""Hours later, after a restart, under another policy, with newer code: what becomes of a waiting case."""

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import look_at, services_of
from support.people_changes import change_policy
from support.postgres_server import direct_connection

from hitl_orchestrator.errors import GraphVersionMismatch, NotAuthorized, RecoveryIncomplete


def policy(name, *rules):
    reported = [{"rule_id": f"{name}_{n}", "priority": n, **rule} for n, rule in enumerate(rules, start=1)]
    return {"policy_id": name, "rules": reported}


LENIENT = policy(
    "lenient",
    {"conditions": {"min_confidence": 0.8}, "action": "auto_approve"},
    {"conditions": {}, "action": "human_review", "assigned_human_role": "domain_reviewer"},
)
STRICT = policy("strict", {"conditions": {}, "action": "escalate", "assigned_human_role": "compliance_officer"})
SENIOR = policy("senior", {"conditions": {}, "action": "human_review", "assigned_human_role": "senior_manager"})


def test_a_case_is_decided_after_a_restart(opened, durable_store, waits, clock):
    before = opened(durable_store)
    case = waits(before)
    before.close()
    clock.tick(7200)

    after = opened(durable_store)
    done = after.decide(task_id="task-1", decision=a_review("approve", "ana", shown_digest=case.open_review.digest))

    assert (done.status, done.record.latency_seconds) == ("approved", 7200)
    assert list(after.audit.records()) == [done.record]


def test_escalation_survives_a_restart_at_every_step(opened, durable_store, waits):
    with opened(durable_store) as hitl:
        waits(hitl)
    for decision, reviewer in (("escalate", "ana"), ("escalate", "max"), ("modify", "zoe")):
        with opened(durable_store) as hitl:
            case = hitl.decide(task_id="task-1", decision=a_review(decision, reviewer))

    assert case.status == "modified_and_approved"
    assert [row.role for row in case.reviews] == ["domain_reviewer", "senior_manager", "compliance_officer"]


def lose_threads(store):
    with direct_connection(store) as connection:
        connection.execute("DELETE FROM checkpoints")
        connection.execute(f"DELETE FROM {'writes' if store.startswith('sqlite') else 'checkpoint_writes'}")


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("decision", ["approve", "reject", "modify", "override"])
def test_a_case_with_a_lost_thread_can_be_decided(opened, durable_store, waits, decision, restart):
    hitl = opened(durable_store)
    look_at(hitl, waits(hitl).case_id)
    lose_threads(durable_store)
    if restart:
        hitl.close()
        hitl = opened(durable_store)

    case = hitl.decide(task_id="task-1", decision=a_review(decision, "ana"))

    assert case.record.human_decision == decision
    assert hitl.recover() == []


def test_a_case_with_a_lost_thread_can_be_escalated(opened, durable_store, waits):
    hitl = opened(durable_store)
    case = waits(hitl)
    for decision, reviewer in (("escalate", "ana"), ("escalate", "max"), ("approve", "zoe")):
        (asked,) = look_at(hitl, case.case_id).interrupts
        assert asked.value["review_id"] == case.open_review.review_id
        lose_threads(durable_store)
        case = hitl.decide(task_id="task-1", decision=a_review(decision, reviewer))

    assert (case.status, len(case.reviews)) == ("approved", 3)


def test_a_case_keeps_the_policy_of_its_submission(opened, durable_store):
    with opened(durable_store, policy=LENIENT) as hitl:
        accepted = hitl.cases.enqueue(a_task(), an_output(confidence=0.5))

    with opened(durable_store) as hitl:
        (case,) = hitl.recover()

    assert case.submission.policy_hash == accepted.submission.policy_hash
    assert case.reviews[0].shown.routing.decision.policy_id == "lenient"
    assert case.reviews[0].shown.routing.decision.rule_id == "lenient_2"


def test_a_policy_tightened_before_the_case_ran_decides(opened, durable_store):
    with opened(durable_store, policy=LENIENT) as hitl:
        hitl.cases.enqueue(a_task(), an_output(confidence=0.9))

    with change_policy(opened(durable_store), STRICT) as hitl:
        (case,) = hitl.recover()

    assert (case.status, case.open_review.role) == ("waiting", "compliance_officer")


def test_a_policy_loosened_before_the_case_ran_has_no_effect(opened, durable_store):
    with opened(durable_store, policy=STRICT) as hitl:
        hitl.cases.enqueue(a_task(), an_output(confidence=0.9))

    with change_policy(opened(durable_store), LENIENT) as hitl:
        (case,) = hitl.recover()

    assert (case.status, case.open_review.role) == ("waiting", "compliance_officer")


@pytest.mark.parametrize("later", [STRICT, SENIOR])
def test_a_policy_tightened_while_a_case_waits_requires_the_higher_role(opened, durable_store, waits, later):
    with opened(durable_store, policy=LENIENT) as hitl:
        waits(hitl)

    with change_policy(opened(durable_store), later) as hitl:
        with pytest.raises(NotAuthorized):
            hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))
        case = hitl.decide(task_id="task-1", decision=a_review("approve", "zoe"))

    assert (case.status, case.record.policy_id) == ("approved", "lenient")


def test_a_policy_loosened_while_a_case_waits_has_no_effect(opened, durable_store, waits):
    with opened(durable_store, policy=STRICT) as hitl:
        waits(hitl)

    hitl = change_policy(opened(durable_store), LENIENT)

    with pytest.raises(NotAuthorized, match="it needs 'compliance_officer'"):
        hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))


def test_the_policy_of_a_store_is_recorded_once_and_kept(opened, durable_store):
    for number in range(3):
        with opened(durable_store, policy=LENIENT if number < 2 else None) as hitl:
            hitl.cases.enqueue(a_task(f"task-{number}"))
            recorded = [event.kind for event in hitl.policy.history()]
            assert services_of(hitl).registry.active.policy.policy_id == "lenient"

    assert recorded == ["policy_recorded"]


@pytest.fixture
def under_an_older_graph(opened, durable_store):
    """A store whose cases were submitted by code that had another graph."""
    older = opened(durable_store)
    services_of(older).reader.graph_version = "g-older"
    older.cases.enqueue(a_task("received"), an_output("received"))
    older.close()
    return opened(durable_store)


def test_a_case_of_another_graph_is_refused_by_name(under_an_older_graph):
    hitl = under_an_older_graph

    with pytest.raises(GraphVersionMismatch, match="'g-older'") as refusal:
        hitl.submit(a_task("received"), an_output("received"))

    assert (refusal.value.paused_under, refusal.value.running) == ("g-older", services_of(hitl).reader.graph_version)
    assert hitl.cases.get(task_id="received").status == "received"


def test_a_case_of_another_graph_is_not_recovered(under_an_older_graph):
    hitl = under_an_older_graph

    with pytest.raises(RecoveryIncomplete, match="'g-older'") as refusal:
        hitl.recover()

    (cause,) = refusal.value.failures.values()
    assert isinstance(cause, GraphVersionMismatch)
    assert hitl.cases.get(task_id="received").status == "received"


def test_a_waiting_case_of_another_graph_is_not_decided(opened, durable_store, waits):
    older = opened(durable_store)
    services_of(older).reader.graph_version = "g-older"
    waits(older)
    older.close()
    hitl = opened(durable_store)

    with pytest.raises(GraphVersionMismatch, match="or submit the task under a new task_id"):
        hitl.decide(task_id="task-1", decision=a_review("approve", "ana"))

    assert hitl.cases.get(task_id="task-1").status == "waiting"

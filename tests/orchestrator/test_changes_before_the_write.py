"""Policies and people that come into force between the checks of a call and its write: they decide, not the earlier."""

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of
from support.teams import PEOPLE

from hitl_orchestrator.errors import NotAuthorized

LOOSE = {"policy_id": "loose", "rules": [{"rule_id": "ok", "priority": 1, "conditions": {}, "action": "auto_approve"}]}
ASKS = {"action": "human_review", "assigned_human_role": "senior_manager"}
STRICT = {"policy_id": "strict", "rules": [{"rule_id": "all", "priority": 1, "conditions": {}, **ASKS}]}


@pytest.fixture
def hitl(opened, durable_store):
    return opened(durable_store, policy=LOOSE)


@pytest.fixture
def other(opened, durable_store, hitl):
    """Another process with the same store."""
    return opened(durable_store)


def before(hitl, name, action):
    """Let `action` happen once, right before the next call of this operation of the ledger."""
    ledger = services_of(hitl).ledger
    operation, pending = getattr(ledger, name), [action]

    def call(*args, **named):
        if pending:
            pending.pop()()
        return operation(*args, **named)

    setattr(ledger, name, call)


def stricter(other):
    return lambda: other.policy.activate(STRICT, reviewer="max", reason="too much went ahead")


def tasks(*names):
    return [a_task(name) for name in names], [an_output(name) for name in names]


def chunk(hitl):
    cases = []
    hitl.submit_many(*tasks("a", "b", "c"), on_case=cases.append)
    return cases


def recovery(hitl):
    hitl.cases.enqueue(a_task("a"), an_output("a"))
    return list(hitl.recover())


PATHS = {
    "a submission": ("record_run", lambda hitl: [hitl.submit(a_task("a"), an_output("a"))]),
    "a chunk": ("record_runs", chunk),
    "a call that asks": ("record_run", lambda hitl: [hitl.ask("key", a_task("a", timestamp=None), an_output("a"))]),
    "a recovered case": ("finish", recovery),
}


@pytest.mark.parametrize("path", PATHS)
def test_nothing_goes_ahead_under_a_policy_that_is_no_longer_in_force_when_it_is_written(hitl, other, path):
    operation, go = PATHS[path]
    before(hitl, operation, stricter(other))

    found = go(hitl)

    assert {hitl.cases.get(each.case_id).waiting_for for each in found} == {"senior_manager"}
    assert list(hitl.audit.records()) == []


def test_a_resubmission_is_routed_by_the_policy_in_force_when_it_ends(hitl, other):
    hitl.submit(a_task("a"), an_output("a"))
    before(hitl, "finish", stricter(other))

    again = hitl.submit(a_task("a", task_description="another"), an_output("a"), resubmit=True)

    assert again.waiting_for == "senior_manager"


def test_a_change_at_each_attempt_is_noticed(hitl, other):
    def twice():
        other.policy.activate({**LOOSE, "policy_id": "loose_2"}, reviewer="max", reason="the same")
        before(hitl, "record_run", stricter(other))

    before(hitl, "record_run", twice)

    assert hitl.submit(a_task("a"), an_output("a")).waiting_for == "senior_manager"


@pytest.fixture
def waiting(opened, durable_store):
    rule = {"rule_id": "r", "priority": 1, "conditions": {}, "action": "human_review"}
    hitl = opened(durable_store, policy={"policy_id": "asks", "rules": [rule]})
    hitl.submit(a_task("a"), an_output("a"))
    return hitl


@pytest.mark.parametrize("operation", ["decide", "case_with_events"])
def test_who_lost_their_role_before_the_write_decides_nothing(waiting, opened, durable_store, operation):
    other = opened(durable_store)
    left = [each for each in PEOPLE if each["reviewer_id"] != "ana"]
    before(waiting, operation, lambda: other.people.propose(left, reviewer="max", reason="left"))

    with pytest.raises(NotAuthorized, match="there is no such reviewer"):
        waiting.decide(task_id="a", decision=a_review("approve", "ana"))

    assert waiting.cases.get(task_id="a").status == "waiting"


def test_a_decision_needs_the_role_that_is_asked_for_when_it_is_written(waiting, opened, durable_store):
    before(waiting, "decide", stricter(opened(durable_store)))

    with pytest.raises(NotAuthorized, match="senior_manager"):
        waiting.decide(task_id="a", decision=a_review("approve", "ana"))

    assert waiting.cases.get(task_id="a").status == "waiting"

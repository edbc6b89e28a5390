"""Which policy holds: the one that is given, else the one the store was last opened with, else the canonical one."""

import pytest
from support.builders import a_task, an_output, canonical

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import EventKind

ASKS_ALWAYS = {"policy_id": "asks_always", "rules": []}


@pytest.fixture
def store(tmp_path):
    return f"sqlite:///{tmp_path / 'hitl.db'}"


def policies_recorded(hitl):
    return [
        event.body["policy_id"] for event in hitl.services.ledger.events() if event.kind is EventKind.POLICY_RECORDED
    ]


def test_a_store_opened_without_a_policy_keeps_its_own(store):
    with Orchestrator.open(store, policy=ASKS_ALWAYS) as hitl:
        hitl.submit(a_task(), an_output(confidence=0.99))

    with Orchestrator.open(store) as hitl:
        assert hitl.services.registry.active.policy.policy_id == "asks_always"
        assert hitl.submit(a_task("second"), an_output("second", confidence=0.99)).status == "waiting"
        assert policies_recorded(hitl) == ["asks_always"]


def test_a_policy_passed_to_open_becomes_active(store):
    for policy in (ASKS_ALWAYS, canonical("routing_policy")):
        with Orchestrator.open(store, policy=policy) as hitl:
            hitl.cases.enqueue(a_task(policy["policy_id"]))

    with Orchestrator.open(store) as hitl:
        assert policies_recorded(hitl) == ["asks_always", "default_routing_policy_v1"]
        assert hitl.submit(a_task(), an_output(confidence=0.99)).status == "approved"

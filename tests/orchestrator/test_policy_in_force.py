"""Which policy holds: the one with which the store was made, else the bundled one, until another one is activated."""

import pytest
from support.builders import a_task, an_output, canonical
from support.internals import services_of
from support.policy_changes import BY_MAX
from support.random_policies import STACK

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.errors import PolicyMismatch
from hitl_orchestrator.policies import policy_hash, read_policy

ASKS_ALWAYS = {"policy_id": "asks_always", "rules": []}


@pytest.fixture
def store(tmp_path):
    return f"sqlite:///{tmp_path / 'hitl.db'}"


def policies_recorded(hitl):
    return [
        event.body["policy_id"]
        for event in services_of(hitl).ledger.events()
        if event.kind is EventKind.POLICY_RECORDED
    ]


def test_a_store_opened_without_a_policy_keeps_its_own(store):
    with Orchestrator.open(store, policy=ASKS_ALWAYS) as hitl:
        hitl.submit(a_task(), an_output(confidence=0.99))

    with Orchestrator.open(store) as hitl:
        assert services_of(hitl).registry.active.policy.policy_id == "asks_always"
        assert hitl.submit(a_task("second"), an_output("second", confidence=0.99)).status == "waiting"
        assert policies_recorded(hitl) == ["asks_always"]


def test_the_first_policy_of_a_store_is_pinned_and_another_one_is_refused(store):
    with Orchestrator.open(store, policy=ASKS_ALWAYS) as hitl:
        assert policies_recorded(hitl) == ["asks_always"]

    with pytest.raises(PolicyMismatch, match="or activate yours with 'hitl policy activate'"):
        Orchestrator.open(store, policy=canonical("routing_policy"))
    with Orchestrator.open(store, policy=ASKS_ALWAYS) as hitl:
        assert hitl.submit(a_task(), an_output(confidence=0.99)).status == "waiting"


def test_a_store_that_is_made_without_a_policy_names_the_bundled_one(store, caplog):
    with Orchestrator.open(store) as hitl:
        assert policies_recorded(hitl) == ["default_routing_policy_v1"]

    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "'default_routing_policy_v1'" in warning
    assert "the bundled default, since none was named" in warning


def test_a_layered_policy_is_activated_as_a_whole(opened, durable_store):
    stack = read_policy(STACK, "acme.yaml")
    with opened(durable_store, policy=stack) as hitl:
        assert hitl.policy.activate(stack, **BY_MAX).in_force

    with opened(durable_store) as hitl:
        assert (type(services_of(hitl).registry.active.policy), services_of(hitl).registry.active.hash) == (
            type(stack),
            policy_hash(stack),
        )
        other = stack.model_copy(update={"description": "the same, on trial"})
        assert hitl.policy.start_canary(other, 0.1, **BY_MAX).in_force
        assert hitl.audit.verify().sound

"""A policy in layers, on every store: each case is held against all that concern it, now and after a restart."""

from support.builders import a_task, an_output
from support.internals import services_of

LAYERED = {
    "policy_id": "acme",
    "rules": [{"rule_id": "go", "priority": 1, "conditions": {"min_confidence": 0.5}, "action": "auto_approve"}],
    "domains": {
        "customer_support": {
            "policy_id": "support",
            "metadata": {"amount": "number"},
            "rules": [
                {
                    "rule_id": "large",
                    "priority": 1,
                    "conditions": {"metadata": {"amount": {"gt": 1000}}},
                    "action": "escalate",
                    "message": "Ask for the invoice.",
                }
            ],
        }
    },
    "users": {
        "ann": {
            "policy_id": "ann",
            "rules": [{"rule_id": "ask", "priority": 1, "conditions": {}, "action": "human_review"}],
        }
    },
}


def submit(hitl, task_id, **metadata):
    return hitl.submit(
        a_task(task_id, domain="customer_support", metadata=metadata), an_output(task_id, confidence=0.9)
    )


def test_every_layer_applies_and_is_recorded(opened, store):
    hitl = opened(store, policy=LAYERED)

    assert submit(hitl, "small", amount=20).record.rule_id == "go"
    large = submit(hitl, "large", amount=2000, requested_by="ann")

    decision = large.open_review.shown.routing.decision
    assert (decision.rule_id, large.open_review.role, decision.message) == (
        "large",
        "senior_manager",
        "Ask for the invoice.",
    )
    routed = next(event for event in services_of(hitl).ledger.events(large.case_id) if event.kind == "routed")
    assert [(one["layer"], one["rule_id"]) for one in routed.body["decision"]["layers"]] == [
        ("organization", "go"),
        ("domain customer_support", "large"),
        ("user ann", "ask"),
    ]
    assert hitl.audit.verify().sound


def test_all_layers_survive_a_restart(opened, durable_store):
    submit(opened(durable_store, policy=LAYERED), "first", amount=20)

    hitl = opened(durable_store)

    assert submit(hitl, "mine", amount=20, requested_by="ann").open_review.shown.routing.decision.rule_id == "ask"
    assert submit(hitl, "unknown").open_review.shown.routing.decision.rule_id == "large"

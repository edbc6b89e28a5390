"""Policies for tests of policy changes, from the strictest to the loosest, with shortcuts for submitting cases."""

from hitl_orchestrator.policies.language.model import Policy, policy_hash
from support.builders import a_task, an_output

ASKS_ALWAYS = {"policy_id": "asks_always", "rules": []}


def goes_ahead(bound, name=None):
    """Return a policy that approves low-risk tasks from this confidence on."""
    conditions = {"risk_level": "low", "min_confidence": bound}
    rule = {"rule_id": "sure", "priority": 1, "conditions": conditions, "action": "auto_approve"}
    return {"policy_id": name or f"from_{bound}", "rules": [rule]}


STRICT, USUAL, LOOSE = goes_ahead(0.95), goes_ahead(0.9), goes_ahead(0.5)
BY_MAX = {"reviewer": "max", "reason": "we agreed so"}


def hash_of(policy):
    return policy_hash(Policy.model_validate(policy))


def submitted(hitl, task_id, confidence):
    return hitl.submit(a_task(task_id), an_output(task_id, confidence=confidence))


def kinds(hitl):
    return [event.kind.value for event in hitl.policy.history()]


def checked(rate):
    """Return a policy that approves confident low-risk tasks and spot-checks this share of them."""
    conditions = {"risk_level": "low", "min_confidence": 0.8}
    rule = {"rule_id": "sure", "priority": 1, "conditions": conditions, "action": "auto_approve", "spot_check": rate}
    return {"policy_id": "checked", "rules": [rule]}

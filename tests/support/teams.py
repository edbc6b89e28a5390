"""A team of reviewers, one rule with review requirements, and short words for what they do."""

from support.builders import a_review, a_task, an_output
from support.internals import services_of

PEOPLE = [
    {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"], "domains": ["customer_support"]},
    {"reviewer_id": "ben", "name": "Ben", "roles": ["domain_reviewer"], "domains": ["finance"]},
    {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"]},
    {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"]},
    {"reviewer_id": "two", "name": "Two hats", "roles": ["domain_reviewer", "senior_manager"]},
]

TEAM = [
    *({"reviewer_id": name, "name": name, "roles": ["domain_reviewer"]} for name in ("r1", "r2", "r3")),
    {"reviewer_id": "r1b", "name": "r1 again", "roles": ["domain_reviewer"], "person": "r1"},
    {"reviewer_id": "s1", "name": "s1", "roles": ["senior_manager"]},
    {"reviewer_id": "few", "name": "few", "roles": ["domain_reviewer"], "max_open_claims": 1},
    {"reviewer_id": "top", "name": "top", "roles": ["compliance_officer"]},
]


def a_policy(**asking):
    rule = {"rule_id": "r1", "priority": 1, "conditions": {}, "action": "human_review", **asking}
    return {"policy_id": "team", "rules": [rule]}


def submit(hitl, task_id="task-1", **task):
    by = task.pop("by", None)
    return hitl.submit(a_task(task_id, **task), an_output(task_id), submitted_by=by)


def say(hitl, who, word="approve", task_id="task-1", **fields):
    return hitl.decide(task_id=task_id, decision=a_review(word, None, **fields), reviewer=who)


def kinds(hitl, task_id="task-1"):
    return [event.kind.value for event in hitl.cases.history(task_id=task_id)]


def let_time_pass(hitl, clock, seconds):
    clock.tick(seconds)
    if services_of(hitl).ledger.now() != clock():
        then = services_of(hitl).ledger.now()
        while (services_of(hitl).ledger.now() - then).total_seconds() < 0.05:
            pass

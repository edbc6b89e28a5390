"""Each case is derived with the policy, the canary and the escalation chain that held for it."""

from support.builders import a_review, a_task, an_output
from support.derived import alter, derived
from support.people_changes import change_people
from support.policy_changes import BY_MAX, STRICT, USUAL, hash_of, submitted

NOT_IN_FORCE = "was not in force for it when it was received"


def test_a_policy_decides_nothing_that_came_after_it(opened, durable_store, clock):
    hitl = opened(durable_store, policy=USUAL)
    waiting = submitted(hitl, "waiting", 0.1)
    clock.tick(600)
    hitl.policy.activate(STRICT, **BY_MAX)
    clock.tick(600)
    hitl.decide(waiting.case_id, a_review("approve", "ana"))
    submitted(hitl, "late", 0.99)
    assert derived(hitl).violations == ()
    alter(durable_store, "late", policy_hash=hash_of(USUAL))

    (violation,) = derived(hitl).violations

    assert (violation.task_id, NOT_IN_FORCE in violation.what) == ("late", True)


def test_a_clock_that_was_wrong_makes_no_violation(opened, store, clock):
    hitl = opened(store, policy=USUAL)
    clock.tick(7200)
    submitted(hitl, "fast-clock", 0.99)
    clock.tick(-7200)
    hitl.policy.activate(STRICT, **BY_MAX)
    clock.tick(7200)
    submitted(hitl, "later", 0.99)

    assert derived(hitl).violations == ()


def test_a_canary_explains_only_the_cases_of_its_time(opened, durable_store, clock):
    hitl = opened(durable_store, policy=USUAL)
    hitl.policy.start_canary(STRICT, 1.0, **BY_MAX)
    clock.tick(600)
    hitl.policy.stop_canary(**BY_MAX)
    clock.tick(600)
    submitted(hitl, "after-it", 0.99)
    alter(durable_store, "after-it", policy_hash=hash_of(STRICT))

    (violation,) = derived(hitl).violations

    assert NOT_IN_FORCE in violation.what


def test_a_small_canary_does_not_decide_every_case(opened, durable_store):
    hitl = opened(durable_store, policy=USUAL)
    hitl.policy.start_canary(STRICT, 0.000001, **BY_MAX)
    submitted(hitl, "not-drawn", 0.99)
    alter(durable_store, "not-drawn", policy_hash=hash_of(STRICT))

    (violation,) = derived(hitl).violations

    assert NOT_IN_FORCE in violation.what


def test_a_policy_decides_nothing_before_it_came_into_force(opened, durable_store):
    hitl = opened(durable_store, policy=USUAL)
    submitted(hitl, "early", 0.99)
    hitl.policy.activate(STRICT, **BY_MAX)
    submitted(hitl, "late", 0.99)
    assert derived(hitl).agree == 2
    alter(durable_store, "early", policy_hash=hash_of(STRICT))

    (violation,) = derived(hitl).violations

    assert (violation.task_id, "was not in force before it finished" in violation.what) == ("early", True)


BEFORE = {
    "escalation_chain": ["agent", "boss", "director"],
    "reviewers": [
        {"reviewer_id": "amy", "name": "Amy", "roles": ["agent"]},
        {"reviewer_id": "bea", "name": "Bea", "roles": ["boss"]},
        {"reviewer_id": "dan", "name": "Dan", "roles": ["director"]},
        {"reviewer_id": "eva", "name": "Eva", "roles": ["director"]},
    ],
}
AFTER = {
    "escalation_chain": ["boss", "lead", "director"],
    "reviewers": [
        {"reviewer_id": "amy", "name": "Amy", "roles": ["boss"]},
        {"reviewer_id": "bea", "name": "Bea", "roles": ["lead"]},
        {"reviewer_id": "dan", "name": "Dan", "roles": ["director"]},
        {"reviewer_id": "eva", "name": "Eva", "roles": ["director"]},
    ],
}


def test_each_case_is_judged_by_the_chain_of_its_time(opened, store, clock):
    hitl = opened(store, policy={"policy_id": "asks_always", "rules": []}, reviewers=BEFORE)
    for task_id in ("before", "across"):
        hitl.submit(a_task(task_id), an_output(task_id))
    hitl.decide(task_id="before", decision=a_review("approve", "amy"))
    clock.tick(60)
    change_people(hitl, AFTER, by="dan", approver="eva")
    clock.tick(60)
    hitl.decide(task_id="across", decision=a_review("approve", "dan"))
    hitl.submit(a_task("after"), an_output("after"))
    hitl.decide(task_id="after", decision=a_review("approve", "amy"))

    result = derived(hitl)

    assert (result.violations, result.derived) == ((), len(list(hitl.audit.records())))


def test_a_role_of_an_earlier_chain_does_not_help_a_later_case(opened, durable_store, clock):
    hitl = opened(durable_store, policy={"policy_id": "asks_always", "rules": []}, reviewers=BEFORE)
    clock.tick(60)
    change_people(hitl, AFTER, by="dan", approver="eva")
    clock.tick(60)
    hitl.submit(a_task("after"), an_output("after"))
    hitl.decide(task_id="after", decision=a_review("approve", "amy"))
    alter(durable_store, "after", human_role="agent")

    (violation,) = derived(hitl).violations

    assert violation.what.startswith("agent decided it, and no rule of its policy matches")

"""Every decision is derived again from its policy and its facts; honest stores have no violation, planted ones are found."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import NINE, FakeClock, a_review, a_task, an_output
from support.internals import services_of
from support.policy_changes import BY_MAX, LOOSE, STRICT, USUAL, checked
from support.random_policies import COUNTRIES, DOMAINS, TASK_TYPES, a_policy, a_stack
from support.teams import PEOPLE, TEAM

from hitl_orchestrator import InvalidInput, Orchestrator, RequestRejected
from hitl_orchestrator.services.insights.compliance import derive

TEAM_OF_PEOPLE = [*PEOPLE, {"reviewer_id": "two-b", "name": "Two again", "roles": ["senior_manager"], "person": "two"}]


def derived(hitl, **period):
    return derive(services_of(hitl).ledger, **period)


def whats(hitl):
    return [violation.what for violation in derived(hitl).violations]


def rules(*found):
    """Return a policy of rules in this order."""
    return [{"rule_id": f"r{number}", "priority": number, **rule} for number, rule in enumerate(found)]


ASKS = {"conditions": {}, "action": "human_review"}
SURE = {"conditions": {"min_confidence": 0.5, "risk_level": ["low", "medium"]}, "action": "auto_approve"}
ON_WEEKDAYS = {"time": {"days": ["monday", "tuesday", "wednesday", "thursday", "friday"]}, "min_confidence": 0.3}
ALL_RULES = [
    rules({**SURE, "spot_check": 0.5}, ASKS),
    rules({**SURE, "spot_check": 1}, {**ASKS, "approvals": 2, "agreement": "majority"}),
    rules({**ASKS, "approvals": 2, "distinct_roles": True}),
    rules({"conditions": {"risk_level": "high"}, "action": "escalate"}, SURE, {**ASKS, "respond_within": "PT1M"}),
    rules({**ASKS, "conditions": {"domain": "payments"}, "assigned_human_role": "compliance_officer"}, SURE),
    rules({"conditions": ON_WEEKDAYS, "action": "auto_approve"}, {**ASKS, "respond_within": "PT1M", "on_timeout": "reject"}),
]


def a_simple(seed):
    """Return a policy with requirements for its reviews."""
    return {"policy_id": f"simple_{seed}", "rules": ALL_RULES[seed % len(ALL_RULES)]}


def steps():
    """Strategies of what people and agents do with one task after another."""
    tasks = st.fixed_dictionaries(
        {"domain": st.sampled_from(DOMAINS), "task_type": st.sampled_from(TASK_TYPES)},
        optional={
            "risk_level": st.sampled_from(["low", "medium", "high"]),
            "timestamp": st.integers(0, 200).map(lambda hours: NINE - timedelta(hours=hours)),
            "metadata": st.fixed_dictionaries(
                {},
                optional={
                    "amount": st.sampled_from([5, 100, 5000, 6000]),
                    "country": st.sampled_from(COUNTRIES),
                    "vip": st.booleans(),
                    "requested_by": st.sampled_from(["ann", "bob", "max"]),
                },
            ),
        },
    )
    outputs = st.none() | st.tuples(st.none() | st.sampled_from([0.1, 0.3, 0.5, 0.8, 0.9, 1.0]), st.booleans())
    words = st.sampled_from(["approve", "reject", "modify", "override", "escalate", "cancel", "resubmit", "expire"])
    people = st.sampled_from([person["reviewer_id"] for person in TEAM_OF_PEOPLE])
    submitters = st.none() | st.sampled_from(["two", "ana", "bot"])
    answers = st.lists(st.tuples(words, people), max_size=5)
    return st.lists(st.tuples(tasks, outputs, submitters, answers), min_size=1, max_size=6)


def play(hitl, clock, given_steps, day="first"):
    """Do it all, whatever is refused."""
    for number, (task, output, submitter, answers) in enumerate(given_steps):
        task_id = f"{day}-{number}"
        proposed = None if output is None else an_output(task_id, output[0], unusual=output[1])
        fields = {"timestamp": None, "risk_level": None, **task}
        hitl.submit(a_task(task_id, **fields), proposed, submitted_by=submitter)
        for word, person in answers:
            clock.tick(60)
            try:
                if word == "cancel":
                    hitl.cases.cancel(task_id=task_id, submitted_by=submitter, reason="no need")
                elif word == "resubmit":
                    hitl.submit(a_task(task_id, task_description="again", **fields), proposed, resubmit=True)
                elif word == "expire":
                    hitl.run_maintenance()
                else:
                    hitl.decide(task_id=task_id, decision=a_review(word, person))
            except (RequestRejected, InvalidInput):
                continue


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.sampled_from([a_policy, a_stack, a_simple]), steps(), steps())
def test_honest_work_has_no_violation(seed, make, before, after):
    clock = FakeClock()
    with Orchestrator.open("memory://", policy=make(seed), reviewers=TEAM_OF_PEOPLE, clock=clock) as hitl:
        play(hitl, clock, before)
        change = hitl.policy.activate(a_simple(seed + 1), **BY_MAX)
        if change.case is not None:
            hitl.decide(change.case.case_id, a_review("approve", "zoe"))
        play(hitl, clock, after, "second")

        result = derived(hitl)
        finished = [*hitl.audit.records(), *hitl.audit.records(quality_checks=True)]

    assert result.violations == ()
    assert result.derived + sum(result.not_derived.values()) == len(finished)
    assert result.agree + result.stricter == result.derived

"""Every decision is derived again: honest stores have no violation, and planted ones are found."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.builders import NINE, FakeClock, a_review, a_task, an_output, minutes
from support.derived import alter, answered, derived
from support.policy_changes import BY_MAX, LOOSE, STRICT, USUAL, hash_of, submitted
from support.random_policies import COUNTRIES, DOMAINS, TASK_TYPES, a_policy, a_stack
from support.teams import PEOPLE, TEAM

from hitl_orchestrator import InvalidInput, Orchestrator, RequestRejected
from hitl_orchestrator.backtest.compliance import ERASED, NO_TIME
from hitl_orchestrator.insights.report.model import Compliance

TEAM_OF_PEOPLE = [*PEOPLE, {"reviewer_id": "two-b", "name": "Two again", "roles": ["senior_manager"], "person": "two"}]


def rules(*found):
    """Return a policy of rules in this order."""
    return [{"rule_id": f"r{number}", "priority": number, **rule} for number, rule in enumerate(found)]


ASKS = {"conditions": {}, "action": "human_review"}
SURE = {"conditions": {"min_confidence": 0.5, "risk_level": ["low", "medium"]}, "action": "auto_approve"}
ON_WEEKDAYS = {"time": {"days": ["monday", "tuesday", "wednesday", "thursday", "friday"]}, "min_confidence": 0.3}
REJECTED_IN_A_MINUTE = {"respond_within": "PT1M", "on_timeout": "reject"}
ALL_RULES = [
    rules({**SURE, "spot_check": 0.5}, ASKS),
    rules({**SURE, "spot_check": 1}, {**ASKS, "approvals": 2, "agreement": "majority"}),
    rules({**ASKS, "approvals": 2, "distinct_roles": True}),
    rules({"conditions": {"risk_level": "high"}, "action": "escalate"}, SURE, {**ASKS, "respond_within": "PT1M"}),
    rules({**ASKS, "conditions": {"domain": "payments"}, "assigned_human_role": "compliance_officer"}, SURE),
    rules({"conditions": ON_WEEKDAYS, "action": "auto_approve"}, {**ASKS, **REJECTED_IN_A_MINUTE}),
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
    fields = st.fixed_dictionaries(
        {"label": st.sampled_from(["approve", "decline", "ask"]), "unusual": st.booleans()},
        optional={
            "limit": st.sampled_from([5, 100, 5000, 6000, "much"]),
            "agent_id": st.sampled_from(["m1", "m2"]),
            "model": st.sampled_from(["m1", "m2", 3]),
        },
    )
    outputs = st.none() | st.tuples(st.none() | st.sampled_from([0.1, 0.3, 0.5, 0.8, 0.9, 1.0]), fields)
    words = st.sampled_from(["approve", "reject", "modify", "override", "escalate", "cancel", "resubmit", "expire"])
    people = st.sampled_from([person["reviewer_id"] for person in TEAM_OF_PEOPLE])
    submitters = st.none() | st.sampled_from(["two", "ana", "bot"])
    answers = st.lists(st.tuples(words, people), max_size=5)
    return st.lists(st.tuples(tasks, outputs, submitters, answers), min_size=1, max_size=6)


def play(hitl, clock, given_steps, day="first"):
    """Do it all, whatever is refused."""
    for number, (task, output, submitter, answers) in enumerate(given_steps):
        task_id = f"{day}-{number}"
        proposed = None if output is None else an_output(task_id, output[0], **output[1])
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


@settings(max_examples=settings.get_profile("dev").max_examples // 12, suppress_health_check=[HealthCheck.too_slow])
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


@pytest.fixture
def worked(opened, durable_store):
    """A store with a case of every kind, each decided as its policy demands."""
    hitl = opened(durable_store, reviewers=[*PEOPLE, *TEAM], policy=EVERY_KIND)
    hitl.submit(a_task("sure"), an_output("sure", confidence=0.95))
    for task_id, risk in (("asked", "medium"), ("two", "high")):
        hitl.submit(a_task(task_id, risk_level=risk), an_output(task_id, confidence=0.5), submitted_by="bot")
    for task_id, person in (("asked", "r1"), ("two", "s1"), ("two", "max")):
        hitl.decide(task_id=task_id, decision=a_review("approve", person))
    assert derived(hitl).agree == 3
    return hitl


EVERY_KIND = {
    "policy_id": "every_kind",
    "rules": rules(
        {"conditions": {"risk_level": "low", "min_confidence": 0.9}, "action": "auto_approve", "spot_check": 0.25},
        {"conditions": {"risk_level": "medium"}, "action": "human_review"},
        {"conditions": {"risk_level": "high"}, "action": "escalate", "approvals": 2},
    ),
}
VOTES_OF_ONE = '[["s1","approve","senior_manager"],["s1","approve","senior_manager"]]'
LOW_VOTES = '[["r1","approve","domain_reviewer"],["max","approve","senior_manager"]]'
ODD_VOTES = '[["s1",["approve"],"senior_manager"],[{},"approve","senior_manager"]]'
OWN_VOTES = '[["bot","approve","senior_manager"],["max","approve","senior_manager"]]'


@pytest.mark.parametrize(
    ("task_id", "columns", "found"),
    [
        ("sure", {"confidence_score": 0.5}, "approved automatically, and no rule of its policy matches"),
        ("sure", {"risk_level": "high"}, "approved automatically, and r2 demands escalate by senior_manager"),
        ("sure", {"routing_decision": "human_review"}, "although it was routed to human_review"),
        ("sure", {"review_probability": 0.1}, "with probability 0.1, and r0 demands 0.25"),
        ("sure", {"has_proposal": 0}, "approved automatically, and no rule"),
        ("asked", {"risk_level": "high"}, "routed to human_review, and r2 demands escalate"),
        ("asked", {"rule_id": "r9"}, "names rule r9, and the policy decides by r1"),
        ("two", {"human_role": "domain_reviewer"}, "domain_reviewer decided it, and r2 demands escalate by senior_man"),
        ("two", {"assigned_human_role": "domain_reviewer"}, "domain_reviewer was asked, and r2 demands"),
        ("two", {"votes": None}, "1 of 2 demanded approvals were given"),
        ("two", {"votes": VOTES_OF_ONE}, "1 of 2 demanded approvals were given"),
        ("two", {"votes": "no votes"}, "0 of 2 demanded approvals were given"),
        ("two", {"votes": LOW_VOTES}, "1 of 2 demanded approvals came from senior_manager or a role above it"),
        ("two", {"votes": ODD_VOTES}, "0 of 2 demanded approvals were given"),
        ("two", {"approvals_needed": 1}, "1 of 2 demanded approvals were asked for"),
        ("asked", {"reviewer_id": "bot"}, "bot submitted it and decided it"),
        ("asked", {"submitted_by": "r1b"}, "r1b submitted it and decided it"),
        ("two", {"votes": OWN_VOTES}, "bot submitted it and decided it"),
        ("asked", {"policy_hash": "f" * 64}, "its policy ffffffffffff is not recorded in this store"),
        ("asked", {"human_decision": "reject"}, "ended as approved, which does not follow from reject"),
        ("asked", {"decision_source": "timeout"}, "its deadline passed, and it ended as approved"),
        ("asked", {"decision_source": "submitter"}, "ended as approved, which does not follow from"),
    ],
)
def test_a_planted_violation_is_found(worked, durable_store, task_id, columns, found):
    alter(durable_store, task_id, **columns)

    result = derived(worked)

    assert [violation.task_id for violation in result.violations] == [task_id]
    assert found in result.violations[0].what
    assert (result.agree, result.derived + sum(result.not_derived.values()), result.left_out) == (2, 3, 0)


def test_a_policy_that_was_never_in_force_decides_nothing(worked, durable_store):
    proposed = worked.policy.activate(LOOSE, **BY_MAX)
    alter(durable_store, "sure", policy_hash=hash_of(LOOSE), rule_id="sure")

    (violation,) = derived(worked).violations

    assert (proposed.in_force, violation.what.partition(";")[0]) == (
        False,
        f"its policy {hash_of(LOOSE)[:12]} was not in force before it finished",
    )


def test_two_approvals_of_one_role_are_found_where_two_roles_are_demanded(opened, durable_store):
    policy = {"policy_id": "two_roles", "rules": rules({**ASKS, "approvals": 2, "distinct_roles": True})}
    hitl = opened(durable_store, reviewers=[*PEOPLE, *TEAM], policy=policy)
    hitl.submit(a_task("two"), an_output("two", confidence=0.5))
    for person in ("r1", "s1"):
        hitl.decide(task_id="two", decision=a_review("approve", person))
    assert (derived(hitl).agree, derived(hitl).violations) == (1, ())
    alter(durable_store, "two", votes='[["s1","approve","senior_manager"],["max","approve","senior_manager"]]')

    (violation,) = derived(hitl).violations

    assert violation.what == "the 2 demanded approvals came from 1 role"


@pytest.mark.parametrize("wrong", [{"confidence_score": 7.0}, {"domain": None}, {"risk_level": "none"}])
def test_a_row_with_a_wrong_fact_hides_no_other_row(opened, durable_store, wrong):
    hitl = opened(durable_store, policy=LOOSE)
    for number in range(4):
        submitted(hitl, f"task-{number}", 0.9)
    alter(durable_store, "task-1", confidence_score=0.1)
    alter(durable_store, "task-2", **wrong)

    result = derived(hitl)

    assert [violation.task_id for violation in result.violations] == ["task-1"]
    assert (result.agree, sum(result.not_derived.values()), result.automatic_not_derived) == (2, 1, 1)


def test_records_of_another_system_are_counted_apart(opened, store):
    hitl = opened(store, policy=USUAL)
    for number in range(3):
        past = hitl.acting_as("max")
        case = past.submit(a_task(f"past-{number}"), an_output(f"past-{number}", confidence=0.1), replay=True)
        past.cases.replay(a_review("approve", "ana", timestamp=minutes(1)), case.case_id)
    assert derived(hitl) == Compliance(derived=0, agree=0, stricter=0, not_derived={}, violations=(), replayed=3)

    submitted(hitl, "live", 0.99)

    result = derived(hitl)
    assert (result.derived, result.agree, result.replayed) == (1, 1, 3)


def test_a_canary_decides_alone(opened, store):
    hitl = opened(store, policy=USUAL)
    hitl.policy.start_canary(STRICT, 1.0, **BY_MAX)
    held = submitted(hitl, "held", 0.92)
    hitl.decide(held.case_id, a_review("approve", "ana"))
    hitl.policy.stop_canary(**BY_MAX)
    submitted(hitl, "sure", 0.92)

    result = derived(hitl)

    assert (result.agree, result.violations) == (2, ())
    assert {record.policy_hash for record in hitl.audit.records()} == {hash_of(STRICT), hash_of(USUAL)}


def test_a_case_that_was_held_for_a_person_was_treated_more_strictly(opened, store):
    hitl = opened(store, policy=LOOSE)
    asked = hitl.ask("call-1", a_task(), an_output(), held="the tool is new")
    hitl.decide(asked.case.case_id, a_review("approve", "ana"))

    result = derived(hitl)

    assert (result.agree, result.stricter, result.violations) == (0, 1, ())


def test_requirements_of_a_policy_that_became_stricter_are_no_violation(opened, store):
    approvals = [{**rule, "approvals": 2} if rule["action"] == "human_review" else rule for rule in EVERY_KIND["rules"]]
    hitl = opened(store, policy=EVERY_KIND, reviewers=[*PEOPLE, *TEAM])
    case = hitl.cases.enqueue(a_task("asked", risk_level="medium"), an_output("asked", confidence=0.5))
    hitl.policy.activate({"policy_id": "twice", "rules": approvals}, **BY_MAX)
    hitl.recover()
    for person in ("r1", "r2"):
        hitl.decide(case.case_id, a_review("approve", person))

    result = derived(hitl)

    assert (result.agree + result.stricter, result.violations) == (1, ())


READS = {
    "policy_id": "reads",
    "metadata": {"amount": "number"},
    "rules": rules(
        {"conditions": {"metadata": {"amount": {"le": 100}}, "min_confidence": 0.5}, "action": "auto_approve"},
        {"conditions": {"time": {"days": ["monday"], "of": "task"}, "risk_level": "low"}, "action": "human_review"},
    ),
}


def test_what_cannot_be_derived_is_counted_with_its_reason(opened, store):
    hitl = opened(store, policy=READS)
    for task_id, fields in (("kept", {}), ("erased", {}), ("no_time", {"timestamp": None})):
        task = a_task(task_id, **{"metadata": {"amount": 5}, "timestamp": minutes(-60), **fields})
        hitl.submit(task, an_output(task_id))
    hitl.cases.redact(task_id="erased", reason="asked for", reviewer="zoe")
    case = hitl.submit(a_task("replaced", timestamp=minutes(-60)), None, submitted_by="bot")
    hitl.cases.cancel(case.case_id, submitted_by="bot", reason="no need")

    result = derived(hitl)

    assert result.not_derived == {ERASED: 1, NO_TIME: 1}
    assert (result.agree, result.violations) == (2, ())


OF_THE_OUTPUT = {
    "policy_id": "of_the_output",
    "proposal": {"limit": "number"},
    "rules": rules(
        {"conditions": {"proposal": {"predicted_label": {"eq": "decline"}}}, "action": "escalate"},
        {"conditions": {"agent": {"version": {"eq": "2"}}}, "action": "human_review"},
        {"conditions": {"proposal": {"limit": {"le": 100}}}, "action": "auto_approve"},
    ),
}


def test_decisions_on_the_proposal_and_the_agent_are_derived_from_what_was_stored(opened, store):
    hitl = opened(store, policy=OF_THE_OUTPUT)
    outputs = {
        "small": {"limit": 5, "agent_id": "bot", "model_version": "1"},
        "large": {"limit": 500, "model_version": "1"},
        "new": {"limit": 5, "model_version": "2"},
        "declined": {"label": "decline", "limit": 5},
        "erased": {"limit": 7},
        "escaped": {"limit": 7, "note": 'caf\u00e9 "quoted", {nested}'},
    }
    for task_id, extra in outputs.items():
        answered(hitl, a_task(task_id), **extra)
    hitl.decide(hitl.submit(a_task("empty"), None).case_id, a_review("reject", "zoe"))
    hitl.cases.redact(task_id="erased", reason="asked for", reviewer="zoe")

    result = derived(hitl)

    assert result.not_derived == {ERASED: 1}
    assert (result.agree, result.stricter, result.violations) == (6, 0, ())
    assert hitl.audit.verify().sound


LIMITED = {
    "policy_id": "limited",
    "metadata": {"customer": "text", "amount": "number"},
    "history": {"paid_1d": {"sum": "amount", "same": "customer", "within": "P1D"}},
    "derived": {"total": "paid_1d + amount"},
    "rules": rules(
        {"conditions": {"history": {"paid_1d": {"ge": 100}}}, "action": "escalate"},
        {"conditions": {"derived": {"total": {"gt": 100}}}, "action": "human_review"},
        SURE,
    ),
}


def test_decisions_by_counters_are_derived_from_the_values_of_their_time(opened, store):
    hitl = opened(store, policy=LIMITED)
    for number in range(4):
        answered(hitl, a_task(f"task-{number}", metadata={"customer": "ann", "amount": 50}))
    hitl.cases.redact(task_id="task-0", reason="asked for", reviewer="zoe")

    result = derived(hitl)

    assert [hitl.cases.get(task_id=f"task-{number}").rule_id for number in range(4)] == ["r2", "r2", "r0", "r0"]
    assert result.not_derived == {ERASED: 1}
    assert (result.agree, result.stricter, result.violations) == (3, 0, ())


def test_a_decision_against_the_proposal_is_found(opened, durable_store):
    with opened(durable_store, policy=OF_THE_OUTPUT) as hitl:
        case = hitl.submit(a_task("declined"), an_output("declined", label="decline", limit=5))
        hitl.decide(case.case_id, a_review("approve", "zoe"))
    alter(durable_store, "declined", routing_decision="human_review")

    with opened(durable_store) as hitl:
        (found,) = derived(hitl).violations
    assert "it was routed to human_review, and r0 demands escalate" in found.what


def test_a_period_and_the_progress(opened, store, clock):
    hitl = opened(store, policy=LOOSE)
    for number in range(4):
        submitted(hitl, f"task-{number}", 0.9)
        clock.tick(60)
    read = []

    result = derived(hitl, since=minutes(1), until=minutes(3), on_cases=read.append)

    assert (result.derived, sum(read)) == (2, 4)


def test_without_cases_there_is_nothing_to_derive(opened, store):
    assert derived(opened(store)) == Compliance(derived=0, agree=0, stricter=0, not_derived={}, violations=())


def test_violations_beyond_the_first_are_counted(opened, sqlite_store):
    hitl = opened(sqlite_store, policy=LOOSE)
    for number in range(5):
        submitted(hitl, f"task-{number}", 0.9)
        alter(sqlite_store, f"task-{number}", confidence_score=0.1)

    result = derived(hitl, most=2)

    assert [each.task_id for each in result.violations] == ["task-0", "task-1"]
    assert (result.derived, result.left_out) == (5, 3)

"""A share of the cases that a rule approves is held for a person before it goes ahead, drawn once."""

import os
import subprocess
import sys
from math import sqrt
from pathlib import Path

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator.domain.audit import is_drawn

HOLD = 0.3


def held(share=HOLD, **more):
    rule = {"rule_id": "sure", "priority": 1, "conditions": {"min_confidence": 0.5}, "action": "auto_approve"}
    return {"policy_id": "held", "rules": [rule | {"hold": share} | more]}


def submit(hitl, number, confidence=0.9, **more):
    return hitl.submit(a_task(f"t{number}"), an_output(f"t{number}", confidence=confidence), **more)


def routing_of(hitl, case):
    (event,) = [event for event in services_of(hitl).ledger.events(case.case_id) if event.kind == "routed"]
    return event.body["decision"]


def test_a_held_case_waits_for_a_person_and_the_others_go_ahead(opened, store):
    hitl = opened(store, policy=held())

    cases = [submit(hitl, number) for number in range(40)]

    waiting = [case for case in cases if case.status == "waiting"]
    assert 0 < len(waiting) < 40
    for case in cases:
        decision = routing_of(hitl, case)
        assert (decision["hold"], decision["held"], decision["rule_id"]) == (HOLD, case in waiting, "sure")
    ended = hitl.decide(waiting[0].case_id, a_review("approve", "ana"))
    assert (ended.record.rule_id, ended.record.routing_decision) == ("sure", "human_review")
    assert ended.record.reason.startswith("held for a person by chance, as a share of 0.3 is; otherwise sure matches: ")
    went = next(case for case in cases if case.status == "approved")
    assert {ended.record.review_probability, went.record.review_probability} == {HOLD}
    assert hitl.audit.verify().sound


def test_a_reviewer_cannot_tell_a_held_case_from_one_that_no_rule_matches(opened, store):
    hitl = opened(store, policy=held(1))
    case = submit(hitl, 1)

    view, (request,) = hitl.reviews.view(case.case_id, reviewer="ana"), hitl.inbox()

    for shown in (view, request):
        assert (shown.rule_id, shown.reason) == ("fallback", "no rule matches, so a person decides")
    assert not any(word in view.model_dump_json() for word in ("sure", "chance", "auto_approve"))
    assert hitl.decide(case.case_id, a_review("approve", "ana")).record.rule_id == "sure"


def test_both_ways_of_looking_weigh_a_case_alike(opened, store):
    hitl = opened(store, policy=held(0.5, spot_check=0.5))

    cases = [submit(hitl, number) for number in range(30)]

    waiting = [case.case_id for case in cases if case.status == "waiting"]
    ended = [hitl.decide(case_id, a_review("approve", "ana")) for case_id in waiting]
    assert {case.record.review_probability for case in [*cases, *ended] if case.record} == {0.75}


def test_a_task_that_is_held_stays_held_when_it_is_submitted_again(opened, store):
    hitl = opened(store, policy=held())
    cases = [submit(hitl, number) for number in range(30)]

    again = [submit(hitl, number, 0.8, resubmit=True) for number, case in enumerate(cases) if case.status == "waiting"]

    assert again
    assert {case.status for case in again} == {"waiting"}
    assert {round(routing_of(hitl, case)["hold"], 6) for case in again} == {0.51}


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_as_many_are_held_as_the_rule_states(opened, share):
    hitl = opened("memory://", policy=held(share))
    lot = services_of(hitl).ledger.lot
    drawn = sum(is_drawn(share, lot("hold", "", f"task-{number}", "1")) for number in range(20_000))

    # Further away than this by chance once in a hundred million (normal approximation of the binomial distribution).
    assert abs(drawn - 20_000 * share) < 5.7 * sqrt(20_000 * share * (1 - share))


SUBMITTER = """
import sys
from support.builders import a_task, an_output
from hitl_orchestrator import Orchestrator
store, first, last = sys.argv[1], *map(int, sys.argv[2:])
with Orchestrator.open(store) as hitl:
    for number in range(first, last):
        hitl.submit(a_task(f"t{number}"), an_output(f"t{number}", confidence=0.9))
        print(number, flush=True)
"""


def submitter(store, first, last):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    arguments = [sys.executable, "-c", SUBMITTER, store, str(first), str(last)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment)


def test_eight_submitters_of_whom_some_are_killed_hold_the_same_cases(opened, durable_store):
    hitl = opened(durable_store, policy=held())
    parts = [(6 * (number // 2), 6 * (number // 2) + 6) for number in range(8)]
    working = [submitter(durable_store, *part) for part in parts]
    for each in working[::2]:
        each.stdout.readline()
        each.kill()
    for each in working:
        each.communicate()

    hitl.recover()
    cases = [submit(hitl, number) for number in range(24)]

    lot = services_of(hitl).ledger.lot
    for number, case in enumerate(cases):
        is_held = is_drawn(HOLD, lot("hold", "", f"t{number}", "1"))
        assert case.status == ("waiting" if is_held else "approved")
        assert routing_of(hitl, case)["held"] is is_held
    assert hitl.audit.verify().sound

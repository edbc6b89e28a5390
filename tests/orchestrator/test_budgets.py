"""Budgets and limits hold while eight processes race for them and some are killed, and follow from the ledger alone."""

import os
import subprocess
import sys
from pathlib import Path

from support.counting import counted_again, routed_in
from support.counting_process import BUDGET, CUSTOMERS, LIMIT, POLICY

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.decision import Routing
from hitl_orchestrator.policies import compile_policy
from hitl_orchestrator.policies.language.model import policy_of
from hitl_orchestrator.services.reviews.requirements import facts_of

TESTS = Path(__file__).parents[1]
PROCESSES, CASES = 8, 12


def started(store, name, chunk):
    command = [sys.executable, str(TESTS / "support" / "counting_process.py"), store, name, str(CASES), str(chunk)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes, env={**os.environ, "PYTHONPATH": str(TESTS)})


def raced(store):
    """Let processes submit at once, every third in chunks; kill every fourth after its first answers."""
    running = [started(store, f"p{number}", 5 if number % 3 == 0 else 0) for number in range(PROCESSES)]
    for each in running:
        assert each.stdout.readline() == "ready\n"
    for each in running:
        each.stdin.write("\n")
        each.stdin.flush()
    acknowledged = []
    for number, each in enumerate(running):
        if number % 4 == 0:
            acknowledged.append(each.stdout.readline().strip())
            each.kill()
        acknowledged += each.communicate()[0].split()
    return acknowledged


def test_budgets_hold_and_counts_are_exact_under_races_and_kills(durable_store):
    with Orchestrator.open(durable_store, policy=POLICY):
        pass

    acknowledged = raced(durable_store)

    with Orchestrator.open(durable_store) as hitl:
        hitl.recover()
        cases = routed_in(hitl)
        recorded, expected = counted_again(hitl)
        problem = hitl.audit.verify().problem
        tasks = {case.case_id: hitl.cases.get(case.case_id).submission.task for case in cases}
    approved = [case.metadata for case in cases if case.body["decision"]["action"] == "auto_approve"]
    of = {customer: sum(each["customer"] == customer for each in approved) for customer in CUSTOMERS}
    assert recorded == expected
    assert set(acknowledged) <= tasks.keys()
    assert max(of.values()) <= LIMIT
    assert BUDGET - 11 < sum(each["amount"] for each in approved) <= BUDGET
    assert problem is None
    assert [case.case_id for case in cases if decided_again(case, tasks[case.case_id]) != case.body["decision"]] == []


def decided_again(case, task):
    """Return the decision that the policy makes from the recorded values alone."""
    routing = Routing.model_validate(case.body)
    decision = compile_policy(policy_of(POLICY)).decide(facts_of(task, routing))
    return decision.model_dump(mode="json")

"""People and policies that another process put in force apply to the next call."""

import pytest
from support.builders import a_review
from support.internals import services_of
from support.people_changes import change_people
from support.policy_changes import STRICT

from hitl_orchestrator.domain.principal import Principal, PrincipalKind
from hitl_orchestrator.errors import NotAuthorized

ANA = {"reviewer_id": "ana", "name": "Ana", "roles": ["domain_reviewer"], "domains": ["finance"]}
MAX = {"reviewer_id": "max", "name": "Max", "roles": ["senior_manager"]}
ZOE = {"reviewer_id": "zoe", "name": "Zoe", "roles": ["compliance_officer"]}
BOB = {"reviewer_id": "bob", "name": "Bob", "roles": ["senior_manager"]}
TEAM = [ANA, MAX, ZOE]


def one(account, **changed):
    """Return the team with one account changed."""
    return [{**each, **changed} if each["reviewer_id"] == account else each for each in TEAM]


def test_a_running_process_uses_people_that_another_one_put_in_force(opened, durable_store, waits):
    running, other = (opened(durable_store, reviewers=TEAM, policy=STRICT) for _ in range(2))
    waits(running, domain="finance")

    change_people(other, [MAX, ZOE])

    with pytest.raises(NotAuthorized, match="no such reviewer"):
        running.decide(task_id="task-1", decision=a_review("approve", "ana"))
    assert running.people.active().hash == other.people.active().hash


LATER = {
    "read": lambda hitl, case: hitl.cases.get(case),
    "inbox": lambda hitl, case: hitl.inbox(),
    "view": lambda hitl, case: hitl.reviews.view(case),
    "claim": lambda hitl, case: hitl.reviews.claim(case),
    "next": lambda hitl, case: hitl.reviews.next(),
    "people": lambda hitl, case: hitl.reviews.people(),
    "policy": lambda hitl, case: hitl.policy.active(),
    "assign": lambda hitl, case: hitl.reviews.assign(),
    "decide": lambda hitl, case: hitl.decide(case, "approve"),
    "decide many": lambda hitl, case: hitl.reviews.decide_many([case], "approve"),
    "propose": lambda hitl, case: hitl.people.propose(one("ana", name="Ana P."), reason="r"),
}


@pytest.mark.parametrize("locally", [True, False], ids=["local", "login"])
@pytest.mark.parametrize("act", LATER.values(), ids=LATER)
def test_each_call_is_checked_with_people_that_another_process_put_in_force(opened, sqlite_store, waits, act, locally):
    """Neither refused to a reviewer who was just added, nor granted to one who was just removed."""
    running, other = (opened(sqlite_store, reviewers=TEAM, policy=STRICT) for _ in range(2))
    case = waits(running, domain="finance").case_id
    login = Principal(subject="login-1", kind=PrincipalKind.HUMAN, person="bob", authenticated_by="oidc")
    as_bob = running.acting_as("bob") if locally else running.acting_as(principal=login)

    change_people(other, [*TEAM, BOB])
    act(as_bob, case)

    case = waits(running, "task-2", domain="finance").case_id
    change_people(other, TEAM)
    if locally and act in (LATER[name] for name in ("read", "people", "policy")):
        act(as_bob, case)
    else:
        with pytest.raises(NotAuthorized, match=r"no such reviewer|no reviewer here"):
            act(as_bob, case)


@pytest.mark.parametrize("name", ["read", "inbox", "view", "claim", "people", "policy", "assign", "decide"])
def test_a_call_reads_new_entries_about_people_and_policies_once(opened, sqlite_store, waits, name):
    hitl = opened(sqlite_store, reviewers=TEAM, policy=STRICT)
    max_, case = hitl.acting_as("max"), waits(hitl, domain="finance").case_id
    statements = []
    for connection in services_of(hitl).ledger._database._idle:
        connection.set_trace_callback(statements.append)

    LATER[name](max_, case)

    assert sum("ledger_head LEFT OUTER JOIN events" in each for each in statements) == 1

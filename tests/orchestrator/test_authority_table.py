"""The table of rights: every kind of reviewer, every verb, every kind of case.

What is not allowed is refused. A refusal is a sentence with who, why and what would help, and changes nothing but that
it is reported.
"""

from itertools import product

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import Orchestrator, RequestRejected
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.errors import NotAuthorized, ReviewClaimed

SUPPORT = "customer_support"
PEOPLE = [
    {"reviewer_id": "first", "name": "First", "roles": ["domain_reviewer"], "domains": [SUPPORT]},
    {"reviewer_id": "colleague", "name": "Colleague", "roles": ["domain_reviewer"], "domains": [SUPPORT]},
    {"reviewer_id": "senior", "name": "Senior", "roles": ["senior_manager"]},
    {"reviewer_id": "elsewhere", "name": "Elsewhere", "roles": ["domain_reviewer"], "domains": ["finance"]},
    {"reviewer_id": "alias", "name": "Alias", "roles": ["domain_reviewer"], "domains": [SUPPORT], "person": "first"},
    {"reviewer_id": "top", "name": "Top", "roles": ["compliance_officer"]},
]
# Six kinds of reviewer: of the role, above it, of another domain, a second account, the top, an unknown name.
KINDS = ("first", "senior", "elsewhere", "alias", "top", "stranger")
VERBS = ("claim", "release", "delegate", "label", "decide", "escalate", "cancel")
# No reviewer's, held by oneself, held by a colleague, submitted by oneself, requested by oneself, held and left.
CASES = ("free", "own", "other's", "own submission", "own request", "lapsed")

MAY_DECIDE = {"first", "senior", "alias", "top"}


def expected(kind: str, verb: str, case: str) -> bool:
    """Whether it is allowed, stated once more in as few words as possible."""
    barred = kind not in MAY_DECIDE or case in ("own submission", "own request")
    return {
        "cancel": case == "own submission",  # the submitter need not be a reviewer
        "release": kind != "stranger",  # it only ever releases of one's own, and says whether there was anything
        "delegate": not barred and case == "own",
        "label": not barred,
        "claim": not barred and case != "other's",
        "decide": not barred and case != "other's",
        "escalate": not barred and case != "other's" and kind != "top",
    }[verb]


@pytest.fixture(scope="module")
def hitl():
    rule = {"rule_id": "r1", "priority": 1, "conditions": {}, "action": "human_review"}
    policy = {"policy_id": "ask", "rules": [rule]}
    with Orchestrator.open("memory://", policy=policy, reviewers=PEOPLE) as hitl:
        yield hitl


def a_case(hitl, kind: str, verb: str, case: str) -> str:
    task_id = f"{kind}-{verb}-{case}".replace(" ", "_").replace("'", "")
    # A second account of a person acts on what the person has submitted or asked for under the first.
    person = "first" if kind == "alias" else kind
    requested = {"requested_by": [person, "submitter"]} if case == "own request" else {}
    by = person if case == "own submission" else "submitter"
    hitl.submit(a_task(task_id, metadata=requested), an_output(task_id), submitted_by=by)
    if case == "own" and kind in MAY_DECIDE:
        hitl.reviews.claim(task_id=task_id, reviewer=kind)
    if case == "other's":
        hitl.reviews.claim(task_id=task_id, reviewer="colleague")
    if case == "lapsed":
        until = hitl.reviews.claim(task_id=task_id, reviewer="colleague", seconds=0.001).claimed_until
        while services_of(hitl).ledger.now() <= until:
            pass
    return task_id


def do(hitl, kind: str, verb: str, task_id: str) -> None:
    match verb:
        case "claim":
            hitl.reviews.claim(task_id=task_id, reviewer=kind)
        case "release":
            hitl.reviews.release(task_id=task_id, reviewer=kind)
        case "delegate":
            hitl.reviews.delegate(task_id=task_id, reviewer=kind, to="colleague")
        case "label":
            hitl.reviews.label(task_id=task_id, reviewer=kind, label="Refund")
        case "decide":
            hitl.decide(task_id=task_id, decision=a_review("approve", None), reviewer=kind)
        case "escalate":
            hitl.decide(task_id=task_id, decision=a_review("escalate", None), reviewer=kind)
        case "cancel":
            hitl.cases.cancel(task_id=task_id, submitted_by=kind, reason="no longer wanted")


@pytest.mark.parametrize(("kind", "verb", "case"), list(product(KINDS, VERBS, CASES)))
def test_a_forbidden_decision_is_rejected_with_a_remedy(hitl, kind, verb, case):
    task_id = a_case(hitl, kind, verb, case)
    before = hitl.cases.get(task_id=task_id), len(hitl.cases.history(task_id=task_id))

    if expected(kind, verb, case):
        do(hitl, kind, verb, task_id)
        return
    with pytest.raises(RequestRejected) as refused:
        do(hitl, kind, verb, task_id)

    sentence = str(refused.value)
    assert isinstance(refused.value, NotAuthorized | ReviewClaimed) or "the top of the chain" in sentence
    assert kind in sentence or "colleague" in sentence or verb == "escalate"
    assert any(hint in sentence for hint in (";", "did you mean", "their domains are", "there is no such reviewer"))
    reported = hitl.cases.history(task_id=task_id)[before[1] :]
    assert hitl.cases.get(task_id=task_id) == before[0]
    assert [event.kind for event in reported] in ([], [EventKind.REFUSED])


def test_the_ledger_verifies_after_all_attempts(hitl):
    assert hitl.audit.verify().sound

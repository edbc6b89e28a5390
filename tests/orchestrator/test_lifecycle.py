"""Every verb in every state of a review, on every store: allowed transitions succeed, and all others are rejected."""

from contextlib import suppress
from itertools import product

import pytest
from support.builders import PERSON, a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import HitlError
from hitl_orchestrator.domain.lifecycle import REVIEW_MOVES, ReviewState, ReviewVerb, state_of
from hitl_orchestrator.services.acting import Acting

PEOPLE = [
    *({"reviewer_id": name, "name": name, "roles": ["domain_reviewer"]} for name in ("r1", "r2")),
    {"reviewer_id": "s1", "name": "s1", "roles": ["senior_manager"]},
]
RULES = [
    {"rule_id": "two", "priority": 1, "conditions": {"risk_level": "high"}, "approvals": 2},
    {"rule_id": "one", "priority": 2, "conditions": {}},
]
TIMED = {"action": "human_review", "respond_within": "PT0.4S", "on_timeout": "reject"}


@pytest.fixture
def desk(opened, store):
    def open_one(*, timed):
        asking = TIMED if timed else {"action": "human_review"}
        return opened(store, reviewers=PEOPLE, policy={"policy_id": "p", "rules": [rule | asking for rule in RULES]})

    return open_one


def let_pass(hitl, clock, time):
    clock.tick(1)
    while services_of(hitl).ledger.now() <= time:
        pass


def bring_to(hitl, clock, state):
    """Bring the first review of task-1 into a state, as people would."""
    task = a_task(risk_level="high" if state is ReviewState.VOTED else "low")
    row = hitl.submit(task, an_output(), submitted_by="sender").open_review
    match state:
        case ReviewState.CLAIMED:
            hitl.reviews.claim(task_id="task-1", reviewer="r1")
        case ReviewState.EXPIRED:
            let_pass(hitl, clock, row.expires_at)
            hitl.run_maintenance()
        case ReviewState.CANCELED:
            hitl.cases.cancel(task_id="task-1", submitted_by="sender", reason="no")
        case ReviewState.SUPERSEDED:
            hitl.submit(a_task(task_description="changed"), an_output(), resubmit=True, submitted_by="sender")
        case ReviewState.DECIDED | ReviewState.VOTED:
            hitl.decide(task_id="task-1", decision=a_review("approve", "r2"))
        case ReviewState.ESCALATED:
            hitl.decide(task_id="task-1", decision=a_review("escalate", "r2"))
    return row


def do(hitl, clock, row, verb):
    """Do something to this very review. The same withdrawal again is a receipt, and changes nothing."""
    services, ledger = services_of(hitl), services_of(hitl).ledger
    row, case = ledger.verified_review(row.review_id)[0], ledger.case(row.case_id)
    match verb:
        case ReviewVerb.CLAIM:
            services.claims._claim(row, case, Acting("r1"), 60)
        case ReviewVerb.RELEASE:
            ledger.unclaim(row, "r1", _actor("r1"), clock())
        case ReviewVerb.DELEGATE:
            ledger.delegate(services.access.verified(row), "r1", "r2", _actor("r1"), clock(), seconds=60)
        case ReviewVerb.LAPSE:
            if row.claimed_by is not None:
                ledger.delegate(row, "r1", "r1", _actor("r1"), clock(), seconds=0.001)
                let_pass(hitl, clock, ledger.latest_review(row.case_id).claimed_until)
            ledger.return_lapsed(row, clock())
        case ReviewVerb.EXPIRE:
            if row.expires_at is not None:
                let_pass(hitl, clock, row.expires_at)
            services.recorder.expire(row)
        case ReviewVerb.CANCEL:
            services.recorder.cancel(row, case, "sender", reason="no", acting=Acting("sender"))
        case ReviewVerb.SUPERSEDE:
            services.recorder.supersede(row)
        case _:
            answer = a_review("escalate" if verb is ReviewVerb.ESCALATE else "reject", "r1")
            services.recorder.decide(row, answer, acting=Acting("r1"))


def _actor(who):
    return PERSON.model_copy(update={"id": who})


# A vote and a decision are one verb; the number of required approvals distinguishes them.
PAIRS = [(state, verb) for state, verb in product(ReviewState, ReviewVerb) if verb is not ReviewVerb.VOTE]


@pytest.mark.parametrize(("state", "verb"), PAIRS)
def test_a_verb_follows_the_lifecycle_table_or_is_rejected(desk, clock, state, verb):
    hitl = desk(timed=ReviewState.EXPIRED in (state, REVIEW_MOVES.get((state, verb))))
    row = bring_to(hitl, clock, state)
    before = services_of(hitl).ledger.verified_review(row.review_id)[0]

    with suppress(HitlError):
        do(hitl, clock, row, verb)

    after = services_of(hitl).ledger.verified_review(row.review_id)[0]
    assert (after != before) is ((state, verb) in REVIEW_MOVES)
    assert state_of(after, services_of(hitl).ledger.now()) is REVIEW_MOVES.get((state, verb), state)
    assert hitl.audit.verify().sound

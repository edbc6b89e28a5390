"""Every verb in every state of a review, on every store: what the table allows is done, and all else is refused."""

from contextlib import suppress
from itertools import product

import pytest
from support.builders import PERSON, a_review, a_task, an_output

from hitl_orchestrator import HitlError
from hitl_orchestrator.review.lifecycle import MOVES, State, Verb, state_of

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
    while hitl.services.ledger.now() <= time:
        pass


def bring_to(hitl, clock, state):
    """Bring the first review of task-1 into a state, as people would."""
    task = a_task(risk_level="high" if state is State.VOTED else "low")
    row = hitl.submit(task, an_output(), submitted_by="sender").open_review
    match state:
        case State.CLAIMED:
            hitl.reviews.claim(task_id="task-1", reviewer="r1")
        case State.EXPIRED:
            let_pass(hitl, clock, row.expires_at)
            hitl.run_maintenance()
        case State.CANCELED:
            hitl.cases.cancel(task_id="task-1", submitted_by="sender", reason="no")
        case State.SUPERSEDED:
            hitl.submit(a_task(task_description="anew"), an_output(), resubmit=True)
        case State.DECIDED | State.VOTED:
            hitl.decide(task_id="task-1", decision=a_review("approve", "r2"))
        case State.ESCALATED:
            hitl.decide(task_id="task-1", decision=a_review("escalate", "r2"))
    return row


def do(hitl, clock, row, verb):
    """Do something to this very review. The same withdrawal again is a receipt, and changes nothing."""
    desk, row = hitl.services._desk, hitl.services.ledger.proven(row.review_id)
    match verb:
        case Verb.CLAIM:
            desk.claim(row, "r1", 60, "library")
        case Verb.RELEASE:
            desk.release(row, "r1", "library")
        case Verb.DELEGATE:
            desk.delegate(row, ("r1", "r2"), reason="", seconds=60, channel="library")
        case Verb.LAPSE:
            if row.claimed_by is not None:
                desk._ledger.delegate(row, ("r1", "r1"), _actor("r1"), clock(), seconds=0.001)
                let_pass(hitl, clock, desk._ledger.latest_review(row.case_id).claimed_until)
            desk.return_lapsed(row)
        case Verb.EXPIRE:
            if row.expires_at is not None:
                let_pass(hitl, clock, row.expires_at)
            desk.expire(row)
        case Verb.CANCEL:
            desk.cancel(row, hitl.services.ledger.case(row.case_id), "sender", reason="no", channel="library")
        case Verb.SUPERSEDE:
            desk.supersede(row)
        case _:
            desk.decide(row, a_review("escalate" if verb is Verb.ESCALATE else "reject", "r1"), channel="library")


def _actor(who):
    return PERSON.model_copy(update={"id": who})


# A vote and a decision are one verb of people: how many the rule asks for says which of the two it is.
PAIRS = [(state, verb) for state, verb in product(State, Verb) if verb is not Verb.VOTE]


@pytest.mark.parametrize(("state", "verb"), PAIRS)
def test_a_verb_does_what_the_table_says_or_is_refused(desk, clock, state, verb):
    hitl = desk(timed=State.EXPIRED in (state, MOVES.get((state, verb))))
    row = bring_to(hitl, clock, state)
    before = hitl.services.ledger.proven(row.review_id)

    with suppress(HitlError):
        do(hitl, clock, row, verb)

    after = hitl.services.ledger.proven(row.review_id)
    assert (after != before) is ((state, verb) in MOVES)
    assert state_of(after, hitl.services.ledger.now()) is MOVES.get((state, verb), state)
    assert hitl.audit.verify().sound

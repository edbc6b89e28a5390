"""A store in memory: the statements of SQLite under a clock that a test controls, and nothing on a disk."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from support.builders import AGENT, NINE, PERSON, a_routing, a_shown, a_submission, a_task, a_verdict, an_outcome
from support.tampering import fill

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import OnTimeout
from hitl_orchestrator.errors import InvalidInput, StoreUnavailable, UnknownCase
from hitl_orchestrator.ledger.keys.signing import new_signing_key
from hitl_orchestrator.wiring.stores import MEMORY, open_ledger

KEY = new_signing_key()


class Clock:
    """A clock that only moves when a test moves it."""

    def __init__(self):
        self.time = NINE

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(clock):
    with closing(open_ledger(MEMORY, clock=clock)) as opened:
        yield opened


def test_a_case_runs_from_intake_to_redaction(ledger):
    submission = ledger.receive(a_submission(), AGENT).submission
    review = ledger.open_review(a_shown(), NINE)
    claimed = ledger.claim(review, "ana", PERSON, NINE, 60)
    decided = ledger.decide(claimed, a_verdict(), PERSON)
    record = ledger.finish(an_outcome(submission, decided), a_routing(), NINE)

    assert ledger.case("case-1").record == record
    assert ledger.verified_review(review.review_id)[0] == decided
    assert list(ledger.outcomes("case_id")) == [("case-1",)]
    assert ledger.redact("case-1", "asked for", PERSON, NINE).destroyed == 3


def test_verification_and_proofs_work_as_on_a_file():
    with Orchestrator.open(MEMORY, head_key=KEY) as hitl:
        fill(hitl, 0, 10)
        head = hitl.audit.sign_head()

        answer = hitl.audit.verify([head], KEY.public)

    assert (answer.problem, answer.entries, answer.heads) == (None, head.size, 1)


def test_each_opened_store_is_its_own(ledger):
    ledger.receive(a_submission(), AGENT)

    with closing(open_ledger(MEMORY)) as other, pytest.raises(UnknownCase):
        other.case("case-1")


def test_deadlines_and_leases_follow_the_clock_of_the_caller(ledger, clock):
    decision = RoutingDecision(**{**dict(a_routing().decision), "respond_within": timedelta(hours=1)})
    routing = a_routing().model_copy(update={"decision": decision})
    ledger.receive(a_submission(), AGENT)
    review = ledger.open_review(a_shown(routing=routing, on_timeout=OnTimeout.ESCALATE), NINE)
    assert (review.due_at, ledger.expired(), ledger.now()) == (NINE + timedelta(hours=1), [], NINE)

    clock.time += timedelta(hours=1, microseconds=1)

    assert [row.review_id for row in ledger.expired()] == [review.review_id]


def test_a_lease_ends_by_the_clock_of_the_caller(ledger, clock):
    ledger.receive(a_submission(), AGENT, driving=True)

    def take_elsewhere():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(ledger.take, "case-1").result()

    assert not take_elsewhere()
    clock.time += timedelta(seconds=61)
    assert take_elsewhere()


def test_a_clock_without_a_time_zone_is_rejected():
    with pytest.raises(InvalidInput, match="has no zone"):
        Orchestrator.open(MEMORY, clock=lambda: datetime(2025, 1, 1)).submit(a_task())  # noqa: DTZ001


def test_a_suspended_reader_does_not_block_a_writer(ledger):
    ledger.receive(a_submission(), AGENT)
    reader = ledger.events()
    next(reader)

    with ThreadPoolExecutor(1) as pool:
        other = a_submission("case-2", a_task("task-2"))
        assert pool.submit(ledger.receive, other, AGENT).result(timeout=10).case_id == "case-2"
    assert list(reader) == []


def test_a_snapshot_excludes_writers_of_other_threads(ledger):
    ledger.receive(a_submission(), AGENT)
    with ThreadPoolExecutor(1) as pool:
        with ledger.snapshot() as snapshot:
            writing = pool.submit(ledger.receive, a_submission("case-2", a_task("task-2")), AGENT)
            assert len(list(snapshot.entries())) == 1
        writing.result(timeout=10)

    assert ledger.head().seq == 2


def test_an_error_rolls_back_a_nested_write_only(ledger):
    with ledger.snapshot() as snapshot:
        ledger.receive(a_submission(), AGENT)
        with pytest.raises(InvalidInput):
            ledger.receive(a_submission("case-2", a_task("case-1")), AGENT)
        assert len(list(snapshot.entries())) == 1

    assert ledger.head().seq == 1


def test_a_closed_store_is_unavailable(ledger):
    ledger.close()
    ledger.close()

    with pytest.raises(StoreUnavailable, match="memory://"):
        ledger.head()


def test_the_default_clock_is_the_time_of_the_machine():
    with closing(open_ledger(MEMORY)) as ledger:
        assert abs(ledger.now() - datetime.now(UTC)) < timedelta(seconds=60)

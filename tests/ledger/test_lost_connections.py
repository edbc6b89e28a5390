"""A connection that is lost while something is written: the caller learns what became of it, and it happened once."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import product
from typing import Any

import pytest
from support.builders import AGENT, NINE, PERSON, a_routing, a_shown, a_submission, a_verdict, an_outcome
from support.cutting_proxy import ANSWERED, BEFORE, MOMENTS, SENT, Proxy
from support.postgres_server import HARM, Server
from support.recorded_policies import record_policy
from support.stores import open_rows

from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.store.cases import CaseRepository
from hitl_orchestrator.ledger.store.claims import ClaimRepository
from hitl_orchestrator.ledger.store.outcomes import OutcomeRepository
from hitl_orchestrator.ledger.store.policies import PolicyRepository
from hitl_orchestrator.ledger.store.reviews import ReviewRepository
from hitl_orchestrator.wiring.stores import open_ledger

CASE = a_submission()


def received(ledger: Ledger) -> None:
    ledger.receive(CASE, AGENT)


def opened(ledger: Ledger) -> None:
    received(ledger)
    ledger.open_review(a_shown(), NINE)


def decided(ledger: Ledger) -> None:
    opened(ledger)
    ledger.decide(ledger.latest_review("case-1"), a_verdict(), PERSON)


def nothing(ledger: Ledger) -> None:
    pass


def finish(ledger: Ledger) -> Any:
    return ledger.finish(an_outcome(CASE, ledger.latest_review("case-1")), a_routing(), NINE).case_id


def finished(ledger: Ledger) -> None:
    decided(ledger)
    finish(ledger)
    # An outcome is not flushed, for it can be written again; the next commit that is takes it to the disk.
    record_policy(ledger, "settled", "settled", {"rules": []}, NINE)


# What stands before, what is done, and what it returns.
OPERATIONS: dict[str, tuple[Callable[[Ledger], None], Callable[[Ledger], Any], Any]] = {
    "receive": (nothing, lambda ledger: ledger.receive(CASE, AGENT).stage, CaseStage.RECEIVED),
    "open_review": (received, lambda ledger: ledger.open_review(a_shown(), NINE).review_id, "case-1.0"),
    "decide": (
        opened,
        lambda ledger: ledger.decide(ledger.latest_review("case-1"), a_verdict(), PERSON).verdict,
        a_verdict(),
    ),
    "pass up": (
        opened,
        lambda ledger: (
            ledger.decide(
                ledger.latest_review("case-1"), a_verdict("escalate"), PERSON, a_shown(level=1, role="senior_manager")
            ).verdict
        ),
        a_verdict("escalate"),
    ),
    "finish": (decided, finish, "case-1"),
    "redact": (finished, lambda ledger: ledger.redact("case-1", "asked for", PERSON, NINE).destroyed, 3),
    "keep": (nothing, lambda ledger: ledger.keep("d", "body"), None),
}


@pytest.fixture
def store(own_server) -> Iterator[str]:
    url = own_server.new_database()
    yield url
    own_server.drop(url)


@pytest.fixture
def proxy(own_server) -> Iterator[Proxy]:
    with closing(Proxy(own_server.folder)) as proxy:
        yield proxy


def check_it_happened_once(ledger: Ledger, returned: Any, expected: Any) -> None:
    assert returned == expected
    events = list(ledger.events())
    assert max(Counter((event.kind, event.case_id, str(event.body)) for event in events).values(), default=0) <= 1
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


@pytest.fixture
def harmed(own_server, proxy, store) -> Callable[[str, str, str], None]:
    """Do an operation, do harm at a moment of its commit, and see what became of it."""

    def do(operation: str, harm: str, moment: str) -> None:
        check_under_harm(own_server, proxy, proxy.url(store), (operation, harm, moment))

    return do


def check_under_harm(own_server: Server, proxy: Proxy, url: str, place: tuple[str, str, str]) -> None:
    operation, harm, moment = place
    before, act, expected = OPERATIONS[operation]
    with closing(open_ledger(url)) as ledger:
        before(ledger)
        proxy.harm(moment, do=lambda: HARM[harm](own_server))

        returned = act(ledger)

        assert proxy.done.wait(30)
        check_it_happened_once(ledger, returned, expected)
        undisturbed = act(ledger) if operation not in ("decide", "pass up") else expected
        check_it_happened_once(ledger, undisturbed, expected)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_survives_a_connection_cut_at_its_commit(harmed, operation, moment):
    harmed(operation, "the connection is cut", moment)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("operation", ["receive", "decide"])
def test_an_operation_survives_a_terminated_backend(harmed, operation, moment):
    harmed(operation, "the backend is terminated", moment)


@pytest.mark.parametrize(
    ("operation", "moment"),
    [("receive", SENT), ("open_review", BEFORE), ("decide", ANSWERED), ("pass up", SENT), ("finish", BEFORE)],
)
def test_an_operation_survives_a_server_crash(harmed, operation, moment):
    harmed(operation, "the server crashes", moment)


@pytest.mark.soak
@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("number", range(50))
def test_every_kind_of_failure_fifty_times(harmed, harm, number):
    places = list(product(OPERATIONS, MOMENTS))
    random.Random(harm).shuffle(places)
    operation, moment = places[number % len(places)]
    harmed(operation, harm, moment)


@pytest.mark.parametrize("words", [b"INSERT INTO events", b"UPDATE reviews", b"UPDATE cases"])
@pytest.mark.parametrize("harm", HARM)
def test_a_decision_survives_a_failure_between_its_statements(own_server, proxy, store, harm, words):
    with closing(open_ledger(proxy.url(store))) as ledger:
        opened(ledger)
    # A new connection sends the words of its statements; one that knows them already sends their numbers.
    with closing(open_ledger(proxy.url(store))) as ledger:
        row = ledger.latest_review("case-1")
        proxy.harm(BEFORE, words, do=lambda: HARM[harm](own_server))

        stands = ledger.decide(row, a_verdict(), PERSON)

        assert proxy.done.wait(30)
        check_it_happened_once(ledger, stands.verdict, a_verdict())


@pytest.mark.parametrize("harm", ["the backend is terminated", "the server crashes"])
def test_closed_connections_are_replaced(own_server, store, harm):
    with closing(open_ledger(store)) as ledger:
        for before, act, _expected in OPERATIONS.values():
            HARM[harm](own_server)
            if before is nothing:
                act(ledger)
        HARM[harm](own_server)
        ledger.open_review(a_shown(), NINE)
        HARM[harm](own_server)

        assert [row.review_id for row in open_rows(ledger)] == ["case-1.0"]


def test_a_listing_resumes_after_the_last_yielded_item(own_server, store, monkeypatch):
    monkeypatch.setattr("hitl_orchestrator.ledger.database.postgres.ROWS_AT_A_TIME", 10)
    with closing(open_ledger(store)) as ledger:
        for number in range(60):
            record_policy(ledger, "p", f"hash {number}", {"rules": [number]}, NINE)
        listing, seen = ledger.events(), []
        for event in listing:
            seen.append(event.seq)
            if event.seq in (1, 25):
                own_server.terminate_backends()

        assert seen == list(range(1, 61))


def test_an_unreachable_server_is_reported_and_can_return(own_server, store, monkeypatch):
    monkeypatch.setattr("hitl_orchestrator.ledger.database.postgres_connections.PATIENCE_SECONDS", 0.2)
    with closing(open_ledger(store)) as ledger:
        received(ledger)
        own_server.stop("immediate")
        try:
            with pytest.raises(StoreUnavailable, match="connection"):
                ledger.open_review(a_shown(), NINE)
        finally:
            own_server.start()

        assert ledger.open_review(a_shown(), NINE).review_id == "case-1.0"


REPOSITORIES = (CaseRepository, OutcomeRepository, ReviewRepository, ClaimRepository, PolicyRepository)


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_every_operation_is_retried_after_a_lost_connection(repository):
    # `verify_review` compares rows that were read before.
    operations = {
        name: method for name, method in vars(repository).items() if name[0] != "_" and name != "verify_review"
    }

    assert [name for name, method in operations.items() if not hasattr(method, "__wrapped__")] == []

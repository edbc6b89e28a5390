"""Claims of reviews, on every store."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from threading import Barrier

import pytest
from support.builders import AGENT, NINE, PERSON, a_shown, a_submission, a_verdict, an_outcome
from support.postgres_server import direct_connection

from hitl_orchestrator.errors import NotAuthorized, ReviewAlreadyDecided, ReviewClaimed
from hitl_orchestrator.ledger.events.chain import instant_text
from hitl_orchestrator.ledger.ports.claims import InboxFilter
from hitl_orchestrator.wiring.stores import open_ledger

HOUR = 3600


@pytest.fixture
def row(ledger):
    ledger.receive(a_submission(), AGENT)
    return ledger.open_review(a_shown(), NINE)


def claim(ledger, row, who="ana", seconds=HOUR):
    return ledger.claim(row, who, PERSON.model_copy(update={"id": who}), NINE, seconds)


def kinds(ledger):
    return [event.kind.value for event in ledger.events()]


def test_a_claimed_review_accepts_answers_of_its_holder_only(ledger, row):
    claimed = claim(ledger, row, "ben")

    with pytest.raises(ReviewClaimed, match="claimed by 'ben' until"):
        ledger.decide(row, a_verdict(), PERSON)

    assert (claimed.claimed_by, ledger.latest_review("case-1")) == ("ben", claimed)
    assert ledger.decide(row, a_verdict(reviewer="ben"), PERSON).claimed_by is None
    assert kinds(ledger) == ["submitted", "routed", "review_opened", "claimed", "decided"]


def test_only_the_holder_can_claim_a_claimed_review_again(ledger, row):
    first = claim(ledger, row, seconds=60)

    with pytest.raises(ReviewClaimed):
        claim(ledger, row, "ben")

    assert claim(ledger, row).claimed_until > first.claimed_until


def test_a_lapsed_claim_blocks_no_other_reviewer(ledger, row):
    until = claim(ledger, row, "ben", seconds=0.001).claimed_until
    while ledger.now() <= until:
        pass

    assert claim(ledger, row, "ana").claimed_by == "ana"
    assert ledger.decide(row, a_verdict(), PERSON).status == "decided"


def test_a_released_review_can_be_answered_by_any_reviewer(ledger, row):
    claim(ledger, row, "ben")

    assert not ledger.unclaim(row, "ana", PERSON, NINE)
    assert ledger.unclaim(row, "ben", PERSON, NINE)
    assert not ledger.unclaim(row, "ben", PERSON, NINE)
    assert ledger.decide(row, a_verdict(), PERSON).status == "decided"
    assert kinds(ledger)[3:] == ["claimed", "released", "decided"]


def test_a_decided_review_cannot_be_claimed(ledger, row):
    decided = ledger.decide(row, a_verdict(), PERSON)

    with pytest.raises(ReviewAlreadyDecided):
        claim(ledger, row, "ben")

    ledger.finish(an_outcome(a_submission(), decided), a_shown().routing, NINE)
    assert not ledger.unclaim(row, "ana", PERSON, NINE)


def test_a_claim_does_not_invalidate_the_seal(ledger, row):
    claim(ledger, row)

    assert ledger.verified_review(row.review_id)[0].claimed_by == "ana"


def test_one_of_many_concurrent_claims_wins(ledger, row):
    together = Barrier(16)

    def try_to_claim(number):
        together.wait()
        try:
            return claim(ledger, row, f"person-{number}").claimed_by
        except ReviewClaimed as exc:
            return exc.reviewer

    with ThreadPoolExecutor(16) as pool:
        holders = Counter(pool.map(try_to_claim, range(16)))

    assert set(holders) == {ledger.latest_review("case-1").claimed_by}
    assert kinds(ledger).count("claimed") == 1


def set_claim(url, since, until):
    with direct_connection(url) as connection:
        times = f"claimed_since = '{instant_text(since)}', claimed_until = '{instant_text(until)}'"
        connection.execute(f"UPDATE reviews SET claimed_by = 'ben', {times}")


@pytest.fixture
def of_url(url):
    with closing(open_ledger(url)) as ledger:
        ledger.receive(a_submission(), AGENT)
        yield ledger, ledger.open_review(a_shown(), NINE)


def test_a_claim_of_a_clock_that_is_a_day_ahead_binds_no_one(of_url, url):
    ledger, row = of_url
    tomorrow = ledger.now() + timedelta(days=1)
    set_claim(url, tomorrow, tomorrow + timedelta(seconds=60))

    page = ledger.queue_page([InboxFilter(unclaimed=True)], 10)
    assert ([each.review_id for each in page.reviews], dict(ledger.loads(NINE))) == ([row.review_id], {})
    assert ledger.queue_page([InboxFilter(held_by="ben")], 10).reviews == []
    assert [each.review_id for each in ledger.lapsed()] == [row.review_id]
    ledger.renew(row, "ben", HOUR)
    with pytest.raises(NotAuthorized):
        ledger.delegate(row, "ben", "cleo", PERSON, NINE, seconds=HOUR)
    assert claim(ledger, row, "ana").claimed_by == "ana"
    assert ledger.decide(row, a_verdict(), PERSON).status == "decided"


def test_maintenance_returns_a_claim_of_a_clock_that_is_a_day_ahead(of_url, url):
    ledger, row = of_url
    tomorrow = ledger.now() + timedelta(days=1)
    set_claim(url, tomorrow, tomorrow + timedelta(seconds=60))

    assert ledger.return_lapsed(row, NINE)
    assert ledger.latest_review("case-1").claimed_by is None


def test_a_claim_of_a_clock_that_is_a_little_ahead_binds(of_url, url):
    ledger, row = of_url
    ahead = ledger.now() + timedelta(minutes=2)
    set_claim(url, ahead, ahead + timedelta(seconds=60))

    with pytest.raises(ReviewClaimed):
        claim(ledger, row, "ana")
    with pytest.raises(ReviewClaimed):
        ledger.decide(row, a_verdict(), PERSON)

"""The transition tables of cases and reviews are complete and agree with the enums."""

from datetime import timedelta

import pytest
from support.builders import NINE, a_shown, a_verdict

from hitl_orchestrator.domain.enums import CaseStage, ReviewStatus
from hitl_orchestrator.domain.lifecycle import (
    ANSWERED,
    REVIEW_MOVES,
    STAGE_MOVES,
    ReviewState,
    ReviewVerb,
    state_of,
)
from hitl_orchestrator.ledger.events.builders import row_answered, row_opened

LIVE = {ReviewState.OPEN, ReviewState.CLAIMED}
ENDED = set(ReviewState) - LIVE


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_answered_review_is_never_opened_again(state):
    assert not any((state, verb) in REVIEW_MOVES for verb in ReviewVerb)


def test_open_and_claimed_reviews_can_end_in_every_way():
    for state in LIVE:
        assert {end for (before, _), end in REVIEW_MOVES.items() if before is state} >= ENDED


def test_every_review_state_is_reachable_from_open():
    reached = {ReviewState.OPEN}
    for _ in ReviewState:
        reached |= {end for (before, _), end in REVIEW_MOVES.items() if before in reached}

    assert reached == set(ReviewState)


def test_every_status_of_a_stored_review_is_a_state():
    assert {status.value for status in ReviewStatus} == {state.value for state in ReviewState} - {"claimed"}
    assert {status.value for status in ANSWERED} == {state.value for state in ENDED}


def test_every_stage_is_reachable_and_a_case_never_moves_back():
    order = [None, *CaseStage]
    for move in STAGE_MOVES.values():
        assert all(order.index(before) <= order.index(move.after) for before in move.before)

    assert {move.after for move in STAGE_MOVES.values()} == set(CaseStage)


def test_a_lapsed_claim_does_not_count():
    review = row_opened(a_shown(), NINE, NINE, a_shown().text)
    times = {"claimed_since": NINE, "claimed_until": NINE + timedelta(minutes=1)}
    claimed = review.model_copy(update={"claimed_by": "ana", **times})

    assert state_of(review, NINE) is ReviewState.OPEN
    assert state_of(claimed, NINE) is ReviewState.CLAIMED
    assert state_of(claimed, NINE + timedelta(minutes=1)) is ReviewState.OPEN
    assert state_of(claimed, NINE - timedelta(days=1)) is ReviewState.OPEN, "the claim is of a clock that was wrong"
    assert state_of(row_answered(claimed, a_verdict()), NINE) is ReviewState.DECIDED

"""The whole life of a review is one table."""

from datetime import timedelta

import pytest
from support.builders import NINE, a_shown, a_verdict

from hitl_orchestrator.domain.enums import ReviewStatus
from hitl_orchestrator.ledger.events.builders import row_answered, row_opened
from hitl_orchestrator.review.lifecycle import MOVES, State, Verb, drawing, may, state_of

ENDED = set(State) - {State.OPEN, State.CLAIMED}


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_has_ended_is_never_opened_again(state):
    assert not any(may(state, verb) for verb in Verb)


def test_whatever_is_open_or_claimed_can_end_in_every_way():
    for state in (State.OPEN, State.CLAIMED):
        assert {end for (before, _), end in MOVES.items() if before is state} >= ENDED


def test_every_state_is_reached_from_open():
    reached = {State.OPEN}
    for _ in State:
        reached |= {end for (before, _), end in MOVES.items() if before in reached}

    assert reached == set(State)


def test_every_status_of_a_row_is_a_state():
    assert {status.value for status in ReviewStatus} == {state.value for state in State} - {"claimed"}


def test_a_claim_that_has_lapsed_is_none():
    row = row_opened(a_shown(), NINE)
    claimed = row.model_copy(update={"claimed_by": "ana", "claimed_until": NINE + timedelta(minutes=1)})

    assert state_of(row, NINE) is State.OPEN
    assert state_of(claimed, NINE) is State.CLAIMED
    assert state_of(claimed, NINE + timedelta(minutes=1)) is State.OPEN
    assert state_of(row_answered(claimed, a_verdict()), NINE) is State.DECIDED


def test_the_drawing_shows_every_state_and_every_verb():
    drawn = drawing()

    assert all(f"{state}" in drawn for state in State)
    assert all(f"{verb}" in drawn for verb in Verb)

"""How long cases wait: Erlang's formula, against closed forms and against a queue that is played through."""

import heapq
import random

import pytest

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.insights.queue_forecast import Capacity, capacity_of, expected_wait


def test_one_person_is_the_simple_queue():
    assert expected_wait(30, Capacity(1, 40)) == pytest.approx(0.75 / (40 - 30))


def test_two_people_are_as_the_books_have_it():
    # For two at the load r, C = 2r²/(1+r).
    assert expected_wait(60, Capacity(2, 40)) == pytest.approx(2 * 0.75**2 / 1.75 / (80 - 60))


@pytest.mark.parametrize("a_day", [120, 121, 1e6])
def test_a_queue_that_gets_more_than_it_can_do_grows_without_bound(a_day):
    assert expected_wait(a_day, Capacity(3, 40)) is None


def test_no_cases_mean_no_wait():
    assert expected_wait(0, Capacity(3, 40)) == 0


def test_a_thousand_people_are_reckoned_too():
    assert 0 < expected_wait(39_900, Capacity(1000, 40)) < 0.01


def test_it_is_what_a_queue_of_three_people_shows():
    dice, now, waits = random.Random(7), 0.0, []
    free = [0.0] * 3
    for _ in range(200_000):
        now += dice.expovariate(100)
        begins = max(now, heapq.heappop(free))
        waits.append(begins - now)
        heapq.heappush(free, begins + dice.expovariate(40))

    assert sum(waits) / len(waits) == pytest.approx(expected_wait(100, Capacity(3, 40)), rel=0.08)


def test_a_capacity_is_read_with_and_without_a_number_of_people():
    assert capacity_of("domain_reviewer=40") == ("domain_reviewer", Capacity(1, 40))
    assert capacity_of("a=b=3x12.5") == ("a=b", Capacity(3, 12.5))


@pytest.mark.parametrize("given", ["x", "=4", "a=", "a=0", "a=-1", "a=nan", "a=inf", "a=0x4", "a=1x", "a=x4"])
def test_an_invalid_capacity_is_refused(given):
    with pytest.raises(InvalidInput, match="such as domain_reviewer=40"):
        capacity_of(given)

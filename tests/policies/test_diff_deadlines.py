"""Whether a deadline asks for more or less of people: for more if it comes sooner, or if something happens then."""

from itertools import product

import pytest
from support.random_policies import a_policy_with

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.policies import compile_policy
from hitl_orchestrator.policies.analysis.diff import Direction, compare, direction
from hitl_orchestrator.policies.engine.strictness import strictest

NONE = {}
PASSED_UP = {"respond_within": "PT1H"}
WAITS = {"respond_within": "PT1H", "on_timeout": "wait"}
REJECTED = {"respond_within": "PT1H", "on_timeout": "reject"}
LATE = {"respond_within": "P30D"}
WORKING = {"respond_within": "PT1H", "business_hours": True}
REMINDED = {"respond_within": "PT1H", "remind_before": "PT20M"}
STRICTER, LOOSER = Direction.STRICTER, Direction.LOOSER


def policy(deadline):
    return a_policy_with([("escalate", {}, deadline.items())])


def compared(before, after):
    return [one.direction for one in compare(policy(before), policy(after)).differences]


@pytest.mark.parametrize("deadline", [PASSED_UP, WAITS, REJECTED, LATE, WORKING])
def test_any_deadline_asks_for_more_than_none(deadline):
    assert compared(NONE, deadline) == [STRICTER]
    assert compared(deadline, NONE) == [LOOSER]


@pytest.mark.parametrize(
    ("more", "less"),
    [(PASSED_UP, LATE), (PASSED_UP, WAITS), (REJECTED, WAITS), (PASSED_UP, WORKING), (REMINDED, WAITS)],
)
def test_so_does_one_that_is_sooner_or_after_which_something_happens(more, less):
    assert compared(less, more) == [STRICTER]
    assert compared(more, less) == [LOOSER]


@pytest.mark.parametrize(("one", "other"), [(PASSED_UP, REJECTED), (LATE, WAITS), (WORKING, LATE), (WORKING, REJECTED)])
def test_a_mix_of_less_and_more_is_looser_in_both_directions(one, other):
    assert (compared(one, other), compared(other, one)) == ([LOOSER], [LOOSER])


def test_a_reminder_is_neither():
    assert compared(PASSED_UP, REMINDED) == [Direction.OTHER]


def decided(deadline):
    return compile_policy(policy(deadline)).decide(Facts(RiskLevel.LOW, "any", "any", 0.5))


@pytest.mark.parametrize(
    ("one", "other"), [*product([NONE, PASSED_UP, WAITS, LATE, WORKING, LATE | {"on_timeout": "wait"}], repeat=2)]
)
def test_the_combination_of_two_layers_is_looser_than_neither(one, other):
    both = strictest(decided(one), decided(other), DEFAULT_CHAIN)

    assert direction(decided(one), both, DEFAULT_CHAIN) is not LOOSER
    assert direction(decided(other), both, DEFAULT_CHAIN) is not LOOSER

"""Time on the clocks of several zones: what never comes is neither told nor shown, and what comes is not left out."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from support.random_policies import a_policy_with

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.policies import PolicyStack, compile_policy
from hitl_orchestrator.policies.analysis.describe import say_axis
from hitl_orchestrator.policies.analysis.diff import differences
from hitl_orchestrator.policies.engine.partition import FactSpace, steps
from hitl_orchestrator.policies.engine.timezones import TimesAxis, rectangles

VIENNA, NEW_YORK = "Europe/Vienna", "America/New_York"
HOURS = {"begins": "08:00", "ends": "18:00"}
ZONES = ("UTC", VIENNA, NEW_YORK, "Europe/London", "Asia/Kolkata", "Africa/Casablanca", "Australia/Lord_Howe")


def in_hours(timezone, window=HOURS):
    return a_policy_with([("auto_approve", {"time": window, "min_confidence": 0.5})], timezone=timezone)


def at(moment):
    return Facts(RiskLevel.LOW, "d", "t", 0.9, moment=moment)


def sentences(old, new):
    return [one.sentence for one in differences(old, new)]


def test_zones_whose_clocks_are_the_same_differ_in_nothing():
    assert differences(in_hours(VIENNA), in_hours("Europe/Berlin")) == ()


def test_another_time_zone_is_told_by_the_hours_of_both():
    before, after = "human_review by domain_reviewer (fallback)", "auto_approve (r1)"
    assert sentences(in_hours(VIENNA), in_hours(NEW_YORK)) == [
        f"looser: {before} becomes {after} for every case with a confidence of 0.5 or above "
        f"on any day 08:00 to 18:00 ({NEW_YORK}) and outside any day 08:00 to 18:00 ({VIENNA})",
        f"stricter: {after} becomes {before} for every case with a confidence of 0.5 or above "
        f"outside any day 08:00 to 18:00 ({NEW_YORK}) and on any day 08:00 to 18:00 ({VIENNA})",
    ]


def test_no_known_time_is_one_fact_whatever_the_zones():
    asking = [("human_review", {"time": HOURS}), ("auto_approve", {"min_confidence": 0.5})]
    old = a_policy_with(asking, timezone=VIENNA)
    new = a_policy_with([("escalate", asking[0][1]), asking[1]], timezone=NEW_YORK)
    told = " ".join(sentences(old, new))

    assert "or at no known time" in told
    assert "or at no known time (" not in told
    assert "at no known time and" not in told


@pytest.mark.parametrize("seed", range(12))
def test_each_example_is_so_and_each_moment_that_differs_is_told(seed):
    dice = random.Random(seed)
    windows = [
        HOURS,
        {"days": ["monday", "sunday"]},
        {"days": "friday", "begins": "22:00", "ends": "03:00"},
        {"begins": "17:30", "ends": "07:15"},
    ]
    old, new = (in_hours(zone, dice.choice(windows)) for zone in dice.sample(ZONES, 2))
    ask_old, ask_new = compile_policy(old).decide, compile_policy(new).decide
    found = differences(old, new)

    for one in found:
        answers = ask_old(one.example).action, ask_new(one.example).action
        assert answers == (one.before.action, one.after.action)
    met = {(ask_old(at(one)).action, ask_new(at(one)).action) for one in some_moments(dice)}
    assert {(before, after) for before, after in met if before is not after} <= {
        (one.before.action, one.after.action) for one in found
    }


def some_moments(dice, years=(2000, 2049)):
    begins = datetime(years[0], 1, 1, tzinfo=UTC)
    minutes = (datetime(years[1] + 1, 1, 1, tzinfo=UTC) - begins) // timedelta(minutes=1)
    return [begins + timedelta(minutes=dice.randrange(minutes)) for _ in range(500)]


@pytest.mark.parametrize("seed", range(6))
def test_every_moment_has_a_step_and_every_step_a_moment(seed):
    dice = random.Random(seed)
    zones = tuple(sorted(dice.sample(ZONES, dice.choice((2, 3)))))
    edges = tuple(tuple(sorted({0, *(dice.randrange(10_080) for _ in range(3))})) for _ in zones)
    axis = TimesAxis(zones, edges)

    for step in range(axis.size):
        assert axis.locate(axis.place(at(None), step)) == step
    around = [datetime(2025, month, day, hour, tzinfo=UTC) for month, day in TURNS for hour in range(24)]
    for moment in [*some_moments(dice), *around]:
        assert 0 < axis.locate(at(moment)) < axis.size
    for _ in range(20):
        mask = dice.getrandbits(axis.size) & ~1
        told = [axis.within(one) for one in rectangles(axis, mask)]
        assert all(one & ~mask == 0 for one in told)
        assert mask == 0 or set(steps(mask)) == set().union(*map(steps, told))


TURNS = [(3, 9), (3, 30), (4, 6), (10, 5), (10, 26), (11, 2)]


def test_a_time_of_which_one_zone_says_it_all_is_told_by_that_zone():
    space = FactSpace([in_hours(VIENNA), in_hours(NEW_YORK)])
    axis = space.axes[space.index["time"]]
    open_there = axis.within([0b1111111111111111, sum(1 << one for one in range(1, 15, 2))])

    assert say_axis(axis, open_there) == f"on any day 08:00 to 18:00 ({VIENNA})"
    assert say_axis(axis, 1) == "at no known time"
    assert say_axis(axis, (1 << axis.size) - 2) == "at a known time"


def test_layers_on_different_clocks_are_compared_too():
    organization = in_hours(VIENNA)
    layer = a_policy_with([("escalate", {"not": {"time": HOURS}})], timezone=NEW_YORK, policy_id="l")
    layer = layer.model_copy(update={"rules": (layer.rules[0].model_copy(update={"rule_id": "there"}),)})
    stack = PolicyStack.of(organization, domains={"pay": layer})
    found = differences(organization, stack)

    assert [str(one.direction) for one in found] == ["stricter", "stricter"]
    for one in found:
        assert compile_policy(stack).decide(one.example).action is one.after.action
        assert compile_policy(organization).decide(one.example).action is one.before.action

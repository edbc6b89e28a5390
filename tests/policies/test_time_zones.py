"""A stack has one time zone, and what another one changes is not compared."""

import pytest
from pydantic import ValidationError
from support.random_policies import a_policy_with

from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.policies import PolicyStack, compare
from hitl_orchestrator.policies.engine.partition import FactSpace
from hitl_orchestrator.policies.lifecycle.change_request import where_looser

VIENNA, NEW_YORK = "Europe/Vienna", "America/New_York"
HOURS = {"begins": "08:00", "ends": "18:00"}


def in_hours(timezone, rule_id="r1", window=HOURS):
    policy = a_policy_with([("auto_approve", {"time": window, "min_confidence": 0.5})], timezone=timezone)
    return policy.model_copy(update={"rules": (policy.rules[0].model_copy(update={"rule_id": rule_id}),)})


@pytest.mark.parametrize("kind", ["domains", "users"])
def test_a_stack_with_windows_in_two_time_zones_is_refused(kind):
    with pytest.raises(ValidationError) as refused:
        PolicyStack.of(in_hours(VIENNA), **{kind: {"pay": in_hours(NEW_YORK, "there")}})

    assert f"layer 'pay' has windows in another time zone: {NEW_YORK}, {VIENNA}" in str(refused.value)
    assert "set the same timezone in every layer that has a time window" in str(refused.value)


def test_two_layers_with_windows_in_two_time_zones_are_refused():
    with pytest.raises(ValidationError, match=f"{NEW_YORK}, {VIENNA}"):
        PolicyStack.of(
            a_policy_with([("escalate", {"risk_level": "high"})]),
            domains={"pay": in_hours(VIENNA, "here")},
            users={"ann": in_hours(NEW_YORK, "there")},
        )


def test_the_time_zone_of_a_layer_without_windows_does_not_matter():
    layer = a_policy_with([("escalate", {"risk_level": "high"})], timezone=NEW_YORK)
    stack = PolicyStack.of(in_hours(VIENNA, "here"), domains={"pay": layer})

    assert FactSpace([part for _, part in stack.parts]).axes[0].timezone == VIENNA


def test_a_comparison_across_time_zones_is_unchecked_and_counts_as_looser():
    comparison = compare(in_hours(VIENNA), in_hours(NEW_YORK))
    problem = f"the time zone became {NEW_YORK}; times and dates were compared as if it were still {VIENNA}"

    assert comparison == ((), (problem,))
    assert comparison.may_loosen
    assert comparison.summary == "No difference in what could be compared; not everything could be compared."
    assert where_looser(in_hours(VIENNA), in_hours(NEW_YORK), DEFAULT_CHAIN) == (
        f"unchecked, and therefore treated as looser: {problem}",
    )


def test_another_time_zone_hides_no_other_change():
    old, new = in_hours(VIENNA), in_hours(VIENNA, window=HOURS | {"ends": "20:00"})
    moved = in_hours(NEW_YORK, window=HOURS | {"ends": "20:00"})
    (found,) = compare(old, moved).differences

    assert (found.direction, found.after.action) == ("looser", "auto_approve")
    assert found.where == compare(old, new).differences[0].where
    assert compare(old, moved).unchecked


def test_a_stack_in_another_time_zone_is_compared_layer_by_layer():
    def stack(zone, bound):
        layer = a_policy_with([("escalate", {"time": HOURS, "min_confidence": bound})], timezone=zone)
        named = layer.model_copy(update={"rules": (layer.rules[0].model_copy(update={"rule_id": "pay"}),)})
        return PolicyStack.of(in_hours(zone), domains={"pay": named})

    found = compare(stack(VIENNA, 0.5), stack(NEW_YORK, 0.7)).differences

    assert {(each.direction, each.before.rule_id, each.example.domain) for each in found} == {("looser", "pay", "pay")}


def test_another_time_zone_without_windows_is_no_difference():
    old, new = (a_policy_with([("escalate", {"risk_level": "high"})], timezone=zone) for zone in (VIENNA, NEW_YORK))

    assert compare(old, new) == ((), ())


def test_a_window_is_described_in_its_time_zone():
    space = FactSpace([in_hours(VIENNA)])
    axis = space.axes[space.index["time"]]
    opened = sum(1 << step for step in range(2, 16, 2))

    assert axis.describe(opened) == f"on any day 08:00 to 18:00 ({VIENNA})"
    assert axis.describe(1) == "at no known time"
    assert axis.describe((1 << axis.size) - 2) == "at a known time"


def test_a_region_names_no_date_without_a_changed_moment():
    night = ("human_review", {"time": {"begins": "22:00", "ends": "06:00"}})

    def closed(*holidays):
        rules = [("escalate", {"date": {"holiday": True}}), night, ("human_review", {})]
        return a_policy_with(rules, timezone=VIENNA, holidays=holidays)

    found = compare(closed("2026-12-25", "2026-01-01"), closed("2026-01-01")).differences
    by_day = [where for each in found for where in each.where if "friday 06:00 to 22:00" in where]

    assert by_day
    assert all("on 2026-12-25 on friday" in where and "2026-01-01" not in where for where in by_day)

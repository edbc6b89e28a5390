"""The check names rules that are no longer valid, and holidays that have run out."""

from datetime import UTC, datetime

import pytest
from support.random_policies import a_policy_with

from hitl_orchestrator.policies.analysis.checks.wording.dates import date_findings
from hitl_orchestrator.policies.analysis.checks.wording.declared import outside_declared

ENDED = a_policy_with([("auto_approve", {}, {"valid_until": "2026-06-30"}.items())], timezone="Pacific/Auckland")


@pytest.mark.parametrize(("hour", "named"), [(11, []), (13, ["r1"])])
def test_a_rule_is_named_from_the_day_after_its_last_one_in_the_zone_of_the_policy(hour, named):
    assert [one.rule_id for one in date_findings(ENDED, datetime(2026, 6, 30, hour, tzinfo=UTC))] == named


@pytest.mark.parametrize(("day", "named"), [(6, []), (7, ["r1"])])
def test_a_rule_for_dates_that_have_all_passed_is_named(day, named):
    frozen = a_policy_with([("human_review", {"date": {"from": "2025-12-20", "until": "2026-01-06"}})])

    assert [one.rule_id for one in date_findings(frozen, datetime(2026, 1, day, tzinfo=UTC))] == named


@pytest.mark.parametrize(("year", "number"), [(2026, 0), (2027, 1)])
def test_holidays_that_have_run_out_are_named(year, number):
    policy = a_policy_with([("human_review", {"date": {"holiday": True}})], holidays=["2026-12-25"])

    assert len([*date_findings(policy, datetime(year, 12, 31, tzinfo=UTC))]) == number


@pytest.mark.parametrize(("compared", "number"), [({"ge": 0, "lt": 100}, 0), ({"lt": 0}, 1), ({"gt": 1000}, 1)])
def test_a_bound_that_repeats_the_declared_range_is_not_reported(compared, number):
    declared = {"amount": {"type": "number", "min": 0, "max": 1000}}
    policy = a_policy_with([("human_review", {"metadata": {"amount": compared}})], metadata=declared)

    assert len(list(outside_declared(policy.rules[0], policy))) == number

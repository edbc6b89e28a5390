"""The policies that come with the package: each is checked, mapped, and passes its table of tests."""

from pathlib import Path

import pytest

from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.policies import check, compile_policy, policy_map, read_policy
from hitl_orchestrator.policies.analysis.maps.picture import svg
from hitl_orchestrator.services.config_files import canonical, load_policy_tests

DATA = Path(__file__).parents[2] / "hitl_orchestrator" / "data"
FINDINGS = {
    "default_policy_v1.json": ["gap", "gap"],
    "routing_policy.json": ["monotonicity", "gap"],
    "routing_policy_mended.json": ["gap"],
    "policies/refunds.yaml": [],
    "policies/loans.yaml": ["gap"],
    "policies/moderation.yaml": [],
}
every_policy = pytest.mark.parametrize("name", FINDINGS)


def table_of(name):
    return load_policy_tests(DATA / Path(name).with_suffix(".policy-test.yaml"), DEFAULT_CHAIN)


@every_policy
def test_a_bundled_policy_passes_its_test_table(name):
    table = table_of(name)
    compiled = compile_policy(table.policy)

    failed = [(one.name, one.mismatches(compiled.decide(one.facts.facts))) for one in table.tests]

    assert [one for one in failed if one[1]] == []


@every_policy
def test_every_rule_of_a_shipped_policy_decides_some_test(name):
    table = table_of(name)
    compiled = compile_policy(table.policy)

    decided = {compiled.decide(one.facts.facts).rule_id for one in table.tests}

    assert {rule.rule_id for rule in table.policy.rules} - decided == set()


@every_policy
def test_the_check_finds_what_is_known_and_the_map_can_be_drawn(name):
    policy = read_policy(canonical(name), name)

    notes = {"missing_fact", "lenient_unknown", "deadline"}
    assert [finding.kind for finding in check(policy) if finding.kind not in notes] == FINDINGS[name]
    assert all(finding.severity == "note" for finding in check(policy) if finding.kind in notes)
    assert svg(policy_map(policy)).startswith("<svg")

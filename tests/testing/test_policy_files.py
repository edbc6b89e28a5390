"""pytest collects the tables of policy tests that stand among the tests of whoever installed this."""

import shutil
from importlib.resources import files

import pytest

pytest_plugins = ("pytester",)
TABLE = """
policy: routing_policy.json
tests:
  - {name: a high risk is escalated, facts: {risk_level: high}, expect: {action: escalate}}
  - {name: a low one goes through, facts: {risk_level: low, confidence_score: 0.5}, expect: {action: auto_approve}}
"""


@pytest.fixture
def suite(pytester):
    shutil.copy(str(files("hitl_orchestrator.data").joinpath("routing_policy.json")), pytester.path)
    pytester.makepyfile(test_own="def test_own(): pass")
    return pytester


def run(suite, *arguments):
    return suite.runpytest_inprocess("-p", "no:langsmith_plugin", "-p", "no:cacheprovider", *arguments)


def test_a_table_is_collected_beside_the_own_tests(suite):
    (suite.path / "routing.policy-test.yaml").write_text(TABLE)

    done = run(suite)

    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(
        [
            "*routing.policy-test.yaml: a low one goes through*",
            "action: expected auto_approve, found human_review",
            "why: rule_005 holds: the risk is low",
            "  rule_004 does not hold: the confidence is below 0.8",
        ]
    )
    run(suite, "routing.policy-test.yaml", "-k", "high").assert_outcomes(passed=1, deselected=1)


def test_a_table_that_does_not_fit_is_an_error_and_the_own_tests_are_told_of(suite):
    (suite.path / "routing.policy-test.yaml").write_text(TABLE.replace("risk_level: high", "risk_levl: high"))

    done = run(suite)

    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*tests[[]0].facts.risk_levl: unknown field; did you mean 'risk_level'?*"])

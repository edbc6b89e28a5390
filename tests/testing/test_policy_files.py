"""pytest collects the policy test tables in a user's test folder."""

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


def test_a_policy_test_table_is_collected_beside_other_tests(suite):
    (suite.path / "routing.policy-test.yaml").write_text(TABLE)

    done = run(suite)

    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines(
        [
            "*routing.policy-test.yaml: a low one goes through*",
            "action: expected auto_approve, actual human_review",
            "why: rule_005 matches: the risk is low",
            "  rule_004 does not match: the confidence is below 0.8",
        ]
    )
    run(suite, "routing.policy-test.yaml", "-k", "high").assert_outcomes(passed=1, deselected=1)


def test_an_invalid_table_is_an_error_and_other_tests_are_reported(suite):
    (suite.path / "routing.policy-test.yaml").write_text(TABLE.replace("risk_level: high", "risk_levl: high"))

    done = run(suite)

    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*tests[[]0].facts.risk_levl: unknown field; did you mean 'risk_level'?*"])


OWN_ROLES = """
escalation_chain: [clerk, head]
reviewers:
  - {reviewer_id: ann, name: Ann, roles: [head], domains: ["*"]}
"""
ASKS_THE_HEAD = """
tests:
  - {name: a high risk goes to the head, facts: {risk_level: high}, expect: {action: escalate, role: head}}
  - {name: what no rule names goes to a clerk, facts: {risk_level: low}, expect: {role: clerk, rule: fallback}}
"""


@pytest.fixture
def own_roles(suite):
    """A suite whose policy and table name roles of its own, and the reviewers in a folder below."""
    (suite.path / "ours.yaml").write_text(
        "policy_id: ours\n"
        "rules:\n"
        "  - {rule_id: r, priority: 1, conditions: {risk_level: high}, action: escalate, assigned_human_role: head}\n"
    )
    (suite.path / "ours.policy-test.yaml").write_text(ASKS_THE_HEAD)
    suite.mkdir("people").joinpath("reviewers.yaml").write_text(OWN_ROLES)
    return suite


def test_a_table_runs_with_the_roles_of_the_configured_reviewers_file(own_roles, monkeypatch):
    run(own_roles, "--hitl-reviewers", "people/reviewers.yaml").assert_outcomes(passed=3)
    monkeypatch.setenv("HITL_REVIEWERS", "people/reviewers.yaml")
    run(own_roles).assert_outcomes(passed=3)

    monkeypatch.setenv("HITL_REVIEWERS", "gone.yaml")
    own_roles.makeini("[pytest]\nhitl_reviewers = people/reviewers.yaml")
    monkeypatch.chdir(own_roles.path / "people")
    run(own_roles, "-c", "../tox.ini", "..").assert_outcomes(passed=3)


def test_without_a_reviewers_file_the_default_roles_are_used(own_roles):
    done = run(own_roles)

    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(['ours.yaml: line 3 (r): rules*assigned_human_role: "head": no such role; *'])


def test_an_unreadable_reviewers_file_of_the_environment_fails_only_the_tables(own_roles, monkeypatch):
    monkeypatch.setenv("HITL_REVIEWERS", "gone.yaml")

    done = run(own_roles, "--continue-on-collection-errors")

    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["gone.yaml: cannot be read: No such file or directory"])


@pytest.mark.parametrize("text", [None, "escalation_chain: [clerk", "escalation_chain: []\nreviewers: []"])
def test_an_unreadable_reviewers_file_is_rejected_before_any_test_runs(own_roles, text):
    if text is not None:
        (own_roles.path / "gone.yaml").write_text(text)

    done = run(own_roles, "--hitl-reviewers", "gone.yaml")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: --hitl-reviewers: *gone.yaml: *"])
    assert "Traceback" not in f"{done.stdout}{done.stderr}"

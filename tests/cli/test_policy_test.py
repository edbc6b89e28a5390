"""`hitl policy test`: the report, coverage, and boundary tests."""

import json

import pytest
from support.random_policies import a_raw_policy

TABLE = """
policy: ../routing_policy.json
tests:
  - {name: sure enough, facts: {risk_level: low, confidence_score: 0.8}, expect: {action: auto_approve, rule: rule_004}}
  - {name: not sure, facts: {risk_level: low, confidence_score: 0.79}, expect: {action: human_review}}
"""


@pytest.fixture
def table(folder):
    (folder / "rules").mkdir()
    file = folder / "rules" / "routing.policy-test.yaml"
    file.write_text(TABLE)
    return file


def test_tests_below_the_folder_are_found_and_pass(hitl, table):
    answer = hitl("policy", "test")

    assert (answer.code, answer.err) == (0, "")
    assert "routing.policy-test.yaml  .." in answer.out
    assert "2 passed in" in answer.out


def test_failure_shows_actual_decision_and_reason(hitl, table):
    table.write_text(TABLE.replace("expect: {action: human_review}", "expect: {action: auto_approve, role: null}"))

    answer = hitl("policy", "test", str(table))

    assert answer.code == 1
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    for line in (
        "routing.policy-test.yaml .F",
        "FAILED routing.policy-test.yaml: not sure",
        "action auto_approve human_review",
        "role no value domain_reviewer",
        "Why: rule_005 matches: the risk is low.",
        "rule_004 does not match: the confidence is below 0.8",
    ):
        assert line in lines
    assert "1 failed, 1 passed in" in answer.out
    failed = hitl("policy", "test", "--json").data["files"][0]["tests"][1]
    assert failed["mismatches"][0] == {"field": "action", "expected": "auto_approve", "actual": "human_review"}


def test_coverage_lists_gaps_and_fails_below_minimum(hitl, table):
    answer = hitl("policy", "test", "--coverage")

    assert answer.code == 0
    assert "2 of 5 rules decided a test, 2 of 9 values" in " ".join(answer.out.split())
    assert "confidence_score 0.8 not tested just above" in answer.out
    assert hitl("policy", "test", "--min-coverage", "28").code == 0
    assert hitl("policy", "test", "--min-coverage", "29").code == 1


def test_boundary_tests_are_written_and_pass(hitl, folder):
    answer = hitl("policy", "test", "--policy", "routing_policy.json", "--write-boundaries", "b.policy-test.yaml")

    assert "23 tests written to b.policy-test.yaml" in answer.out
    assert "# Review before use" in (folder / "b.policy-test.yaml").read_text().splitlines()[0]
    assert hitl("policy", "test", "--json").data["passed"] == 23
    again = hitl("policy", "test", "--policy", "routing_policy.json", "--write-boundaries", "b.policy-test.yaml")
    assert (again.code, "exists, and may have been reviewed" in again.err) == (2, True)


@pytest.mark.parametrize("seed", range(8))
def test_boundary_tests_of_any_policy_are_read_again_and_pass(hitl, folder, seed):
    (folder / "p.json").write_text(json.dumps(a_raw_policy(seed, most=6)))

    written = hitl("policy", "test", "--policy", "p.json", "--write-boundaries", "b.policy-test.yaml", "--json")
    result = hitl("policy", "test", "b.policy-test.yaml", "--json")

    assert (written.code, result.code) == (0, 0), written.err + result.err
    assert (result.data["failed"], result.data["passed"]) == (0, written.data["tests"])


def test_boundary_tests_of_a_named_policy_need_no_tables(hitl, folder):
    (folder / "other.policy-test.yaml").write_text("policy: gone.json\ntests: of something else\n")
    arguments = ("--policy", "routing_policy.json", "--write-boundaries", "b.policy-test.yaml")

    assert hitl("policy", "test", *arguments, "other.policy-test.yaml").code == 2
    assert "23 tests written" in hitl("policy", "test", *arguments).out


def test_policy_option_replaces_the_tested_policy(hitl, folder, table):
    policy = json.loads((folder / "routing_policy.json").read_text())
    policy["rules"][3]["conditions"]["min_confidence"] = 0.9
    (folder / "new.json").write_text(json.dumps(policy))

    assert hitl("policy", "test", "--policy", "new.json").code == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.txt"], "a test table ends in"),
        (["nothing.policy-test.yaml"], "cannot be read"),
        ([], "no tests found"),
        (["lonely.policy-test.csv"], "it names no policy, and none of lonely.json, lonely.yaml, lonely.yml"),
        (["--write-boundaries", "b.policy-test.yaml"], "name the policy to test with --policy"),
        (["--policy", "routing_policy.json", "--write-boundaries", "b.yaml"], "would not find it"),
        (["--policy", "routing_policy.json", "--write-boundaries", "no/b.policy-test.yaml"], "cannot be written"),
    ],
)
def test_invalid_test_options_are_rejected_with_a_sentence(hitl, folder, arguments, sentence):
    if arguments[:1] == ["lonely.policy-test.csv"]:
        (folder / "lonely.policy-test.csv").write_text("name,risk_level,action\na,low,escalate\n")
    answer = hitl("policy", "test", *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert sentence in answer.err


def test_csv_table_uses_the_policy_beside_it(hitl, folder):
    (folder / "routing_policy.policy-test.csv").write_text(
        "name,risk_level,action,role\na,high,escalate,senior_manager\n"
    )

    assert hitl("policy", "test").code == 0


def test_empty_table_is_rejected(hitl, folder):
    (folder / "empty.policy-test.yaml").write_text(" \n")

    answer = hitl("policy", "test", "empty.policy-test.yaml")

    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "hitl: empty.policy-test.yaml: it is empty; a test table is an object with tests\n"

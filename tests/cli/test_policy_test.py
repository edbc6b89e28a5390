"""`hitl policy test`: a report like pytest's, coverage, and tests beside each bound."""

import json

import pytest

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


def test_a_failure_tells_what_was_found_and_why(hitl, table):
    table.write_text(TABLE.replace("expect: {action: human_review}", "expect: {action: auto_approve, role: null}"))

    answer = hitl("policy", "test", str(table))

    assert answer.code == 1
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    for line in (
        "routing.policy-test.yaml .F",
        "FAILED routing.policy-test.yaml: not sure",
        "action auto_approve human_review",
        "role nothing domain_reviewer",
        "Why: rule_005 holds: the risk is low.",
        "rule_004 does not match: the confidence is below 0.8",
    ):
        assert line in lines
    assert "1 failed, 1 passed in" in answer.out
    failed = hitl("policy", "test", "--json").data["files"][0]["tests"][1]
    assert failed["differences"][0] == {"what": "action", "expected": "auto_approve", "found": "human_review"}


def test_coverage_tells_what_is_missing_and_fails_below_what_is_asked_for(hitl, table):
    told = hitl("policy", "test", "--coverage")

    assert told.code == 0
    assert "2 of 5 rules decided a test, 2 of 9 values" in " ".join(told.out.split())
    assert "confidence_score 0.8 not tried just above" in told.out
    assert hitl("policy", "test", "--min-coverage", "28").code == 0
    assert hitl("policy", "test", "--min-coverage", "29").code == 1


def test_tests_beside_the_bounds_are_written_to_be_reviewed_and_pass(hitl, folder):
    told = hitl("policy", "test", "--policy", "routing_policy.json", "--write-boundaries", "b.policy-test.yaml")

    assert "9 tests written to b.policy-test.yaml" in told.out
    assert "# Review before use" in (folder / "b.policy-test.yaml").read_text().splitlines()[0]
    assert hitl("policy", "test", "--json").data["passed"] == 9
    again = hitl("policy", "test", "--policy", "routing_policy.json", "--write-boundaries", "b.policy-test.yaml")
    assert (again.code, "is there already, perhaps reviewed" in again.err) == (2, True)


def test_whoever_has_tests_written_for_a_policy_needs_no_tables_that_fit_it(hitl, folder):
    (folder / "other.policy-test.yaml").write_text("policy: gone.json\ntests: of something else\n")
    arguments = ("--policy", "routing_policy.json", "--write-boundaries", "b.policy-test.yaml")

    assert hitl("policy", "test", *arguments, "other.policy-test.yaml").code == 2
    assert "9 tests written" in hitl("policy", "test", *arguments).out


def test_another_policy_is_held_against_the_same_tests(hitl, folder, table):
    policy = json.loads((folder / "routing_policy.json").read_text())
    policy["rules"][3]["conditions"]["min_confidence"] = 0.9
    (folder / "new.json").write_text(json.dumps(policy))

    assert hitl("policy", "test", "--policy", "new.json").code == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
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
def test_what_cannot_be_tested_is_told_in_a_sentence(hitl, folder, arguments, told):
    if arguments[:1] == ["lonely.policy-test.csv"]:
        (folder / "lonely.policy-test.csv").write_text("name,risk_level,action\na,low,escalate\n")
    answer = hitl("policy", "test", *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert told in answer.err


def test_a_csv_finds_the_policy_that_stands_beside_it(hitl, folder):
    (folder / "routing_policy.policy-test.csv").write_text(
        "name,risk_level,action,role\na,high,escalate,senior_manager\n"
    )

    assert hitl("policy", "test").code == 0


def test_an_empty_table_is_refused_as_that(hitl, folder):
    (folder / "empty.policy-test.yaml").write_text(" \n")

    told = hitl("policy", "test", "empty.policy-test.yaml")

    assert (told.code, told.out) == (2, "")
    assert told.err == "hitl: empty.policy-test.yaml: the file is empty; a table of tests is an object with tests\n"

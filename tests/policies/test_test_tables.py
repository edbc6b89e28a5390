"""Test tables: their fields, and the problems of a table that does not fit its policy."""

import pytest

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import compile_policy
from hitl_orchestrator.policies.language.model import policy_of
from hitl_orchestrator.policies.testing.test_tables import read_tests

POLICY = policy_of(
    {
        "policy_id": "p",
        "metadata": {"amount": "number", "country": "text", "vip": "boolean"},
        "rules": [
            {
                "rule_id": "large",
                "priority": 1,
                "conditions": {"metadata": {"amount": {"gt": 100}}},
                "action": "escalate",
                "message": "Look at the amount.",
                "approvals": 2,
            },
            {"rule_id": "sure", "priority": 2, "conditions": {"min_confidence": 0.8}, "action": "auto_approve"},
        ],
    }
)
TABLE = """
defaults: {domain: payments, confidence_score: 0.9, metadata: {amount: 5, country: DE}}
tests:
  - name: a small amount goes through
    facts: {risk_level: low}
    expect: {action: auto_approve, role: null, rule: sure}
  - name: a large one does not
    facts: {risk_level: low, metadata: {amount: 101}, signals: risky}
    expect: {action: escalate, rule: large, message: Look at the amount., approvals: 2}
"""


def read(text, where="p.policy-test.yaml"):
    return read_tests(text, where, lambda name: POLICY)


def failures(tests):
    decide = compile_policy(POLICY).decide
    return [(one.name, *map(tuple, one.mismatches(decide(one.facts.facts)))) for one in tests.tests]


def test_a_test_inherits_the_default_facts_of_its_table():
    one, other = read(TABLE).tests

    assert (one.facts.domain, one.facts.confidence_score) == ("payments", 0.9)
    assert other.facts.metadata == {"amount": 101}
    assert failures(read(TABLE)) == [(one.name,), (other.name,)]


def test_only_expected_fields_are_compared_and_null_expects_no_role():
    tests = read(
        "tests:\n"
        "- {name: a, facts: {risk_level: low, metadata: {amount: 7}}, expect: {role: null}}\n"
        "- {name: b, facts: {risk_level: low, metadata: {amount: 7}}, expect: {action: human_review}}\n"
    )

    assert failures(tests) == [("a", ("role", None, "domain_reviewer")), ("b",)]


def test_every_problem_of_a_table_is_reported_with_its_path():
    with pytest.raises(InvalidInput) as caught:
        read(
            "tests:\n"
            "- {name: a, facts: {risk_levl: low}, expect: {action: aprove}}\n"
            "- {name: b, facts: {risk_level: low, confidence_score: 1.5}, expect: {}}\n"
            "- {name: c, facts: {risk_level: low}, expect: {rule: larg}}\n"
        )

    assert list(caught.value.problems) == [
        "p.policy-test.yaml: tests[0].facts.risk_level: this field is required",
        "p.policy-test.yaml: tests[0].facts.risk_levl: unknown field; did you mean 'risk_level'?",
        'p.policy-test.yaml: tests[0].expect.action: "aprove" is not one of auto_approve, human_review, escalate; '
        "did you mean 'auto_approve'?",
        "p.policy-test.yaml: tests[1].facts.confidence_score: 1.5: input should be less than or equal to 1",
        "p.policy-test.yaml: tests[1].expect: it expects nothing; add action, role or rule",
        "p.policy-test.yaml: tests[2].expect.rule: 'larg' is not a rule of policy 'p'; did you mean 'large'?",
    ]


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("test: []", "unknown field; did you mean 'tests'?"),
        ("tests: []", "tests: at least one is needed"),
        ("defaults: {risk_levl: low}\ntests: [1]", "defaults.risk_levl: unknown field; did you mean 'risk_level'?"),
        ("tests: [1]", "tests[0]: 1 is not an object"),
        ("[]", "a list is not an object"),
        ("tests: [{}", "not YAML"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_a_sentence(text, report):
    with pytest.raises(InvalidInput) as caught:
        read(text)

    assert report in "\n".join(caught.value.problems)


def test_a_csv_is_read_with_the_types_that_the_policy_declares():
    tests = read(
        "name,risk_level,domain,confidence_score,signals,metadata.amount,metadata.country,metadata.vip,"
        "timestamp,action,role,rule\n"
        "a,low,payments,0.9,risky unusual,101,007,true,2025-01-06T08:00:00Z,escalate,,large\n"
        "b,low,payments,0.9,,5,,,,human_review,-,\n",
        "p.policy-test.csv",
    )
    one, other = tests.tests

    assert one.facts.metadata == {"amount": 101, "country": "007", "vip": True}
    assert one.facts.facts.signals == {"risky", "unusual"}
    assert other.expect.model_fields_set == {"action", "role"}
    assert failures(tests) == [("a",), ("b", ("action", "human_review", "auto_approve"))]


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("name,risk_levl\na,low\n", "line 1: unknown column 'risk_levl'; did you mean 'risk_level'?"),
        ("name,risk_level,action\na,low\n", "line 2: 2 cells, but the header has 3"),
        ("name,name\na,b\n", "line 1: the column 'name' occurs twice"),
        ("name,risk_level,action\n", "it has no test"),
        ("", "it has no test"),
        ("name,risk_level,action\na,lo,escalate\n", 'line 2.facts.risk_level: "lo" is not one of low, medium, high'),
        ('name\n"a', "unexpected end of data"),
    ],
)
def test_a_csv_that_does_not_fit_is_refused_in_a_sentence(text, report):
    with pytest.raises(InvalidInput) as caught:
        read(text, "p.policy-test.csv")

    assert report in "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (
            "tests: [{name: a, facts: {risk_level: low, confidence_score: 0.9}, expect: {rule: sure}}]",
            "p.policy-test.yaml",
        ),
        ("name,risk_level,confidence_score,rule\na,low,0.9,sure\n", "p.policy-test.csv"),
    ],
)
def test_facts_that_a_test_leaves_out_are_the_first_words_of_a_closed_vocabulary(text, where):
    rule = {"rule_id": "sure", "priority": 1, "conditions": {"min_confidence": 0.8}, "action": "auto_approve"}
    policy = policy_of({"policy_id": "p", "vocabulary": {"domains": ["payments", "loans"]}, "rules": [rule]})

    (test,) = read_tests(text, where, lambda name: policy).tests

    assert (test.facts.domain, test.facts.task_type) == ("payments", "any")
    assert test.mismatches(compile_policy(policy).decide(test.facts.facts)) == []

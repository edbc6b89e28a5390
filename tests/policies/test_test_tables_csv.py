"""CSV tables as people and spreadsheets write them, and with the types that any layer of the policy declares."""

import pytest
from support.random_policies import a_policy_with

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import PolicyStack
from hitl_orchestrator.policies.language.model import policy_of
from hitl_orchestrator.policies.testing.test_tables import read_tests

ORGANIZATION = a_policy_with([("human_review", {})], metadata={"vip": "boolean"})
HEADER = "name,risk_level,metadata.amount,action"


def paying(**declared):
    rules = [{"rule_id": "large", "priority": 1, "conditions": {}, "action": "escalate"}]
    return policy_of({"policy_id": "pay", "metadata": declared, "rules": rules})


STACK = PolicyStack.of(ORGANIZATION, domains={"pay": paying(amount="number")})


def read(text, policy=STACK):
    return read_tests(text, "p.policy-test.csv", lambda name: policy).tests


def refused(text, policy=STACK):
    with pytest.raises(InvalidInput) as caught:
        read(text, policy)
    return list(caught.value.problems)


def test_a_field_is_read_with_the_type_that_any_layer_declares():
    (test,) = read("name,risk_level,metadata.amount,metadata.vip,action\na,low,101,true,escalate\n")

    assert test.facts.metadata == {"amount": 101, "vip": True}


def test_where_layers_declare_a_field_otherwise_no_cell_is_guessed():
    policy = PolicyStack.of(
        a_policy_with([("human_review", {})], metadata={"amount": "text"}), domains={"pay": paying(amount="number")}
    )

    assert refused(f"{HEADER}\na,low,5,escalate\n", policy) == [
        "p.policy-test.csv: line 1: the column 'metadata.amount' is a text in organization and a number in domain pay, "
        "and a cell has only one type; write this table as YAML"
    ]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("10", 10), ("-1.5", -1.5), ("1e3", 1000.0), (".5", 0.5), ("1_0", "1_0"), ("nan", "nan"), ("٣", "٣"), ("x", "x")],
)
def test_a_number_is_what_people_write_as_one(cell, value):
    (test,) = read(f"{HEADER}\na,low,{cell},escalate\n")

    assert test.facts.metadata["amount"] == value
    assert type(test.facts.metadata["amount"]) is type(value)


def test_the_line_that_is_named_is_that_of_the_file_after_blank_lines_and_breaks_within_a_cell():
    assert refused(f'{HEADER}\n\n"a\nb",low,1,escalate\n\nc,lo,1,escalate\nd,low,1\n') == [
        "p.policy-test.csv: line 7: 3 cells, but the header has 4"
    ]
    (report,) = refused(f'{HEADER}\n\n"a\nb",low,1,escalate\n\nc,lo,1,escalate\n')
    assert report.startswith("p.policy-test.csv: line 6.facts.risk_level: ")


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\na,low,1,escalate\n,,,\n,,,\n",
        f"{HEADER},\na,low,1,escalate,\n",
        f"{HEADER}\na,low,1,escalate,,\n",
        f"\ufeff{HEADER}\r\na,low,1,escalate\r\n",
    ],
)
def test_empty_rows_and_columns_of_spreadsheets_are_skipped(text):
    assert [test.name for test in read(text)] == ["a"]


def test_a_table_with_semicolons_is_refused_with_the_remedy():
    assert refused("name;risk_level;action\na;low;escalate\n") == [
        "p.policy-test.csv: line 1: columns are separated by semicolons; save the file with commas"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"name";"risk_level"\n"a, b";"low"\n', 1),
        ('"a ""name""";risk_level\n', 1),
        ("\n\nname;action\n", 3),
        ("sep=;\nname;action\n", 2),
    ],
)
def test_semicolons_are_named_whatever_the_quotes(text, line):
    assert refused(text) == [
        f"p.policy-test.csv: line {line}: columns are separated by semicolons; save the file with commas"
    ]


@pytest.mark.parametrize("first", ["sep=,\n", "\ufeffSEP=,\r\n", '"sep=,"\n', "sep=,,,\n"])
def test_a_first_line_that_names_the_separator_is_left_out(first):
    assert [test.name for test in read(f"{first}{HEADER}\na,low,1,escalate\n")] == ["a"]
    assert refused(f"{first}{HEADER}\na,low,1\n") == ["p.policy-test.csv: line 3: 3 cells, but the header has 4"]


def test_another_separator_is_named():
    assert refused("sep=\t\nname\taction\n") == [
        "p.policy-test.csv: line 1: columns are separated by '\\t'; save the file with commas"
    ]


def test_a_cell_that_cannot_be_read_has_its_line():
    assert refused(f'{HEADER}\na,low,1,escalate\nb,"low"x,1,escalate\n') == [
        "p.policy-test.csv: line 3: ',' expected after '\"'"
    ]

"""Decision tables: rules as rows, in the policy and in CSV files as spreadsheets write them."""

import json

import pytest
import yaml

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import policy_hash, read_policy
from hitl_orchestrator.policies.language.positions import file_lines

FIELDS = {"amount": "number", "country": "text", "vip": "boolean"}
CSV = """\
rule_id,metadata.amount >=,metadata.amount <,risk_level,metadata.country,confidence >=,action,ask.role,message
large,10000,,,,,escalate,compliance_officer,"Ask, in writing"
abroad,,,,FR | IT,,human_review,,
small,0,100,low|medium,,0.9,auto_approve,,
"""
WRITTEN_OUT = [
    {
        "rule_id": "large",
        "priority": 1,
        "conditions": {"metadata": {"amount": {"ge": 10000}}},
        "action": "escalate",
        "assigned_human_role": "compliance_officer",
        "message": "Ask, in writing",
    },
    {
        "rule_id": "abroad",
        "priority": 2,
        "conditions": {"metadata": {"country": {"in": ["FR", "IT"]}}},
        "action": "human_review",
    },
    {
        "rule_id": "small",
        "priority": 3,
        "conditions": {
            "metadata": {"amount": {"ge": 0, "lt": 100}},
            "risk_level": ["low", "medium"],
            "min_confidence": 0.9,
        },
        "action": "auto_approve",
    },
]


def a_policy(**parts):
    return {"policy_id": "p", "metadata": FIELDS, **parts}


def read(raw, files=None):
    def beside(name):
        return files[name].encode() if isinstance(files[name], str) else files[name]

    return read_policy(json.dumps(raw), "p.json", beside=None if files is None else beside)


def problems(raw, files=None):
    with pytest.raises(InvalidInput) as refused:
        read(raw, files)
    return refused.value.problems


ENCODINGS = {
    "plain": CSV,
    "with a mark of the byte order": b"\xef\xbb\xbf" + CSV.encode(),
    "with the line ends of Windows": CSV.replace("\n", "\r\n"),
    "with semicolons": CSV.replace("Ask, in", "Ask; in").replace(",", ";").replace("Ask; in", "Ask, in"),
    "with a line that names the separator": "sep=,\r\n" + CSV,
    "with semicolons that are named": "sep=;\r\n"
    + CSV.replace("Ask, in", "Ask; in").replace(",", ";").replace("Ask; in", "Ask, in"),
    "with empty rows and columns": CSV.replace("\n", ",,\n") + ",,,,,,,,,,\n\n",
}


@pytest.mark.parametrize("content", ENCODINGS.values(), ids=ENCODINGS)
def test_a_table_in_a_csv_file_means_its_rules_written_out(content):
    table = read(a_policy(table="limits.csv"), {"limits.csv": content})

    assert table == read(a_policy(rules=WRITTEN_OUT))
    assert policy_hash(table) == policy_hash(read(a_policy(rules=WRITTEN_OUT)))


def test_a_table_in_the_policy_means_its_rules_written_out():
    rows = [
        {
            "rule_id": "large",
            "metadata.amount >=": 10000,
            "action": "escalate",
            "assigned_human_role": "compliance_officer",
            "message": "Ask, in writing",
        },
        {"rule_id": "abroad", "metadata.country": ["FR", "IT"], "action": "human_review"},
        {
            "rule_id": "small",
            "metadata.amount": {"ge": 0, "lt": 100},
            "risk_level": ["low", "medium"],
            "confidence >=": 0.9,
            "action": "auto_approve",
        },
    ]
    assert read(a_policy(table=rows)) == read(a_policy(rules=WRITTEN_OUT))
    assert read_policy(yaml.safe_dump(a_policy(table=rows)), "p.yaml") == read(a_policy(rules=WRITTEN_OUT))


def test_the_rows_of_a_table_are_tried_after_the_rules_of_the_policy_and_numbered():
    first = {"rule_id": "first", "priority": 7, "conditions": {}, "action": "human_review"}
    rows = [{"risk_level": "low", "action": "human_review"}, {"action": "escalate"}]

    rules = read(a_policy(rules=[first], table=rows)).rules
    assert [(rule.rule_id, rule.priority) for rule in rules] == [("first", 7), ("row_001", 8), ("row_002", 9)]

    rules = read(a_policy(rules=[first], table={"rows": rows, "first_priority": 1})).rules
    assert [rule.priority for rule in rules] == [7, 1, 2]


@pytest.mark.parametrize(
    ("column", "cell", "condition"),
    [
        ("metadata.amount", ">= 100", {"metadata": {"amount": {"ge": 100}}}),
        ("metadata.amount", "!= 5", {"metadata": {"amount": {"ne": 5}}}),
        ("metadata.amount", "1e3", {"metadata": {"amount": {"eq": 1000.0}}}),
        ("metadata.country !=", "DE", {"metadata": {"country": {"ne": "DE"}}}),
        ("metadata.country in", "DE", {"metadata": {"country": {"in": ["DE"]}}}),
        ("metadata.vip", "TRUE", {"metadata": {"vip": {"eq": True}}}),
        ("metadata.vip exists", "false", {"metadata": {"vip": {"exists": False}}}),
        ("signals", "risky | unusual", {"signals": ["risky", "unusual"]}),
        ("signals.none", "risky", {"signals": {"none": ["risky"]}}),
        ("confidence <", "0.5", {"max_confidence": 0.5}),
        ("domain", "payments", {"domain": "payments"}),
        ("time.begins", "22:00", {"time": {"begins": "22:00"}}),
        ("time.days", "saturday | sunday", {"time": {"days": ["saturday", "sunday"]}}),
        ("metadata.country", "-", {}),
    ],
)
def test_a_cell_means_the_condition_of_its_column(column, cell, condition):
    rule = {"rule_id": "row_001", "priority": 1, "conditions": condition, "action": "human_review"}

    assert read(a_policy(table="t.csv"), {"t.csv": f"action,{column}\nhuman_review,{cell}\n"}) == read(
        a_policy(rules=[rule])
    )


def test_the_fields_of_a_rule_are_columns_too():
    header = "action,approvals,blind,respond_within,ask.role,ask.team,ask.not,owner,priority"
    row = "human_review,2,true,P1D,senior_manager,fraud,ann|bob,claims desk,70"

    rule = read(a_policy(table="t.csv"), {"t.csv": f"{header}\n{row}\n"}).rules[0]

    assert (rule.approvals, rule.blind, rule.assigned_human_role, rule.priority) == (2, True, "senior_manager", 70)
    assert (rule.ask.team, rule.ask.not_, rule.owner) == ("fraud", ("ann", "bob"), "claims desk")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("action,metadata.amount >=\nescalate,ten\n", 't.csv: line 2: metadata.amount >=: "ten": only numbers can be'),
        (
            "action;metadata.amount >=\nescalate;0,5\n",
            "t.csv: line 2: metadata.amount >=: '0,5': write the number with",
        ),
        (
            'action,metadata.amount >=\nescalate,"5,000"\n',
            "'5,000': write the number with a point, 5.000, or without separators, 5000",
        ),
        ('action,risk_level\nescalate,"low, medium"\n', "'low, medium': separate words by |, such as low|medium"),
        ("action,metadata.amuont >=\nescalate,1\n", 't.csv: line 2: metadata.amuont >=: "amuont": the policy declares'),
        ("action,risk_level\nescalate,low\nescalate,hihg\n", 't.csv: line 3: risk_level: "hihg"'),
        ("action,priorty\nescalate,1\n", "t.csv: line 1: unknown column 'priorty'; did you mean 'priority'?"),
        ("action,risk_level,risk_level\nescalate,low,low\n", "t.csv: line 1: the column 'risk_level' occurs twice"),
        ("action,risk_level\nescalate\n", "t.csv: line 2: 1 cells, but the header has 2"),
        ('action,message\nescalate,"one\ntwo"\nescalte,\n', 't.csv: line 4: action: "escalte"'),
        ("risk_level\nlow\n", "t.csv: line 2: action: this field is required"),
        ("action,rule_id\nescalate,a\nescalate,a\n", 't.csv: line 3: rule_id: "a": it is used twice'),
        ("action\n", "it has no row; write a header, then a line for each rule"),
        ("", "t.csv: it has no row; write a header, then a line for each rule"),
        ("action,all\nescalate,x\n", "t.csv: line 1: unknown column 'all'"),
        (b"action\n\xff\n", "t.csv: not UTF-8 text (byte 7); save it as UTF-8"),
    ],
)
def test_a_problem_of_a_table_names_its_line_and_its_column(content, problem):
    found = problems(a_policy(table="t.csv"), {"t.csv": content})

    assert len(found) == 1
    assert problem in found[0]


def test_all_problems_of_a_table_are_listed_at_once():
    csv = "action,metadata.amount >=,risk_level\nescalate,ten,hihg\nescalte,,\n"

    found = problems(a_policy(table="t.csv"), {"t.csv": csv})

    assert [each.partition(': "')[0] for each in found] == [
        "t.csv: line 2: risk_level",
        "t.csv: line 2: metadata.amount >=",
        "t.csv: line 3: action",
    ]


def test_a_problem_of_a_row_in_a_layer_names_the_layer():
    layer = a_policy(table=[{"rule_id": "x", "risk_level": "hihg", "action": "escalate"}])

    found = problems(a_policy(rules=[]) | {"domains": {"motor": layer}})

    assert [each.partition(': "')[0] for each in found] == ["p.json: domains.motor.table[0] (line 1): risk_level"]


@pytest.mark.parametrize("table", [5, None, {}, {"rows": [], "file": "t.csv"}, {"rows": [], "x": 1}, [1], {"rows": 1}])
def test_what_is_no_table_is_refused_without_a_traceback(table):
    assert problems(a_policy(table=table), {"t.csv": CSV})


def test_a_table_in_a_file_needs_a_policy_in_a_file():
    assert "is read only where the policy is a file" in problems(a_policy(table="limits.csv"))[0]


YAML = """\
policy_id: p
metadata: {amount: number}
table:
  - {rule_id: one, metadata.amount >=: 5, action: escalate}

  - rule_id: two
    metadata.amount >=: ten
    action: escalate
  - {metadata.amuont: 5, action: human_review}
"""


@pytest.mark.parametrize("indent", ["table:", "table:\n  rows:"])
def test_a_problem_of_a_row_in_the_policy_names_its_line(indent):
    with pytest.raises(InvalidInput) as refused:
        read_policy(YAML.replace("table:", indent).replace("amuont", "amount"), "p.yaml")
    line = 6 + indent.count("\n")

    assert [each.partition(': "')[0] for each in refused.value.problems] == [
        f"p.yaml: table[1] (line {line}): metadata.amount >="
    ]


def test_the_rows_of_a_table_have_lines_for_the_check_too():
    lines = file_lines(YAML, "p.yaml")

    assert [lines.of_rule(each) for each in ("one", "two", "row_003")] == [4, 6, 9]

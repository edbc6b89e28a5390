import json
import subprocess
import sys
from importlib.resources import files
from unicodedata import normalize

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.domain.enums import Action, RiskLevel, Signal
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.shown.invisible_characters import hidden_in
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import Conditions, Policy, Rule, policy_hash, read_policy

DATA = files("hitl_orchestrator.data")
CANONICAL = DATA.joinpath("routing_policy.json").read_text("utf-8")
FIRST_SHAPE = DATA.joinpath("default_policy_v1.json").read_text("utf-8")

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = ["rule_id", "priority", "conditions", "condition", "action", "assigned_human_role", "rules", "policy_id"]
CONDITION_FIELDS = ["risk_level", "domain", "task_type", "min_confidence", "max_confidence", "signals", "feild"]
LIKELY = st.sampled_from(
    ["low", "high", "auto_approve", "escalate", "senior_manager", "risky", "r1", 0, 1, 0.5, -1, []]
)
NEARLY = st.fixed_dictionaries(
    {"policy_id": LIKELY | JSON},
    optional={
        "rules": JSON
        | st.lists(
            st.dictionaries(
                st.sampled_from(FIELDS) | WORDS,
                LIKELY | JSON | st.dictionaries(st.sampled_from(CONDITION_FIELDS), LIKELY | JSON, max_size=4),
            ),
            max_size=3,
        )
    },
)


class Quoting(yaml.SafeDumper):
    """Writes every text in quotes, as careful people do."""


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def read(raw, where="p.json", **more):
    return read_policy(raw if isinstance(raw, str) else json.dumps(raw), where, **more)


def with_rule(**changed):
    """Return a policy of one rule, sound but for what the test changes; `...` takes a field away."""
    rule = {"rule_id": "r1", "priority": 1, "conditions": {}, "action": "human_review"} | changed
    return {"policy_id": "p", "rules": [{name: value for name, value in rule.items() if value is not ...}]}


def asking(**conditions):
    return with_rule(conditions=conditions)


def test_the_canonical_policy_is_read_as_it_stands():
    policy = read(CANONICAL)

    assert policy.policy_id == "default_routing_policy_v1"
    assert policy.rules[2] == Rule(
        rule_id="rule_003",
        priority=3,
        conditions=Conditions(risk_level="medium", min_confidence=0.6),
        action="human_review",
        assigned_human_role="domain_reviewer",
    )
    assert [rule.assigned_human_role for rule in policy.rules] == [
        "senior_manager", None, "domain_reviewer", None, "domain_reviewer",
    ]  # fmt: skip


def test_the_first_shape_gets_ids_priorities_and_roles():
    policy = read(FIRST_SHAPE)

    assert [(rule.rule_id, rule.priority, rule.action, rule.assigned_human_role) for rule in policy.rules] == [
        ("rule_001", 1, "auto_approve", None),
        ("rule_002", 2, "human_review", "domain_reviewer"),
        ("rule_003", 3, "escalate", "senior_manager"),
    ]
    assert policy.rules[0].conditions == Conditions(risk_level="low", min_confidence=0.8)


@pytest.mark.parametrize(
    ("chain", "asked"), [(("clerk", "boss", "board"), ["clerk", "boss"]), (("clerk",), ["clerk", "clerk"])]
)
def test_a_role_left_out_comes_from_the_chain_of_the_house(chain, asked):
    policy = read(FIRST_SHAPE, roles=RoleChain(roles=chain))

    assert [rule.assigned_human_role for rule in policy.rules[1:]] == asked


def test_a_byte_order_mark_is_no_matter():
    assert read("\ufeff" + CANONICAL) == read(CANONICAL)


@pytest.mark.parametrize(
    ("where", "notation"),
    [
        ("p.json", json.dumps),
        ("p.yaml", yaml.safe_dump),
        ("p.yaml", json.dumps),
        ("p.yml", yaml.safe_dump),
        ("stdin", json.dumps),
        ("stdin", yaml.safe_dump),
    ],
)
def test_the_notation_follows_from_the_suffix_or_the_text(where, notation):
    assert read(notation(json.loads(CANONICAL)), where) == read(CANONICAL)


@pytest.mark.parametrize(
    "rewritten",
    [
        json.dumps(json.loads(CANONICAL), indent=7, sort_keys=True),
        json.dumps(json.loads(CANONICAL) | {"rules": json.loads(CANONICAL)["rules"][::-1]}),
        CANONICAL.replace('"high"', '["high"]').replace("0.6", "0.60"),
        CANONICAL.replace(',\n      "assigned_human_role": "domain_reviewer"', ""),
    ],
    ids=["layout", "order", "lists", "defaults"],
)
def test_equal_meaning_has_an_equal_hash(rewritten):
    assert policy_hash(read(rewritten)) == policy_hash(read(CANONICAL))
    assert policy_hash(read(yaml.safe_dump(json.loads(rewritten)), "p.yaml")) == policy_hash(read(CANONICAL))


def test_the_hash_of_a_policy_never_changes():
    assert policy_hash(read(CANONICAL)) == "6d493dad0a0f4147b1e3c461898581b2e60b649c39680b30e6d3a484d5480582"


@pytest.mark.parametrize(
    ("old", "new"), [("0.6", "0.61"), ('"escalate"', '"human_review"'), ('"priority": 4', '"priority": 6')]
)
def test_another_meaning_has_another_hash(old, new):
    assert policy_hash(read(CANONICAL.replace(old, new))) != policy_hash(read(CANONICAL))


IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,8}", fullmatch=True).filter(lambda name: name != "fallback")
SEEN = st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp", "M"]).filter(lambda char: not hidden_in(char))
NAME = st.text(SEEN, max_size=20).map(lambda name: normalize("NFC", name)).filter(lambda name: name.strip())
NAMES = st.lists(NAME, max_size=3, unique=True).map(tuple)
CONDITIONS = st.builds(
    lambda bounds, **fields: Conditions(**{name: value for name, value in (fields | bounds).items() if value}),
    bounds=st.sampled_from(
        [{}, {"min_confidence": 0.1}, {"max_confidence": 1e-9}, {"min_confidence": 1e-5, "max_confidence": 1}]
    ),
    risk_level=st.lists(st.sampled_from(RiskLevel), unique=True),
    domain=NAMES,
    task_type=NAMES,
    signals=st.lists(st.sampled_from(Signal), unique=True),
)
RULES = st.builds(
    Rule, rule_id=IDS, priority=st.integers(-99, 99), conditions=CONDITIONS, action=st.sampled_from(Action)
)
POLICIES = st.builds(
    Policy, policy_id=IDS, description=WORDS, rules=st.lists(RULES, max_size=4, unique_by=lambda rule: rule.rule_id)
)


@given(POLICIES)
def test_a_policy_that_is_written_down_is_read_again_as_it_was(policy):
    written = policy.model_dump(mode="json")

    again = [read(policy.model_dump_json()), read(written), Policy.model_validate(policy.model_dump())]

    assert again == [policy] * 3
    assert {policy_hash(one) for one in again} == {policy_hash(policy)}


@given(POLICIES)
def test_quoted_yaml_is_read_as_the_json_it_stands_for(policy):
    written = policy.model_dump(mode="json")
    for rule in written["rules"]:
        rule["conditions"].pop("max_confidence", None)  # 1e-09 is no plain decimal, and is refused as such
        rule["conditions"].pop("min_confidence", None)

    text = yaml.dump(written, Dumper=Quoting)

    assert read(text, "p.yaml") == read(written)


MALFORMED = {
    "": "it is empty; a policy is an object with policy_id and rules",
    " \n": "it is empty; a policy is an object with policy_id and rules",
    "{": "line 1 column 2: not JSON: Expecting property name enclosed in double quotes",
    "[]": "a policy is an object with policy_id and rules",
    '"low"': "a policy is an object with policy_id and rules",
    "null": "a policy is an object with policy_id and rules",
    "{}": "policy_id: this field is required",
    '{"policy_id": "p"}': "rules: this field is required",
    '{"policy_id": "p", "policy_id": "q"}': "the key 'policy_id' occurs twice in one object",
    '{"policy_id": NaN}': "policy_id: NaN is not a number in JSON; leave the field out if there is no value",
    '{"policy_id": 1e999}': "policy_id: numbers must be finite",
    '{"policy_id": "\\ud800"}': "policy_id: text must be valid Unicode: it has a lone surrogate",
    '{"policy_id": "a\\u0000"}': "policy_id: a NUL character cannot be stored; remove it",
    '{"\\ud800": 1}': "the key <U+D800>: text must be valid Unicode: it has a lone surrogate",
    '{"policy_id": 99999999999999999999}': (
        "policy_id: whole numbers must lie within ±9007199254740991; send larger ones as text"
    ),
    "[" * 40 + "]" * 40: "nested deeper than 32 levels",
    '{"rules": ' + "[" * 40 + "]" * 40 + "}": "nested deeper than 32 levels",
    "[" * 200_000: "nested deeper than 32 levels",
}
MALFORMED_FIELDS = [
    ({"policy_id": "", "rules": []}, 'policy_id: "" is not an id: letters, digits and . _ : - only'),
    ({"policy_id": 7, "rules": []}, "policy_id: 7: input should be a valid string"),
    ({"policy_id": "p", "rules": None}, "rules: null is not a list"),
    ({"policy_id": "p", "rules": {}}, "rules: an object is not a list"),
    ({"policy_id": "p", "rules": "none"}, 'rules: "none" is not a list'),
    ({"policy_id": "p", "rules": [3]}, "rules[0]: 3 is not an object"),
    ({"policy_id": "p", "rules": [[]]}, "rules[0]: a list is not an object"),
    ({"policy_id": "p", "rules": [], "descripton": ""}, "descripton: unknown field; did you mean 'description'?"),
    ({"policy_id": "p", "rules": [], "description": None}, "description: null: input should be a valid string"),
    (with_rule(rule_id=...), "rules[0].rule_id: this field is required"),
    (with_rule(rule_id="rule 1"), 'rules[0].rule_id: "rule 1" is not an id'),
    (with_rule(rule_id="fallback"), 'rules[0].rule_id: "fallback": this name is reserved for cases that no rule'),
    (with_rule(priority=...), "rules[0].priority: this field is required"),
    (with_rule(priority="1"), 'rules[0].priority: "1": input should be a valid integer'),
    (with_rule(priority=1.5), "rules[0].priority: 1.5: input should be a valid integer"),
    (with_rule(priority=True), "rules[0].priority: true: input should be a valid integer"),
    (with_rule(conditions=...), "rules[0].conditions: this field is required"),
    (with_rule(conditions=None), "rules[0].conditions: null is not an object"),
    (with_rule(conditions=[]), "rules[0].conditions: a list is not an object"),
    (with_rule(condition={}), "rules[0].condition: unknown field; did you mean 'conditions'?"),
    (with_rule(action=...), "rules[0].action: this field is required"),
    (
        with_rule(action="auto_aprove"),
        'rules[0].action: "auto_aprove" is not one of auto_approve, human_review, escalate; '
        "did you mean 'auto_approve'?",
    ),
    (with_rule(action="AUTO_APPROVE"), "did you mean 'auto_approve'?"),
    (with_rule(action=None), "rules[0].action: null is not one of auto_approve, human_review, escalate"),
    (with_rule(action=["escalate"]), "rules[0].action: a list is not one of auto_approve, human_review, escalate"),
    (
        with_rule(assigned_human_role="senior_manger"),
        'rules[0].assigned_human_role: "senior_manger": no such role; the role chain is '
        "domain_reviewer, senior_manager, compliance_officer; did you mean 'senior_manager'?",
    ),
    (with_rule(assigned_human_role=""), 'rules[0].assigned_human_role: "": string should have at least 1 character'),
    (with_rule(assigned_human_role=["a"]), "rules[0].assigned_human_role: input should be a valid string"),
    (
        with_rule(action="auto_approve", assigned_human_role="domain_reviewer"),
        'rules[0].assigned_human_role: "domain_reviewer": auto_approve has no reviewer; leave the role out, '
        "or change the action to human_review",
    ),
    (asking(risk_level="hihg"), 'risk_level: "hihg" is not one of low, medium, high; did you mean \'high\'?'),
    (asking(risk_level=["low", "hihg"]), 'rules[0].conditions.risk_level[1]: "hihg" is not one of low, medium, high'),
    (asking(risk_level=False), "rules[0].conditions.risk_level: false is not one of low, medium, high"),
    (asking(risk_level=None), "rules[0].conditions.risk_level: null is not one of low, medium, high"),
    (asking(risk_level={}), "rules[0].conditions.risk_level: an object is not one of low, medium, high"),
    (asking(risk_level=[]), "rules[0].conditions.risk_level: an empty list never matches"),
    (asking(risk_level=["low", "low"]), "rules[0].conditions.risk_level: a word is listed twice"),
    (asking(domain=[]), "rules[0].conditions.domain: an empty list never matches"),
    (asking(domain=""), 'rules[0].conditions.domain: "": string should have at least 1 character'),
    (asking(domain=[" "]), 'rules[0].conditions.domain[0]: " ": it is blank'),
    (asking(task_type=7), "rules[0].conditions.task_type: 7: input should be a valid string"),
    (asking(signals="riski"), "not one of low_confidence, ambiguous, unusual, risky; did you mean 'risky'?"),
    (asking(signals=[["risky"]]), "rules[0].conditions.signals[0]: a list is not one of low_confidence"),
    (asking(min_confidence="0.8"), 'rules[0].conditions.min_confidence: "0.8": input should be a valid number'),
    (asking(min_confidence=True), "true: a number in [0, 1] is needed, and this is a truth value"),
    (asking(min_confidence=None), "rules[0].conditions.min_confidence: null: a condition without a value would always"),
    (asking(min_confidence=80), "rules[0].conditions.min_confidence: 80: input should be less than or equal to 1"),
    (asking(max_confidence=-0.1), "max_confidence: -0.1: input should be greater than or equal to 0"),
    (asking(max_confidence=0), "max_confidence: 0: max_confidence must be above min_confidence (0.0)"),
    (
        asking(min_confidence=0.8, max_confidence=0.8),
        "rules[0].conditions.max_confidence: 0.8: max_confidence must be above min_confidence (0.8), "
        "or the rule can never match",
    ),
    (asking(min_confidense=0.8), "conditions.min_confidense: unknown field; did you mean 'min_confidence'?"),
    ({"policy_id": "p", "rules": [{"condition": {"risk_level": "lo"}, "action": "escalate"}]},
     'rules[0].condition.risk_level: "lo" is not one of low, medium, high; did you mean \'low\'?'),
    ({"policy_id": "p", "rules": [{"condition": {}, "action": "escalate"}, {"action": "escalate"}]},
     "rules[1].condition: this field is required"),
    ({"policy_id": "p", "rules": [{"condition": {}, "action": "escalate"}, 3]}, "rules[1]: 3 is not an object"),
    (with_rule(min_confidence=0.8), "rules[0].min_confidence: unknown field; it belongs in conditions"),
    (with_rule(respond_within="P1M"), "months vary in length; write P30D for 30 days, or PT1M for minutes"),
    (with_rule(respond_within="P16H"), "hours, minutes and seconds come after a T; write PT16H"),
    (with_rule(respond_within="P15M"), "come after a T; write PT15M"),
    (with_rule(respond_within="P2Y"), "years vary in length; write P730D for 730 days"),
    (with_rule(rule_id="r2", condition={}), "rules[0].condition: unknown field; did you mean 'conditions'?"),
    ({"policy_id": "p", "rules": with_rule()["rules"] + with_rule()["rules"]},
     'rules[1].rule_id: "r1": it is used twice; every rule_id must be unique in a policy'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), MALFORMED.items(), ids=range(len(MALFORMED)))
def test_a_text_that_is_no_policy_is_refused_by_name(text, sentence):
    with pytest.raises(InvalidInput) as caught:
        read(text)

    assert f"p.json: {sentence}" in caught.value.problems


@pytest.mark.parametrize(("raw", "sentence"), MALFORMED_FIELDS, ids=range(len(MALFORMED_FIELDS)))
@pytest.mark.parametrize("notation", [json.dumps, yaml.safe_dump])
def test_a_malformed_field_is_refused_with_its_place(raw, sentence, notation):
    with pytest.raises(InvalidInput) as caught:
        read(notation(raw), "p.json" if notation is json.dumps else "p.yaml")

    assert len(caught.value.problems) == 1
    assert sentence in caught.value.problems[0]


def test_every_problem_is_reported_at_once():
    rules = [
        {"rule_id": "a", "priority": 1, "conditions": {"risk_level": "hi", "feild": 1}, "action": "approve"},
        {"rule_id": "a", "conditions": {"min_confidence": 0.9, "max_confidence": 0.1}, "action": "escalate"},
    ]

    with pytest.raises(InvalidInput) as caught:
        read({"policy_id": "p", "rules": rules, "version": 1})

    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        "rules[0].conditions.risk_level",
        "rules[0].conditions.feild",
        "rules[0].action",
        "rules[1].priority",
        "rules[1].conditions.max_confidence",
        "rules[1].rule_id",
        "version",
    ]


def verdict(text, where):
    """Return the policy, or the problems with it."""
    try:
        return read_policy(text, where)
    except InvalidInput as refused:
        return refused.problems


@given(st.text() | JSON.map(json.dumps) | JSON.map(yaml.safe_dump), st.sampled_from(["p.json", "p.yaml", "stdin"]))
def test_no_text_does_worse_than_be_refused(text, where):
    problems = verdict(text, where)

    assert problems
    assert all(problem.startswith(f"{where}: ") for problem in problems)


@given(NEARLY, st.sampled_from([(json.dumps, "p.json"), (yaml.safe_dump, "p.yaml"), (json.dumps, "p.yaml")]))
def test_a_mutated_policy_loads_or_is_refused(raw, notation):
    write, where = notation

    answer = verdict(write(raw), where)

    if isinstance(answer, Policy):
        assert read(answer.model_dump_json()) == answer
    else:
        assert answer
        assert all(problem.startswith((f"{where}: ", "... and ")) for problem in answer)


def test_yaml_is_imported_only_where_it_is_read():
    program = """
import sys
from hitl_orchestrator.policies import read_policy
read_policy('{"policy_id": "p", "rules": []}', "p.json")
assert "yaml" not in sys.modules
read_policy("policy_id: p\\nrules: []", "p.yaml")
assert "yaml" in sys.modules
"""

    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

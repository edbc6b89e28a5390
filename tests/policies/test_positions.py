"""The lines on which the rules of a policy file begin, and which its problems name."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.random_policies import a_stack

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import check, read_policy, with_lines
from hitl_orchestrator.policies.language.positions import file_lines

YAML = """\
# a comment
policy_id: p
metadata:
  amount: number
rules:
  - rule_id: "first"
    priority: 1
    conditions:
      any: [{risk_level: low}, {all: [{domain: x}]}]
    action: escalate
  - {priority: 2, conditions: {},
     rule_id: second, action: human_review}
domains:
  motor:
    policy_id: motor
    rules:
    - rule_id: third
"""


def test_rules_of_yaml_are_found_in_every_layer():
    lines = file_lines(YAML, "p.yaml")

    assert [lines.of_rule(rule_id) for rule_id in ("first", "second", "third", "other")] == [6, 11, 17, None]
    assert lines.of_part(("metadata", "amount")) == 4
    assert lines.of_part(("metadata", "other")) == 3


def test_rules_without_ids_are_found_by_their_number():
    text = '{"policy_id": "p", "rules": [\n{"condition": {"domain": "{ \\"]"}},\n\n{"condition": {}}]}'

    assert [file_lines(text, "p.json").of_rule(f"rule_00{number}") for number in (1, 2)] == [2, 4]


@pytest.mark.parametrize("seed", range(10))
def test_findings_name_the_line_of_their_rule(seed):
    stack = a_stack(seed)
    text = json.dumps(stack.model_dump(mode="json"), indent=1)
    written = text.split("\n")

    for one in with_lines(check(stack), text, "p.json"):
        if one.rule_id is not None:
            assert json.dumps(one.rule_id) in written[one.line]


NAMES = st.text(st.sampled_from('a{}[]:,"\\\n\u2028é#'), max_size=4)
VALUES = st.recursive(
    st.one_of(NAMES, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=10,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_every_part_of_any_json_has_a_line(value):
    def paths(part, path=()):
        yield path
        items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for name, inner in items:
            yield from paths(inner, (*path, name))

    for text in (json.dumps(value), json.dumps(value, indent=1, ensure_ascii=False)):
        lines = file_lines(text, "p.json")
        assert set(lines.parts) == set(paths(value))
        assert all(1 <= line <= text.count("\n") + 1 for line in lines.parts.values())


A_FILE = """\
policy_id: p
metadata: {amount: {type: number, min: x}}
rules:
  - rule_id: large
    priority: 1
    conditions: {min_confidence: 92}
    action: escalate
  - rule_id: not an id
    priority: 2
    conditions:
      all:
        - {risk_level: lo}
    action: escalate
domains:
  motor.x:
    policy_id: p
    rules:
    - {rule_id: of_motor, priority: 1, conditions: {}, action: stop}
"""


def test_a_problem_of_a_file_is_named_with_its_line_and_its_rule():
    with pytest.raises(InvalidInput) as caught:
        read_policy(A_FILE, "p.yaml")

    assert [problem.split(": ")[1:3] for problem in caught.value.problems] == [
        ["line 2", "metadata.amount.min"],
        ["line 6 (large)", "rules[0].conditions.min_confidence"],
        ["line 8", "rules[1].rule_id"],
        ["line 12", "rules[1].conditions.all[0].risk_level"],
        ["line 18 (of_motor)", "domains.motor.x.rules[0].action"],
    ]
    with pytest.raises(InvalidInput) as caught:
        read_policy(json.dumps(yaml.safe_load(A_FILE), indent=2), "p.json")
    assert caught.value.problems[1].startswith("p.json: line 14 (large): rules[0].conditions.min_confidence: 92")

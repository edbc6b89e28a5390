import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import read_policy
from hitl_orchestrator.policies.language.plain_yaml import read_yaml

READERS_DIFFER = "is read differently by different YAML readers; put quotes around it if it is text"
BOMB = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}, *a]\n" for n in range(40))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("---\n...", None),
        ("low", "low"),
        ('"no"', "no"),
        ("'2025-01-10'", "2025-01-10"),
        ("2025-01-10", "2025-01-10"),
        ("- 2025-13-40", ["2025-13-40"]),
        ("{from: 2026-12-20, 2026-12-25: x}", {"from": "2026-12-20", "2026-12-25": "x"}),
        ("{n: 2, Y: 1}", {"n": 2, "Y": 1}),
        ("no longer", "no longer"),
        ("rule_001", "rule_001"),
        ("0.75", 0.75),
        ("-1", -1),
        ("0", 0),
        ("true", True),
        ("False", False),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("a: [1, 'x', {b: null}]", {"a": [1, "x", {"b": None}]}),
        ("a: |\n  two\n  lines", {"a": "two\nlines"}),
        ("a: &name 1", {"a": 1}),
    ],
)
def test_plain_yaml_is_read_as_the_json_it_looks_like(text, value):
    assert read_yaml(text, "p.yaml") == value


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("a: {gt: 5,000}", "if it is the rest of a number such as 5,000, leave the comma out: 5000"),
        ("a: {gt: 5,250}", "a number is written without separators, such as 5000 for 5,000"),
    ],
)
def test_a_number_with_separators_is_refused_with_the_way_to_write_it(text, remedy):
    with pytest.raises(InvalidInput) as caught:
        read_yaml(text, "p.yaml")

    assert remedy in caught.value.problems[0]


SURPRISES = [
    *(
        "no",
        "yes",
        "on",
        "Off",
        "1e3",
        "9e-1",
        "1.5e3",
        ".5",
        "1.",
        "+1",
        "010",
        "0o17",
        "0x1F",
        "0b1",
        "1_000",
    ),
    *("12:30", "1:30:00", "2025-01-10T09:15:00Z", ".nan", ".inf", "-.INF", "<<", "="),
]


@pytest.mark.parametrize("word", SURPRISES)
@pytest.mark.parametrize("form", ["{}", "a: {}", "- {}", "{}: a"])
def test_a_word_on_which_yaml_readers_differ_is_refused(word, form):
    with pytest.raises(InvalidInput, match=r"p\.yaml: line 1 column [0-9]+: ") as caught:
        read_yaml(form.format(word), "p.yaml")

    assert f"{word} {READERS_DIFFER}" in str(caught.value)


def test_yaml_needs_no_quotation_marks_around_dates_and_the_n_of_at_least():
    bare = """
policy_id: p
holidays: [2026-12-25]
rules:
  - rule_id: freeze
    priority: 1
    conditions: {at_least: {n: 2, of: [{date: {from: 2026-12-20, until: 2027-01-06}}, {domain: loans}]}}
    action: human_review
    valid_until: 2027-01-31
"""
    when = {"at_least": {"n": 2, "of": [{"date": {"from": "2026-12-20", "until": "2027-01-06"}}, {"domain": "loans"}]}}
    rule = {"rule_id": "freeze", "priority": 1, "conditions": when, "action": "human_review"}
    quoted = {"policy_id": "p", "holidays": ["2026-12-25"], "rules": [rule | {"valid_until": "2027-01-31"}]}

    assert read_policy(bare, "p.yaml") == read_policy(json.dumps(quoted), "p.json")


@pytest.mark.parametrize("word", ["y", "Y", "n", "N"])
@pytest.mark.parametrize("form", ["{}", "a: {}", "- {}", "n: {}"])
def test_a_letter_that_some_readers_take_for_true_or_false_is_refused_as_a_value(word, form):
    with pytest.raises(InvalidInput) as caught:
        read_yaml(form.format(word), "p.yaml")

    assert f"{word} {READERS_DIFFER}" in str(caught.value)


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("8:00", 'as a time of day is: "08:00"'),
        ("22:30", 'as a time of day is: "22:30"'),
        ("2025-01-01T08:00:00Z", 'as a date with a time is: "2025-01-01T08:00:00Z"'),
        ("<<", "and write out the fields that it would merge"),
        ("no", "write true or false, or a plain decimal such as 0.9"),
    ],
)
def test_an_ambiguous_yaml_word_is_refused_with_the_remedy(word, remedy):
    with pytest.raises(InvalidInput) as caught:
        read_yaml(f"{word}: 1", "p.yaml")

    assert caught.value.problems[0].endswith(f"{word} {READERS_DIFFER}, {remedy}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: &x 1\nb: *x", "line 2 column 4: the alias *x is not supported; write out its value"),
        ("a: &x {b: *x}", "line 1 column 11: the alias *x is not supported"),
        (BOMB, "line 2 column 10: the alias *a is not supported"),
        ("a: !!python/object/apply:os.system [ls]", "line 1 column 4: the tag tag:yaml.org,2002:python/object/apply"),
        ("a: !!binary aGk=", "the tag tag:yaml.org,2002:binary is not supported"),
        ("!!set {a, b}", "the tag tag:yaml.org,2002:set is not supported"),
        ("a: !mine 1", "the tag !mine is not supported; write plain text, numbers, lists and objects"),
        ("a: 1\na: 2", "line 2 column 1: the key 'a' occurs twice in one object"),
        ("1: a", "line 1 column 1: the name of a field must be text; put it in quotes"),
        ("true: a", "the name of a field must be text; put it in quotes"),
        ("? [a]\n: b", "the name of a field must be text; put it in quotes"),
        ("? {a: b}\n: b", "the name of a field must be text; put it in quotes"),
        ("a\n---\nb", "line 2 column 1: a second document starts here; a file must hold one document"),
        ("[" * 100_000, "nested deeper than 32 levels"),
        ("- " * 1000 + "a", "nested deeper than 32 levels"),
        ("a: [", "line 1 column 5: not YAML: expected the node content, but found '<stream end>'"),
        ("a: 'b", "not YAML: found unexpected end of stream"),
        ("\ta: b", "not YAML: found character '\\t' that cannot start any token"),
        ("a: @b", "not YAML: found character '@' that cannot start any token"),
        ("%YAML 3.0\n--- a", "not YAML: found incompatible YAML document"),
        ('"\\UFFFFFFFF"', "not YAML: an escape is not a valid character"),
        ("a: \x00", "unacceptable character #x0000: special characters are not allowed"),
        ("9" * 5000, "line 1 column 1: a number of more than 100 digits; put quotes around it if it is text"),
    ],
)
def test_yaml_beyond_json_is_refused_with_its_line(text, sentence):
    with pytest.raises(InvalidInput) as caught:
        read_yaml(text, "p.yaml")

    assert caught.value.problems[0].startswith("p.yaml: ")
    assert sentence in caught.value.problems[0]


class Quoting(yaml.SafeDumper):
    """Writes every text in quotes, as careful people do."""


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(PLAIN)
def test_plain_values_with_quoted_texts_are_read_back_as_written(value):
    assert read_yaml(yaml.dump(value, Dumper=Quoting), "p.yaml") == value


PIECES = [*"ab01 .-:#?&*!|>%@'\"[]{},\n\t\\xuU~=<e_+", "- ", ": ", "---\n", "...", "\\U00110000"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_text_does_worse_than_be_refused(text):
    with suppress(InvalidInput):
        assert isinstance(read_yaml(text, "p.yaml"), dict | list | str | int | float | None)

"""starts_with and contains: every kind of text exists, each has a true example, and sentences say which are meant."""

import random
import re
from itertools import product
from json import dumps

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_policies import a_policy_with

from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import compile_policy, nearest_changes, read_policy
from hitl_orchestrator.policies.engine.axes.fields.texts import Lists, Texts
from hitl_orchestrator.policies.engine.partition import FactSpace

SHORT = st.text(alphabet="ab ", min_size=1, max_size=3)
SETS = st.sets(SHORT, max_size=3).map(lambda words: tuple(sorted(words)))


def facts(**metadata):
    return Facts(RiskLevel.LOW, "claims", "claim", 0.9, metadata=metadata)


def rule_for(asked, **metadata):
    rules = [("auto_approve", {"metadata": asked}), ("escalate", {"metadata": asked})]
    return (
        compile_policy(a_policy_with(rules, metadata={"note": "text", "tags": "list"}))
        .decide(facts(**metadata))
        .rule_id
    )


@pytest.mark.parametrize(
    ("asked", "note", "rule"),
    [
        ({"starts_with": "AT"}, "AT61", "r1"),
        ({"starts_with": ["DE", "AT"]}, "AT", "r1"),
        ({"starts_with": "AT"}, "at61", "fallback"),
        ({"starts_with": "AT"}, " AT", "fallback"),
        ({"contains": "urgent"}, "most urgently", "r1"),
        ({"contains": ["urgent", "now"]}, "know", "r1"),
        ({"contains": "urgent"}, "", "fallback"),
        ({"contains": "urgent"}, None, "r2"),
        ({"contains": "urgent"}, 5, "r2"),
        ({"starts_with": "A", "contains": "b"}, "Ab", "r1"),
        ({"starts_with": "A", "contains": "b"}, "bA", "fallback"),
        ({"contains": "b", "ne": "ab"}, "ab", "fallback"),
    ],
)
def test_parts_of_texts_are_found(asked, note, rule):
    assert rule_for({"note": asked}, note=note) == rule


@pytest.mark.parametrize(
    ("asked", "tags", "rule"),
    [
        ("vip", ["new", "vip"], "r1"),
        (["vip", "old"], ["old"], "r1"),
        ("vip", ["vip customer"], "fallback"),
        ("vip", [], "fallback"),
        ("vip", "vip", "r2"),
        ("vip", ["vip", 5], "r2"),
        ("vip", None, "r2"),
    ],
)
def test_members_of_lists_are_found(asked, tags, rule):
    assert rule_for({"tags": {"contains": asked}}, tags=tags) == rule


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"amount": {"contains": "x"}}, "contains reads a text or list, and 'amount' is a number"),
        ({"tags": {"starts_with": "x"}}, "starts_with reads a text, and 'tags' is a list"),
        ({"tags": {"eq": "x"}}, "'tags' is a list, which only contains and exists read"),
        ({"note": {"contains": []}}, "an empty list never matches"),
        ({"note": {"contains": ""}}, "note.contains"),
        ({"note": {"exists": False, "contains": "x"}}, "a missing field cannot be compared"),
        (
            {"note": {"starts_with": "x", "contains": [str(one) for one in range(10, 21)]}},
            "4,096 kinds of values",
        ),
    ],
)
def test_an_unfit_pattern_is_refused(asked, problem):
    rule = {"rule_id": "r", "priority": 1, "action": "escalate", "conditions": {"metadata": asked}}
    declared = {"amount": "number", "note": "text", "tags": "list"}
    with pytest.raises(InvalidInput) as refused:
        read_policy(dumps({"policy_id": "p", "metadata": declared, "rules": [rule]}), "p.json")
    assert problem in str(refused.value)


def test_many_beginnings_of_one_field_stay_fast():
    beginnings = [f"{number:04}" for number in range(2_000)]
    compiled = compile_policy(
        a_policy_with([("escalate", {"metadata": {"note": {"starts_with": beginnings}}})], metadata={"note": "text"})
    )

    assert compiled.decide(facts(note="1999-7")).rule_id == "r1"
    assert compiled.decide(facts(note="2000-7")).rule_id == "fallback"


@given(named=SETS, beginnings=SETS, parts=SETS, texts=st.lists(st.text(alphabet="abx ", max_size=6), max_size=20))
def test_every_text_has_a_step_whose_example_is_alike(named, beginnings, parts, texts):
    axis = Texts(named, beginnings, parts)

    def alike(text):
        begins = {word for word in beginnings if text.startswith(word)}
        return text if text in named else (begins, {word for word in parts if word in text})

    assert len({str(alike(text)) for text in axis.samples}) == len(axis.samples)
    assert [axis.locate(text) for text in axis.samples] == list(range(len(axis.samples)))
    for text in texts:
        assert alike(axis.samples[axis.locate(text)]) == alike(text)
    assert axis.locate(axis.samples[axis.other]) == axis.other


def is_meant(phrase, text):
    """Return whether a phrase about a text is true of it, read word by word."""
    if not phrase.startswith("a text"):
        return text == phrase
    phrase = phrase.removeprefix("a text")
    if phrase.startswith(" other than "):
        others, _, phrase = phrase.removeprefix(" other than ").partition(" that ")
        if text in words_of(others):
            return False
        phrase = f" that {phrase}" if phrase else ""
    return not phrase or clause_holds(phrase.removeprefix(" that "), text)


def words_of(text):
    return re.split(r", | or | and ", text)


def clause_holds(clause, text):
    if clause.startswith("neither begins with "):
        begins, contains = clause.removeprefix("neither begins with ").split(" nor contains ")
        return not any(map(text.startswith, words_of(begins))) and not any(word in text for word in words_of(contains))
    verbs = ("begins with ", "does not begin with ", "contains ", "does not contain ")
    places = sorted(
        (found.start(), found[0]) for verb in verbs for found in re.finditer(rf"(?<![\w])(?<!not ){verb}", clause)
    )
    results = []
    for (start, verb), (end, _) in zip(places, [*places[1:], (len(clause), "")], strict=True):
        part = clause[start:end].removeprefix(verb)
        joint = "and" if part.endswith((" and ", ", ")) else "or" if part.endswith(" or ") else ""
        part = part.removesuffix(" and ").removesuffix(" or ").removesuffix(", ")
        every = verb == "contains " and " and " in part
        hits = [text.startswith(word) if "begin" in verb else word in text for word in words_of(part)]
        results.append((all(hits) if every else any(hits), joint) if "not" not in verb else (not any(hits), joint))
    joints = {joint for _, joint in results} - {""}
    assert len(joints) <= 1, clause
    verdicts = [verdict for verdict, _ in results]
    return any(verdicts) if joints == {"or"} else all(verdicts)


@pytest.mark.parametrize("seed", range(300))
def test_a_sentence_is_true_of_its_steps_and_of_no_other(seed):
    dice = random.Random(seed)
    words = ["A", "AB", "B", "AC", "C", "x", "xy"]
    axis = Texts(
        tuple(sorted(dice.sample(["A", "ABx", "Q", "xy"], dice.randint(0, 2)))),
        tuple(sorted(dice.sample(words[:5], dice.randint(0, 3)))),
        tuple(sorted(dice.sample(words, dice.randint(0, 3)))),
    )
    mask = dice.randrange(1, 1 << len(axis.samples))
    phrases = axis.describe(mask)
    texts = {"".join(letters) for number in range(4) for letters in product("ABCxyQ", repeat=number)}
    for text in dice.sample(sorted(texts), 80) + list(axis.samples):
        assert any(is_meant(phrase, text) for phrase in phrases) is bool(mask >> axis.locate(text) & 1), (phrases, text)


def test_sentences_about_patterns_read_well():
    texts = Texts(("DE1",), ("AT", "ATU", "DE"), ("urgent",))
    step = texts.locate
    assert texts.describe(1 << step("AT5") | 1 << step("ATU5") | 1 << step("AT urgent") | 1 << step("ATU urgent")) == [
        "a text that begins with AT"
    ]
    assert texts.describe(1 << texts.other) == ["a text that neither begins with AT or DE nor contains urgent"]
    lists = Lists(("new", "vip"))
    with_vip = sum(1 << step for step, members in enumerate(lists.samples) if "vip" in members)
    assert lists.describe(with_vip) == ["a list that contains vip"]
    assert lists.describe(1) == ["a list that does not contain new or vip"]


def test_reasons_and_changes_name_the_pattern():
    rules = [
        ("human_review", {"not": {"metadata": {"iban": {"starts_with": ["AT", "DE"]}}}}),
        ("escalate", {"metadata": {"tags": {"contains": "press"}}}),
        ("auto_approve", {"min_confidence": 0.8}),
    ]
    compiled = compile_policy(a_policy_with(rules, metadata={"iban": "text", "tags": "list"}))
    decided = compiled.decide(facts(iban="FR76", tags=[]))

    assert decided.reason == "r1 matches: iban does not begin with AT or DE"
    assert nearest_changes(compiled, facts(iban="FR76", tags=[]))[0].sentence == (
        "would be approved automatically if iban were a text that begins with AT"
    )
    assert compiled.decide(facts(iban="AT1", tags=["press"])).reason == "r2 matches: tags contains press"


def test_patterns_of_two_policies_share_one_axis():
    one, other = (
        a_policy_with([("escalate", {"metadata": {"note": asked}})], metadata={"note": "text"})
        for asked in ({"starts_with": "AT"}, {"contains": "T"})
    )
    space = FactSpace([one, other])

    assert len(space.axes[space.index["metadata.note"]].samples) == 2 + 3, "AT implies T"

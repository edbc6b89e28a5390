"""Millions of cases at once get the answers that each of them would get alone."""

import json
import random

import polars as pl
import pytest
from support.random_facts import facts_at_random
from support.random_policies import a_policy, a_policy_with

from hitl_orchestrator.backtest.vectorized import Vectors
from hitl_orchestrator.domain.decision import Facts
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import compile_policy
from hitl_orchestrator.policies.language.model import PolicyStack

SCHEMA = {"confidence_score": pl.Float64} | dict.fromkeys(("moment", "received"), pl.Datetime("us", "UTC"))


def as_text(fields):
    return json.dumps(dict(fields), separators=random.choice([(",", ":"), (", ", ": ")]))


def frame_of(many):
    rows = [
        {
            "risk_level": one.risk_level.value,
            "domain": one.domain,
            "task_type": one.task_type,
            "confidence_score": one.confidence,
            "has_proposal": one.has_proposal,
            "signals": json.dumps(sorted(one.signals)),
            "moment": one.moment,
            "received": one.received,
            **{
                name: as_text(getattr(one, name) or {})
                for name in ("metadata", "proposal", "agent", "history", "derived")
            },
        }
        for one in many
    ]
    return pl.DataFrame(rows, schema_overrides=SCHEMA)


def engine_rows(policy, many):
    decide = compile_policy(policy).decide
    return [(decision.action.value, decision.rule_id, decision.assigned_human_role) for decision in map(decide, many)]


@pytest.mark.parametrize("seed", range(40))
def test_vectors_agree_with_the_engine(seed):
    policy, dice = a_policy(seed, most=12), random.Random(seed)
    many = [facts_at_random(dice) for _ in range(300)]

    assert Vectors(policy).answers(frame_of(many)).rows() == engine_rows(policy, many)


@pytest.mark.soak
def test_vectors_agree_with_the_engine_on_a_thousand_policies():
    for seed in range(1000, 2000):
        test_vectors_agree_with_the_engine(seed)


AWKWARD = [
    {},
    {"amount": None},
    {"amount": True},
    {"amount": "100"},
    {"amount": 1e2},
    {"amount": 100.00000000000001},
    {"amount": 9007199254740993},
    {"amount": 9007199254740992},
    {"amount": -5e-324},
    {"amount": 1e300},
    {"amount": {"amount": 100}},
    {"other": {"amount": 100}},
    {"other": '"amount": 100, '},
    {"other": [1, {"amount": 100}], "amount": 99},
    {"country": 'D"E'},
    {"country": "D\\E"},
    {"country": "DE"},
    {"country": "Ö", "amount": 100},
    {'"amount"': 100},
    {"x": "a: b, c", "amount": 100, "y": "{"},
]


@pytest.mark.parametrize("bound", [100, 100.5, 9007199254740992, -1])
@pytest.mark.parametrize("metadata", AWKWARD, ids=str)
def test_vectors_agree_with_the_engine_on_awkward_metadata(metadata, bound):
    policy = a_policy_with(
        [
            (
                "human_review",
                {"metadata": {"amount": {"exists": True, "gt": bound}}},
                {"assigned_human_role": "a"}.items(),
            ),
            ("auto_approve", {"metadata": {"amount": {"eq": bound}}}),
            ("escalate", {"metadata": {"country": {"in": ["DE", "Ö"]}}}),
        ]
    )
    many = [Facts(RiskLevel.LOW, "d", "t", 0.9, metadata=metadata)]

    assert Vectors(policy).answers(frame_of(many)).rows() == engine_rows(policy, many)


NUMBERS = [
    "1e300",
    "1.1e300",
    "-1e301",
    "1e400",
    "-1e400",
    "NaN",
    "-Infinity",
    "1e16",
    "1e40",
    "-1e40",
    "-7e299",
    "7e299",
    "12",
]


@pytest.mark.parametrize("bound", [1, -1, 10**16 + 1, 10**40, -(10**40), 10**300, 6e299, -6e299, 1e300], ids=float)
def test_vectors_agree_with_the_engine_at_the_largest_numbers(bound):
    for operators in ({"eq": bound}, {"lt": bound}, {"gt": bound}):
        policy = a_policy_with([("auto_approve", {"metadata": {"amount": operators}}), ("human_review", {})])
        texts = [f'{{"amount": {number}}}' for number in NUMBERS]
        many = [Facts(RiskLevel.LOW, "d", "t", 0.9, metadata=json.loads(text)) for text in texts]
        frame = frame_of(many).with_columns(metadata=pl.Series(texts))

        assert Vectors(policy).answers(frame).rows() == engine_rows(policy, many)


def test_vectors_agree_with_the_engine_on_layers():
    dice = random.Random(1)
    base, domain, user = (a_policy(seed, most=6) for seed in (1, 2, 3))
    named = [
        one.model_copy(
            update={"rules": tuple(rule.model_copy(update={"rule_id": f"{name}_{rule.rule_id}"}) for rule in one.rules)}
        )
        for name, one in (("domain", domain), ("user", user))
    ]
    stack = PolicyStack.of(base, domains={"payments": named[0]}, users={"ann": named[1]})
    many = [facts_at_random(dice) for _ in range(300)]
    for one in many:
        one.metadata.update(requested_by=dice.choice(["ann", "bob", ["bob", "ann"], 7, None]))

    assert Vectors(stack).answers(frame_of(many)).rows() == engine_rows(stack, many)


@pytest.mark.parametrize(
    ("requested_by", "concerned"),
    [
        ("ann", "a"),
        (["bob", "ann"], "ab"),
        (["ann", "ann", "eve"], "a"),
        ("eve", ""),
        ([], ""),
        (None, ""),
        (7, "ab"),
        (True, "ab"),
        ({}, "ab"),
        ({"name": "ann"}, "ab"),
        ([{"name": "ann"}], "ab"),
        (["ann", None], "ab"),
        ([["ann"]], "ab"),
    ],
    ids=str,
)
def test_an_unreadable_requester_may_be_any_user(requested_by, concerned):
    users = {
        "ann": a_policy_with([("human_review", {"risk_level": "low"}, {"rule_id": "a"}.items())]),
        "bob": a_policy_with([("escalate", {"risk_level": "low"}, {"rule_id": "b"}.items())]),
    }
    stack = PolicyStack.of(a_policy_with([("auto_approve", {})]), users=users)
    many = [Facts(RiskLevel.LOW, "d", "t", 0.9, metadata={"requested_by": requested_by})]

    report = {"": "auto_approve", "a": "human_review", "ab": "escalate"}[concerned]
    assert Vectors(stack).answers(frame_of(many))["action"].to_list() == [report]
    assert Vectors(stack).answers(frame_of(many)).rows() == engine_rows(stack, many)


@pytest.mark.parametrize("asks", [{}, {"metadata": {"requested_by": {"eq": "eve"}}}], ids=["", "asked about"])
@pytest.mark.parametrize(
    "requested_by", ["ann", "eve", "joe", ["ann", "bob"], ["eve"], 7, {"name": "ann"}, [{}]], ids=str
)
def test_vectors_name_the_same_rule_for_equally_strict_layers(requested_by, asks):
    users = {
        name: a_policy_with([("human_review", {}, {"rule_id": f"of_{name}"}.items())]) for name in ("bob", "ann", "joe")
    }
    base = a_policy_with([("auto_approve", asks)], metadata={"requested_by": "text"})
    stack = PolicyStack.of(base, users=users)
    many = [Facts(RiskLevel.LOW, "d", "t", 0.9, metadata={"requested_by": requested_by})]

    assert Vectors(stack).answers(frame_of(many)).rows() == engine_rows(stack, many)


@pytest.mark.parametrize("confidence", [float("nan"), -0.1, 1.0000000000000002])
def test_invalid_confidences_of_past_cases_are_refused(confidence):
    frame = frame_of([Facts(RiskLevel.LOW, "d", "t", confidence)])

    with pytest.raises(InvalidInput, match="is not a number in"):
        Vectors(a_policy(1)).answers(frame)


def test_metadata_that_are_no_json_are_refused():
    policy = a_policy_with([("escalate", {"metadata": {"amount": {"gt": 1}}})])
    frame = frame_of([Facts(RiskLevel.LOW, "d", "t", 1.0)]).with_columns(metadata=pl.lit("[{"))

    with pytest.raises(InvalidInput, match="not JSON"):
        Vectors(policy).answers(frame)

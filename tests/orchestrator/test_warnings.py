"""A warning of an agent keeps its case from automatic approval in every shape in which agents write it."""

import pytest
from support.builders import FakeClock, a_task, an_output

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.policies.engine.scoring import ScoreRules, score_of

NO_SIGNALS = {"none": ["low_confidence", "ambiguous", "unusual", "risky"]}
POLICY = {
    "policy_id": "p",
    "rules": [{"rule_id": "go", "priority": 1, "conditions": {"signals": NO_SIGNALS}, "action": "auto_approve"}],
}
UNUSUAL = [
    {"unusual": value}
    for value in (
        True,
        1,
        1.0,
        2,
        -1,
        0.4,
        "true",
        "TRUE ",
        "yes",
        "1",
        "y",
        "maybe",
        "ten times the usual amount",
        "not false",
        "",
        " ",
        [True],
        [False],
        ["new supplier"],
        {"value": True},
        {"value": False},
        {"flagged": True, "why": "new supplier"},
    )
]
CLOSE = [
    {"alternatives": value}
    for value in (
        {"Complaint": 0.85},
        {"Complaint": 1},
        {"Complaint": "0.85"},
        {"Complaint": ".85"},
        {"Complaint": "85%"},
        {"Complaint": " 85.5 % "},
        {"Complaint": {"score": 0.85}},
        {"Complaint": {"confidence": "85%"}},
        [["Complaint", 0.85]],
        [["Complaint", "85%"]],
        [{"label": "Complaint", "score": 0.85}],
        [{"label": "Complaint", "confidence": "0.85"}],
        [{"class": "Complaint", "probability": 0.85}],
        [{"name": "Complaint", "prob": 0.85}],
        [{"label": "Refund", "score": 0.9}, {"label": "Complaint", "score": 0.85}],
        [["Refund", 0.9], {"label": "Complaint", "score": 0.85}],
    )
]
UNREADABLE = [
    {"alternatives": value}
    for value in (
        {"Complaint": 85},
        {"Complaint": -0.2},
        {"Complaint": None},
        {"Complaint": True},
        {"Complaint": "high"},
        {"Complaint": "1"},
        {"Complaint": "150%"},
        {"Complaint": [0.1]},
        {"Complaint": {}},
        {"Refund": "high"},
        {"labels": ["Refund", "Complaint"], "scores": [0.9, 0.85]},
        {"label": "Complaint", "score": 0.85},
        ["Complaint"],
        ["Complaint", 0.85],
        [["Complaint"]],
        [["Complaint", 0.1, 0.1]],
        [[0.1, "Complaint"]],
        [{"label": "Complaint"}],
        [{"score": 0.1}],
        [{"label": "Complaint", "score": 0.1, "confidence": 0.85}],
        [{"Complaint": 0.1}],
        [None],
        "Complaint",
        '{"Complaint": 0.1}',
        "Complaint: 10%",
        "",
        0,
        1,
        0.1,
        True,
    )
]
DISAGREEING = [
    {"samples": value}
    for value in (
        ["Complaint", "Complaint", "Refund"],
        ["Complaint"],
        ["Complaint"] * 10_001,
        [{"label": "Complaint"}, {"label": "Complaint"}],
        [{"predicted_label": "Complaint"}, {"predicted_label": "Refund"}, {"predicted_label": "Other"}],
        ["Refund", 5],
        ["Refund", None],
        ["Refund", ["Refund"]],
        [{"text": "Refund"}],
        {"Refund": 9, "Complaint": 1},
        "Refund",
        '["Complaint", "Complaint"]',
        "",
        3,
        True,
    )
]
ELSEWHERE = [
    {"Unusual": True},
    {"UNUSUAL ": "yes"},
    {"metadata": {"unusual": True}},
    {"meta": {"alternatives": [["Complaint", 0.85]]}},
    {"extra": {"samples": ["Complaint"]}},
    {"unusual": True, "Unusual": "no"},
]
WARNINGS = [*UNUSUAL, *CLOSE, *UNREADABLE, *DISAGREEING, *ELSEWHERE]

NO_WARNING = [
    {},
    {"unusual": False, "alternatives": False, "samples": False},
    {"unusual": None, "alternatives": None, "samples": None},
    {"unusual": "false", "alternatives": {}, "samples": []},
    {"unusual": 0, "alternatives": []},
    {"unusual": "No"},
    {"alternatives": {"Complaint": 0.1, "Refund": 0.9}},
    {"alternatives": {"Complaint": "10%"}},
    {"alternatives": [["Complaint", 0.1]]},
    {"alternatives": [{"label": "Complaint", "score": "0.1", "rank": 2}]},
    {"samples": ["Refund", "Refund", "Complaint"]},
    {"samples": [{"label": "Refund", "latency": 2}]},
    {"usual": True, "metadata": {"choice": 1}},
]


@pytest.fixture(scope="module")
def hitl():
    with Orchestrator.open("memory://", policy=POLICY, clock=FakeClock()) as hitl:
        yield hitl


@pytest.mark.parametrize("index", range(len(WARNINGS)), ids=lambda index: str(WARNINGS[index])[:60])
def test_no_shape_of_a_warning_is_approved(hitl, index):
    task_id = f"warning-{index}"

    case = hitl.submit(a_task(task_id), an_output(task_id, **WARNINGS[index]))

    assert case.status == "waiting"


@pytest.mark.parametrize("index", range(len(NO_WARNING)), ids=lambda index: str(NO_WARNING[index])[:60])
def test_an_honest_no_is_approved(hitl, index):
    task_id = f"no-{index}"

    case = hitl.submit(a_task(task_id), an_output(task_id, **NO_WARNING[index]))

    assert (case.status, case.record.unreadable) == ("approved", ())


@pytest.mark.parametrize("extra", UNREADABLE, ids=lambda extra: str(extra)[:60])
def test_an_unreadable_field_is_named(extra):
    score = score_of(an_output(**extra), RiskLevel.LOW, ScoreRules())

    assert (score.signals, score.unreadable) == (("ambiguous",), ("alternatives",))


@pytest.mark.parametrize(
    "extra",
    [
        {"alternatives": {"Complaint": float("nan")}},
        {"alternatives": {"Complaint": float("inf")}},
        {"alternatives": [["Complaint", float("-inf")]]},
        {"unusual": float("nan")},
        {"samples": [float("nan")]},
    ],
)
def test_a_number_that_is_not_finite_is_a_warning(extra):
    output = an_output()
    output.agent_output.model_extra.update(extra)

    assert score_of(output, RiskLevel.LOW, ScoreRules()).unreadable == tuple(extra)


@pytest.mark.parametrize(
    "extra",
    [
        {"token_logprobs": "sure"},
        {"token_logprobs": [0.2]},
        {"token_logprobs": [{"token": "a"}]},
        {"samples": "Refund"},
        {"verbalised_confidence": "very sure"},
        {"verbalised_confidence": 85},
        {"verbalised_confidence": True},
    ],
    ids=str,
)
def test_an_unreadable_confidence_is_not_replaced_by_another_one(extra):
    later = {"verbalised_confidence": "99%"} if "verbalised_confidence" not in extra else {}

    score = score_of(an_output(confidence=None, **extra, **later), RiskLevel.LOW, ScoreRules())

    assert (score.confidence, score.source, score.unreadable) == (None, "missing", tuple(extra))


def test_the_record_of_a_decided_case_names_the_unreadable_fields(opened, store):
    hitl = opened(store, policy=POLICY)
    hitl.submit(a_task(), an_output(alternatives="Complaint", unusual=[1]), submitted_by="agent-1")

    case = hitl.cases.cancel(task_id="task-1", submitted_by="agent-1", reason="tried")

    assert case.record.unreadable == ("alternatives", "unusual")
    assert hitl.audit.verify().sound


def test_a_blind_review_hides_the_unreadable_fields(opened, sqlite_store):
    look = {"rule_id": "look", "priority": 1, "conditions": {}, "action": "human_review", "blind": True}
    hitl = opened(sqlite_store, policy={"policy_id": "p", "rules": [look]})
    hitl.submit(a_task(), an_output(alternatives="Complaint"))

    hidden = hitl.reviews.view(task_id="task-1", reviewer="ana")

    assert (hidden.signals, hidden.unreadable, "unreadable" in hidden.hidden) == ((), (), True)

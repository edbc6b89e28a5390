"""A task without an output: an invalid classification is never approved."""

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Literal

import pytest
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel
from support.builders import a_task, an_output

from hitl_orchestrator import InvalidInput, Proposal
from hitl_orchestrator.errors import HitlError

ASKS = {"policy_id": "asks", "rules": []}


class Model:
    """Anything that can be invoked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def invoke(self, task):
        self.asked.append(task.task_id)
        return self.answer


@pytest.mark.parametrize(
    "classifier",
    [
        lambda task: an_output(task.task_id),
        lambda task: an_output(task.task_id).model_dump(),
        RunnableLambda(lambda task: an_output(task.task_id)),
        Model(an_output()),
    ],
    ids=["a function", "a function that answers a dict", "a Runnable", "an object with invoke"],
)
def test_a_classified_output_is_routed_like_a_submitted_one(opened, store, classifier):
    case = opened(store, classifier=classifier).submit(a_task())

    assert (case.status, case.record.rule_id, case.final_output) == ("approved", "rule_004", an_output().agent_output)


def test_the_classifier_is_not_called_if_an_output_is_submitted(opened, store):
    model = Model(an_output(confidence=0.99))

    case = opened(store, classifier=model).submit(a_task(), an_output(confidence=0.5))

    assert (case.status, model.asked) == ("waiting", [])


def test_a_classification_without_a_confidence_needs_a_reviewer(opened, store):
    case = opened(store, classifier=lambda task: an_output(confidence=None)).submit(a_task())

    assert case.open_review.shown.routing.score.confidence is None


@pytest.mark.parametrize("classifier", [None, lambda task: None])
def test_a_case_without_a_classification_needs_a_reviewer(opened, store, classifier):
    case = opened(store, classifier=classifier).submit(a_task())

    assert (case.status, case.open_review.shown.routing.output) == ("waiting", None)


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        ("Refund", "the classifier's answer to task 'task-1'"),
        ({"label": "Refund"}, "predicted_label: missing among 'label'"),
        ({"predicted_label": "Refund", "confidence_score": "85%"}, "confidence_score: .85%"),
        ({"predicted_label": "Refund", "task_id": "task-2"}, "'task-2' is another task"),
        (an_output("task-2"), "'task-2' is another task"),
        ({**an_output().model_dump(), "confidence_score": 1.5}, "confidence_score: 1.5"),
        ({**an_output().model_dump(), "confidence_score": float("nan")}, "confidence_score"),
        ({**an_output().model_dump(), "confidence_score": "0.9"}, "confidence_score"),
        ({**an_output().model_dump(), "approved": True}, "approved: unknown field"),
    ],
)
def test_an_error_is_raised_on_request_and_the_case_can_be_rerun(opened, sqlite_store, answer, match):
    with opened(sqlite_store, classifier=Model(answer), on_classifier_error="raise") as hitl:
        with pytest.raises(InvalidInput, match=match):
            hitl.submit(a_task())
        assert hitl.cases.get(task_id="task-1").status == "received"

    with opened(sqlite_store, classifier=Model(an_output())) as hitl:
        assert [case.status for case in hitl.recover()] == ["approved"]


class Intent(BaseModel):
    predicted_label: Literal["Refund", "Complaint"]
    amount: float = 5.0
    confidence_score: float | None = 0.9


@dataclass
class Plain:
    predicted_label: str
    amount: float = 5.0
    confidence_score: float | None = 0.9


class Kind(Enum):
    REFUND = "Refund"


LABEL_AND_AMOUNT = {"predicted_label": "Refund", "amount": 5.0}


@pytest.mark.parametrize(
    ("answer", "amount", "confidence"),
    [
        ({"agent_output": LABEL_AND_AMOUNT, "confidence_score": 0.9}, 5.0, 0.9),
        ({**LABEL_AND_AMOUNT, "confidence_score": 0.9}, 5.0, 0.9),
        ({**LABEL_AND_AMOUNT, "task_id": "task-1"}, 5.0, None),
        (MappingProxyType(LABEL_AND_AMOUNT), 5.0, None),
        (Proposal(**LABEL_AND_AMOUNT), 5.0, None),
        (Intent(predicted_label="Refund"), 5.0, 0.9),
        (Plain("Refund"), 5.0, 0.9),
        (Kind.REFUND, None, None),
    ],
    ids=repr,
)
def test_an_answer_need_not_repeat_the_task(opened, answer, amount, confidence):
    routing = opened("memory://", classifier=Model(answer), policy=ASKS).submit(a_task()).open_review.shown.routing

    proposal = routing.output.agent_output
    assert (proposal.predicted_label, (proposal.model_extra or {}).get("amount")) == ("Refund", amount)
    assert (routing.output.task_id, routing.score.confidence) == ("task-1", confidence)


class Down(HitlError):
    """The model is away."""


def failing(times):
    """Return a classifier that fails this number of times, and its calls."""
    calls = []

    def classify(task):
        calls.append(task.task_id)
        if len(calls) <= times:
            raise Down
        return an_output(task.task_id)

    return classify, calls


def test_a_failing_classifier_loses_no_case(opened, store):
    classify, _ = failing(2)
    hitl = opened(store, classifier=classify, on_classifier_error="raise")
    with pytest.raises(Down):
        hitl.submit(a_task())

    assert hitl.cases.get(task_id="task-1").status == "received"
    assert hitl.submit(a_task()).status == "approved"
    assert len(list(hitl.audit.records())) == 1


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ({"label": "Refund"}, "name the label 'predicted_label'"),
        ({"predicted_label": "Refund", "confidence": 0.9}, "name the confidence of the answer 'confidence_score'"),
    ],
)
def test_an_answer_with_other_names_is_refused_with_the_right_one(opened, store, answer, named):
    hitl = opened(store, classifier=lambda task: answer)
    hitl.submit(a_task())

    assert named in str(hitl.inbox()[0].classifier_error)

"""A chat model as a classifier: its answer in a form, and the evidence of its confidence."""

import asyncio
import json
from typing import Literal

import pytest
from langchain_core.language_models import FakeListChatModel
from pydantic import BaseModel
from support.builders import a_task
from support.chat_models import JsonModel, ScriptedModel, a_call, a_text

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.classifiers import LLMClassifier
from hitl_orchestrator.policies import Judge, ScoreRules, Verbalised, Weighted

LABELS = {"Refund": "the customer wants money back", "Complaint": "", "Other": ""}


def says(label, **fields):
    return {"explanation": "why", "predicted_label": label, **fields}


def asked(answers, **options):
    """Return the output of a task, and the model that was asked."""
    model = ScriptedModel(answers=answers, seen=[])
    return LLMClassifier(model, **{"labels": LABELS, **options}).invoke(a_task()), model


def extra(output):
    return output.agent_output.model_extra


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_label_of_a_task_is_asked_for(asynchronous):
    model = ScriptedModel(answers=[says("Refund")], seen=[])
    classifier = LLMClassifier(model, labels=LABELS, instructions="Sort mail.")
    task = a_task(metadata={"subject": "my {order}"})

    output = asyncio.run(classifier.ainvoke(task)) if asynchronous else classifier.invoke(task)

    assert (output.task_id, output.agent_output.predicted_label, output.confidence_score) == (
        task.task_id,
        "Refund",
        None,
    )
    assert extra(output)["model"] == "scripted-1"
    system, human = (message.content for message in model.seen[0])
    assert system.startswith("Sort mail.\nAnswer with one of these labels:\n- Refund: the customer wants money back\n")
    assert json.loads(human)["metadata"] == {"subject": "my {order}"}


def test_another_prompt_has_another_version():
    one, other = (asked([says("Refund")], instructions=text)[0] for text in ("Sort.", "Sort carefully."))

    assert extra(one)["prompt_version"] != extra(other)["prompt_version"]


class Ticket(BaseModel):
    intent: Literal["refund", "other"]
    amount: float | None = None


@pytest.mark.parametrize("schema", [Ticket, Ticket.model_json_schema()])
def test_the_fields_of_a_schema_are_those_of_the_output(schema):
    output, _ = asked([{"intent": "refund", "amount": 12.5}], labels=None, schema=schema, label="intent")

    assert (output.agent_output.predicted_label, extra(output)["amount"]) == ("refund", 12.5)


@pytest.mark.parametrize(
    "answer",
    [
        "I am sorry",
        {},
        says("Invoice"),
        says(None),
        says("Refund", approved=True),
        {"predicted_label": "Refund"},
        a_call("another_tool", says("Refund")),
    ],
)
def test_an_answer_in_another_form_is_an_error(answer):
    with pytest.raises(InvalidInput, match="the model's answer"):
        asked([answer])


def test_a_failing_model_leads_to_a_reviewer():
    model = ScriptedModel(answers=[ConnectionError("away"), says("Invoice")])
    with Orchestrator.open("memory://", classifier=LLMClassifier(model, labels=LABELS)) as hitl:
        case = hitl.submit(a_task())

    assert case.open_review.shown.routing.error.startswith(
        "the model's answer: $.predicted_label: 'Invoice' is not one of"
    )


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (85, "85%"),
        (100, "100%"),
        (0, "0%"),
        (1, "unclear: 1"),
        (0.85, "unclear: 0.85"),
        (850, "unclear: 850"),
        ("85%", "unclear: '85%'"),
        (True, "unclear: True"),
    ],
)
def test_a_stated_confidence_is_kept_if_it_is_clear(stated, expected):
    output, _ = asked([says("Refund", confidence_in_percent=stated)], stated_confidence=True)

    assert extra(output)["verbalised_confidence"] == expected
    assert output.confidence_score is None


@pytest.mark.parametrize("shape", ["openai", "list", "parallel"])
def test_the_probabilities_of_the_label_s_tokens_are_kept(shape):
    tokens = [
        ('{"explanation": "Ref', -3.0),
        ('und", ', -2.0),
        ('"predicted_label": "', -0.1),
        ("Ref", -0.2),
        ("und", 1e-9),
        ('"}', -4.0),
    ]
    model = JsonModel(answers=[a_text(tokens, shape)])

    output = LLMClassifier(model, labels=LABELS).invoke(a_task())

    assert extra(output)["token_logprobs"] == [-0.2, 0.0]
    assert extra(output)["model"] == "json-1"


@pytest.mark.parametrize(
    "tokens",
    [
        [('{"explanation": "", "predicted_label": "Refund"}', float("-inf"))],
        [('{"explanation": "", "predicted_label": "Refund"}', None)],
        [('{"explanation": "", "predicted_label": "Refund"}', 1e-3)],
        [('{"explanation": "", ', 5.0), ('"predicted_label": "Refund"}', -0.1)],
        [('{"explanation": "", "predicted_label": "Refund", "x": {"predicted_label": "Refund"}}', -1.0)],
    ],
)
def test_probabilities_of_an_uncertain_place_are_left_out(tokens):
    message = a_text(tokens)
    message.content = json.dumps(says("Refund"))

    output = LLMClassifier(JsonModel(answers=[message]), labels=LABELS).invoke(a_task())

    assert "token_logprobs" not in extra(output)


R, C, O = says("Refund"), says("Complaint"), says("Other")  # noqa: E741


@pytest.mark.parametrize(
    ("answers", "stop_early", "label", "drawn"),
    [
        ([R, C, C, R, C], False, "Complaint", 5),
        ([R, R, R, R, R], False, "Refund", 5),
        ([R, R, R], True, "Refund", 3),
        ([R, R, C, R], True, "Refund", 4),
        ([R, C, R, C, O], True, "Refund", 5),
        ([R, R, R, R], 0.8, "Refund", 4),
        ([R, C, C, C], 0.8, "Complaint", 5),
        ([C, R, R, C, R], 0.8, "Refund", 5),
        (["nonsense", R, R, R], True, "Refund", 4),
    ],
)
def test_samples_are_drawn_until_nothing_can_change(answers, stop_early, label, drawn):
    output, model = asked([*answers, C, O, O], samples=5, stop_early=stop_early)

    assert (output.agent_output.predicted_label, len(model.seen)) == (label, drawn)
    assert (len(extra(output)["samples"]), extra(output)["samples_planned"]) == (drawn, 5)


def test_samples_of_which_none_is_usable_are_an_error():
    with pytest.raises(InvalidInput, match="the model's answer"):
        asked(["nonsense"] * 3, samples=3)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("assessment", "expected"),
    [
        ({"reason": "fits", "probability_in_percent": 70}, "70%"),
        ({"reason": "fits"}, "unknown: the judge failed"),
        ("yes", "unknown: the judge failed"),
        (ConnectionError("away"), "unknown: the judge failed"),
    ],
)
def test_a_judge_that_fails_leaves_the_answer_and_no_confidence(assessment, expected, asynchronous):
    judge = ScriptedModel(answers=[assessment], seen=[])
    classifier = LLMClassifier(ScriptedModel(answers=[R]), labels=LABELS, judge=judge)

    output = asyncio.run(classifier.ainvoke(a_task())) if asynchronous else classifier.invoke(a_task())

    assert extra(output)["judge_confidence"] == expected
    assert json.loads(judge.seen[0][1].content)["answer"]["predicted_label"] == "Refund"


def test_reviewers_see_the_parts_of_the_confidence_and_the_ledger_keeps_them():
    model = ScriptedModel(answers=[says("Refund", confidence_in_percent=90)])
    judge = ScriptedModel(answers=[{"reason": "doubtful", "probability_in_percent": 30}])
    classifier = LLMClassifier(model, labels=LABELS, stated_confidence=True, judge=judge)
    rules = ScoreRules(confidence=Weighted(of=[(Verbalised(), 1), (Judge(), 2)]))
    with Orchestrator.open("memory://", classifier=classifier, score_rules=rules) as hitl:
        case = hitl.submit(a_task())
        view = hitl.reviews.view(case.case_id, reviewer="domain_reviewer")
        routed = next(event for event in hitl.cases.history(case.case_id) if event.kind == "routed")

    sentences = ["verbalised: 0.90, stated by the agent; weight 0.33", "judge: 0.30, stated by a judge; weight 0.67"]
    assert view.confidence == pytest.approx(0.5)
    assert [part.sentence for part in view.confidence_parts] == sentences
    assert all(sentence in view._repr_html_() for sentence in sentences)
    assert [part["value"] for part in routed.body["score"]["parts"]] == [0.9, 0.3]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"labels": None}, "give labels, or a schema"),
        ({"schema": Ticket}, "give labels, or a schema"),
        ({"labels": "Refund"}, "neither a list of labels"),
        ({"labels": ["Refund"]}, "two or more different labels"),
        ({"labels": ["Refund", "Refund"]}, "two or more different labels"),
        ({"labels": ["Refund", " "]}, "two or more different labels"),
        ({"labels": None, "schema": Ticket}, "no field 'predicted_label'; name its label with label=\"intent\""),
        ({"labels": None, "schema": {"type": 5}}, "schema: 5 is not valid"),
        ({"labels": None, "schema": 5}, "neither a pydantic class nor a JSON Schema"),
        ({"samples": 0}, r"samples: 0 is not in \[1, 100\]"),
        ({"samples": True}, "samples: True is not in"),
        ({"stop_early": 1.5}, "stop_early: 1.5 is neither"),
        ({"model": FakeListChatModel(responses=[])}, "'FakeListChatModel' has no structured output"),
        ({"model": "gpt"}, "'gpt' is no chat model"),
    ],
)
def test_unusable_arguments_are_refused(options, match):
    with pytest.raises(InvalidInput, match=match):
        LLMClassifier(**{"model": ScriptedModel(answers=[]), "labels": LABELS, **options})

"""The text classifier: learned from people, saved without code, and silent about what it does not know."""

import base64
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.builders import a_task, an_output

from hitl_orchestrator import InvalidInput, Orchestrator
from hitl_orchestrator.classifiers import TextClassifier
from hitl_orchestrator.classifiers.text_model_file import _digest

MAILS = {
    "refund": [
        "I want my money back",
        "please refund my order",
        "refund the double charge",
        "return and refund",
        "money back now",
    ],
    "address": [
        "change my address",
        "I moved to a new street",
        "update the delivery address",
        "new address please",
        "wrong address",
    ],
    "thanks": [
        "thank you so much",
        "great service, thanks",
        "thanks for the quick help",
        "many thanks to you",
        "thank you all",
    ],
}
EXAMPLES = [(text, label) for label, texts in MAILS.items() for text in texts]


@pytest.fixture(scope="module")
def learned():
    return TextClassifier.fit(EXAMPLES)


def test_a_text_gets_the_label_of_similar_texts(learned):
    output = learned.invoke(a_task(task_description="where is my refund, I want the money"))

    proposal = output.agent_output
    assert (proposal.predicted_label, output.task_id) == ("refund", "task-1")
    assert 1 / 3 < output.confidence_score < 1
    assert proposal.explanation.startswith("Because of: ")
    shares = proposal.model_extra["alternatives"]
    assert set(shares) == {"address", "thanks"}
    assert sum(shares.values()) + output.confidence_score == pytest.approx(1)


def test_a_text_without_a_known_word_has_no_confidence_and_goes_to_a_person(learned):
    with Orchestrator.open("memory://", classifier=learned) as hitl:
        routing = hitl.submit(a_task(task_description="xyzzy plugh")).open_review.shown.routing

    assert (routing.score.confidence, "unusual" in routing.score.signals) == (None, True)


def test_two_labels_have_probabilities_that_add_up():
    both = TextClassifier.fit([pair for pair in EXAMPLES if pair[1] != "thanks"])

    [prediction] = both.predict(["refund my money"])

    assert prediction.proposal.predicted_label == "refund"
    assert prediction.confidence + prediction.proposal.model_extra["alternatives"]["address"] == pytest.approx(1)


def test_a_label_with_few_examples_is_proposed_without_a_confidence(tmp_path):
    TextClassifier.fit([*EXAMPLES, ("cancel everything", "cancel")]).save(tmp_path / "mails.json")

    seldom, often = TextClassifier.load(tmp_path / "mails.json").predict(["cancel everything", "refund my money"])

    assert (seldom.proposal.predicted_label, seldom.confidence) == ("cancel", None)
    assert (often.proposal.predicted_label, often.confidence is None) == ("refund", False)


@settings(max_examples=30)
@given(text=st.text(max_size=200))
def test_every_text_gets_a_known_label_and_a_share_or_none(learned, text):
    [prediction] = learned.predict([text])

    assert prediction.proposal.predicted_label in learned.labels
    assert prediction.confidence is None or 0 < prediction.confidence <= 1


def test_a_saved_classifier_answers_as_before(learned, tmp_path):
    path = tmp_path / "mails.json"
    learned.save(path)
    learned.save(path)
    texts = [text for text, _ in EXAMPLES] + ["nothing of the kind", ""]

    assert TextClassifier.load(path).predict(texts) == learned.predict(texts)
    assert [each.name for each in tmp_path.iterdir()] == ["mails.json"]


def test_metadata_is_read_where_asked(tmp_path):
    tasks = [(a_task(f"t{number}", metadata={"body": text}), label) for number, (text, label) in enumerate(EXAMPLES)]
    learned = TextClassifier.fit(tasks, fields=["metadata.body", "task_type"])
    learned.save(tmp_path / "mails.json")

    output = TextClassifier.load(tmp_path / "mails.json").invoke(a_task(metadata={"body": "refund my money"}))

    assert output.agent_output.predicted_label == "refund"


def test_it_learns_from_what_people_decided_and_from_nothing_else():
    with Orchestrator.open("memory://") as hitl:

        def decided(task_id, text, decision, **fields):
            hitl.submit(a_task(task_id, task_description=text), an_output(task_id, 0.1, "wrong"))
            return hitl.decide(task_id=task_id, decision=decision, reviewer="domain_reviewer", **fields)

        cases = [
            decided(f"t{number}", text, "modify", output={"predicted_label": label})
            for number, (text, label) in enumerate(EXAMPLES)
        ]
        cases += [
            decided("rejected", "rejected", "reject"),
            hitl.submit(a_task("automatic"), an_output("automatic", 0.99, "of the agent")),
            hitl.submit(a_task("open")),
        ]

    assert set(TextClassifier.fit(cases).labels) == set(MAILS)


@pytest.mark.parametrize(
    ("examples", "options", "match"),
    [
        ([], {}, "0 examples of 0 labels; two labels are needed"),
        ([("a b", "x")], {}, "1 examples of 1 labels"),
        ([("", "x"), ("", "y")], {}, "no words to learn from"),
        ([("text", 5)], {}, "example 0 is no task or text with a label"),
        ([5], {}, "example 0 is neither a case nor a pair"),
        (EXAMPLES, {"fields": ["risk_level"]}, "'risk_level'.* is not one of task_description"),
        (EXAMPLES, {"fields": []}, "no field is not one of"),
        (EXAMPLES, {"least": 0}, "least: 0 is no number of examples"),
    ],
)
def test_unusable_examples_are_refused(examples, options, match):
    with pytest.raises(InvalidInput, match=match):
        TextClassifier.fit(examples, **options)


class Bomb:
    def __reduce__(self):
        return print, ("it ran",)


def altered(content, **changes):
    return json.dumps({**json.loads(content), **changes}).encode()


NAN = base64.b64encode(b"\xff" * 8).decode()


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda content: pickle.dumps(Bomb()), "no file of a TextClassifier"),
        (lambda content: b"", "no file of a TextClassifier"),
        (lambda content: content[:-10], "no file of a TextClassifier"),
        (lambda content: b"[" * 100_000, "no file of a TextClassifier"),
        (lambda content: b"[]", "mails.json"),
        (lambda content: altered(content, format="hitl text classifier 2"), "format"),
        (lambda content: altered(content, labels=["thanks", "address", "refund"]), "its digest differs"),
        (lambda content: altered(content, module="os"), "module: unknown field"),
        (lambda content: altered(content, weights=5), "weights"),
    ],
)
def test_a_foreign_or_damaged_file_is_refused_and_runs_nothing(learned, tmp_path, damage, match, capsys):
    path = tmp_path / "mails.json"
    learned.save(path)
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(InvalidInput, match=match):
        TextClassifier.load(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"idf": "!"}, "idf: not base64"),
        ({"idf": NAN}, "idf: 8 bytes instead of"),
        ({"intercepts": base64.b64encode(b"\xff" * 24).decode()}, "intercepts: numbers must be finite"),
        ({"labels": ["a", "a", "b"]}, "labels: one of them is there twice"),
        ({"examples": [5, 5]}, "examples: 2 numbers for 3 labels"),
        ({"fields": ["__class__"]}, "'__class__'.* is not one of"),
    ],
)
def test_a_forged_file_with_its_own_digest_is_checked_too(learned, tmp_path, changes, match):
    path = tmp_path / "mails.json"
    learned.save(path)
    content = {**json.loads(path.read_text()), **changes}
    del content["sha256"]
    path.write_text(json.dumps({**content, "sha256": _digest(content)}))

    with pytest.raises(InvalidInput, match=match):
        TextClassifier.load(path)


def test_a_store_is_not_overwritten(learned, tmp_path):
    with Orchestrator.open(f"sqlite:///{tmp_path / 'hitl.db'}"):
        pass

    with pytest.raises(InvalidInput, match="it is a store"):
        learned.save(tmp_path / "hitl.db")

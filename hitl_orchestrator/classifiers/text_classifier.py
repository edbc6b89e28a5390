"""A classifier of texts that needs no key and no network: TF-IDF and logistic regression, learned from past cases."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hitl_orchestrator.classifiers import text_model_file
from hitl_orchestrator.classifiers.text_model_file import METADATA, TextModel, learn_module
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import DecisionSource
from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
from hitl_orchestrator.errors import InvalidInput

DESCRIPTION, LEAST = "task_description", 5
_MOST_TERMS, _SHOWN_TERMS, _SHOWN_ALTERNATIVES = 50_000, 3, 2
_TEXTS: Mapping[str, Any] = {"ngram_range": (1, 2), "sublinear_tf": True, "strip_accents": "unicode"}

Example = Case | tuple[Task | str, str]
"""A case that a person decided, or a task or its text with the right label."""


class TextClassifier:
    """Labels the text of a task, and reports the probability of the label as `confidence_score`.

    The probability is that of logistic regression: measure whether it is calibrated before a policy relies on it. A
    text without a word that was seen in training has no confidence, and is marked as `unusual`; a label with too few
    examples has no confidence either.
    """

    def __init__(self, model: TextModel) -> None:
        """Use a learned model; `fit` and `load` return one.

        Raises:
            InvalidInput: the extra `learn` is not installed.
        """
        self._model, self._numpy = model, learn_module("numpy")
        text = learn_module("sklearn.feature_extraction.text")
        self._terms = text.TfidfVectorizer(vocabulary=list(model.terms), **_TEXTS)
        self._terms.idf_ = model.idf

    @classmethod
    def fit(
        cls, examples: Iterable[Example], *, fields: Sequence[str] = (DESCRIPTION,), least: int = LEAST
    ) -> "TextClassifier":
        """Learn from pairs of a task, or its text, and the label; or from finished cases, by the labels of reviewers.

        Cases without a reviewer's output are left out: what the agent alone decided would teach it its own errors.
        `fields` are those of the task that make its text: `task_description`, `task_type`, `domain`, or one of its
        metadata, such as `metadata.subject`. A label with fewer than `least` examples is proposed without a confidence.
        The same examples give the same classifier.

        Raises:
            InvalidInput: an example is unusable, there are fewer than two labels, or the extra `learn` is missing.
        """
        chosen = _fields(fields)
        if isinstance(least, bool) or not isinstance(least, int) or least < 1:
            raise InvalidInput([f"TextClassifier: least: {least!r} is no number of examples"])
        pairs = list(_pairs(examples, chosen))
        labels = Counter(label for _, label in pairs)
        if len(labels) < 2:  # noqa: PLR2004
            raise InvalidInput(
                [f"TextClassifier: {len(pairs)} examples of {len(labels)} labels; two labels are needed"]
            )
        text, linear = learn_module("sklearn.feature_extraction.text"), learn_module("sklearn.linear_model")
        terms = text.TfidfVectorizer(max_features=_MOST_TERMS, **_TEXTS)
        try:
            vectors = terms.fit_transform([each for each, _ in pairs])
        except ValueError as exc:
            raise InvalidInput([f"TextClassifier: the examples have no words to learn from: {exc}"]) from exc
        learned = linear.LogisticRegression(C=10.0, max_iter=1000).fit(vectors, [label for _, label in pairs])
        weights, intercepts = _of_each_label(learned)
        known = tuple(map(str, learned.classes_))
        counts = tuple(labels[label] for label in known)
        vocabulary = tuple(map(str, terms.get_feature_names_out()))
        return cls(TextModel(chosen, known, vocabulary, counts, least, terms.idf_, weights, intercepts))

    @classmethod
    def load(cls, path: str | Path) -> "TextClassifier":
        """Read a classifier from a file of `save`: numbers and words, and nothing that could run.

        Raises:
            InvalidInput: it is no such file, was altered or damaged, or the extra `learn` is not installed.
        """
        return cls(text_model_file.read(Path(path)))

    def save(self, path: str | Path) -> None:
        """Write the classifier to a file, which it replaces.

        The file holds words of the examples: keep it as you keep them. Raises `InvalidInput` if it cannot be written.
        """
        text_model_file.write(self._model, Path(path))

    def invoke(self, task: Task | str, config: Any = None) -> AgentOutput:
        """Return the label of a task, or of a text, with its probability and those of the next labels."""
        prediction = self.predict([task])[0]
        task_id = task.task_id if isinstance(task, Task) else "text"
        return AgentOutput(task_id=task_id, agent_output=prediction.proposal, confidence_score=prediction.confidence)

    def predict(self, tasks: Sequence[Task | str]) -> "list[Prediction]":
        """Return the label of each task or text, with its confidence: much faster than one by one."""
        if not tasks:
            return []
        vectors = self._terms.transform([_text_of(task, self._model.fields) for task in tasks])
        scores = vectors @ self._model.weights.T + self._model.intercepts
        shares = self._numpy.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return [self._prediction(vectors[row], shares[row]) for row in range(len(tasks))]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it knows."""
        return self._model.labels

    def _prediction(self, vector: Any, shares: Any) -> "Prediction":
        order = sorted(range(len(shares)), key=lambda label: (-shares[label], label))
        best, fields = order[0], dict[str, Any]()
        if vector.nnz == 0:
            fields["unusual"] = "none of its words were seen in training"
        else:
            next_best = order[1 : 1 + _SHOWN_ALTERNATIVES]
            fields["alternatives"] = {self.labels[label]: min(float(shares[label]), 1.0) for label in next_best}
        proposal = Proposal.model_validate(
            {"predicted_label": self.labels[best], "explanation": self._explanation(vector, best), **fields}
        )
        is_known = vector.nnz > 0 and self._model.examples[best] >= self._model.least
        return Prediction(proposal, min(float(shares[best]), 1.0) if is_known else None)

    def _explanation(self, vector: Any, label: int) -> str:
        """Return the terms that spoke most for a label."""
        found = zip(vector.indices, vector.data, strict=True)
        speaking = {self._model.terms[term]: value * self._model.weights[label, term] for term, value in found}
        most = sorted((term for term in speaking if speaking[term] > 0), key=lambda term: (-speaking[term], term))
        return f"Because of: {', '.join(most[:_SHOWN_TERMS])}" if most else ""

    def __repr__(self) -> str:
        """Return the numbers of labels and examples."""
        return f"<TextClassifier of {len(self.labels)} labels, learned from {sum(self._model.examples)} examples>"


class Prediction(NamedTuple):
    """The proposal for a text, and the probability of its label, None if it is unknown."""

    proposal: Proposal
    confidence: float | None


def _of_each_label(learned: Any) -> tuple[Any, Any]:
    """Return the weights and intercepts of each label. Two labels share one row, whose sign tells them apart."""
    numpy = learn_module("numpy")
    weights, intercepts = learned.coef_, learned.intercept_
    if len(learned.classes_) == 2:  # noqa: PLR2004
        return numpy.vstack([-weights, weights]) / 2, numpy.hstack([-intercepts, intercepts]) / 2
    return weights, intercepts


def _fields(fields: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(fields) if not isinstance(fields, str) else (fields,)
    text_model_file.check_fields(chosen)
    return chosen


def _pairs(examples: Iterable[Example], fields: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for number, example in enumerate(examples):
        if isinstance(example, Case):
            label = _label_by_person(example)
            if label is not None:
                yield _text_of(example.submission.task, fields), label
            continue
        if not isinstance(example, tuple | list) or len(example) != 2:  # noqa: PLR2004
            raise InvalidInput([f"TextClassifier: example {number} is neither a case nor a pair of a task and a label"])
        task, label = example
        if not isinstance(task, Task | str) or not isinstance(label, str) or not label.strip():
            raise InvalidInput([f"TextClassifier: example {number} is no task or text with a label"])
        yield _text_of(task, fields), label


def _label_by_person(case: Case) -> str | None:
    """Return the label that a person approved or gave, None if there is none that may be learned."""
    record = case.record
    if record is None or case.redacted or case.submission.quality_check is not None:
        return None
    if record.decision_source is not DecisionSource.HUMAN or record.final_output is None:
        return None
    return record.final_output.predicted_label


def _text_of(task: Task | str, fields: tuple[str, ...]) -> str:
    if isinstance(task, str):
        return task
    found = [
        task.metadata.get(name.removeprefix(METADATA)) if name.startswith(METADATA) else getattr(task, name)
        for name in fields
    ]
    return "\n".join(str(value) for value in found if isinstance(value, str | int | float))

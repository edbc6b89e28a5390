"""How well `unusual` finds texts that an agent was not made for, compared with a low maximum probability.

Two public data sets, read from the folder that the variable HITL_BENCH_DATA names:

- `clinc150/half.json`: queries of 75 intents, and queries out of scope (CLINC oos-eval, CC BY 3.0).
- `banking77/train.csv`: questions of 77 intents, of which 20 are held out as new (PolyAI task-specific-datasets,
  CC BY 4.0). The new intents are of the same subject as the known ones, which is the harder question.

The figure is the area under the ROC curve: 0.5 is a guess, 1 finds all without a false alarm.
"""

import csv
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

from benchmarks.report import Row
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.subjects.data import data_folder
from hitl_orchestrator.domain.task import Proposal, Task
from hitl_orchestrator.policies.engine.signals.reviewed import Example, fit_reviewed
from hitl_orchestrator.policies.engine.signals.rules import UnusualRules

_TYPE, _HELD_OUT, _QUERIES = "query", 20, 1_000


class Questions(NamedTuple):
    """Reviewed texts with their labels, usual texts that are new, and texts that are out of scope."""

    name: str
    reviewed: list[tuple[str, str]]
    usual: list[str]
    unusual: list[str]


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Yield the areas under the curve, the rates and the time for each data set; nothing without the data."""
    folder = data_folder()
    for questions in () if folder is None else (_clinc(folder), _banking(folder)):
        yield from _figures(questions)


def _clinc(folder: Path) -> Questions:
    sets = json.loads((folder / "clinc150" / "half.json").read_text("utf-8"))
    usual, outside = ([text for text, _ in sets[name]] for name in ("val", "out_of_scope"))
    return Questions("clinc", [(text, label) for text, label in sets["train"]], usual, outside)


def _banking(folder: Path) -> Questions:
    with (folder / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    dice = random.Random(0)
    dice.shuffle(rows)
    new = set(dice.sample(sorted({label for _, label in rows}), _HELD_OUT))
    known = [row for row in rows if row[1] not in new]
    outside = [text for text, label in rows if label in new][:_QUERIES]
    queries = min(_QUERIES, len(known) // 2)
    return Questions("banking", known[queries:], [text for text, _ in known[:queries]], outside)


def _figures(questions: Questions) -> Iterator[Row]:
    texts = [*questions.usual, *questions.unusual]
    truth = [0] * len(questions.usual) + [1] * len(questions.unusual)
    examples = [Example(_task(text), Proposal(predicted_label=label)) for text, label in questions.reviewed]
    began = time.perf_counter()
    reviewed = fit_reviewed(examples, UnusualRules(latest=len(examples)))
    fitted = time.perf_counter() - began
    nearest = reviewed.types[_TYPE].texts
    assert nearest is not None
    began = time.perf_counter()
    distances = [nearest.distance(text) for text in texts]
    each = (time.perf_counter() - began) / len(texts)
    raised = [distance > nearest.bound for distance in distances]
    doubts, accuracy = _doubts(questions, texts)
    name = questions.name
    for scorer, score in (
        ("unusual", distances),
        ("maximum probability", doubts),
        ("the sum of both ranks", [sum(pair) for pair in zip(_ranks(distances), _ranks(doubts), strict=True)]),
    ):
        yield Row(f"{name}: area under the curve by {scorer}", roc_auc_score(truth, score), "")
    found, alarms = raised[len(questions.usual) :], raised[: len(questions.usual)]
    yield Row(f"{name}: found at the bound of unusual", 100 * sum(found) / len(found), "%")
    yield Row(f"{name}: false alarms at it", 100 * sum(alarms) / len(alarms), "%", note=f"accuracy {accuracy:.3f}")
    yield Row(f"{name}: one text", 1000 * each, "ms", note=f"learned in {fitted:.1f} s")


def _task(text: str) -> Task:
    return Task(task_id="t", task_type=_TYPE, task_description=text, domain="support")


def _doubts(questions: Questions, texts: Sequence[str]) -> tuple[list[float], float]:
    """Return 1 minus the maximum probability of a usual classifier for each text, and its accuracy on a tenth."""
    held, kept = questions.reviewed[::10], [row for place, row in enumerate(questions.reviewed) if place % 10]
    model: Any = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10, max_iter=300))
    model.fit([text for text, _ in kept], [label for _, label in kept])
    right = sum(model.predict([text for text, _ in held]) == [label for _, label in held])
    return [1 - float(each.max()) for each in model.predict_proba(texts)], float(right) / len(held)


def _ranks(values: Sequence[float]) -> list[int]:
    places = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0] * len(values)
    for rank, place in enumerate(places):
        ranks[place] = rank
    return ranks

"""How well `unusual` finds texts that an agent was not made for, compared with a low maximum probability.

Two public data sets, read from the folder that `--data` or the variable HITL_BENCH_DATA names:

- `clinc150/half.json`: queries of 75 intents, and queries out of scope (CLINC oos-eval, CC BY 3.0).
- `banking77/train.csv`: questions of 77 intents, of which 20 are held out as new (PolyAI task-specific-datasets,
  CC BY 4.0). The new intents are of the same subject as the known ones, which is the harder question.

The figure is the area under the ROC curve: 0.5 is a guess, 1 finds all without a false alarm.
"""

import argparse
import csv
import json
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hitl_orchestrator.domain.task import Proposal, Task
from hitl_orchestrator.policies.engine.signals.reviewed import Example, fit_reviewed
from hitl_orchestrator.policies.engine.signals.rules import UnusualRules

VARIABLE = "HITL_BENCH_DATA"
_TYPE, _HELD_OUT, _QUERIES = "query", 20, 1_000


class Questions(NamedTuple):
    """Reviewed texts with their labels, usual texts that are new, and texts that are out of scope."""

    name: str
    reviewed: list[tuple[str, str]]
    usual: list[str]
    unusual: list[str]


def data_folder(given: str | None = None) -> Path | None:
    """Return the folder of the public data sets, None if none is named or it does not exist."""
    named = given or os.environ.get(VARIABLE)
    return Path(named) if named and Path(named).is_dir() else None


def measure(given: str | None = None) -> dict[str, float]:
    """Return the figures of each data set in the folder; none without a folder."""
    folder = data_folder(given)
    figures: dict[str, float] = {}
    for questions in () if folder is None else (_clinc(folder), _banking(folder)):
        figures |= {f"unusual_{questions.name}_{key}": value for key, value in _figures(questions).items()}
    return figures


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
    return Questions("banking", known[_QUERIES:], [text for text, _ in known[:_QUERIES]], outside)


def _figures(questions: Questions) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415

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
    return {
        "auc": roc_auc_score(truth, distances),
        "max_probability_auc": roc_auc_score(truth, doubts),
        "both_auc": roc_auc_score(truth, [sum(pair) for pair in zip(_ranks(distances), _ranks(doubts), strict=True)]),
        "found": sum(raised[len(questions.usual) :]) / len(questions.unusual),
        "false_alarms": sum(raised[: len(questions.usual)]) / len(questions.usual),
        "accuracy": accuracy,
        "fit_s": fitted,
        "each_ms": 1000 * each,
    }


def _task(text: str) -> Task:
    return Task(task_id="t", task_type=_TYPE, task_description=text, domain="support")


def _doubts(questions: Questions, texts: Sequence[str]) -> tuple[list[float], float]:
    """Return 1 minus the maximum probability of a usual classifier for each text, and its accuracy on a tenth."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

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


def lines(figures: dict[str, float]) -> list[str]:
    """Return the figures as sentences."""
    if not figures:
        return [f"Nothing was measured on public data: set {VARIABLE} to their folder."]
    found = []
    for name, about in (("clinc", "queries out of scope"), ("banking", "intents that were held out")):
        get = {key: figures[f"unusual_{name}_{key}"] for key in ("auc", "max_probability_auc", "both_auc", "found")}
        alarms, each = figures[f"unusual_{name}_false_alarms"], figures[f"unusual_{name}_each_ms"]
        found.append(
            f"{name}, {about}: area under the curve {get['auc']:.3f} by unusual, {get['max_probability_auc']:.3f} by "
            f"maximum probability, {get['both_auc']:.3f} by the sum of both ranks; at its bound unusual finds "
            f"{100 * get['found']:.0f} % with {100 * alarms:.0f} % false alarms, in {each:.1f} ms each"
        )
    return found


def main() -> None:
    """Measure, and print for people or for programs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unusual", description=__doc__)
    parser.add_argument("--data", help=f"the folder of the data sets; by default that of {VARIABLE}")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    figures = measure(given.data)
    print(json.dumps(figures, indent=2) if given.json else "\n".join(lines(figures)))


if __name__ == "__main__":
    main()

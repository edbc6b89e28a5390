"""How well each confidence scorer tells right outputs from wrong ones, on public answers of real models.

Read from the folder that the variable HITL_BENCH_DATA names; nothing is measured without it.

- `llm_stated_confidence.csv.gz`: answers of five language models to questions of five kinds, with the confidence that
  each states and, for one of them, the probability of the answer's token (LifeEval, NoamMichael, 2025, MIT). Of one
  kind, HaluEval, every model has half of the answers right; the others are measured without it too.
- `llm_token_confidence.csv.gz`: answers of three language models to ARC, HellaSwag and MMLU, with the probability of
  the answer's token (Plaut et al., 2024, MIT).
- `banking77`: questions to a bank (PolyAI task-specific-datasets, CC BY 4.0), answered by the `TextClassifier` and by a
  committee of nine of them, each learned from another draw of the same 2,500 examples: its labels are the samples.
- `clinc150/half.json`: questions of 75 intents (CLINC oos-eval, CC BY 3.0), answered in the same way.

Every confidence is that of the product: the outputs are scored by `score_of` with the rules that are named.
"""

import csv
import gzip
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import log
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.report import Row
from benchmarks.size import Size
from benchmarks.stores import Stores
from benchmarks.subjects.data import data_folder
from benchmarks.subjects.selective import COVERAGES, Selective, selective
from hitl_orchestrator.classifiers import TextClassifier
from hitl_orchestrator.classifiers.sampling import Sampling, majority
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.task import AgentOutput
from hitl_orchestrator.policies import (
    Lowest,
    Reported,
    ScoreRules,
    SelfConsistency,
    TokenLogprobs,
    Verbalised,
    Weighted,
    score_of,
)

_EXAMPLES, _MEMBERS = 2_500, 9
_STATED, _TOKENS, _SAMPLES = Verbalised(), TokenLogprobs(), SelfConsistency()
_VOTED = ("self-consistency", "reported + samples, weighted", "reported + samples, lowest")
SCORERS: Mapping[str, Any] = {
    "reported": Reported(),
    "token log-probability": _TOKENS,
    "stated": _STATED,
    "self-consistency": _SAMPLES,
    "stated + token, weighted": Weighted(of=((_STATED, 1), (_TOKENS, 1))),
    "stated + token, lowest": Lowest(of=(_STATED, _TOKENS)),
    "reported + samples, weighted": Weighted(of=((Reported(), 1), (_SAMPLES, 1))),
    "reported + samples, lowest": Lowest(of=(Reported(), _SAMPLES)),
}


class Answers(NamedTuple):
    """The outputs of one agent, whether each was right, and the scorers that its evidence allows."""

    data: str
    agent: str
    outputs: list[AgentOutput]
    correct: list[bool]
    scorers: tuple[str, ...]
    note: str = ""


def rows(size: Size, stores: Stores) -> Iterator[Row]:
    """Yield the area under the risk-coverage curve of each agent and scorer; nothing without the data."""
    folder = data_folder()
    if folder is None:
        return
    for answers in (*_stated(folder), *_tokens(folder), *_committee(folder, size)):
        for name in answers.scorers:
            rules = ScoreRules(confidence=SCORERS[name])
            scored = [score_of(output, RiskLevel.LOW, rules).confidence for output in answers.outputs]
            found = selective(scored, answers.correct)
            what = f"{answers.data}, {answers.agent}, {name}{answers.note}: AURC"
            yield Row(what, found.aurc, "", note=_accuracies(found))


def _accuracies(found: Selective) -> str:
    shares = zip(COVERAGES, found.accuracies, strict=True)
    accuracies = ", ".join(f"{100 * share:.0f} %: {right:.3f}" for share, right in shares)
    bounds = f"best {found.best:.4f}, chance {found.chance:.4f}"
    return f"AURC {found.aurc:.4f}, {bounds}, known {100 * found.known:.0f} %, right at {accuracies}"


def _output(label: str, confidence: float | None = None, **fields: Any) -> AgentOutput:
    proposal = {"predicted_label": label, **fields}
    return AgentOutput.model_validate({"task_id": "t", "agent_output": proposal, "confidence_score": confidence})


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _stated(folder: Path) -> Iterator[Answers]:
    rows = _rows(folder / "llm_stated_confidence.csv.gz")
    kinds = (("LifeEval", rows), ("without HaluEval", [row for row in rows if row["task_type"] != "halu_eval_qa"]))
    for data, agent in product(dict(kinds), sorted({row["agent"] for row in rows})):
        own = [row for row in dict(kinds)[data] if row["agent"] == agent]
        outputs = [_output("x", **_evidence(row["stated_confidence"], row["max_token_confidence"])) for row in own]
        names: tuple[str, ...] = ("stated",)
        if any(row["max_token_confidence"] for row in own):
            names = ("stated", "token log-probability", "stated + token, weighted", "stated + token, lowest")
        yield Answers(data, agent, outputs, [row["correct"] == "True" for row in own], names)


def _tokens(folder: Path) -> Iterator[Answers]:
    rows = _rows(folder / "llm_token_confidence.csv.gz")
    for agent in sorted({row["agent"] for row in rows}):
        own = [row for row in rows if row["agent"] == agent]
        outputs = [_output("x", **_evidence("", row["confidence"])) for row in own]
        correct = [row["correct"] == "True" for row in own]
        yield Answers("Plaut et al.", agent, outputs, correct, ("token log-probability",))


def _evidence(stated: str, token: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if stated:
        fields["verbalised_confidence"] = f"{100 * float(stated):.6g}%"
    if token and float(token) > 0:
        # The source rounds: a probability slightly above 1 is 1.
        fields["token_logprobs"] = [min(0.0, log(float(token)))]
    return fields


def _committee(folder: Path, size: Size) -> Iterator[Answers]:
    """Yield the answers of a text classifier, and of a committee that samples all of its members, or stops early."""
    for data, learning, asked in (_banking(folder), _clinc(folder)):
        dice = random.Random(0)
        examples = dice.sample(learning, min(size.of(20, _EXAMPLES, _EXAMPLES), len(learning)))
        members = [TextClassifier.fit(dice.choices(examples, k=len(examples))) for _ in range(_MEMBERS)]
        texts, right = [text for text, _ in asked], [label for _, label in asked]
        alone = TextClassifier.fit(examples).predict(texts)
        of_members = [[each.proposal.predicted_label for each in member.predict(texts)] for member in members]
        votes = list(zip(*of_members, strict=True))
        outputs = [_output(each.proposal.predicted_label, each.confidence) for each in alone]
        correct = [output.agent_output.predicted_label == label for output, label in zip(outputs, right, strict=True)]
        yield Answers(data, "TextClassifier", outputs, correct, ("reported",))
        for stop_early, note in ((False, ""), (0.8, ", stopped at 0.8"), (True, ", stopped at the majority")):
            outputs, calls = _voted(Sampling(_MEMBERS, stop_early), votes, [each.confidence for each in alone])
            correct = [one.agent_output.predicted_label == label for one, label in zip(outputs, right, strict=True)]
            saved = f"{note}, {calls / len(outputs):.1f} calls" if note else ""
            yield Answers(data, f"committee of {_MEMBERS}", outputs, correct, _VOTED[: 1 if note else None], saved)


def _voted(
    sampling: Sampling, votes: Sequence[Sequence[str]], confidences: Sequence[float | None]
) -> tuple[list[AgentOutput], int]:
    """Return the outputs of a committee, and the number of its members that were asked."""
    outputs, calls = [], 0
    for labels, confidence in zip(votes, confidences, strict=True):
        count = next(n for n in range(1, len(labels) + 1) if sampling.is_settled(labels[:n]))
        evidence = {"samples": list(labels[:count]), "samples_planned": sampling.planned}
        outputs.append(_output(majority(labels[:count]), confidence, **evidence))
        calls += count
    return outputs, calls


def _banking(folder: Path) -> tuple[str, list[tuple[str, str]], list[tuple[str, str]]]:
    sets = []
    for name in ("train", "test"):
        with (folder / "banking77" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            sets.append([(row["text"], row["category"]) for row in csv.DictReader(file)])
    return "Banking77", sets[0], sets[1]


def _clinc(folder: Path) -> tuple[str, list[tuple[str, str]], list[tuple[str, str]]]:
    sets = json.loads((folder / "clinc150" / "half.json").read_text("utf-8"))
    train, asked = ([(text, label) for text, label in sets[name]] for name in ("train", "val"))
    return "CLINC150", train, asked

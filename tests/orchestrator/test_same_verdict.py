"""Both databases say the same of every input, and leave the same behind."""

import json
from typing import Any

import pytest
from support.builders import a_review, a_task, an_output
from support.internals import services_of

from hitl_orchestrator import HitlError, Orchestrator

DEEP: Any = "x"
for _ in range(40):
    DEEP = [DEEP]

# What a task, its output or an answer may bring that databases like to disagree about.
ODD = {
    "nul": "a\0b",
    "half a pair": "\ud800",
    "other half": "\udc00b",
    "empty": "",
    "blank": " \t\n",
    "quotes": "'; DROP TABLE events; --",
    "percent": "%s %(x)s %% %",
    "named parameter": ":wanted_case ? $1 @x",
    "backslashes": "\\x00 \\' \\\\ \\u0000",
    "beyond the first plane": "🜁" * 50,
    "right to left": "\u202eabc\u2066",
    "zero width": "a\u200bb\ufeff",
    "decomposed": "e\u0301",
    "composed": "é",
    "control": "\x01\x1b[31m\x7f",
    "long": "x" * 5_000,
    "two hundred": "x" * 200,
    "two hundred and one": "é" * 201,
    "large integer": 2**53,
    "larger integer": 2**64,
    "negative zero": -0.0,
    "tiny": 5e-324,
    "not a number": float("nan"),
    "infinite": float("inf"),
    "true": True,
    "null": None,
    "deep": DEEP,
    "keys": {"": 1, "a\0": 2},
    "odd keys": {"é": 1, "e\u0301": 2, "%s": 3},
}
PLACES = ("metadata", "explanation", "label", "extra", "domain", "task_id", "feedback", "edit")


def given(place: str, value: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The fields of a task, an output and a review in which an odd value stands in this place."""
    task: dict[str, Any] = {"metadata": {"odd": value}} if place == "metadata" else {}
    task |= {place: value} if place in ("domain", "task_id") else {}
    output = {"label": value} if place == "label" else {place: value} if place in ("explanation", "extra") else {}
    review: dict[str, Any] = {"human_feedback": value} if place == "feedback" else {}
    if place == "edit":
        review = {"human_decision": "modify", "modified_output": {"predicted_label": "l", "odd": value}}
    return task, output, review


def verdict(hitl: Orchestrator, place: str, value: Any) -> list[str]:
    """What becomes of a case with this value in this place: what is kept of it, or how it is refused."""
    fields, proposal, review = given(place, value)
    reported = []
    try:
        task = a_task(**{"task_id": "task-1", **fields})
        output = an_output(task.task_id, confidence=0.5, **proposal)
        reported.append(hitl.submit(task, output).status)
        answer = a_review(**{"decision": review.pop("human_decision", "approve"), "reviewer": "zoe", **review})
        reported.append(hitl.decide(task_id=task.task_id, decision=answer).record.model_dump_json())
        # Each store seals decisions with a key of its own.
        reported += [
            json.dumps({**event.body, "seal": None, "queued_at": None})
            for event in hitl.cases.history(task_id=task.task_id)
        ]
        # What is shown has a salt of its own each time, so that its digest tells nothing of it.
        for row in hitl.cases.get(task_id=task.task_id).reviews:
            bare = row.shown.model_copy(update={"salt": ""}).digest
            reported = [text.replace(row.digest, bare) for text in reported]
    except (HitlError, ValueError) as refusal:
        reported.append(f"{type(refusal).__name__}: {refusal}")
    return reported + [f"{event.kind} {event.seq}" for event in services_of(hitl).ledger.events()]


@pytest.fixture
def both(opened, sqlite_store, postgres_store):
    return opened(sqlite_store), opened(postgres_store)


@pytest.mark.parametrize("odd", ODD)
def test_an_unusual_value_is_treated_alike_in_every_field(both, odd):
    for place in PLACES:
        reported = []
        for hitl in both:
            services_of(hitl).submission._new_id = lambda place=place: f"case-{place}"
            reported.append(verdict(hitl, place, ODD[odd]))
        assert reported[0] == reported[1], place

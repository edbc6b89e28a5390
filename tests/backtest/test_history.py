"""Files of past cases in another form than an export: rejected in one line with the file name."""

import json

import pytest
from support.random_policies import a_policy_with

from hitl_orchestrator.backtest import run_backtest
from hitl_orchestrator.backtest.history import scan
from hitl_orchestrator.errors import InvalidInput

CASE = {
    "risk_level": "low",
    "domain": "payments",
    "task_type": "refund",
    "confidence_score": 0.7,
    "metadata": "{}",
    "task_timestamp": "2025-01-06T08:00:00Z",
    "routing_decision": "human_review",
    "rule_id": "r2",
    "review_probability": 1.0,
    "human_decision": "approve",
}
ASKING = a_policy_with([("auto_approve", {"metadata": {"amount": {"lt": 100}}})])


@pytest.fixture
def rehearsed(tmp_path):
    def rehearsed(text):
        file = tmp_path / "past.jsonl"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return run_backtest(ASKING, [scan(str(file))], where=f"--on {file}")

    return rehearsed


def line(**changes):
    return json.dumps(CASE | changes) + "\n"


@pytest.mark.parametrize(
    ("text", "report"),
    [
        (json.dumps([CASE] * 40), "one JSON array; write one object to a line"),
        ("\n [" + line() + "]", "one JSON array"),
        (b"\xef\xbb\xbf" + line().encode(), "begins with a byte order mark"),
        (line() + "{" + "x" * 5_000, "cannot be read"),
        (line() + line(risk_level="HIGH"), "risk_level: 'HIGH' is not one of"),
    ],
)
def test_a_file_without_cases_is_refused_with_a_short_message(rehearsed, text, report):
    with pytest.raises(InvalidInput, match=report) as refused:
        rehearsed(text)

    (problem,) = refused.value.problems
    assert problem.startswith("--on ")
    assert "past.jsonl: " in problem
    assert len(problem) < 500


@pytest.mark.parametrize("metadata", ["{amount:9}", '{"a":1 "amount":9}', "", '{"amount":09}', '{"amount":9,}', "[]"])
def test_metadata_that_are_no_json_object_are_rejected(rehearsed, metadata):
    with pytest.raises(InvalidInput, match="metadata: not"):
        rehearsed(line(metadata=metadata))


@pytest.mark.parametrize(
    "metadata",
    ['{"amount":9}', ' {"amount" : 9.0 } ', '{"a":"{","amount":9e0}', '{"a":[1],"amount":9}', '{"a":null,"amount":9}'],
)
def test_metadata_are_read_in_every_notation(rehearsed, metadata):
    assert rehearsed(line(metadata=metadata)).automated_after == 1

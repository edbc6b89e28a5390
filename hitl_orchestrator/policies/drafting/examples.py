"""The table of tests of a first policy: what its author answered, case by case."""

from collections.abc import Iterator, Mapping
from typing import Any

from hitl_orchestrator.policies.drafting.answers import Answers
from hitl_orchestrator.policies.drafting.template import yaml_of

_STEP = 0.01


def test_table(answers: Answers, policy_file: str) -> str:
    """Return the table of tests in YAML. The expected answers follow from the answers of the author alone."""
    lines = [
        "# What this policy promises, case by case. 'hitl policy test' runs it; change it before the policy.",
        f"policy: {yaml_of(policy_file)}",
        "defaults:",
        *(f"  {name}: {_flow(value)}" for name, value in _usual(answers).items()),
        "tests:",
    ]
    for name, facts, expected in _cases(answers):
        lines.append(f"  - name: {name}")
        if facts:
            lines.append(f"    facts: {_flow(facts)}")
        lines.append(f"    expect: {_flow(expected)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{yaml_of(name)}: {_flow(each)}" for name, each in value.items()) + "}"
    return "null" if value is None else yaml_of(value)


def _usual(answers: Answers) -> dict[str, Any]:
    """Return the facts of a case that goes ahead if anything does."""
    facts: dict[str, Any] = {
        "risk_level": "low",
        "domain": answers.domains[0],
        "task_type": answers.task_types[0],
        "confidence_score": 1.0,
    }
    if answers.labels and not answers.any_label:
        facts["proposal"] = {"predicted_label": answers.labels[0]}
    if answers.amount is not None:
        facts["metadata"] = {answers.amount.name: answers.amount.up_to}
    return facts


Example = tuple[str, dict[str, Any], dict[str, Any]]


def _cases(answers: Answers) -> Iterator[Example]:
    ahead = {"action": "auto_approve", "rule": "small_and_sure"}
    person = {"action": "human_review", "role": answers.role, "rule": "everything_else"}
    senior = {"action": "escalate", "role": answers.senior_role}
    usual = ahead if answers.labels else person
    yield ("the usual case", {}, usual)
    yield ("a high risk goes to the senior role", {"risk_level": "high"}, {**senior, "rule": "high_risk"})
    yield ("a medium risk goes to a person", {"risk_level": "medium"}, person)
    yield ("work of another type goes to a person", {"task_type": "work_of_another_type"}, person)
    yield ("another domain goes to a person", {"domain": "another_domain"}, person)
    yield ("a case without a proposal goes to a person", {"has_proposal": False, "confidence_score": None}, person)
    for signal in ("low_confidence", "ambiguous", "unusual", "risky"):
        yield (f"the signal {signal} goes to a person", {"signals": [signal]}, person)
    if answers.labels:
        yield from _sure(answers, ahead, person)
    if answers.amount is not None:
        yield from _amounts(answers, usual, person, {**senior, "rule": "large_amount"})


def _above(bound: float, most: float) -> float:
    """Return a value just above a bound, and below the next one."""
    return bound + min(_STEP, (most - bound) / 2)


def _below(bound: float, least: float = 0) -> float:
    """Return a value just below a bound, and above the one before."""
    return bound - min(_STEP, (bound - least) / 2)


def _sure(answers: Answers, ahead: dict[str, Any], person: dict[str, Any]) -> Iterator[Example]:
    bound = answers.confidence
    yield ("just sure enough", {"confidence_score": bound}, ahead)
    if bound < 1:
        yield ("a little surer", {"confidence_score": _above(bound, 1)}, ahead)
    yield ("not quite sure enough", {"confidence_score": _below(bound)}, person)
    yield ("a missing confidence goes to a person", {"confidence_score": None}, person)
    if not answers.any_label:
        other = {"predicted_label": "a label that was never named"}
        yield ("another label goes to a person", {"proposal": other}, person)


def _amounts(
    answers: Answers, usual: dict[str, Any], person: dict[str, Any], senior: dict[str, Any]
) -> Iterator[Example]:
    amount = answers.amount
    if amount is None:
        return
    name, up_to, above = amount.name, amount.up_to, amount.escalate_above

    def of(value: Any) -> dict[str, Any]:
        return {"metadata": {name: value}}

    yield ("nothing at stake", of(0), usual)
    if up_to:
        yield ("a little at stake", of(_above(0, up_to)), usual)
        yield ("a little less than the most that goes ahead", of(_below(up_to)), usual)
    if above > up_to:
        yield ("a little more than goes ahead", of(_above(up_to, above)), person)
        yield ("a little less than the largest that is not escalated", of(_below(above, up_to)), person)
        yield ("the largest that is not escalated", of(above), person)
    yield ("a little more than that is escalated", of(_above(above, above + 1)), senior)
    yield ("an unknown amount is escalated", {"metadata": {}}, senior)
    yield ("an amount in words is unknown", of("a hundred"), senior)
    yield ("a negative amount is unknown", of(-1), senior)

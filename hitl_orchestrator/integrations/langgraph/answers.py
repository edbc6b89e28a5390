"""The values that people send to a paused graph: our decision, or the answer of Agent Inbox."""

import json
from collections.abc import Mapping
from typing import Any

from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.execution import ARGUMENTS
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.errors import InvalidInput

__all__ = ["ANSWER_SCHEMA", "answer_in", "wake_up"]

DECISION, WAKE_UP = "decision", "wake_up"

_TEXT = {"type": "string"}
_OURS = {
    "title": "Decision",
    "type": "object",
    "properties": {
        DECISION: {
            "type": "object",
            "properties": {
                "human_decision": {"enum": [word.value for word in HumanDecision]},
                "human_feedback": _TEXT,
                "reason": _TEXT,
                "reason_code": _TEXT,
                "modified_output": {"type": "object"},
                "review_id": _TEXT,
                "shown_digest": _TEXT,
                "idempotency_key": _TEXT,
            },
            "required": ["human_decision"],
        }
    },
    "required": [DECISION],
}
_INBOX_TYPES = ("accept", "edit", "response", "ignore")
_INBOX = {
    "title": "HumanResponse",
    "type": "object",
    "properties": {"type": {"enum": list(_INBOX_TYPES)}, "args": {}},
    "required": ["type"],
}
ANSWER_SCHEMA: dict[str, Any] = {
    "title": "Answer",
    "anyOf": [_OURS, _INBOX, {"title": "HumanResponses", "type": "array", "items": _INBOX, "maxItems": 1}],
}
"""The JSON Schema of an answer, published with each pause. Nothing is validated by it: an unfit answer asks again."""


def wake_up(case_id: str) -> dict[str, str]:
    """Return the value that resumes a graph and decides nothing."""
    return {WAKE_UP: case_id}


def answer_in(value: Any, proposal: Mapping[str, Any] | None) -> Review | None:
    """Return the decision in a resume value, or None for a wake-up, which is every value that is not of our shapes.

    `proposal` is what the pause showed; the `edit` of Agent Inbox changes its arguments.

    Raises:
        InvalidInput: the value has one of the shapes, and cannot be read.
    """
    if isinstance(value, Mapping) and DECISION in value:
        return parse(Review, value[DECISION], "the answer")
    response = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(response, Mapping) and response.get("type") in _INBOX_TYPES:
        return parse(Review, _from_inbox(response["type"], response.get("args"), proposal), "the answer")
    return None


def _from_inbox(kind: str, args: Any, proposal: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the fields of a review: accept approves, edit modifies, response rejects with a text, ignore rejects."""
    if kind == "accept":
        return {"human_decision": HumanDecision.APPROVE}
    if kind == "ignore":
        return {"human_decision": HumanDecision.REJECT, "reason": "ignored in the agent inbox"}
    if kind == "response":
        if not isinstance(args, str):
            raise InvalidInput(["the answer: args: a response has a text, the reason of the rejection"])
        return {"human_decision": HumanDecision.REJECT, "reason": args}
    edited = args.get("args") if isinstance(args, Mapping) else None
    if not isinstance(edited, Mapping):
        raise InvalidInput(["the answer: args: an edit has an object with the fields 'action' and 'args'"])
    return {"human_decision": HumanDecision.MODIFY, "modified_output": _edited(proposal or {}, args, edited)}


def _edited(proposal: Mapping[str, Any], action: Mapping[str, Any], edited: Mapping[str, Any]) -> dict[str, Any]:
    """Return the proposal with the edited arguments, or with edited fields where it has no arguments."""
    label = action.get("action") or proposal.get("predicted_label")
    arguments = proposal.get(ARGUMENTS)
    if isinstance(arguments, Mapping):
        return {**proposal, "predicted_label": label, ARGUMENTS: _typed(edited, arguments)}
    return {**_typed(edited, proposal), "predicted_label": label}


def _typed(edited: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return edited fields, where a text that stands for another JSON value becomes that: Agent Inbox sends texts."""
    return {name: _value(value, before.get(name, "")) for name, value in edited.items()}


def _value(value: Any, before: Any) -> Any:
    if not isinstance(value, str) or isinstance(before, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value

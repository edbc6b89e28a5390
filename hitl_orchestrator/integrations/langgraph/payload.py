"""The value with which a graph pauses: one review, in our fields and in those that Agent Inbox renders."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import HumanDecision, RiskLevel, Signal
from hitl_orchestrator.domain.execution import ARGUMENTS
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.value import Confidence, FreeJson, Identifier, Label, Text, UtcDatetime, Value
from hitl_orchestrator.orchestrator import CaseView

__all__ = ["PAUSE", "TOOL_APPROVAL", "ReviewPause", "guard_pause", "is_pause_of", "pause_of"]

PAUSE: Literal["hitl_review"] = "hitl_review"
"""The `type` of the value: a front end can tell it from the interrupts of other nodes."""

LARGEST = 16_384
"""The largest pause in bytes of JSON; a checkpointer stores it once more for each answer."""

TOOL_APPROVAL = "tool_approval"
"""The `type` of the value with which LangChain, and our middleware, asks about one call of a tool."""

_GUARD = "oversight"
"""The `type` of the value with which a guarded function pauses a graph."""

_OF_APPROVAL = {"tool_call_id", "name", "args", "description", "case_id"}


class ActionRequest(Value):
    """The proposal as Agent Inbox renders it, and as its `edit` returns it."""

    action: Text
    args: FreeJson


class InboxConfig(Value):
    """The answers that Agent Inbox offers."""

    allow_accept: bool
    allow_edit: bool
    allow_respond: bool
    allow_ignore: bool


class ReviewPause(Value):
    """The interrupt of a graph that waits for a decision. Its JSON Schema describes it for front ends.

    `status` is that of the case: `waiting` for the review with the id `review_id` and the content `digest`; any other
    status means that another process is at work, and that no answer is expected. `allowed_decisions` are the decisions
    that `role` may take. `hidden` names the fields that a blind review leaves out. `check_id` is the case in which a
    person is asked whether the call happened, if the pause is about that. `is_cut` marks a pause without the proposal
    and the metadata, which are large: the inbox of the store shows them. `refused` says why the last answer was not
    accepted. `action_request`, `config` and `description` repeat it for Agent Inbox.
    """

    type: Literal["hitl_review"] = PAUSE
    case_id: Identifier
    task_id: Identifier
    check_id: Identifier | None = None
    status: Label
    review_id: Identifier | None = None
    digest: Label | None = None
    role: Label | None = None
    task_type: Label
    task_description: Text
    domain: Label
    metadata: FreeJson = Field(default_factory=dict)
    risk_level: RiskLevel | None = None
    proposal: Proposal | None = None
    confidence: Confidence | None = None
    signals: tuple[Signal, ...] = ()
    reason: Text = ""
    message: Text = ""
    due_at: UtcDatetime | None = None
    allowed_decisions: tuple[HumanDecision, ...] = ()
    output_schema: FreeJson | None = None
    hidden: tuple[Label, ...] = ()
    is_cut: bool = False
    refused: Text = ""
    action_request: ActionRequest
    config: InboxConfig
    description: Text = ""


def pause_of(case: Case, view: CaseView | None, *, refused: str = "") -> dict[str, Any]:
    """Return the pause for a case as plain JSON. Without a view no review is open: another process is at work."""
    task = case.submission.task if view is None else view.task
    fields: dict[str, Any] = {
        "case_id": case.case_id,
        "check_id": None if view is None or view.case_id == case.case_id else view.case_id,
        "task_id": case.task_id,
        "status": case.status if view is None else "waiting",
        "task_type": task.task_type,
        "task_description": task.task_description,
        "domain": task.domain,
        "metadata": task.metadata,
        "refused": refused,
    }
    if view is not None:
        fields |= _review(view)
    proposal = fields.get("proposal")
    fields["action_request"] = _action(task.task_type, proposal)
    fields["config"] = _offered(fields.get("allowed_decisions", ()))
    fields["description"] = _description(fields)
    pause = ReviewPause.model_validate(fields).model_dump(mode="json")
    return pause if len(json.dumps(pause)) <= LARGEST else _cut(pause)


def _review(view: CaseView) -> dict[str, Any]:
    return {
        "review_id": view.review_id,
        "digest": view.digest,
        "role": view.role,
        "risk_level": view.risk_level,
        "proposal": view.proposal,
        "confidence": view.confidence,
        "signals": view.signals,
        "reason": view.reason,
        "message": view.message,
        "due_at": view.due_at,
        "allowed_decisions": tuple(choice.decision for choice in view.choices),
        "output_schema": view.output_schema,
        "hidden": view.hidden,
    }


def _action(task_type: str, proposal: Proposal | None) -> dict[str, Any]:
    """Return the action: the name and the arguments of a proposed call, or the label and all other fields."""
    if proposal is None:
        return {"action": task_type, "args": {}}
    fields = proposal.model_dump(mode="json")
    label, arguments = fields.pop("predicted_label"), fields.get(ARGUMENTS)
    return {"action": label, "args": arguments if isinstance(arguments, dict) else fields}


def _offered(allowed: tuple[HumanDecision, ...]) -> dict[str, bool]:
    return {
        "allow_accept": HumanDecision.APPROVE in allowed,
        "allow_edit": HumanDecision.MODIFY in allowed,
        "allow_respond": HumanDecision.REJECT in allowed,
        "allow_ignore": HumanDecision.REJECT in allowed,
    }


def _description(fields: Mapping[str, Any]) -> str:
    """Return the text for people. What others wrote is shown with invisible characters escaped."""
    role = fields.get("role")
    waits = f"Waits for a {role}." if role else f"The case is {fields['status']}; no answer is expected now."
    lines = [fields["task_description"], waits, fields.get("reason"), fields.get("message"), fields["refused"]]
    return "\n\n".join(escape_invisible(line) for line in lines if line)


def _cut(pause: dict[str, Any]) -> dict[str, Any]:
    """Return a large pause without what makes it large."""
    left: dict[str, Any] = {"metadata": {}, "proposal": None, "output_schema": None, "is_cut": True}
    note = "Too large to be shown here: see the inbox of the store."
    action = {"action": pause["task_type"], "args": {}}
    config = {**pause["config"], "allow_edit": False}
    texts = {"task_description": pause["task_description"][:1000], "description": note}
    return {**pause, **left, **texts, "action_request": action, "config": config}


def guard_pause(case_id: str, task_id: str) -> dict[str, Any]:
    """Return the pause of a guarded function in a node. It takes no answer: the decision alone counts."""
    return {"type": _GUARD, "case_id": case_id, "task_id": task_id}


def is_pause_of(value: Any, case_id: str) -> bool:
    """Return whether the value of an interrupt is a pause of ours for this case: of a node, a guard, or the middleware.

    A foreign interrupt that mentions the case, in arguments for example, is none: a wake-up would be an answer to it.
    """
    if not isinstance(value, Mapping):
        return False
    if value.get("type") == PAUSE:
        return value.keys() == ReviewPause.model_fields.keys() and value["case_id"] == case_id
    if value.get("type") == _GUARD:
        return value.keys() == guard_pause(case_id, "").keys() and value["case_id"] == case_id
    if value.get("type") == TOOL_APPROVAL:
        return value.keys() >= _OF_APPROVAL and value["case_id"] == case_id
    requests = value.get("action_requests")
    if not isinstance(requests, list | tuple) or "review_configs" not in value:
        return False
    return any(isinstance(each, Mapping) and each.get("case_id") == case_id for each in requests)

"""The answers that clients send to resume an agent: LangChain's decisions, and Agent Inbox's responses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hitl_orchestrator.domain.execution import RESPONSE
from hitl_orchestrator.domain.input.json_patch import same
from hitl_orchestrator.errors import shortened
from hitl_orchestrator.integrations.langchain.calls import GatedCall
from hitl_orchestrator.integrations.langchain.schemas import converted, unfit
from hitl_orchestrator.integrations.langchain.settings import DECISIONS, DecisionType

_OF_INBOX_ALONE = ("accept", "response", "ignore")


class UnfitAnswer(ValueError):
    """An answer that decides nothing, with the reason for the client."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One decision on one call, in LangChain's words. `arguments` are those of an edit, `message` is its text."""

    type: DecisionType
    arguments: dict[str, Any] = field(default_factory=dict)
    message: str = ""

    def as_decision(self, call: GatedCall) -> dict[str, Any]:
        """Return the arguments of `decide` for it. An edit that changes nothing is an approval.

        `proposal` is what the case shows, whose further fields an edit keeps.
        """
        if self.type == "edit" and not same(self.arguments, call.arguments):
            return {"decision": "modify", "output": {**call.proposal(), "arguments": self.arguments}}
        if self.type == "reject":
            return {"decision": "reject", "feedback": self.message}
        if self.type == "respond":
            own = {"predicted_label": call.name, "explanation": "", RESPONSE: self.message}
            return {"decision": "override", "output": own, "reason": "answered in the place of the tool"}
        return {"decision": "approve"}


def read_answers(raw: object, calls: Sequence[GatedCall]) -> list[Answer]:
    """Return the answers to these calls, in order.

    Raises:
        UnfitAnswer: it has no known shape, another number of answers, or one of them does not fit its call.
    """
    listed = _listed(raw)
    if len(listed) != len(calls):
        raise UnfitAnswer(f"{len(listed)} decisions came for {len(calls)} waiting calls; send one for each, in order")
    return [_one(each, call) for each, call in zip(listed, calls, strict=True)]


def _listed(raw: object) -> list[object]:
    """Return the single answers: of a `HITLResponse`, of Agent Inbox's list, or the only one."""
    if isinstance(raw, Mapping) and isinstance(raw.get("decisions"), list):
        return list(raw["decisions"])
    return list(raw) if isinstance(raw, list) else [raw]


def _one(raw: object, call: GatedCall) -> Answer:
    if not isinstance(raw, Mapping):
        raise UnfitAnswer(
            f"the call of {call.name!r}: a decision is an object with a type, such as {{'type': 'approve'}}"
        )
    is_inbox = "args" in raw or raw.get("type") in _OF_INBOX_ALONE
    answer = _from_inbox(raw, call) if is_inbox else _decision(raw, call)
    if answer.type not in call.rule.allowed:
        allowed = ", ".join(call.rule.allowed)
        raise UnfitAnswer(f"the call of {call.name!r}: {answer.type!r} is not allowed; one of {allowed} is")
    if answer.type == "edit" and (problems := unfit(answer.arguments, call.tool, call.rule.args_schema)):
        raise UnfitAnswer(f"the call of {call.name!r}: the edited arguments do not fit: {'; '.join(problems)}")
    return answer


def _decision(raw: Mapping[str, Any], call: GatedCall) -> Answer:
    """Return a decision of LangChain."""
    kind, message = raw.get("type"), raw.get("message")
    if kind not in DECISIONS:
        shown = shortened(repr(kind))
        raise UnfitAnswer(f"the call of {call.name!r}: the type {shown} is none of {', '.join(DECISIONS)}")
    if message is not None and not isinstance(message, str):
        raise UnfitAnswer(f"the call of {call.name!r}: message: give text")
    if kind == "respond" and message is None:
        raise UnfitAnswer(f"the call of {call.name!r}: respond needs a message")
    arguments = _edited(raw.get("edited_action"), "name", call) if kind == "edit" else {}
    return Answer(kind, arguments, message or "")


def _from_inbox(raw: Mapping[str, Any], call: GatedCall) -> Answer:
    """Return a response of Agent Inbox, which sends the values of an edit as text."""
    kind, given = raw.get("type"), raw.get("args")
    if kind == "accept":
        return Answer("approve")
    if kind == "ignore":
        return Answer("reject")
    if kind == "response" and isinstance(given, str):
        return Answer("reject" if "reject" in call.rule.allowed else "respond", message=given)
    if kind == "edit":
        return Answer("edit", converted(_edited(given, "action", call), call.tool))
    shown = shortened(repr(kind))
    raise UnfitAnswer(f"the call of {call.name!r}: the response {shown} has no form of Agent Inbox")


def _edited(action: object, name: str, call: GatedCall) -> dict[str, Any]:
    """Return the arguments of an edit. It cannot switch to another tool."""
    if not isinstance(action, Mapping) or not isinstance(action.get("args"), dict):
        raise UnfitAnswer(f"the call of {call.name!r}: an edit needs an action with its args")
    if action.get(name) != call.name:
        raise UnfitAnswer(
            f"the call of {call.name!r}: an edit cannot switch to the tool {shortened(repr(action.get(name)))}"
        )
    return dict(action["args"])

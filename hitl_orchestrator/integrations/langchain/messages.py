"""The words that the model reads about a reviewed call, and the result of a tool as JSON, which the ledger keeps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from langchain_core.messages import ToolCall, ToolMessage
from langgraph.types import Command

from hitl_orchestrator import No

Result: TypeAlias = ToolMessage | Command[Any]

_NOT_AGAIN = (
    "Do not call it again with the same arguments unless the user asks for it; tell the user, or go on without."
)


def error(call: ToolCall, text: str) -> ToolMessage:
    """Return a message about a call that did not run."""
    return ToolMessage(content=text, name=call["name"], tool_call_id=str(call["id"]), status="error")


def refused(call: ToolCall, answer: No) -> ToolMessage:
    """Return what the model reads about a call that was not approved."""
    by = f" ({answer.reviewer} decided)" if answer.reviewer else ""
    return error(call, f"The call of {call['name']} was not run: {answer.reason.rstrip('.')}{by}. {_NOT_AGAIN}")


def other_tool(call: ToolCall, name: str) -> ToolMessage:
    """Return what the model reads if the reviewer named another tool, which this call cannot run."""
    text = f"The call of {call['name']} was not run: the reviewer's decision names {name!r} instead."
    return error(call, f"{text} Call {name} if you have it and it serves the user. {_NOT_AGAIN}")


def no_arguments(call: ToolCall) -> ToolMessage:
    """Return what the model reads if the reviewer's decision states no arguments for the call."""
    text = f"The call of {call['name']} was not run: the reviewer's decision states no arguments for it"
    return error(call, f"{text}. {_NOT_AGAIN}")


def unfit_edit(call: ToolCall, arguments: Mapping[str, Any], problems: Sequence[str]) -> ToolMessage:
    """Return what the model reads if the arguments of a reviewer do not fit the tool."""
    shown = json.dumps(arguments, ensure_ascii=False, default=str)
    text = f"The call of {call['name']} was not run: a reviewer changed the arguments to {shown}, which do not fit"
    return error(call, f"{text}: {'; '.join(problems)}. A new attempt is a new call, for review.")


def failed(call: ToolCall, why: str) -> ToolMessage:
    """Return what the model reads about an approved call that ran, and failed. Its approval is used up."""
    text = f"{call['name']} ran once, as approved, and failed: {why}"
    return error(call, f"{text}. It is not run again under this approval. A new attempt is a new call, for review.")


def unknown(call: ToolCall) -> ToolMessage:
    """Return what the model reads if the process died while the tool ran."""
    text = f"It is not known whether {call['name']} ran to its end: the process died meanwhile. A person checks it"
    return error(call, f"{text}; assume neither. Do not call it again; tell the user.")


def unfit(call: ToolCall, problem: str) -> ToolMessage:
    """Return what the model reads if a call cannot be put before a reviewer."""
    return error(call, f"{call['name']} was not run: the call cannot be reviewed. {problem} Mend the arguments.")


def answered(call: ToolCall, text: str) -> ToolMessage:
    """Return a reviewer's own answer in the place of the tool's result."""
    return ToolMessage(content=text, name=call["name"], tool_call_id=str(call["id"]), status="success")


def with_edit(result: Result, call: ToolCall, arguments: Mapping[str, Any]) -> Result:
    """Return the result of an edited call, with a note that other arguments ran than the model's message has."""
    shown = json.dumps(arguments, ensure_ascii=False, default=str)
    note = (
        f"A reviewer changed the arguments of this call; this ran instead: {call['name']} with {shown}. "
        "Your message still has the old arguments. Do not call it again with them."
    )
    if isinstance(result, ToolMessage):
        return _noted(result, note)
    update = result.update
    if not isinstance(update, dict) or not isinstance(update.get("messages"), list):
        return result
    messages = [
        _noted(each, note) if isinstance(each, ToolMessage) and each.tool_call_id == call["id"] else each
        for each in update["messages"]
    ]
    return replace(result, update={**update, "messages": messages})


def _noted(message: ToolMessage, note: str) -> ToolMessage:
    content = message.content
    if isinstance(content, str):
        return message.model_copy(update={"content": f"{note}\nResult: {content}" if content else note})
    is_text = all(isinstance(block, str) for block in content)
    return message.model_copy(update={"content": [note if is_text else {"type": "text", "text": note}, *content]})


def to_json(result: Any) -> Any:
    """Return the result of a tool as JSON.

    Raises:
        TypeError: it is a command, which has no such form.
    """
    if not isinstance(result, ToolMessage):
        raise TypeError(f"a result of the type {type(result).__name__} is not stored")
    stored: dict[str, Any] = {"content": result.content, "status": result.status}
    try:
        json.dumps(result.artifact)
    except (TypeError, ValueError):
        return stored
    return stored if result.artifact is None else {**stored, "artifact": result.artifact}


def from_json(call: ToolCall, stored: Any) -> ToolMessage:
    """Return the stored result of a call that ran before."""
    if not isinstance(stored, Mapping) or "content" not in stored:
        return answered(call, f"{call['name']} ran once, as approved. Its result is not stored. Do not call it again.")
    return ToolMessage(**dict(stored), name=call["name"], tool_call_id=str(call["id"]))

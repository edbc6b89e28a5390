"""The call of an agent that needs an approval, and its execution: at most one per decision."""

import re
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Any

from pydantic import Field

from hitl_orchestrator.domain.input.constructed import Constructed
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.task import AgentOutput
from hitl_orchestrator.domain.value import (
    FreeJson,
    Identifier,
    Label,
    Text,
    UtcDatetime,
    Value,
    canonical_json,
    public,
)
from hitl_orchestrator.errors import InvalidInput, shortened

__all__ = ["ARGUMENTS", "RESPONSE", "CallForm", "CallKey", "Execution", "ExecutionStatus", "Gated", "proposed_call"]

ARGUMENTS = "arguments"
"""The field of a proposal with the arguments of the proposed call. A reviewer's edit changes them there."""

RESPONSE = "response"
"""The field of an output with a reviewer's own answer, a text, in the place of the arguments and of the call."""

_PREFIX, _MOST, _READABLE = "call", 200, 60
_PLAIN, _OTHER = re.compile(r"[A-Za-z0-9._-]*"), re.compile(r"[^A-Za-z0-9._-]")


@public
class CallKey(Constructed):
    """Names one call of one agent: the thread of its conversation, the id of the call, and where in the thread it is.

    `namespace` is that of a nested agent, such as LangGraph's `checkpoint_ns`: two sub-agents may number their calls
    alike. It is empty where there is none.
    """

    thread: Text = Field(min_length=1)
    call_id: Text = Field(min_length=1)
    namespace: Text = ""

    @property
    def task_id(self) -> str:
        """The id of the task of this call. Two keys have two ids, and none of them is another task's by accident.

        It has the parts of the key, or a digest of them where one has a character that an id has not, or is too long.
        """
        parts = (self.thread, self.namespace, self.call_id)
        plain = ":".join((_PREFIX, *parts))
        if len(plain) <= _MOST and all(map(_PLAIN.fullmatch, parts)):
            return plain
        digest = sha256(canonical_json(parts).encode()).hexdigest()
        shown = (_OTHER.sub("-", each)[:_READABLE] for each in (self.thread, self.call_id))
        # The thread of a plain id is not empty.
        return ":".join((_PREFIX, "", *shown, digest))


class Gated(Value):
    """Marks a case that was submitted by `ask`: what is approved is to be executed once.

    `audience` is the only one for which grants of the case are made; empty for any process that names none.
    """

    audience: Label | None = None


class CallForm(Value):
    """The form of a call, which every output of a reviewer has to keep: the JSON Schema of its arguments.

    `takes_response`: an override may also have `response`, an own answer in the place of the call.
    """

    arguments_schema: FreeJson
    takes_response: bool = False


class ExecutionStatus(StrEnum):
    """The state of an execution."""

    STARTED = "started"
    """Its owner runs it, or has died, which is not noticed yet."""
    FINISHED = "finished"
    """It ended; its result is stored, unless a person stated that it happened."""
    FAILED = "failed"
    """It ended with an error, or a person stated that it did not happen. It never runs again."""
    UNKNOWN = "unknown"
    """Its owner died in between. A person is asked whether it happened; it never runs again."""


@public
class Execution(Value):
    """The one execution of an approved case.

    `digest` is that of the approved output, arguments included; None once its texts were erased. `audience` is that of
    the grant. `holder` names the process that runs or ran it. `result` is the JSON value that the call returned;
    `has_result` is False where none was stored: while it runs, after a redaction, for a result that is no JSON value,
    and where a person stated that the call happened. `check_id` is the case in which a person is asked that.
    """

    case_id: Identifier
    task_id: Identifier
    status: ExecutionStatus
    digest: str | None
    audience: str = ""
    started_at: UtcDatetime
    ended_at: UtcDatetime | None = None
    result: Any = None
    has_result: bool = False
    error: Text = ""
    holder: Text = ""
    check_id: Identifier | None = None

    def __repr__(self) -> str:
        """Return the id of the task and the status."""
        return f"<Execution {self.task_id} {self.status.value}>"


def proposed_call(
    name: str, arguments: Mapping[str, Any], *, explanation: str = "", confidence: float | None = None, **fields: Any
) -> AgentOutput:
    """Return the output of an agent that proposes to call a function with these arguments.

    `ask` gives it the id of its task. `fields` are shown to the reviewer beside the arguments.

    Raises:
        InvalidInput: the name is empty, or the arguments are not JSON that can be stored.
    """
    if not isinstance(arguments, Mapping):
        raise InvalidInput(
            [f"the proposed call of {name!r}: arguments: {shortened(repr(arguments))} is no mapping by name"]
        )
    proposal = {"predicted_label": name, "explanation": explanation, ARGUMENTS: dict(arguments), **fields}
    raw = {"task_id": _PREFIX, "agent_output": proposal, "confidence_score": confidence}
    return parse(AgentOutput, raw, f"the proposed call of {name!r}")


proposed_call.__module__ = "hitl_orchestrator"  # the name that users import

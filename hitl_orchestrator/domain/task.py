"""The task of an agent, and its proposal."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field, model_validator

from hitl_orchestrator.domain.enums import RiskLevel, RiskName
from hitl_orchestrator.domain.shown.letters import words_of
from hitl_orchestrator.domain.value import (
    Confidence,
    FreeJson,
    Identifier,
    Label,
    Text,
    UtcDatetime,
    Value,
    check_json,
    public,
)
from hitl_orchestrator.errors import shortened

REQUESTED_BY = "requested_by"
"""The field of a task's metadata with its requesters: one name, or a list of names."""

_REQUESTER = "requested(?:by|for)|request[eo]rs?|requesting(?:user|person)|initiatedby|initiators?|onbehalfof"
_HOW_NAMED = (
    "users?|persons?|people|employees?|reviewers?|accounts?|logins?|sub|subjects?|upn|ids?|"
    "(?:display|full|first|given|last|family|sur|user)?names?|e?mails?|(?:e?mail)?address(?:es)?"
)
_LONGEST_KEPT = 200
_REQUESTER_FIELD = re.compile(f"(?:{_REQUESTER})(?:{_HOW_NAMED})*")


_words_of = lru_cache(maxsize=4096)(words_of)


def plain_field(name: str) -> str:
    """Return the name of a field in its simplest letters, without punctuation: `requestedBy` equals `requested_by`."""
    return "".join(_words_of(name) if len(name) <= _LONGEST_KEPT else words_of(name))


def requester_fields(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that name who requested a task, or for whom: `requested_by`, `requesterEmail` and others."""
    return {field: value for field, value in metadata.items() if _REQUESTER_FIELD.fullmatch(plain_field(field))}


def requesters(metadata: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the requesters of a task; None if the field has another form."""
    named = metadata.get(REQUESTED_BY)
    if named is None:
        return ()
    names = named if isinstance(named, list | tuple) else (named,)
    return tuple(dict.fromkeys(names)) if all(isinstance(name, str) for name in names) else None


@public
class Task(Value):
    """One task of an agent. The classify step sets a missing risk level.

    `timestamp` is the time at which the task was made; by default that of its submission. It is no part of the task's
    identity: the same id and content with another timestamp is the same task.
    """

    task_id: Identifier
    task_type: Label
    task_description: Text
    domain: Label
    risk_level: RiskLevel | None = None
    timestamp: UtcDatetime | None = None
    metadata: FreeJson = Field(default_factory=dict)

    if TYPE_CHECKING:  # what may be written for each field; pydantic makes the function

        def __init__(
            self,
            *,
            task_id: str,
            task_type: str,
            task_description: str,
            domain: str,
            risk_level: RiskLevel | RiskName | None = None,
            timestamp: datetime | str | None = None,
            metadata: Mapping[str, Any] = ...,
        ) -> None: ...

    def __repr__(self) -> str:
        """Return the id, the type and the domain."""
        return f"<Task {self.task_id} {self.task_type} in {self.domain}>"


@public
class Proposal(Value):
    """The agent's proposal: a label, an explanation, and further free JSON fields of the task type."""

    model_config = ConfigDict(extra="allow")

    predicted_label: Text = Field(min_length=1)
    explanation: Text = ""

    if TYPE_CHECKING:

        def __init__(self, *, predicted_label: str, explanation: str = "", **fields: Any) -> None: ...

    @model_validator(mode="after")
    def _extra_is_json(self) -> "Proposal":
        if self.model_extra:
            check_json(self.model_extra, depth=2)
        return self

    def __repr__(self) -> str:
        """Return the label, shortened, and the names of the further fields."""
        others = ", ".join(self.model_extra or ())
        return f"<Proposal {shortened(self.predicted_label)!r}{shortened(f' with {others}') if others else ''}>"


@public
class AgentOutput(Value):
    """A proposal with the agent's confidence in [0, 1]; None if the agent states none."""

    task_id: Identifier
    agent_output: Proposal
    confidence_score: Confidence | None = None

    if TYPE_CHECKING:

        def __init__(
            self, *, task_id: str, agent_output: Proposal | Mapping[str, Any], confidence_score: float | None = None
        ) -> None: ...

    def __repr__(self) -> str:
        """Return the id of the task, the label and the confidence."""
        return f"<AgentOutput {self.task_id} {self.agent_output.predicted_label!r} {self.confidence_score}>"

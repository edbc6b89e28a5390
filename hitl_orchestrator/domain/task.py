"""What an agent wants to do, and what it proposes."""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.value import Confidence, FreeJson, Identifier, Label, Text, UtcDatetime, Value, check_json

REQUESTED_BY = "requested_by"
"""The field of a task's metadata that names whoever wanted it: one name, or a list of names."""


def requesters(metadata: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return whom the metadata of a task name as having asked for it; None where that cannot be read."""
    named = metadata.get(REQUESTED_BY)
    if named is None:
        return ()
    names = named if isinstance(named, list | tuple) else (named,)
    return tuple(dict.fromkeys(names)) if all(isinstance(name, str) for name in names) else None


class Task(Value):
    """One piece of work of an agent. Without a risk level the classify step settles one."""

    task_id: Identifier
    task_type: Label
    task_description: Text
    domain: Label
    risk_level: RiskLevel | None = None
    timestamp: UtcDatetime
    metadata: FreeJson = Field(default_factory=dict)


class Proposal(Value):
    """What the agent proposes: a label, why, and whatever else the task type needs (free JSON)."""

    model_config = ConfigDict(extra="allow")

    predicted_label: Text = Field(min_length=1)
    explanation: Text = ""

    @model_validator(mode="after")
    def _extra_is_json(self) -> "Proposal":
        check_json(self.model_extra or {}, depth=2)
        return self


class AgentOutput(Value):
    """A proposal with the agent's confidence in [0, 1]; None where the agent states none."""

    task_id: Identifier
    agent_output: Proposal
    confidence_score: Confidence | None = None

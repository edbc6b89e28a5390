"""What an author answers before a first policy is drafted."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Text, Value
from hitl_orchestrator.policies.language.rule import Duration

ANY_LABEL = "any"
"""The answer that lets every proposed label go ahead."""


class Amount(Value):
    """The field of the task that states the size of a case.

    A case goes ahead up to `up_to`, and is escalated above `escalate_above`; both are in the `unit`.
    """

    name: Label
    unit: Text = ""
    up_to: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    escalate_above: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.escalate_above < self.up_to:
            raise ValueError("cases are escalated above a lower amount than the one up to which they go ahead")
        return self


class Answers(Value):
    """The answers of an author. Without `labels` nothing goes ahead: a person decides every case.

    A case goes ahead if its task type, domain and proposed label are listed, its risk is low, its confidence is at
    least `confidence`, no signal was raised, and its amount is known and small enough. `role` decides the other cases
    within `respond_within`, and `senior_role` the escalated ones within `escalated_within`.
    """

    policy_id: Identifier
    work: Text = ""
    task_types: tuple[Label, ...] = Field(min_length=1)
    domains: tuple[Label, ...] = Field(min_length=1)
    labels: tuple[Label, ...] = ()
    confidence: Annotated[Confidence, Field(gt=0)] = 0.9
    amount: Amount | None = None
    role: Label
    senior_role: Label
    respond_within: Duration | None = None
    escalated_within: Duration | None = None
    spot_check: Confidence = 0.05
    hold: Annotated[Confidence, Field(lt=1)] = 0.0

    @property
    def any_label(self) -> bool:
        """Whether every proposed label may go ahead."""
        return self.labels == (ANY_LABEL,)

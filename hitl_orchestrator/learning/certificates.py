"""Certificates: what is promised about a group of cases, by which evidence and method, under which assumptions."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from hitl_orchestrator.domain.value import Confidence, Text, Value

METHOD: Literal["fixed_sequence_binomial"] = "fixed_sequence_binomial"
VERSION = 1

ASSUMPTIONS = (
    "Future cases of the group are independent draws from the same distribution as those that were looked at.",
    "A label is the verdict of a person: errors of reviewers are part of the measured error.",
    "Reviews that were due and not answered count as errors of the agent.",
    "It was asked for once, at a number of labels chosen before: one that is asked for until it is granted is false "
    "more often.",
)


class Certificate(Value):
    """A bound on confidence at and above which an agent is wrong with a share of at most `alpha`.

    It is false with a probability of at most `delta` over the draw of the labels. Without a bound, `why_not` says what
    is missing.
    """

    group: Text
    alpha: Confidence
    delta: Confidence
    bound: Confidence | None = Field(description="cases with at least this confidence; None if nothing is certified")
    coverage: Confidence | None = Field(description="the share of past cases at or above the bound")
    labels: int = Field(description="labels of equal probability that entered the tests")
    labels_above: int | None = Field(description="those at or above the bound")
    errors_above: int | None = Field(description="how many of these are wrong")
    upper: Confidence | None = Field(
        description="the exact upper limit of the share of errors, at the level of its test"
    )
    cases: int = Field(description="decided cases of the group with a confidence")
    unanswered: int
    first: datetime | None
    last: datetime | None
    evidence_hash: str
    method: Literal["fixed_sequence_binomial"] = METHOD
    version: int = VERSION
    assumptions: tuple[Text, ...] = ASSUMPTIONS
    why_not: Text | None = None

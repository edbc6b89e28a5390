"""The rules of the signals, as data: bounds, what is risky, and how far from what was reviewed is unusual."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails

from hitl_orchestrator.domain.decision import Facts, RaisedSignal
from hitl_orchestrator.domain.enums import Action, Signal
from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Value
from hitl_orchestrator.domain.working_hours import TimeZone
from hitl_orchestrator.policies.engine.axes.base import Condition
from hitl_orchestrator.policies.engine.axes.fields.sources import SOURCES
from hitl_orchestrator.policies.engine.confidence import ANY_STATED, StoredScorer
from hitl_orchestrator.policies.engine.predicates import Every, conditions_of
from hitl_orchestrator.policies.language.conditions import Conditions, one_error
from hitl_orchestrator.policies.language.declarations import Declaration
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.language.rule import Rule

__all__ = ["RiskyRule", "ScoreRules", "UnusualRules", "signal_rules_json_schema"]


class RiskyRule(Value):
    """Raises `risky` where all conditions hold; one that compares a missing value counts as one that holds."""

    rule_id: Identifier
    conditions: Conditions
    because: Label = Field(description="the reason that reviewers read")

    @field_validator("conditions")
    @classmethod
    def _some(cls, conditions: Conditions) -> Conditions:
        if conditions.is_empty:
            raise ValueError("empty conditions always hold; add a condition")
        return conditions


class UnusualRules(Value):
    """How far an output may be from those that reviewers let through before it is `unusual`.

    Of each task type the `latest` reviewed cases are compared, if there are at least `least` of them; of a type with
    fewer only a new type and a new label are noticed. A text is unusual whose mean distance to its `neighbours` nearest
    texts is larger than that of the share `usual` of those texts themselves. A number is unusual that is further from
    the median than `deviations` robust standard deviations (1.4826 times the median absolute deviation).
    """

    latest: int = Field(default=5_000, ge=1, le=100_000, strict=True)
    least: int = Field(default=30, ge=10, strict=True)
    neighbours: int = Field(default=5, ge=1, le=9, strict=True)
    usual: Confidence = 0.95
    deviations: float = Field(default=6.0, gt=0, allow_inf_nan=False, strict=True)
    new_labels: bool = Field(default=True, strict=True)


class ScoreRules(Value):
    """The scorer of the confidence, and the rules of the signals. Bounds are shares of 1.

    `metadata` and `proposal` declare the types of the fields that `risky` reads, as in a policy. Without `unusual`
    nothing is compared with reviewed cases. A file of these rules beside a policy is used with it.
    """

    model_config = ConfigDict(ignored_types=(cached_property,))

    low_confidence_below: Confidence = 0.6
    low_confidence_by_type: dict[Label, Confidence] = Field(
        default_factory=dict, description="bounds of single task types"
    )
    ambiguous_within: Confidence = Field(default=0.1, description="how close the second best label may come")
    ambiguous_share_below: Confidence = Field(default=0.5, description="a label that fewer of the samples agree on")
    confidence: StoredScorer = ANY_STATED
    metadata: dict[Label, Declaration] = Field(default_factory=dict)
    proposal: dict[Label, Declaration] = Field(default_factory=dict)
    timezone: TimeZone = "UTC"
    risky: tuple[RiskyRule, ...] = ()
    unusual: UnusualRules | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "ScoreRules":
        _ = self._compiled
        return self

    def low_bound(self, task_type: str) -> float:
        """Return the confidence below which an output of this type has a low one."""
        return self.low_confidence_by_type.get(task_type, self.low_confidence_below)

    def risks(self, facts: Facts) -> Iterator[RaisedSignal]:
        """Yield why these facts are risky: one sentence for each rule that does not certainly fail."""
        for rule, conditions in self._compiled:
            holds = conditions.holds(facts)
            if holds is not False:
                unread = "" if holds else f"{_unread(rule.conditions, facts)}, so that it may hold: "
                sentence = f"{unread}{rule.because} ({rule.rule_id})"
                yield RaisedSignal(signal=Signal.RISKY, value=None, bound=None, sentence=sentence)

    @cached_property
    def _compiled(self) -> tuple[tuple[RiskyRule, Condition], ...]:
        if not self.risky:
            return ()
        rules = [
            Rule(rule_id=rule.rule_id, priority=place, conditions=rule.conditions, action=Action.HUMAN_REVIEW)
            for place, rule in enumerate(self.risky)
        ]
        try:
            policy = Policy(
                policy_id="risky",
                metadata=self.metadata,
                proposal=self.proposal,
                timezone=self.timezone,
                rules=tuple(rules),
            )
        except ValidationError as exc:
            raise one_error("ScoreRules", [_named_here(error) for error in exc.errors()]) from exc
        compiled = (Every(conditions_of(rule, policy)) for rule in policy.rules)
        return tuple(zip(self.risky, compiled, strict=True))


def _named_here(error: ErrorDetails) -> InitErrorDetails:
    """Return an error of a policy's rule as one of the risky rule that it was made of."""
    where = ("risky", *error["loc"][1:]) if error["loc"][:1] == ("rules",) else error["loc"]
    text = str(error.get("ctx", {}).get("error", error["msg"]))
    text = text.replace("the policy's", "the signals file's").replace(
        "the policy declares", "the signals file declares"
    )
    return InitErrorDetails(type="value_error", loc=where, input=error["input"], ctx={"error": ValueError(text)})


def _unread(conditions: Conditions, facts: Facts) -> str:
    """Return why it is not known whether conditions hold: the missing fields, or else in general."""
    fields = {(source, name) for _, each in conditions.walk() for source, name, _ in each.comparisons()}
    missing = [f"{source}.{name}" for source, name in sorted(fields) if SOURCES[source].value(facts, name) is None]
    if not missing:
        return "a compared value is missing or of another type"
    return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"


def signal_rules_json_schema() -> Mapping[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a file of signal rules, which editors use."""
    from hitl_orchestrator.policies.language.json_schema import DIALECT  # noqa: PLC0415 - rarely needed

    return {"$schema": DIALECT, **ScoreRules.model_json_schema(by_alias=True)}

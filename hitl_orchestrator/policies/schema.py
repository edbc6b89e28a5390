"""What a routing policy may say: closed words, closed fields, and nothing left to guess."""

import re
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_serializer,
)
from pydantic_core import InitErrorDetails

from hitl_orchestrator.domain.decision import Asking
from hitl_orchestrator.domain.reading import did_you_mean
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import Confidence, Identifier, Label, Text, Value, digest
from hitl_orchestrator.domain.words import Action, Agreement, OnTimeout, RiskLevel, Signal

FALLBACK = "fallback"
"""The rule id of decisions that no rule took."""

Word = TypeVar("Word")


def _one_or_more(given: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Read one word as a list of one; a problem with that one word is told without a list index."""
    if isinstance(given, (list, tuple)):
        return handler(given)
    try:
        return handler([given])
    except ValidationError as exc:
        raise _error(exc.title, _lines(exc, drop=1)) from None


def _distinct(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Put the words in one order, so that equal conditions have equal digests."""
    if not words:
        raise ValueError("an empty list can never hold; name at least one, or leave the condition out")
    if len(set(words)) != len(words):
        raise ValueError("a word stands here twice")
    return tuple(sorted(words, key=_rank))


def _rank(word: Any) -> tuple[int, str]:
    return (list(type(word)).index(word) if isinstance(word, Enum) else 0, str(word))


def _no_minus_zero(given: float) -> float:
    return given + 0.0


OneOrMore = Annotated[tuple[Word, ...], AfterValidator(_distinct), WrapValidator(_one_or_more)]
"""One word or a list of words, kept as an ordered tuple. An empty tuple, never given, asks for nothing."""

_A_DURATION = re.compile(r"P(?=.)(\d+W|(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d{1,6})?S)?)?)")
LONGEST_WAIT = timedelta(weeks=52)


def _only_iso(given: object) -> object:
    """Refuse what pydantic would guess a duration from: numbers, and clock times."""
    if isinstance(given, timedelta) or (isinstance(given, str) and _A_DURATION.fullmatch(given)):
        return given
    raise ValueError("give an ISO 8601 duration, such as PT4H for four hours or P2D for two days")


def _some_time(given: timedelta) -> timedelta:
    if not timedelta(0) < given <= LONGEST_WAIT:
        raise ValueError("a time to answer is longer than nothing and at most 52 weeks")
    return given


Duration = Annotated[timedelta, BeforeValidator(_only_iso), AfterValidator(_some_time)]
"""A length of time, written as ISO 8601 in weeks, days, hours, minutes and seconds: months and years vary."""

Bound = Annotated[Confidence, AfterValidator(_no_minus_zero)]


class Conditions(Value):
    """What must hold, all of it, for a rule to decide. A condition that is left out asks for nothing.

    `min_confidence` is inclusive, `max_confidence` is exclusive; neither holds where there is no confidence.
    A list holds where any of its words does; `signals` holds where any of them was raised.
    """

    risk_level: OneOrMore[RiskLevel] = ()
    domain: OneOrMore[Label] = ()
    task_type: OneOrMore[Label] = ()
    min_confidence: Bound | None = None
    max_confidence: Bound | None = None
    signals: OneOrMore[Signal] = ()

    @field_validator("min_confidence", "max_confidence", mode="before")
    @classmethod
    def _said(cls, given: object) -> object:
        if given is None:
            raise ValueError("a condition without a value would hold for everything; give a number, or leave it out")
        return given

    @field_validator("max_confidence")
    @classmethod
    def _above_the_minimum(cls, highest: float, info: ValidationInfo) -> float:
        lowest = info.data.get("min_confidence") or 0.0
        if highest <= lowest:
            raise ValueError(f"max_confidence must be above min_confidence ({lowest}), or the rule can never hold")
        return highest

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = handler(self)
        return {name: value for name, value in said.items() if value not in (None, (), [])}


class Rule(Value):
    """One line of the law: where all the conditions hold, this is done, by whoever has this role.

    A role that is left out is the first of the chain for `human_review` and the second for `escalate`. The
    validation context may bring the `RoleChain` under "roles"; a role must then stand in it.

    `respond_within` is how long each review stays open for an answer, `on_timeout` what happens then. How people are
    asked stands in `Asking`, in the words of its fields.
    """

    rule_id: Identifier
    priority: int = Field(strict=True)
    conditions: Conditions
    action: Action
    assigned_human_role: Label | None = Field(default=None, validate_default=True)
    respond_within: Duration | None = None
    on_timeout: OnTimeout = OnTimeout.ESCALATE
    approvals: int = Field(default=1, ge=1, le=9, strict=True)
    agreement: Agreement = Agreement.UNANIMITY
    distinct_roles: bool = Field(default=False, strict=True)
    remind_before: Duration | None = None
    business_hours: bool = Field(default=False, strict=True)
    blind: bool = Field(default=False, strict=True)

    @field_validator("rule_id")
    @classmethod
    def _not_reserved(cls, rule_id: str) -> str:
        if rule_id == FALLBACK:
            raise ValueError("this name is kept for cases that no rule decides; choose another")
        return rule_id

    @field_validator("respond_within")
    @classmethod
    def _of_somebody(cls, within: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if within is not None and info.data.get("action") is Action.AUTO_APPROVE:
            raise ValueError("auto_approve asks nobody; leave it out, or make the action human_review")
        return within

    @field_validator("on_timeout")
    @classmethod
    def _of_a_time(cls, then: OnTimeout, info: ValidationInfo) -> OnTimeout:
        if then is not OnTimeout.ESCALATE and info.data.get("respond_within", "unsound") is None:
            raise ValueError("it needs a time to run out; give respond_within")
        return then

    @field_validator("approvals", "agreement", "distinct_roles", "remind_before", "business_hours", "blind")
    @classmethod
    def _of_people(cls, given: object, info: ValidationInfo) -> object:
        usual = cls.model_fields[info.field_name or ""].default
        if given != usual and info.data.get("action") is Action.AUTO_APPROVE:
            raise ValueError("auto_approve asks nobody; leave it out, or make the action human_review")
        return given

    @field_validator("agreement", "distinct_roles")
    @classmethod
    def _of_several(cls, given: object, info: ValidationInfo) -> object:
        if given not in (Agreement.UNANIMITY, False) and info.data.get("approvals") == 1:
            raise ValueError("it is about several people; give approvals, at least 2")
        return given

    @field_validator("distinct_roles")
    @classmethod
    def _enough_roles(cls, distinct: bool, info: ValidationInfo) -> bool:
        chain: RoleChain | None = (info.context or {}).get("roles")
        role, approvals = info.data.get("assigned_human_role"), info.data.get("approvals", 1)
        if distinct and chain is not None and role and approvals > len(chain.upward(role)):
            raise ValueError(too_few_roles(approvals, role, chain))
        return distinct

    @field_validator("remind_before", "business_hours")
    @classmethod
    def _before_it_is_due(cls, given: timedelta | bool | None, info: ValidationInfo) -> timedelta | bool | None:
        within = info.data.get("respond_within", LONGEST_WAIT)
        if given and within is None:
            raise ValueError("it needs a time to answer; give respond_within")
        if isinstance(given, timedelta) and given >= within:
            raise ValueError("a reminder comes after the review was opened; make it shorter than respond_within")
        return given

    @field_validator("assigned_human_role")
    @classmethod
    def _somebody_who_can(cls, role: str | None, info: ValidationInfo) -> str | None:
        action = info.data.get("action")
        if action is Action.AUTO_APPROVE and role is not None:
            raise ValueError("auto_approve asks nobody; leave the role out, or make the action human_review")
        chain: RoleChain | None = (info.context or {}).get("roles")
        if role is None:
            return default_role(action, chain or DEFAULT_CHAIN)
        if chain is not None and role not in chain.roles:
            hint = did_you_mean(role, chain.roles)
            raise ValueError(f"no such role; the chain of escalation is {', '.join(chain.roles)}{hint}")
        return role

    @property
    def asking(self) -> Asking:
        """How the rule wants people to be asked."""
        return Asking(**{name: getattr(self, name) for name in Asking.model_fields})


class Policy(Value):
    """A routing policy. The lowest priority number is tried first; the first rule that holds decides.

    No rules at all is a policy too: everything then goes to a person.
    """

    policy_id: Identifier
    description: Text = ""
    rules: tuple[Rule, ...]

    @field_validator("rules", mode="wrap")
    @classmethod
    def _ids_are_unique(cls, given: Any, handler: ValidatorFunctionWrapHandler) -> tuple[Rule, ...]:
        doubles = _double_ids(given)
        try:
            rules: tuple[Rule, ...] = handler(given)
        except ValidationError as exc:
            raise _error(exc.title, [*_lines(exc), *doubles]) from None
        if doubles:
            raise _error("Policy", doubles)
        return rules

    @property
    def by_priority(self) -> tuple[Rule, ...]:
        """The rules in the order they are tried: by priority, those of equal priority as they stand in the file."""
        return tuple(sorted(self.rules, key=lambda rule: rule.priority))


def policy_hash(policy: Policy) -> str:
    """Return the SHA-256 of what a policy means: the same for JSON and YAML, and however it is laid out.

    Rules count in the order they are tried. What stands at its default is left out, so that a field which a later
    version adds leaves the hashes of older policies as they are.
    """
    meaning = policy.model_dump(mode="json", exclude_defaults=True)
    meaning["rules"] = [rule.model_dump(mode="json", exclude_defaults=True) for rule in policy.by_priority]
    return digest(meaning)


def default_role(action: Action | None, chain: RoleChain) -> str | None:
    """Return who takes on a case where a rule names nobody; None for `auto_approve`."""
    if action is Action.HUMAN_REVIEW:
        return chain.roles[0]
    if action is Action.ESCALATE:
        return chain.roles[min(1, len(chain.roles) - 1)]
    return None


def too_few_roles(approvals: int, role: str, chain: RoleChain) -> str:
    """Say that a rule asks for more people of distinct roles than there are roles from its own one up."""
    there = " and ".join(chain.upward(role))
    return (
        f"{approvals} people of distinct roles can never be found: from {role!r} up stand only {there}; "
        "ask for fewer approvals, assign a lower role, or leave distinct_roles out"
    )


def _double_ids(given: Any) -> list[InitErrorDetails]:
    rules = given if isinstance(given, Sequence) and not isinstance(given, str) else ()
    ids = [rule.get("rule_id") if isinstance(rule, dict) else getattr(rule, "rule_id", None) for rule in rules]
    message = ValueError("stands here twice; every rule_id must be unique in a policy")
    return [
        InitErrorDetails(type="value_error", loc=(place, "rule_id"), input=rule_id, ctx={"error": message})
        for place, rule_id in enumerate(ids)
        if isinstance(rule_id, str) and ids.index(rule_id) < place
    ]


def _lines(exc: ValidationError, drop: int = 0) -> list[InitErrorDetails]:
    """Return the problems of `exc` for another error to carry, without the first `drop` steps of their places."""
    return [
        InitErrorDetails(type=error["type"], loc=error["loc"][drop:], input=error["input"], ctx=error.get("ctx", {}))
        for error in exc.errors()
    ]


def _error(title: str, lines: list[InitErrorDetails]) -> ValidationError:
    return ValidationError.from_exception_data(title, lines)

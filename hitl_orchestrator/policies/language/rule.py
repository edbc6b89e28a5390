"""The model of a rule."""

import re
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from hitl_orchestrator.domain.decision import FALLBACK, ReviewRequirements
from hitl_orchestrator.domain.enums import Action, Agreement, OnTimeout
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import Identifier, Label, Text, Value
from hitl_orchestrator.policies.language.asking import Ask, Remark, with_role_of_ask
from hitl_orchestrator.policies.language.conditions import MOST_ALTERNATIVES, Bound, Conditions, Dates, Day

A_DURATION = r"^P(?=.)([0-9]+W|([0-9]+D)?(T(?=.)([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]{1,6})?S)?)?)$"
LONGEST_WAIT = timedelta(weeks=52)
_MOST_MONTHS = 12


def only_iso(value: object) -> object:
    """Refuse numbers and clock times, which pydantic would read as durations."""
    if isinstance(value, timedelta) or (isinstance(value, str) and re.fullmatch(A_DURATION, value)):
        return value
    meant = _meant(value) if isinstance(value, str) else None
    raise ValueError(meant or "write an ISO 8601 duration, such as PT4H for four hours or P2D for two days")


def _meant(text: str) -> str | None:
    """Return the remedy for months, years and hours without T; None for other texts."""
    if not (found := re.fullmatch(r"P([0-9]{1,3})([HMSY])", text)):
        return None
    number, unit = int(found[1]), found[2]
    if unit in "HS" or (unit == "M" and number > _MOST_MONTHS):
        return f"hours, minutes and seconds come after a T; write PT{number}{unit}"
    if unit == "M":
        return f"months vary in length; write P{30 * number}D for {30 * number} days, or PT{number}M for minutes"
    return f"years vary in length; write P{365 * number}D for {365 * number} days"


def _some_time(value: timedelta) -> timedelta:
    if not timedelta(0) < value <= LONGEST_WAIT:
        raise ValueError("the time to answer must be above zero and at most 52 weeks")
    return value


_AS_TEXT = WithJsonSchema({"type": "string", "pattern": A_DURATION, "examples": ["PT4H", "P2D"]})
Duration = Annotated[timedelta, BeforeValidator(only_iso), AfterValidator(_some_time), _AS_TEXT]
"""A duration in ISO 8601 weeks, days, hours, minutes and seconds. Months and years vary in length."""


class Rule(Value):
    """A rule: where all its conditions hold, its action applies, and people with its role decide.

    The role defaults to the first of the chain for `human_review` and to the second for `escalate`. The validation
    context may hold the `RoleChain` under "roles"; the role must then be in it.

    `respond_within` is the time that each review stays open, `on_timeout` the action after it. The requirements for
    the review are those of `ReviewRequirements`, under the same names; reviewers see `message`. `spot_check` is the
    share of the cases approved by this rule that a person reviews afterwards, `hold` the share that a person decides
    first. Outside its dates of validity, both inclusive and in the time zone of the policy, it does not match. `ask`
    restricts who may decide. `note`, `owner` and `reference` are for people who read the policy; they are no part of
    its meaning or its hash.
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
    spot_check: Bound = 0.0
    hold: Bound = 0.0
    valid_from: Day | None = None
    valid_until: Day | None = None
    message: Annotated[Text, Field(max_length=2_000)] | None = None
    ask: Ask | None = None
    note: Remark | None = None
    owner: Remark | None = None
    reference: Remark | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _role_of_ask(cls, raw: Any, handler: ModelWrapValidatorHandler["Rule"]) -> "Rule":
        return with_role_of_ask(raw, handler)

    @field_validator("rule_id")
    @classmethod
    def _not_reserved(cls, rule_id: str) -> str:
        if rule_id == FALLBACK:
            raise ValueError("this name is reserved for cases that no rule decides; choose another")
        return rule_id

    @field_validator("respond_within")
    @classmethod
    def _for_people(cls, within: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if within is not None and info.data.get("action") is Action.AUTO_APPROVE:
            raise ValueError("auto_approve has no reviewer; leave it out, or change the action to human_review")
        return within

    @field_validator("on_timeout")
    @classmethod
    def _with_a_time(cls, then: OnTimeout, info: ValidationInfo) -> OnTimeout:
        if then is not OnTimeout.ESCALATE and info.data.get("respond_within", "unsound") is None:
            raise ValueError("it needs a time limit; add respond_within")
        return then

    @field_validator(
        "approvals", "agreement", "distinct_roles", "remind_before", "business_hours", "blind", "message", "ask"
    )
    @classmethod
    def _requirement_for_people(cls, value: object, info: ValidationInfo) -> object:
        usual = cls.model_fields[info.field_name or ""].default
        if value != usual and info.data.get("action") is Action.AUTO_APPROVE:
            raise ValueError("auto_approve has no reviewer; leave it out, or change the action to human_review")
        return value

    @field_validator("agreement", "distinct_roles")
    @classmethod
    def _for_several_people(cls, value: object, info: ValidationInfo) -> object:
        if value not in (Agreement.UNANIMITY, False) and info.data.get("approvals") == 1:
            raise ValueError("it applies to several reviewers; set approvals to at least 2")
        return value

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
    def _before_it_is_due(cls, value: timedelta | bool | None, info: ValidationInfo) -> timedelta | bool | None:
        within = info.data.get("respond_within", LONGEST_WAIT)
        if value and within is None:
            raise ValueError("it needs a time limit; add respond_within")
        if isinstance(value, timedelta) and value >= within:
            raise ValueError("a reminder must come after the review was opened; make it shorter than respond_within")
        return value

    @field_validator("message")
    @classmethod
    def _not_blank(cls, message: str | None) -> str | None:
        if message is not None and not message.strip():
            raise ValueError("it is empty; write a message, or leave it out")
        return message

    @field_validator("spot_check", "hold")
    @classmethod
    def _for_approved_cases(cls, rate: float, info: ValidationInfo) -> float:
        if rate and info.data.get("action") in {Action.HUMAN_REVIEW, Action.ESCALATE}:
            raise ValueError("a person decides these cases already; leave it out, or change the action to auto_approve")
        return rate

    @field_validator("conditions")
    @classmethod
    def _not_too_many(cls, conditions: Conditions) -> Conditions:
        number = conditions.alternatives()
        if number > MOST_ALTERNATIVES:
            alternatives = f"{number:,}" if number < MOST_ALTERNATIVES**2 else "far too many"
            raise ValueError(
                f"the conditions expand to {alternatives} alternatives, and the limit is {MOST_ALTERNATIVES:,}; "
                "split them into several rules"
            )
        return conditions

    @field_validator("assigned_human_role")
    @classmethod
    def _in_the_chain(cls, role: str | None, info: ValidationInfo) -> str | None:
        action = info.data.get("action")
        if action is Action.AUTO_APPROVE and role is not None:
            raise ValueError("auto_approve has no reviewer; leave the role out, or change the action to human_review")
        chain: RoleChain | None = (info.context or {}).get("roles")
        if role is None:
            return default_role(action, chain or DEFAULT_CHAIN)
        if chain is not None and role not in chain.roles:
            hint = did_you_mean(role, chain.roles)
            raise ValueError(f"no such role; the role chain is {', '.join(chain.roles)}{hint}")
        return role

    @field_validator("valid_until")
    @classmethod
    def _after_it_begins(cls, last: date | None, info: ValidationInfo) -> date | None:
        first = info.data.get("valid_from")
        if first is not None and last is not None and last < first:
            raise ValueError(f"it lies before valid_from ({first}), so that the rule never matches")
        return last

    @property
    def when(self) -> Conditions:
        """The conditions, with the dates of validity as one of them."""
        named = {"from": self.valid_from, "until": self.valid_until}
        stated = {name: day for name, day in named.items() if day is not None}
        if not stated:
            return self.conditions
        valid = Dates.model_validate(stated)
        if self.conditions.date is None:
            return self.conditions.model_copy(update={"date": valid})
        return Conditions(all=(Conditions(date=valid), self.conditions))

    @property
    def requirements(self) -> ReviewRequirements:
        """The requirements of the rule for its reviews."""
        own = {name: getattr(self, name) for name in ReviewRequirements.model_fields if name in type(self).model_fields}
        return ReviewRequirements(**own) if self.ask is None else ReviewRequirements(**own, **self.ask.restrictions)


def default_role(action: Action | None, chain: RoleChain) -> str | None:
    """Return the role that decides where a rule assigns none; None for `auto_approve`."""
    if action is Action.HUMAN_REVIEW:
        return chain.roles[0]
    if action is Action.ESCALATE:
        return chain.second
    return None


def too_few_roles(approvals: int, role: str, chain: RoleChain) -> str:
    """Return the problem of a rule that requires more distinct roles than its role and those above it."""
    upward = " and ".join(chain.upward(role))
    return (
        f"{approvals} approvals by distinct roles are impossible: {role!r} and the roles above it are only {upward}; "
        "require fewer approvals, assign a lower role, or leave distinct_roles out"
    )

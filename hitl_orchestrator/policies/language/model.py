"""The models of policy files: rules, policies, and policies in layers."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import InitErrorDetails

from hitl_orchestrator.domain.decision import FALLBACK, ReviewRequirements
from hitl_orchestrator.domain.enums import Action, Agreement, OnTimeout
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.domain.value import Identifier, Label, Text, Value, digest
from hitl_orchestrator.domain.working_hours import TimeZone
from hitl_orchestrator.policies.language.conditions import (
    MOST_ALTERNATIVES,
    Bound,
    Comparison,
    Conditions,
    FieldType,
    lines_of,
    one_error,
)

NO_RULE = "no rule matches, so a person decides"
"""Why the fallback decides."""

NOT_ROUTED = "not_routed"
"""In place of a rule: the case was superseded or canceled before it was routed."""

ORGANIZATION = "organization"
"""The name of the layer that answers every case."""

_A_DURATION = r"^P(?=.)([0-9]+W|([0-9]+D)?(T(?=.)([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]{1,6})?S)?)?)$"
LONGEST_WAIT = timedelta(weeks=52)
MAX_NUMBER = 1e300
"""The largest number that conditions compare; NaN and infinities are refused."""


def _only_iso(value: object) -> object:
    """Refuse numbers and clock times, which pydantic would read as durations."""
    if isinstance(value, timedelta) or (isinstance(value, str) and re.fullmatch(_A_DURATION, value)):
        return value
    raise ValueError("write an ISO 8601 duration, such as PT4H for four hours or P2D for two days")


def _some_time(value: timedelta) -> timedelta:
    if not timedelta(0) < value <= LONGEST_WAIT:
        raise ValueError("the time to answer must be above zero and at most 52 weeks")
    return value


_AS_TEXT = WithJsonSchema({"type": "string", "pattern": _A_DURATION, "examples": ["PT4H", "P2D"]})
Duration = Annotated[timedelta, BeforeValidator(_only_iso), AfterValidator(_some_time), _AS_TEXT]
"""A duration in ISO 8601 weeks, days, hours, minutes and seconds. Months and years vary in length."""


class Rule(Value):
    """A rule: where all its conditions hold, its action applies, and people with its role decide.

    The role defaults to the first of the chain for `human_review` and to the second for `escalate`. The validation
    context may hold the `RoleChain` under "roles"; the role must then be in it.

    `respond_within` is the time that each review stays open, `on_timeout` the action after it. The requirements for
    the review are those of `ReviewRequirements`, under the same names; reviewers see `message`. `spot_check` is the
    share of the cases approved by this rule that a person reviews afterwards.
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
    message: Annotated[Text, Field(max_length=2_000)] | None = None

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

    @field_validator("approvals", "agreement", "distinct_roles", "remind_before", "business_hours", "blind", "message")
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

    @field_validator("spot_check")
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

    @property
    def requirements(self) -> ReviewRequirements:
        """The requirements of the rule for its reviews."""
        return ReviewRequirements(**{name: getattr(self, name) for name in ReviewRequirements.model_fields})


class Policy(Value):
    """A routing policy. Rules are tried by ascending priority number; the first rule that matches decides.

    Without rules, a person decides every case. `metadata` declares the type of each metadata field that rules read;
    time windows are in the time zone `timezone`.
    """

    policy_id: Identifier
    description: Text = ""
    metadata: dict[Label, FieldType] = Field(default_factory=dict)
    timezone: TimeZone = "UTC"
    rules: tuple[Rule, ...]

    @field_validator("rules", mode="wrap")
    @classmethod
    def _consistent(cls, raw: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> tuple[Rule, ...]:
        problems = _double_ids(raw)
        try:
            rules: tuple[Rule, ...] = handler(raw)
        except ValidationError as exc:
            raise one_error(exc.title, [*lines_of(exc), *problems]) from None
        if "metadata" in info.data:
            problems += _unfit_comparisons(rules, info.data["metadata"])
        if problems:
            raise one_error("Policy", problems)
        return rules

    @property
    def parts(self) -> "tuple[tuple[str, Policy], ...]":
        """Every layer with its name, such as `domain payments`; the organization's first, often the only one."""
        return ((ORGANIZATION, self),)

    @property
    def by_priority(self) -> tuple[Rule, ...]:
        """The rules in evaluation order: by priority, those of equal priority in file order."""
        return tuple(sorted(self.rules, key=lambda rule: rule.priority))


class PolicyStack(Policy):
    """A policy in layers: the organization's rules, those of domains, and the preferences of users.

    Each layer is evaluated separately, and the strictest answer wins: a layer can only tighten. The layer of a domain
    answers tasks of that domain, the layer of a user tasks whose metadata name the user as `requested_by`. A layer
    without a matching rule is silent; where no rule of the organization matches, a person decides. All time windows
    of a stack are in one time zone.
    """

    domains: dict[Label, Policy] = Field(default_factory=dict)
    users: dict[Label, Policy] = Field(default_factory=dict)

    @classmethod
    def of(
        cls, organization: Policy, *, domains: Mapping[str, Policy] = {}, users: Mapping[str, Policy] = {}
    ) -> "PolicyStack":
        """Return the policy of an organization with layers. Raises `ValidationError` where two rules share an id."""
        return cls(**dict(organization), domains=dict(domains), users=dict(users))

    @field_validator("domains", "users")
    @classmethod
    def _fits_other_layers(cls, layers: dict[str, Policy], info: ValidationInfo) -> dict[str, Policy]:
        lower = [*info.data.get("domains", {}).values()] if info.field_name == "users" else []
        rules = [*info.data.get("rules", ()), *(rule for layer in lower for rule in layer.rules)]
        seen = {rule.rule_id for rule in rules}
        zones = {zone for layer in lower for zone in _zones_of(layer.rules, layer.timezone)}
        zones |= _zones_of(info.data.get("rules", ()), info.data.get("timezone", "UTC"))
        for name, layer in layers.items():
            if isinstance(layer, PolicyStack):
                raise ValueError(f"the layer {name!r} has layers itself; layers cannot be nested")
            twice = sorted(seen & {rule.rule_id for rule in layer.rules})
            if twice:
                raise ValueError(
                    f"the rule {twice[0]!r} of layer {name!r} is also in another layer; "
                    "every rule_id must be unique in all layers, so that a decision names one rule"
                )
            seen |= {rule.rule_id for rule in layer.rules}
            zones |= _zones_of(layer.rules, layer.timezone)
            if len(zones) > 1:
                raise ValueError(
                    f"layer {name!r} has windows in another time zone: {', '.join(sorted(zones))}; "
                    "set the same timezone in every layer that has a time window"
                )
        return layers

    @property
    def parts(self) -> tuple[tuple[str, Policy], ...]:
        """Every layer with its name, such as `domain payments`; the organization's first."""
        return (
            (ORGANIZATION, self),
            *((f"domain {name}", layer) for name, layer in sorted(self.domains.items())),
            *((f"user {name}", layer) for name, layer in sorted(self.users.items())),
        )


def policy_of(raw: Any, roles: RoleChain | None = None) -> Policy:
    """Return the policy, in one layer or several, of parsed data.

    Raises:
        ValidationError: the data are not a policy.
    """
    context = None if roles is None else {"roles": roles}
    kind = PolicyStack if isinstance(raw, dict) and raw.keys() & {"domains", "users"} else Policy
    return kind.model_validate(raw, context=context)


def policy_hash(policy: Policy) -> str:
    """Return the SHA-256 of the meaning of a policy: the same for JSON and YAML, and for any layout.

    Rules are hashed in evaluation order. Defaults are left out, so that a field which a later version adds does not
    change the hashes of older policies.
    """
    meaning = policy.model_dump(mode="json", exclude_defaults=True)
    return digest(_rules_in_order(policy, meaning))


def _rules_in_order(policy: Policy, meaning: dict[str, Any]) -> dict[str, Any]:
    meaning["rules"] = [rule.model_dump(mode="json", exclude_defaults=True) for rule in policy.by_priority]
    if isinstance(policy, PolicyStack):
        for kind, layers in (("domains", policy.domains), ("users", policy.users)):
            for name, layer in layers.items():
                _rules_in_order(layer, meaning[kind][name])
    return meaning


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


def _zones_of(rules: Iterable[Rule], timezone: str) -> set[str]:
    """Return the time zone of a layer, if a rule of it has a time window."""
    timed = any(conditions.time is not None for rule in rules for _, conditions in rule.conditions.walk())
    return {timezone} if timed else set()


def _double_ids(raw: Any) -> list[InitErrorDetails]:
    rules = raw if isinstance(raw, Sequence) and not isinstance(raw, str) else ()
    ids = [rule.get("rule_id") if isinstance(rule, dict) else getattr(rule, "rule_id", None) for rule in rules]
    message = ValueError("it is used twice; every rule_id must be unique in a policy")
    return [
        InitErrorDetails(type="value_error", loc=(index, "rule_id"), input=rule_id, ctx={"error": message})
        for index, rule_id in enumerate(ids)
        if isinstance(rule_id, str) and ids.index(rule_id) < index
    ]


def _unfit_comparisons(rules: Sequence[Rule], declared: Mapping[str, FieldType]) -> list[InitErrorDetails]:
    """Return the comparisons with an undeclared field, or with a value of another type."""
    return [
        InitErrorDetails(
            type="value_error", loc=(index, *path, *where), input=value, ctx={"error": ValueError(sentence)}
        )
        for index, rule in enumerate(rules)
        for path, conditions in rule.conditions.walk("conditions")
        for name, comparison in conditions.metadata.items()
        for where, value, sentence in _unfit(name, comparison, declared)
    ]


def _unfit(
    name: str, comparison: Comparison, declared: Mapping[str, FieldType]
) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    kind = declared.get(name)
    if kind is None:
        hint = did_you_mean(name, declared) or '; add it to the policy\'s "metadata", such as {"amount": "number"}'
        yield ("metadata", name), name, f"the policy declares no type for this field{hint}"
        return
    for operator, value in comparison.operands:
        if type_of(value) is not kind:
            yield (
                ("metadata", name, operator),
                value,
                f"the policy declares {name!r} as a {kind}, and this is not a {kind}",
            )
        elif kind is not FieldType.NUMBER and operator in {"lt", "le", "gt", "ge"}:
            yield ("metadata", name, operator), value, f"only numbers can be ordered, and {name!r} is a {kind}"


def type_of(value: object) -> FieldType | None:
    """Return the type of a metadata value; None for values that conditions cannot compare."""
    if isinstance(value, bool):
        return FieldType.BOOLEAN
    if isinstance(value, int | float):
        return FieldType.NUMBER if abs(value) <= MAX_NUMBER else None
    return FieldType.TEXT if isinstance(value, str) else None

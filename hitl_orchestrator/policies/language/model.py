"""What a routing policy may say: closed words, closed fields, and nothing left to guess."""

import re
from collections.abc import Iterator, Mapping, Sequence
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

from hitl_orchestrator.domain.decision import ReviewRequirements
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

FALLBACK = "fallback"
"""The rule id of decisions that no rule took."""

ORGANIZATION = "organization"
"""The name of the layer that always answers."""

_A_DURATION = r"^P(?=.)([0-9]+W|([0-9]+D)?(T(?=.)([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]{1,6})?S)?)?)$"
LONGEST_WAIT = timedelta(weeks=52)
MAX_NUMBER = 1e300
"""NaN and infinities are no numbers, whatever brings them."""


def _only_iso(given: object) -> object:
    """Refuse what pydantic would guess a duration from: numbers, and clock times."""
    if isinstance(given, timedelta) or (isinstance(given, str) and re.fullmatch(_A_DURATION, given)):
        return given
    raise ValueError("give an ISO 8601 duration, such as PT4H for four hours or P2D for two days")


def _some_time(given: timedelta) -> timedelta:
    if not timedelta(0) < given <= LONGEST_WAIT:
        raise ValueError("a time to answer is longer than nothing and at most 52 weeks")
    return given


_AS_TEXT = WithJsonSchema({"type": "string", "pattern": _A_DURATION, "examples": ["PT4H", "P2D"]})
Duration = Annotated[timedelta, BeforeValidator(_only_iso), AfterValidator(_some_time), _AS_TEXT]
"""A length of time, written as ISO 8601 in weeks, days, hours, minutes and seconds: months and years vary."""


class Rule(Value):
    """One line of the law: where all the conditions hold, this is done, by whoever has this role.

    A role that is left out is the first of the chain for `human_review` and the second for `escalate`. The
    validation context may bring the `RoleChain` under "roles"; a role must then stand in it.

    `respond_within` is how long each review stays open for an answer, `on_timeout` what happens then. How people are
    asked is in `ReviewRequirements`, with the same field names; `message` is shown to them. `spot_check` is the share
    of the cases that go ahead by this rule which a person looks at afterwards.
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

    @field_validator("approvals", "agreement", "distinct_roles", "remind_before", "business_hours", "blind", "message")
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

    @field_validator("message")
    @classmethod
    def _something_to_read(cls, message: str | None) -> str | None:
        if message is not None and not message.strip():
            raise ValueError("it is empty; say something, or leave it out")
        return message

    @field_validator("spot_check")
    @classmethod
    def _of_what_went_ahead(cls, rate: float, info: ValidationInfo) -> float:
        if rate and info.data.get("action") in {Action.HUMAN_REVIEW, Action.ESCALATE}:
            raise ValueError("a person decides these cases already; leave it out, or make the action auto_approve")
        return rate

    @field_validator("conditions")
    @classmethod
    def _not_too_many(cls, given: Conditions) -> Conditions:
        many = given.alternatives()
        if many > MOST_ALTERNATIVES:
            told = f"{many:,}" if many < MOST_ALTERNATIVES**2 else "far too many"
            raise ValueError(
                f"multiplied out these are {told} alternatives, and {MOST_ALTERNATIVES:,} is the most; "
                "make several rules of them"
            )
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
    def requirements(self) -> ReviewRequirements:
        """How the rule wants people to be asked."""
        return ReviewRequirements(**{name: getattr(self, name) for name in ReviewRequirements.model_fields})


class Policy(Value):
    """A routing policy. The lowest priority number is tried first; the first rule that holds decides.

    No rules at all is a policy too: everything then goes to a person. `metadata` declares the type of each field of a
    task's metadata that the rules ask about; windows of time are on the clocks of `timezone`.
    """

    policy_id: Identifier
    description: Text = ""
    metadata: dict[Label, FieldType] = Field(default_factory=dict)
    timezone: TimeZone = "UTC"
    rules: tuple[Rule, ...]

    @field_validator("rules", mode="wrap")
    @classmethod
    def _sound_together(
        cls, given: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> tuple[Rule, ...]:
        found = _double_ids(given)
        try:
            rules: tuple[Rule, ...] = handler(given)
        except ValidationError as exc:
            raise one_error(exc.title, [*lines_of(exc), *found]) from None
        if "metadata" in info.data:
            found += _unfit_comparisons(rules, info.data["metadata"])
        if found:
            raise one_error("Policy", found)
        return rules

    @property
    def parts(self) -> "tuple[tuple[str, Policy], ...]":
        """Every layer with its name, such as `domain payments`; the organization's first, often alone."""
        return ((ORGANIZATION, self),)

    @property
    def by_priority(self) -> tuple[Rule, ...]:
        """The rules in the order they are tried: by priority, those of equal priority as they stand in the file."""
        return tuple(sorted(self.rules, key=lambda rule: rule.priority))


class PolicyStack(Policy):
    """A policy in layers: the organization's rules, those of domains, and the preferences of users.

    Each layer answers by itself, and the strictest answer wins: a layer can tighten, and never loosen. The layer of a
    domain answers for tasks of that domain, that of a user for tasks whose metadata name the user as `requested_by`.
    A layer of which no rule holds is silent; where no rule of the organization holds, a person decides, as ever.
    """

    domains: dict[Label, Policy] = Field(default_factory=dict)
    users: dict[Label, Policy] = Field(default_factory=dict)

    @classmethod
    def of(
        cls, organization: Policy, *, domains: Mapping[str, Policy] = {}, users: Mapping[str, Policy] = {}
    ) -> "PolicyStack":
        """Put layers upon the policy of an organization. Raises `ValidationError` where two rules share an id."""
        return cls(**dict(organization), domains=dict(domains), users=dict(users))

    @field_validator("domains", "users")
    @classmethod
    def _other_rules(cls, given: dict[str, Policy], info: ValidationInfo) -> dict[str, Policy]:
        lower = [*info.data.get("domains", {}).values()] if info.field_name == "users" else []
        seen = {rule.rule_id for one in lower for rule in one.rules} | {
            rule.rule_id for rule in info.data.get("rules", ())
        }
        for name, layer in given.items():
            if isinstance(layer, PolicyStack):
                raise ValueError(f"the layer {name!r} has layers itself; one level of them is all there is")
            twice = sorted(seen & {rule.rule_id for rule in layer.rules})
            if twice:
                raise ValueError(
                    f"the rule {twice[0]!r} of layer {name!r} stands in another layer too; "
                    "every rule_id must be unique in all layers, so that a decision names one rule"
                )
            seen |= {rule.rule_id for rule in layer.rules}
        return given

    @property
    def parts(self) -> tuple[tuple[str, Policy], ...]:
        """Every layer with its name, such as `domain payments`; the organization's first."""
        return (
            (ORGANIZATION, self),
            *((f"domain {name}", layer) for name, layer in sorted(self.domains.items())),
            *((f"user {name}", layer) for name, layer in sorted(self.users.items())),
        )


def policy_of(raw: Any, roles: RoleChain | None = None) -> Policy:
    """Return the policy, in one layer or several, that raw data are.

    Raises:
        ValidationError: they are none.
    """
    context = None if roles is None else {"roles": roles}
    kind = PolicyStack if isinstance(raw, dict) and raw.keys() & {"domains", "users"} else Policy
    return kind.model_validate(raw, context=context)


def policy_hash(policy: Policy) -> str:
    """Return the SHA-256 of what a policy means: the same for JSON and YAML, and however it is laid out.

    Rules count in the order they are tried. What stands at its default is left out, so that a field which a later
    version adds leaves the hashes of older policies as they are.
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


def _unfit_comparisons(rules: Sequence[Rule], declared: Mapping[str, FieldType]) -> list[InitErrorDetails]:
    """Return what is compared with a field that is not declared, or with a value of another type."""
    return [
        InitErrorDetails(
            type="value_error", loc=(place, *path, *where), input=value, ctx={"error": ValueError(sentence)}
        )
        for place, rule in enumerate(rules)
        for path, said in rule.conditions.walk("conditions")
        for name, comparison in said.metadata.items()
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
            yield ("metadata", name, operator), value, f"the policy declares {name!r} as a {kind}, and this is none"
        elif kind is not FieldType.NUMBER and operator in {"lt", "le", "gt", "ge"}:
            yield ("metadata", name, operator), value, f"only numbers have an order, and {name!r} is a {kind}"


def type_of(value: object) -> FieldType | None:
    """Return the type of a value of a task's metadata; None where it has none that conditions can ask about."""
    if isinstance(value, bool):
        return FieldType.BOOLEAN
    if isinstance(value, int | float):
        return FieldType.NUMBER if abs(value) <= MAX_NUMBER else None
    return FieldType.TEXT if isinstance(value, str) else None

"""The models of policy files: policies, and policies in layers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic_core import InitErrorDetails

from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.task import REQUESTED_BY
from hitl_orchestrator.domain.value import Identifier, Label, Text, Value, digest
from hitl_orchestrator.domain.working_hours import TimeZone
from hitl_orchestrator.policies.language.asking import REMARKS
from hitl_orchestrator.policies.language.calculated.counting import (
    INPUTS,
    Arithmetic,
    CounterDeclaration,
    FactName,
    check_arithmetic,
    check_counters,
    meanings_of,
)
from hitl_orchestrator.policies.language.conditions import lines_of, one_error
from hitl_orchestrator.policies.language.declarations import (
    KNOWN,
    Declaration,
    FieldType,
    declared_in,
    too_many_patterns,
    unfit_comparisons,
)
from hitl_orchestrator.policies.language.lists import NamedList, meaning_of, resolved
from hitl_orchestrator.policies.language.rule import Rule
from hitl_orchestrator.policies.language.validity import Holidays, without_holidays
from hitl_orchestrator.policies.language.vocabulary import Vocabulary, unknown_names, unknown_words

NO_RULE = "no rule matches, so a person decides"
"""Why the fallback decides."""

ORGANIZATION = "organization"
"""The name of the layer that answers every case."""


class Policy(Value):
    """A routing policy. Rules are tried by ascending priority number; the first rule that matches decides.

    Without rules, a person decides every case. `metadata` and `proposal` declare the fields of tasks and of outputs
    that rules read; time windows and dates are in the time zone `timezone`. `holidays` are dates that conditions name
    together.
    """

    policy_id: Identifier
    description: Text = ""
    metadata: dict[Label, Declaration] = Field(default_factory=dict)
    proposal: dict[Label, Declaration] = Field(default_factory=dict)
    lists: dict[Label, NamedList] = Field(default_factory=dict)
    vocabulary: Vocabulary | None = None
    history: dict[FactName, CounterDeclaration] = Field(default_factory=dict)
    derived: dict[FactName, Arithmetic] = Field(default_factory=dict)
    timezone: TimeZone = "UTC"
    holidays: Holidays = ()
    rules: tuple[Rule, ...]

    _of_organization: Vocabulary | None = None

    @field_validator("metadata", "proposal")
    @classmethod
    def _no_part_of_another(cls, declared: dict[str, Declaration]) -> dict[str, Declaration]:
        for name in declared:
            whole = next((other for other in declared if name.startswith(f"{other}.")), None)
            if whole is not None:
                raise ValueError(
                    f"{name!r} is a path into {whole!r}, which is declared as a value; leave one of them out"
                )
        return declared

    @field_validator("metadata")
    @classmethod
    def _names_people(cls, declared: dict[str, Declaration]) -> dict[str, Declaration]:
        named = declared.get(REQUESTED_BY)
        if named is not None and (named.values or named.type is FieldType.LIST):
            raise ValueError(f"{REQUESTED_BY} names people, one or several; declare it as text, without values")
        return declared

    @field_validator("proposal")
    @classmethod
    def _keeps_known_types(cls, declared: dict[str, Declaration]) -> dict[str, Declaration]:
        for name, known in KNOWN["proposal"].items():
            if name in declared and declared[name].type is not known.type:
                raise ValueError(f"{name} is a {known.type} in every proposal; declare it so, or leave it out")
        return declared

    @field_validator("history")
    @classmethod
    def _counts_declared_fields(
        cls, history: dict[str, CounterDeclaration], info: ValidationInfo
    ) -> dict[str, CounterDeclaration]:
        if "metadata" in info.data:
            check_counters(history, info.data["metadata"])
        return history

    @field_validator("derived")
    @classmethod
    def _calculates_with_numbers(cls, derived: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if info.data.keys() >= set(INPUTS):
            check_arithmetic(derived, {source: declared_in(source, info.data[source]) for source in INPUTS})
        return derived

    @field_validator("rules", mode="wrap")
    @classmethod
    def _consistent(cls, raw: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> tuple[Rule, ...]:
        raw, unlisted = resolved(raw, info.data.get("lists"))
        problems = [*_double_ids(raw), *unlisted]
        try:
            rules: tuple[Rule, ...] = handler(raw)
        except ValidationError as exc:
            raise one_error(exc.title, [*lines_of(exc), *problems]) from None
        declared = {name: declared_in(name, info.data.get(name, {})) for name in KNOWN if name in {*info.data, "agent"}}
        problems += unfit_comparisons(rules, declared) + too_many_patterns(rules, declared)
        problems += unknown_words(rules, info.data.get("vocabulary"))
        problems += without_holidays(rules, info.data["holidays"]) if "holidays" in info.data else ()
        if problems:
            raise one_error("Policy", problems)
        return rules

    @property
    def parts(self) -> "tuple[tuple[str, Policy], ...]":
        """Every layer with its name, such as `domain payments`; the organization's first, often the only one."""
        return ((ORGANIZATION, self),)

    def declared(self, source: str) -> Mapping[str, Declaration]:
        """Return the fields of a source, such as `metadata`, that rules may compare, with what is declared of each."""
        return declared_in(source, getattr(self, source, {}))

    @property
    def meanings(self) -> dict[str, str]:
        """What the policy counts and calculates, such as `history.paid`, as texts; equal ones have one meaning."""
        return meanings_of({source: getattr(self, source) for source in (*INPUTS, "derived")})

    @property
    def closed(self) -> Vocabulary | None:
        """The vocabulary of the organization, also where this is one of its layers; None where it is open."""
        return self._of_organization or self.vocabulary

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
        zones = {zone for layer in lower for zone in zones_of(layer.rules, layer.timezone)}
        zones |= zones_of(info.data.get("rules", ()), info.data.get("timezone", "UTC"))
        for name, layer in layers.items():
            if isinstance(layer, PolicyStack):
                raise ValueError(f"the layer {name!r} has layers itself; layers cannot be nested")
            if layer.vocabulary is not None:
                raise ValueError(f"the layer {name!r} has a vocabulary; only the organization closes the vocabulary")
            twice = sorted(seen & {rule.rule_id for rule in layer.rules})
            if twice:
                raise ValueError(
                    f"the rule {twice[0]!r} of layer {name!r} is also in another layer; "
                    "every rule_id must be unique in all layers, so that a decision names one rule"
                )
            seen |= {rule.rule_id for rule in layer.rules}
            zones |= zones_of(layer.rules, layer.timezone)
            if len(zones) > 1:
                raise ValueError(
                    f"layer {name!r} has windows in another time zone: {', '.join(sorted(zones))}; "
                    "set the same timezone in every layer that has a time window"
                )
        _check_meanings(info.data, {**info.data.get("domains", {}), **layers})
        return _under(info.data.get("vocabulary"), layers, named=info.field_name == "domains")

    @property
    def parts(self) -> tuple[tuple[str, Policy], ...]:
        """Every layer with its name, such as `domain payments`; the organization's first."""
        return (
            (ORGANIZATION, self),
            *((f"domain {name}", layer) for name, layer in sorted(self.domains.items())),
            *((f"user {name}", layer) for name, layer in sorted(self.users.items())),
        )


def _check_meanings(organization: Mapping[str, Any], layers: Mapping[str, Policy]) -> None:
    """Raise `ValueError` where two layers count or calculate different things under one name."""
    sources = [*INPUTS, "derived"]
    known = meanings_of(organization) if organization.keys() >= set(sources) else {}
    for name, layer in layers.items():
        for what, meaning in layer.meanings.items():
            if known.setdefault(what, meaning) != meaning:
                raise ValueError(
                    f"{what} of layer {name!r} is something else in another layer; "
                    "declare it in the same way in every layer, or under another name"
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
    if policy.lists:
        meaning["lists"] = meaning_of(policy.lists)
    meaning["rules"] = [
        rule.model_dump(mode="json", exclude_defaults=True, exclude=set(REMARKS)) for rule in policy.by_priority
    ]
    if isinstance(policy, PolicyStack):
        for kind, layers in (("domains", policy.domains), ("users", policy.users)):
            for name, layer in layers.items():
                _rules_in_order(layer, meaning[kind][name])
    return meaning


def _under(vocabulary: Vocabulary | None, layers: dict[str, Policy], *, named: bool) -> dict[str, Policy]:
    """Return the layers under the vocabulary of the organization. Raises `ValidationError` for other words."""
    if vocabulary is None:
        return layers
    problems = [*unknown_names(layers, vocabulary)] if named else []
    for name, layer in layers.items():
        problems += unknown_words(layer.rules, vocabulary, (name, "rules"))
    if problems:
        raise one_error("PolicyStack", problems)
    under = {name: layer.model_copy() for name, layer in layers.items()}
    for layer in under.values():
        layer._of_organization = vocabulary
    return under


def zones_of(rules: Iterable[Rule], timezone: str) -> set[str]:
    """Return the time zone of a layer, if a rule of it has a time window or a date."""
    parts = [part for rule in rules for _, part in rule.when.walk()]
    return {timezone} if any(part.time is not None or part.date is not None for part in parts) else set()


def _double_ids(raw: Any) -> list[InitErrorDetails]:
    rules = raw if isinstance(raw, Sequence) and not isinstance(raw, str) else ()
    ids = [rule.get("rule_id") if isinstance(rule, dict) else getattr(rule, "rule_id", None) for rule in rules]
    message = ValueError("it is used twice; every rule_id must be unique in a policy")
    return [
        InitErrorDetails(type="value_error", loc=(index, "rule_id"), input=rule_id, ctx={"error": message})
        for index, rule_id in enumerate(ids)
        if isinstance(rule_id, str) and ids.index(rule_id) < index
    ]

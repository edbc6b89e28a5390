"""The content of the document: sections of entries, before they have a format."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hitl_orchestrator.domain.decision import FALLBACK
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN, RoleChain
from hitl_orchestrator.policies.analysis.changes.edits import value_in_words
from hitl_orchestrator.policies.document.sentences import cases_of, decision_of, number_in_words, role_in_words
from hitl_orchestrator.policies.language.asking import REMARKS
from hitl_orchestrator.policies.language.model import ORGANIZATION, Policy, policy_hash
from hitl_orchestrator.policies.language.rule import Rule, default_role

SIGNERS = ("Owner of the policy", "Person responsible for the agent", "Second person")
SIGNATURE = ("Name", "Role", "Date", "Signature")
_MEANING = {"number": "a number", "text": "a text", "boolean": "true or false"}
_NO_DECLARATIONS = {"policy_id", "description", "timezone", "rules", "domains", "users"}


@dataclass(frozen=True)
class Entry:
    """One rule or one fact: its name, what it is about, what is decided, its place, and further notes."""

    name: str
    text: str
    decision: str = ""
    place: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of the document. Where it has no entries, the introduction says why."""

    title: str
    intro: str
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Document:
    """A policy in plain words. `facts` are names and values that identify it."""

    title: str
    description: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def policy_document(policy: Policy, roles: RoleChain = DEFAULT_CHAIN, version: str | None = None) -> Document:
    """Return the document of a policy. `version` is its number in a store."""
    _, organization = policy.parts[0]
    facts = [("Policy", policy.policy_id), *([("Version", version)] if version else [])]
    facts += [("Hash (SHA-256)", policy_hash(policy)), ("Time zone", policy.timezone)]
    facts += [("Rules", str(sum(len(layer.rules) for _, layer in policy.parts)))]
    if len(policy.parts) > 1:
        facts.append(("Layers", ", ".join(name for name, _ in policy.parts)))
    sections = [
        _ahead(organization, layered=len(policy.parts) > 1),
        _by_people(organization, roles),
        *(_of_layer(name, layer) for name, layer in policy.parts[1:]),
        _checks(organization),
        _facts(policy),
        _reading(policy),
    ]
    return Document(f"Policy {policy.policy_id}", policy.description, tuple(facts), tuple(filter(None, sections)))


def _entry(rule: Rule, place: int, policy: Policy) -> Entry:
    cases = cases_of(rule, policy)
    notes = (f"{name.capitalize()}: {getattr(rule, name)}" for name in REMARKS if getattr(rule, name))
    return Entry(rule.rule_id, f"{cases[:1].upper()}{cases[1:]}.", decision_of(rule), str(place), tuple(notes))


def _entries(policy: Policy, *, ahead: bool) -> tuple[Entry, ...]:
    ordered = enumerate(policy.by_priority, start=1)
    return tuple(
        _entry(rule, place, policy) for place, rule in ordered if (rule.action is Action.AUTO_APPROVE) is ahead
    )


def _ahead(policy: Policy, *, layered: bool) -> Section:
    entries = _entries(policy, ahead=True)
    if not entries:
        return Section("What goes ahead without a person", "Nothing goes ahead without a person.")
    unless = "an earlier rule or a layer asks for a person" if layered else "an earlier rule asks for a person"
    return Section(
        "What goes ahead without a person",
        f"These cases go ahead as the agent proposes, unless {unless}. The number is the place of the rule.",
        entries,
    )


def _by_people(policy: Policy, roles: RoleChain) -> Section:
    role = role_in_words(default_role(Action.HUMAN_REVIEW, roles))
    who = f"A person with the role {role} or a higher one decides without a time limit."
    rest = Entry(FALLBACK, "Every case that no rule matches.", who)
    return Section(
        "What people decide, and by when",
        "The rules are tried in this order, together with those above; the first that matches decides.",
        (*_entries(policy, ahead=False), rest),
    )


def _of_layer(name: str, policy: Policy) -> Section:
    kind, _, of = name.partition(" ")
    whom = f"cases of the domain {of}" if kind == "domain" else f"cases that {of} requests"
    entries = tuple(_entry(rule, place, policy) for place, rule in enumerate(policy.by_priority, start=1))
    intro = f"For {whom} these rules apply in addition. They can only ask for more, never for less."
    if not entries:
        intro = f"For {whom} no rules apply in addition."
    about = f" {policy.description}" if policy.description else ""
    return Section(f"Layer: {name}", f"{intro}{about}", entries)


def _checks(policy: Policy) -> Section:
    approving = [rule for rule in policy.by_priority if rule.action is Action.AUTO_APPROVE]
    entries = tuple(
        Entry(rule.rule_id, f"{value_in_words('spot_check', rule.spot_check)} of the cases.")
        for rule in approving
        if rule.spot_check
    )
    without = [rule.rule_id for rule in approving if not rule.spot_check]
    intro = "A share of the cases that went ahead, chosen by chance, is checked by a person. What was done stays done."
    if without:
        intro += f" Without checks: {', '.join(without)}."
    return Section(
        "Spot checks", intro if approving else "Nothing goes ahead, so nothing is checked afterwards.", entries
    )


def _facts(policy: Policy) -> Section:
    layers: dict[tuple[str, str], list[str]] = {}
    for layer, part in policy.parts:
        for declared in _declared(part):
            layers.setdefault(declared, []).append(layer)
    entries = [
        Entry(name if ORGANIZATION in of else f"{name} ({', '.join(of)})", text) for (name, text), of in layers.items()
    ]
    intro = "What the policy declares about the facts of a case." if entries else "The rules read no declared facts."
    return Section("Facts that the rules read", intro, tuple(entries))


def _declared(policy: Policy) -> Iterator[tuple[str, str]]:
    """Yield every declaration of a layer with its meaning; one of a kind that has no words is written as it is."""
    for kind, declared in policy.model_dump(exclude=_NO_DECLARATIONS, exclude_defaults=True).items():
        if not isinstance(declared, Mapping):
            yield kind, f"{_plain(declared)}."
            continue
        for name, value in declared.items():
            named = name if kind == "metadata" else f"{kind} {name}"
            yield named, f"{_field(value) if kind in ('metadata', 'proposal') else _plain(value)}."


def _field(value: Any) -> str:
    fields = {"type": value} if isinstance(value, str) else dict(value)
    unit = fields.pop("unit", None)
    kind = str(fields.pop("type", ""))
    text = _MEANING.get(kind, kind) + (f" in {unit}" if unit else "")
    low, high = fields.pop("min", None), fields.pop("max", None)
    if low is not None and high is not None:
        text += f", from {number_in_words(low)} to {number_in_words(high)}"
    elif low is not None or high is not None:
        text += f", at least {number_in_words(low)}" if high is None else f", at most {number_in_words(high)}"
    if fields.pop("required", False):
        text += ", required"
    values = fields.pop("values", None)
    text += f", one of {', '.join(map(str, values))}" if values else ""
    return text + "".join(f", {name} {_plain(each)}" for name, each in fields.items())


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(
            f"{name.rstrip('_')} {_plain(each)}" for name, each in value.items() if each not in (None, (), [])
        )
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return value_in_words("", value)


def _reading(policy: Policy) -> Section:
    entries = [
        Entry("Order", "Rules are tried by their number. The first rule that matches decides."),
        Entry(
            "Missing facts",
            "A fact that is missing or of another type never counts in favor of a case: a rule that lets a case go "
            "ahead must certainly match, and a rule that asks for a person matches unless it certainly does not.",
        ),
        Entry("Without a proposal", "A case without a proposal or without a confidence never goes ahead."),
        Entry("Time", f"Days and hours are those of {policy.timezone}."),
    ]
    if len(policy.parts) > 1:
        entries.append(Entry("Layers", "Each layer answers by itself, and the strictest answer counts."))
    return Section("How to read this document", "It says what the policy with this hash does.", tuple(entries))

"""The people and the policy of a store when it is opened: recorded when it is made, compared afterwards."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.value import canonical_json, digest, read_canonical
from hitl_orchestrator.errors import PeopleMismatch, PolicyMismatch
from hitl_orchestrator.ledger.database.address import shown
from hitl_orchestrator.ledger.events import people_builders, policy_builders
from hitl_orchestrator.ledger.events.chain import Draft
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.engine.risk import RiskRule
from hitl_orchestrator.policies.engine.scoring import ScoreRules
from hitl_orchestrator.policies.language.model import Policy, policy_hash
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry, recorded_policy
from hitl_orchestrator.review.governance.history import PeopleHistory
from hitl_orchestrator.review.governance.in_force import PeopleRegistry
from hitl_orchestrator.review.people import People, read_people
from hitl_orchestrator.review.schemas import OutputSchemas
from hitl_orchestrator.services.case_reader import Clock
from hitl_orchestrator.services.config_files import check_they_fit, load_people, load_policy
from hitl_orchestrator.services.policy_sync import PolicySync
from hitl_orchestrator.wiring.stores import store_exists

__all__ = ["Governance", "PeopleSource", "PolicySource", "check_governed", "configuration_of", "open_governance"]

PolicySource = str | Path | Mapping[str, Any] | Policy | None
PeopleSource = str | Path | Mapping[str, Any] | Sequence[Any] | People | None
Configuration = Mapping[str, str | None]

_log = logging.getLogger(__name__)
_SIGNALS = "score_rules"
_OPTIONAL = (_SIGNALS, "schemas")
"""What a process that states none leaves as it is recorded."""
_CONFIGURED = EventKind.CONFIGURATION_RECORDED


class Governance(NamedTuple):
    """The people and the policies of a store, kept in step with its ledger."""

    people: PeopleRegistry
    policies: PolicyRegistry
    sync: PolicySync
    score_rules: ScoreRules


def check_governed(store: str, policy: PolicySource, reviewers: PeopleSource) -> None:
    """Refuse to make a store that no policy could rule, before anything of it exists.

    Raises:
        InvalidInput: the policy or the people are unusable. PolicyMissing: there is no policy for their roles.
    """
    given = None if reviewers is None else load_people(reviewers)
    if not store_exists(store):
        people = given or load_people(None)
        check_they_fit(load_policy(policy, people.chain), people)


def open_governance(
    ledger: Ledger,
    store: str,
    policy: PolicySource,
    reviewers: PeopleSource,
    *,
    uses: dict[str, str | None],
    clock: Clock,
) -> Governance:
    """Return the people and the policies in force; record the given ones if the store was just made.

    Raises:
        PeopleMismatch, PolicyMismatch: others are in force.
        TamperedPeople, TamperedPolicy: those in force differ from the recorded ones.
    """
    given = None if reviewers is None else read_people(load_people(reviewers).document, "reviewers")
    while True:
        events = ledger.governance_events()
        people, policies = PeopleHistory().after(events), PolicyHistory().after(events)
        first = _first_people(people, given, clock)
        chosen = given if first is not None and given is not None else load_people(None)
        in_force = chosen if first is not None else people.people(str(people.current))
        pinned = _first_policy(policies, policy, in_force, clock)
        drafts = [draft for draft in (first, pinned) if draft is not None]
        if not drafts:
            break
        if ledger.govern(drafts, people.seen):
            _report_made(store, drafts, default=policy is None)
    registry = PeopleRegistry(people)
    active = recorded_policy(str(policies.active), ledger.policy)
    rules = PolicyRegistry(active, registry.people.chain, ledger.policy, ledger.lot)
    rules.put_in_force(policies)
    last = next((event.body for event in reversed(events) if event.kind == _CONFIGURED), None)
    kept = {name: stated or (last or {}).get(name) if name in _OPTIONAL else stated for name, stated in uses.items()}
    sync = PolicySync(ledger, rules, registry, clock, _to_record(kept, last))
    return Governance(registry, rules, sync, _recorded_rules(kept[_SIGNALS]))


def configuration_of(
    risk_rules: Sequence[RiskRule], score_rules: ScoreRules | None, outputs: OutputSchemas | None
) -> dict[str, str | None]:
    """Return the digests of the rules and schemas with which a store is opened, and the whole rules of the signals."""
    return {
        "risk_rules": digest([rule.model_dump(mode="json") for rule in risk_rules]) if risk_rules else None,
        _SIGNALS: None if score_rules is None else canonical_json(_meaning(score_rules)),
        "schemas": None if outputs is None else outputs.hash,
    }


def _meaning(rules: ScoreRules) -> dict[str, Any]:
    """Return rules as they are recorded: without defaults, so that a later field changes no recorded rules."""
    return rules.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _recorded_rules(recorded: str | None) -> ScoreRules:
    """Return the rules of the signals that a process without own ones uses: those recorded last, or the defaults.

    Raises:
        InvalidInput: this version cannot read them.
    """
    return ScoreRules() if recorded is None else parse(ScoreRules, read_canonical(recorded), "recorded score_rules")


def _first_people(history: PeopleHistory, given: People | None, clock: Clock) -> Draft | None:
    """Return the entry of the first people of a store; None if they are in force already.

    The bundled placeholders give way to the first others, unless a change of them is proposed, and are refused
    afterwards.
    """
    placeholders = load_people(None)
    people = placeholders if given is None else given
    if history.current is not None and people.hash != history.current and given is not None:
        if not history.only_placeholders or history.pending:
            is_bundled = people.hash == placeholders.hash
            raise PeopleMismatch(history.current, people.hash, placeholders=is_bundled)
    elif history.current is not None:
        return None
    is_bundled = people.hash == placeholders.hash
    return people_builders.recorded(people.hash, people.document, clock(), placeholders=is_bundled)


def _first_policy(history: PolicyHistory, source: PolicySource, people: People, clock: Clock) -> Draft | None:
    """Return the entry of the first policy of a store, which is active from then on; None if there is one."""
    if history.active is None:
        policy = check_they_fit(load_policy(source, people.chain), people)
        body = policy.model_dump(mode="json")
        return policy_builders.recorded(policy.policy_id, policy_hash(policy), body, people.hash, clock())
    if source is not None:
        policy = load_policy(source, people.chain)
        if policy_hash(policy) != history.active:
            raise PolicyMismatch(history.active, policy_hash(policy), policy.policy_id)
    return None


def _report_made(store: str, drafts: Sequence[Draft], *, default: bool) -> None:
    """Log the first people and the first policy of a store: a warning for the bundled policy, and for late people."""
    phrases = []
    for draft in drafts:
        if draft.kind == EventKind.POLICY_RECORDED:
            name = f"the policy {draft.body['policy_id']!r} ({draft.body['policy_hash'][:12]})"
            phrases.append(f"{name}, the bundled default, since none was named" if default else name)
        else:
            people = f"the people {draft.body['people_hash'][:12]}"
            phrases.append("the bundled placeholder reviewers" if draft.body["placeholders"] else people)
    level = logging.WARNING if default or len(drafts) == 1 else logging.INFO
    event = {"case_id": None, "event": "governed"}
    _log.log(level, "store %s: from now on it has %s", shown(store), " and ".join(phrases), extra=event)


def _to_record(uses: Configuration, last: Configuration | None) -> Configuration | None:
    """Return the configuration of this process if another one was recorded last; a warning names what differs."""
    before = dict.fromkeys(uses) if last is None else {name: last.get(name) for name in uses}
    differing = [name for name in uses if uses[name] != before[name]]
    if not differing:
        return None
    if last is not None:
        event = {"case_id": None, "event": "configuration"}
        which = ", ".join(differing).replace("_", " ")
        text = "hitl: opened with other %s than those recorded last; from the next case on these apply: open the store "
        _log.warning(text + "with the same ones everywhere, unless they changed", which, extra=event)
    return uses

"""Ledger entries about policies and people, one sentence each."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Line, inline, quotation
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.orchestrator import PolicyHistory

SHORT = 12


def sentences(events: Sequence[Event], policies: PolicyHistory) -> Iterator[Block]:
    """Yield one line per entry about policies and people, below a heading; nothing if there are none.

    `policies` numbers the versions of the policy.
    """
    entries = [event for event in events if event.kind in _SENTENCES]
    if entries:
        yield Line()
        yield Line("Policies and people", "bold")
    for event in entries:
        yield Line(f"{event.seq}  {_SENTENCES[event.kind](event, policies)}", indent=2)
        why = event.body.get("why") or event.body.get("reason")
        if why:
            yield from quotation(str(why), indent=6)


def _recorded(event: Event, policies: PolicyHistory) -> str:
    return (
        f"{policies.name(event.body['policy_hash'])} of {inline(str(event.body.get('policy_id')))} is the first policy"
    )


def _first_people(event: Event, policies: PolicyHistory) -> str:
    which = "the bundled placeholders" if event.body.get("placeholders") else "the first people"
    return f"{_named(event, 'people_hash')}, {which}, are in force"


def _people_proposed(event: Event, policies: PolicyHistory) -> str:
    change = f"people {_named(event, 'people_hash')} are proposed in place of {_named(event, 'base')}"
    return f"{change}, in case {event.body.get('case_id')}"


def _people_activated(event: Event, policies: PolicyHistory) -> str:
    alone = ", by one person alone" if event.body.get("alone") else ""
    change = f"people {_named(event, 'people_hash')} are in force in place of {_named(event, 'before')}"
    return f"{change}{_agreed(event)}{alone}"


def _configured(event: Event, policies: PolicyHistory) -> str:
    used = [f"{name} {str(value)[:SHORT]}" for name, value in event.body.items() if value is not None]
    return f"other rules and schemas are used: {', '.join(used) or 'none but the defaults'}"


def _version(event: Event, policies: PolicyHistory) -> str:
    findings = event.body.get("findings") or ()
    checked = f"its check reports {count(len(findings), 'finding')}"
    of = f"{policies.name(event.body['policy_hash'])} of {inline(str(event.body.get('policy_id')))}"
    return f"version {of} is stored, {checked}"


def _proposed(event: Event, policies: PolicyHistory) -> str:
    body = event.body
    change = f"{body.get('change')} {policies.name(event.body['policy_hash'])}{_share(event)}"
    return f"{change} is proposed in place of {policies.name(event.body['base'])}, in case {body.get('case_id')}"


def _activated(event: Event, policies: PolicyHistory) -> str:
    before = "" if event.body.get("before") is None else f" in place of {policies.name(event.body['before'])}"
    return f"{event.body.get('change')} {policies.name(event.body['policy_hash'])}{before}{_agreed(event)}"


def _canary(event: Event, policies: PolicyHistory) -> str:
    if event.body.get("policy_hash") is None:
        return "the canary ended"
    return f"canary {policies.name(event.body['policy_hash'])}{_share(event)}{_agreed(event)}"


def _shadow(event: Event, policies: PolicyHistory) -> str:
    if event.body.get("policy_hash") is None:
        return "the shadow evaluation ended"
    return f"shadow policy {policies.name(event.body['policy_hash'])}"


def _undone(event: Event, policies: PolicyHistory) -> str:
    body = event.body
    return (
        f"{policies.name(body['before'])} is undone by its author: {policies.name(body['policy_hash'])} is active again"
    )


def _declined(event: Event, policies: PolicyHistory) -> str:
    return f"the proposal in case {event.body.get('case_id')} is declined"


def _named(event: Event, name: str) -> str:
    return str(event.body.get(name))[:SHORT]


def _share(event: Event) -> str:
    share: Any = event.body.get("share")
    return "" if share is None else f" on a share of {share}"


def _agreed(event: Event) -> str:
    """Name the proposer and the approver, if there were two; otherwise the entry has one actor."""
    body = event.body
    if body.get("approved_by") is None:
        return ""
    by, approver = inline(str(body.get("by"))), inline(str(body["approved_by"]))
    return f", proposed by {by}, approved by {approver} in case {body.get('case_id')}"


_SENTENCES: dict[EventKind, Callable[[Event, PolicyHistory], str]] = {
    EventKind.PEOPLE_RECORDED: _first_people,
    EventKind.PEOPLE_PROPOSED: _people_proposed,
    EventKind.PEOPLE_ACTIVATED: _people_activated,
    EventKind.PEOPLE_DECLINED: _declined,
    EventKind.CONFIGURATION_RECORDED: _configured,
    EventKind.POLICY_RECORDED: _recorded,
    EventKind.POLICY_VERSION: _version,
    EventKind.POLICY_PROPOSED: _proposed,
    EventKind.POLICY_ACTIVATED: _activated,
    EventKind.POLICY_CANARY: _canary,
    EventKind.POLICY_SHADOW: _shadow,
    EventKind.POLICY_DECLINED: _declined,
    EventKind.POLICY_UNDONE: _undone,
}

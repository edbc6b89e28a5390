"""Ledger entries about policies, one sentence each."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Line, inline, quotation
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind

SHORT = 12


def sentences(events: Sequence[Event]) -> Iterator[Block]:
    """Yield one line per entry about a policy, below a heading; nothing if there are none."""
    entries = [event for event in events if event.kind in _SENTENCES]
    if entries:
        yield Line()
        yield Line("Policy changes", "bold")
    for event in entries:
        yield Line(f"{event.seq}  {_SENTENCES[event.kind](event)}", indent=2)
        why = event.body.get("why" if event.kind is EventKind.POLICY_DECLINED else "reason")
        if why:
            yield from quotation(str(why), indent=6)


def _version(event: Event) -> str:
    findings = event.body.get("findings") or ()
    checked = f"its check reports {count(len(findings), 'finding')}"
    return f"version {_named(event, 'policy_hash')} of {inline(str(event.body.get('policy_id')))} is stored, {checked}"


def _proposed(event: Event) -> str:
    body = event.body
    change = f"{body.get('change')} {_named(event, 'policy_hash')}{_share(event)}"
    return f"{change} is proposed in place of {_named(event, 'base')}, in case {body.get('case_id')}"


def _activated(event: Event) -> str:
    before = "" if event.body.get("before") is None else f" in place of {_named(event, 'before')}"
    return f"{event.body.get('change')} {_named(event, 'policy_hash')}{before}{_agreed(event)}"


def _canary(event: Event) -> str:
    if event.body.get("policy_hash") is None:
        return "the canary ended"
    return f"canary {_named(event, 'policy_hash')}{_share(event)}{_agreed(event)}"


def _shadow(event: Event) -> str:
    if event.body.get("policy_hash") is None:
        return "the shadow evaluation ended"
    return f"shadow policy {_named(event, 'policy_hash')}"


def _declined(event: Event) -> str:
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


_SENTENCES: dict[EventKind, Callable[[Event], str]] = {
    EventKind.POLICY_VERSION: _version,
    EventKind.POLICY_PROPOSED: _proposed,
    EventKind.POLICY_ACTIVATED: _activated,
    EventKind.POLICY_CANARY: _canary,
    EventKind.POLICY_SHADOW: _shadow,
    EventKind.POLICY_DECLINED: _declined,
}

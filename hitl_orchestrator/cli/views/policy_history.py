"""What the entries of the ledger about policies say, in a sentence each. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hitl_orchestrator.cli.output.blocks import Block, Line
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind

SHORT = 12


def told(found: Sequence[Event]) -> Iterator[Block]:
    """Yield what each entry about a policy says, below a heading; nothing where there is none."""
    lines = [Line(f"{event.seq}  {_SAID[event.kind](event)}", indent=2) for event in found if event.kind in _SAID]
    if lines:
        yield Line()
        yield Line("What became of policies", "bold")
        yield from lines


def _version(event: Event) -> str:
    findings = event.body.get("findings") or ()
    checked = f"its check has {count(len(findings), 'finding')}"
    return f"version {_named(event, 'policy_hash')} of {event.body.get('policy_id')} comes in, {checked}{_why(event)}"


def _proposed(event: Event) -> str:
    said = event.body
    change = f"{said.get('change')} {_named(event, 'policy_hash')}{_share(event)}"
    return f"{change} is proposed in place of {_named(event, 'base')}, in case {said.get('case_id')}{_why(event)}"


def _activated(event: Event) -> str:
    before = "" if event.body.get("before") is None else f" in place of {_named(event, 'before')}"
    return f"{event.body.get('change')} {_named(event, 'policy_hash')}{before}{_agreed(event)}{_why(event)}"


def _canary(event: Event) -> str:
    if event.body.get("policy_hash") is None:
        return f"the canary is ended{_why(event)}"
    return f"canary {_named(event, 'policy_hash')}{_share(event)}{_agreed(event)}{_why(event)}"


def _shadow(event: Event) -> str:
    if event.body.get("policy_hash") is None:
        return f"the shadow is ended{_why(event)}"
    return f"shadow {_named(event, 'policy_hash')}{_why(event)}"


def _declined(event: Event) -> str:
    return f"what was proposed in case {event.body.get('case_id')} is not carried out: {event.body.get('why')}"


def _named(event: Event, name: str) -> str:
    return str(event.body.get(name))[:SHORT]


def _share(event: Event) -> str:
    share: Any = event.body.get("share")
    return "" if share is None else f" on a share of {share}"


def _agreed(event: Event) -> str:
    """Say who wanted it and who agreed, where that takes two; else it was whoever wrote the entry."""
    said = event.body
    if said.get("approved_by") is None:
        return ""
    return f", proposed by {said.get('by')}, approved by {said['approved_by']} in case {said.get('case_id')}"


def _why(event: Event) -> str:
    return f": {event.body.get('reason')}"


_SAID: dict[EventKind, Callable[[Event], str]] = {
    EventKind.POLICY_VERSION: _version,
    EventKind.POLICY_PROPOSED: _proposed,
    EventKind.POLICY_ACTIVATED: _activated,
    EventKind.POLICY_CANARY: _canary,
    EventKind.POLICY_SHADOW: _shadow,
    EventKind.POLICY_DECLINED: _declined,
}

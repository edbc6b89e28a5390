"""What is in force in a store: the active policy, the canary, the shadow policy, and changes that wait."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line, inline
from hitl_orchestrator.cli.output.formatting import local_minute
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views.policies.in_force import canary as canary_view
from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.shown.numbers import plain_number
from hitl_orchestrator.insights import CanaryReport
from hitl_orchestrator.orchestrator import UNDO_WITHIN, PolicyHistory, ShadowReport

_MADE_ACTIVE = (EventKind.POLICY_RECORDED, EventKind.POLICY_ACTIVATED, EventKind.POLICY_UNDONE)


class Status(NamedTuple):
    """The policies of a store, the entries about them, and the reports on those on trial."""

    now: PolicyHistory
    history: Sequence[Event]
    shadow: ShadowReport | None
    canary: CanaryReport | None


def plain(found: Status) -> dict[str, Any]:
    """Return the status for machines."""
    now = found.now
    canary = None if now.canary is None else now.canary.policy_hash
    shadow = None if now.shadow is None else now.shadow.policy_hash
    return {
        "active": _version(now, now.active),
        "until_undo": None if now.undoable is None else (now.undoable.at + UNDO_WITHIN).isoformat(),
        "canary": _version(now, canary),
        "shadow": _version(now, shadow),
        "shadow_report": found.shadow and found.shadow.model_dump(mode="json"),
        "canary_report": found.canary and found.canary.model_dump(mode="json"),
        "waiting": [
            proposal.model_dump(mode="json", exclude={"names"}) | {"stale": now.stale(proposal)}
            for proposal in now.pending.values()
        ],
    }


def _version(now: PolicyHistory, policy_hash: str | None) -> dict[str, Any] | None:
    if policy_hash is None:
        return None
    return {"version": now.number(policy_hash), "policy_hash": policy_hash, "policy_id": _id_of(now, policy_hash)}


def _id_of(now: PolicyHistory, policy_hash: str) -> str | None:
    version = now.versions.get(policy_hash)
    return None if version is None else version.policy_id


def status(session: Session, found: Status) -> Iterator[Block]:
    """Describe the active policy, then the trials, then what waits."""
    now = found.now
    yield Line(f"active: {_named(now, now.active)}", "bold green")
    latest = next((event for event in reversed(found.history) if event.kind in _MADE_ACTIVE), None)
    if latest is not None:
        yield Line(f"since {local_minute(latest.at)}{_by(latest)}", "dim", indent=2)
    if now.undoable is not None:
        until = local_minute(now.undoable.at + UNDO_WITHIN)
        yield Line(
            f"{inline(now.undoable.by)} may take it back alone until {until}: 'hitl policy undo'", "dim", indent=2
        )
    if now.canary is not None:
        share = plain_number(now.canary.share)
        yield Line(f"canary: {_named(now, now.canary.policy_hash)} on a share of {share}", "yellow")
        for sentence in () if found.canary is None else canary_view.verdicts(found.canary):
            yield Line(sentence, indent=2)
        yield Line(session.command("policy", "canary", "--report"), COMMAND, indent=2)
    if now.shadow is not None:
        yield Line(f"shadow: {_named(now, now.shadow.policy_hash)}", "cyan")
        if found.shadow is not None:
            yield Line(f"differed in {found.shadow.differing} of {found.shadow.cases} cases", indent=2)
    for proposal in now.pending.values():
        yield Line(f"waits for a second person: {proposal.change} {_named(now, proposal.policy_hash)}", "yellow")
        yield Line(f"by {inline(proposal.by)}, {local_minute(proposal.at)}", "dim", indent=2)
        if stale := now.stale(proposal):
            yield Line(f"{stale}.", "red", indent=2)
        yield Line(session.command("show", proposal.case_id), COMMAND, indent=2)


def _named(now: PolicyHistory, policy_hash: str | None) -> str:
    name = _id_of(now, str(policy_hash))
    return f"{now.name(policy_hash)}{f' {inline(name)}' if name else ''}"


def _by(event: Event) -> str:
    body = event.body
    if event.kind is EventKind.POLICY_RECORDED:
        return ", when the store was made"
    approved = f", approved by {inline(str(body['approved_by']))}" if body.get("approved_by") else ""
    how = "an undo of" if event.kind is EventKind.POLICY_UNDONE else "by"
    return f", {how} {inline(str(body['by']))}{approved}"

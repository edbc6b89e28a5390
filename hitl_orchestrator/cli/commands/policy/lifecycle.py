"""`hitl policy versions|activate|rollback|shadow|canary`: which policy rules a store, since when, and by whom."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.errors import InvalidInput, PolicyMissing
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory, Version
from hitl_orchestrator.policies.lifecycle.shadow import ShadowReport
from hitl_orchestrator.services.policy.admin import Governed
from hitl_orchestrator.wiring.build import Orchestrator

CHANNEL = "cli"
SHORT = 12
_ENACTS = (EventKind.POLICY_ACTIVATED, EventKind.POLICY_CANARY, EventKind.POLICY_SHADOW)
_STYLE = {"active": "green", "canary": "yellow", "shadow": "cyan", "proposed": "bold"}


def versions(session: Session) -> None:
    """List the versions, the newest last."""
    with _opened(session) as hitl:
        life, history = hitl.policy_life(), hitl.policy_history()
    listed = [_plain(life, one, history) for one in life.versions.values()]
    answer(session.as_json, listed, lambda: _versions(life, listed))


def activate(session: Session, file: str, reviewer: str, reason: str) -> None:
    """Activate the policy of a file, or propose it. The store is made where there is none, as `hitl run` does."""
    with _ruled(replace(session, policy=None), file) as hitl:
        done = hitl.activate_policy(file, reviewer_id=reviewer, reason=reason, channel=CHANNEL)
    _tell(session, done)


def rollback(session: Session, version: str | None, reviewer: str, reason: str) -> None:
    """Go back to a version."""
    with _opened(session) as hitl:
        done = hitl.rollback_policy(version, reviewer_id=reviewer, reason=reason, channel=CHANNEL)
    _tell(session, done)


def canary(session: Session, file: str | None, share: float | None, by: tuple[str, str], *, off: bool = False) -> None:
    """Try a policy on a share of the new cases, or end that.

    Raises:
        InvalidInput: neither is asked for, or both are.
    """
    reviewer, reason = by
    if off != (file is None) or off != (share is None):
        raise InvalidInput(["canary: give a policy and --share, such as --share 0.1, or --off alone"])
    with _opened(session) as hitl:
        if file is None or share is None:
            ended = hitl.end_canary(reviewer_id=reviewer, reason=reason, channel=CHANNEL)
            _tell_ended(session, "canary", ended=ended)
            return
        done = hitl.canary_policy(file, share, reviewer_id=reviewer, reason=reason, channel=CHANNEL)
    _tell(session, done)


def shadow(session: Session, file: str | None, reviewer: str | None, reason: str | None, *, off: bool = False) -> None:
    """Watch a policy, end that, or tell what came of it.

    Raises:
        InvalidInput: both are asked for, or nobody says who wants it and why.
    """
    if off and file is not None:
        raise InvalidInput(["shadow: give a policy to watch, or --off to end it"])
    if (off or file is not None) and (reviewer is None or reason is None):
        raise InvalidInput(["shadow: say who wants it and why, with --reviewer and --reason"])
    by: dict[str, Any] = {"reviewer_id": reviewer, "reason": reason, "channel": CHANNEL}
    with _opened(session) as hitl:
        if off:
            _tell_ended(session, "shadow", ended=hitl.end_shadow(**by))
            return
        if file is not None:
            hitl.shadow_policy(file, **by)
        found = hitl.shadow_report()
    answer(session.as_json, None if found is None else found.model_dump(mode="json"), lambda: _watching(found))


def _ruled(session: Session, file: str) -> Orchestrator:
    """Open the store by whatever rules it. Where nothing ever did, or could, the policy has nothing to be held against.

    What was used meanwhile is still what it is held against: the store tells, and not what it is opened with.
    """
    try:
        return session.open_or_make(None, session.reviewers)
    except PolicyMissing:
        return session.open_or_make(file, session.reviewers)


def _opened(session: Session) -> Orchestrator:
    """Open the store by whatever rules it."""
    return replace(session, policy=None).open()


def _tell(session: Session, done: Governed) -> None:
    data = {
        "change": done.change,
        "policy_hash": done.policy_hash,
        "in_force": done.in_force,
        "case_id": done.case and done.case.case_id,
        "looser": list(done.looser),
    }
    answer(session.as_json, data, lambda: _governed(session, done))


def _governed(session: Session, done: Governed) -> Iterator[Block]:
    named = done.policy_hash[:SHORT]
    if done.in_force or done.case is None:
        yield Line(f"In force: {named}.", "green")
        return
    yield Line(f"Not in force yet: {named} asks for less than the active policy.", "yellow")
    for one in done.looser:
        yield Line(one, indent=2)
    yield Line("Another person decides it:")
    yield Line(session.command("resume", done.case.case_id, "approve", "--reviewer", "ID"), COMMAND, indent=2)


def _tell_ended(session: Session, what: str, *, ended: bool) -> None:
    told = f"The {what} is ended." if ended else f"There was no {what}."
    answer(session.as_json, {"ended": ended}, lambda: [Line(told)])


def _plain(life: PolicyHistory, one: Version, history: Sequence[Event]) -> dict[str, Any]:
    standing = life.states(one.policy_hash)
    share = life.canary.share if life.canary is not None and "canary" in standing else None
    cases = [proposal.case_id for proposal in life.pending.values() if proposal.policy_hash == one.policy_hash]
    told = [
        {"what": _what(event), "at": event.at.isoformat(), **_by_whom(event), "reason": event.body["reason"]}
        for event in history
        if event.kind in _ENACTS and event.body["policy_hash"] == one.policy_hash
    ]
    whole = {"standing": list(standing), "share": share, "proposed_in": cases, "history": told}
    return {**one.model_dump(mode="json"), **whole}


def _what(event: Event) -> str:
    share = event.body.get("share")
    return str(event.body.get("change") or event.kind.value.removeprefix("policy_")) + (f" {share:g}" if share else "")


def _by_whom(event: Event) -> dict[str, str | None]:
    return {"by": event.body.get("by") or event.actor.id, "approved_by": event.body.get("approved_by")}


def _versions(life: PolicyHistory, listed: Sequence[dict[str, Any]]) -> Iterator[Block]:
    if not listed:
        yield Line("No policy was used in this store yet.")
    for one in listed:
        words = [f"canary {one['share']:g}" if word == "canary" else word for word in one["standing"]]
        now = f": {', '.join(words)}" if words else ""
        style = next((_STYLE[word] for word in one["standing"]), "")
        yield Line(f"{one['policy_hash'][:SHORT]}  {one['policy_id']}{now}", style)
        if one["author"] is not None:
            found = count(len(one["findings"]), "finding")
            yield Line(f"brought by {one['author']} at {_minute(one['at'])}, its check has {found}", "dim", indent=2)
        for case_id in one["proposed_in"]:
            yield Line(f"proposed: case {case_id}", indent=2)
        for told in one["history"]:
            agreed = f", approved by {told['approved_by']}" if told["approved_by"] else ""
            said = f"{_minute(told['at'])}  {told['what']} by {told['by']}{agreed}: {told['reason']}"
            yield Line(said, indent=2)
    if listed and life.active is None:
        yield Line("None was activated: whoever opens the store says which one rules.", "dim")


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def _watching(found: ShadowReport | None) -> Iterator[Block]:
    if found is None:
        yield Line("No policy is watched; 'hitl policy shadow FILE' watches one.")
        return
    yield Line(
        f"{found.policy_hash[:SHORT]} was watched on {count(found.cases, 'case')}, and would have differed on "
        f"{found.differing}: {found.stricter} stricter, {found.looser} looser.",
        "bold",
    )
    if found.differences:
        columns = (Column("went"), Column("would have gone"), Column("by rule"), Column("cases", right=True))
        rows = [
            (Cell(one.action), Cell(one.shadow_action), Cell(one.rule_id), Cell(str(one.cases)))
            for one in found.differences
        ]
        yield Table(columns, rows)

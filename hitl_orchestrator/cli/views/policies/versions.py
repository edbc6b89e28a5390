"""Policy versions, changes and shadow reports."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import count, local_minute
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind, PolicyChange
from hitl_orchestrator.domain.shown.numbers import plain_number
from hitl_orchestrator.orchestrator import UNDO_WITHIN, Governed, PolicyHistory, ShadowReport, Version
from hitl_orchestrator.policies import Severity

_ENACTS = (
    EventKind.POLICY_ACTIVATED,
    EventKind.POLICY_CANARY,
    EventKind.POLICY_SHADOW,
    EventKind.POLICY_UNDONE,
)
_FIRST_SHOWN = 3
_STYLE = {"active": "green", "canary": "yellow", "shadow": "cyan", "proposed": "bold"}


def change(session: Session, status: PolicyHistory, result: Governed) -> Iterator[Block]:
    """Describe a change of the policy: in force, or waiting for a second person."""
    version = status.name(result.policy_hash)
    if result.in_force or result.case is None:
        already = "" if result.changed else " already, nothing changed"
        kept = f"In force{already}: {version}."
        if result.change is PolicyChange.CANARY and status.canary is not None:
            kept = f"Canary{already}: {version} on {plain_number(status.canary.share)} of the new cases."
        yield Line(kept, "green")
        if result.changed and status.undoable is not None:
            until = local_minute(status.undoable.at + UNDO_WITHIN)
            yield Line(f"Until {until} its author may take it back alone:", "dim")
            yield Line(
                session.command("policy", "undo", "--reviewer", status.undoable.by, "--reason", "WHY"),
                COMMAND,
                indent=2,
            )
        return
    yield Line(f"Not in force yet: {version} is looser than the active policy.", "yellow")
    for sentence in result.looser[:_FIRST_SHOWN]:
        yield Line(sentence.partition("; for example: ")[0], indent=2)
    if len(result.looser) > _FIRST_SHOWN:
        yield Line(f"and in {count(len(result.looser) - _FIRST_SHOWN, 'more way')}", "dim", indent=2)
    yield Line("Another reviewer decides it; the case has every way, with an example:")
    yield Line(session.command("show", result.case.case_id), COMMAND, indent=2)


def plain(status: PolicyHistory, version: Version, history: Sequence[Event]) -> dict[str, Any]:
    """Return a version with its states and history, for machines."""
    states = status.states(version.policy_hash)
    share = status.canary.share if status.canary is not None and "canary" in states else None
    cases = [proposal.case_id for proposal in status.pending.values() if proposal.policy_hash == version.policy_hash]
    changes = [
        {"what": _change(event), "at": event.at.isoformat(), **_actors(event), "reason": event.body["reason"]}
        for event in history
        if event.kind in _ENACTS and event.body["policy_hash"] == version.policy_hash
    ]
    first = next((event.at.isoformat() for event in history if _is_first(event, version)), None)
    now = {
        "version": status.number(version.policy_hash),
        "standing": list(states),
        "share": share,
        "proposed_in": cases,
        "first_at": first,
        "history": changes,
    }
    return {**version.model_dump(mode="json"), **now}


def _is_first(event: Event, version: Version) -> bool:
    """Whether an entry records this version as the first policy of the store."""
    return event.kind is EventKind.POLICY_RECORDED and event.body["policy_hash"] == version.policy_hash


def _change(event: Event) -> str:
    share = event.body.get("share")
    word = str(event.body.get("change") or event.kind.value.removeprefix("policy_"))
    return f"{word} {plain_number(share)}" if share else word


def _actors(event: Event) -> dict[str, str | None]:
    return {"by": event.body.get("by") or event.actor.id, "approved_by": event.body.get("approved_by")}


def versions(status: PolicyHistory, rows: Sequence[dict[str, Any]]) -> Iterator[Block]:
    """List the versions, the newest last, with their states and history."""
    if not rows:
        yield Line("No policy has been used in this store yet.")
    for row in rows:
        states = [f"canary {plain_number(row['share'])}" if word == "canary" else word for word in row["standing"]]
        now = f": {', '.join(states)}" if states else ""
        style = next((_STYLE[word] for word in row["standing"]), "")
        yield Line(f"{status.name(row['policy_hash'])}  {row['policy_id']}{now}", style)
        if row["first_at"] is not None:
            at = local_minute(datetime.fromisoformat(row["first_at"]))
            yield Line(f"in force from the beginning, since {at}", "dim", indent=2)
        elif row["author"] is not None:
            severities = Counter(finding["severity"] for finding in row["findings"])
            named = (count(severities[each], each) for each in Severity if severities[each])
            check = ", ".join(named) or "no problems"
            at = local_minute(datetime.fromisoformat(row["at"]))
            yield Line(f"added by {row['author']} at {at}, its check reports {check}", "dim", indent=2)
        for case_id in row["proposed_in"]:
            yield Line(f"proposed: case {case_id}", indent=2)
        for change in row["history"]:
            approved = f", approved by {change['approved_by']}" if change["approved_by"] else ""
            at = local_minute(datetime.fromisoformat(change["at"]))
            yield Line(f"{at}  {change['what']} by {change['by']}{approved}: {change['reason']}", indent=2)


def shadow_report(report: ShadowReport | None, status: PolicyHistory) -> Iterator[Block]:
    """Report how often the shadow policy differed from the active one."""
    if report is None:
        yield Line("No shadow policy; 'hitl policy shadow FILE' starts one.")
        return
    yield Line(
        f"{status.name(report.policy_hash)} ran on {count(report.cases, 'case')}, and differed on "
        f"{report.differing}: {report.stricter} stricter, {report.looser} looser.",
        "bold",
    )
    if report.differences:
        columns = (Column("active policy"), Column("shadow policy"), Column("by rule"), Column("cases", right=True))
        rows = [
            (Cell(each.action), Cell(each.shadow_action), Cell(each.rule_id), Cell(str(each.cases)))
            for each in report.differences
        ]
        yield Table(columns, rows)

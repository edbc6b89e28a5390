"""What people read about many cases: tables of a run, of the inbox and of the ledger. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import confidence, count, duration, moment, wait
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import Action
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.services.maintenance import Notice
from hitl_orchestrator.wiring.stores import MEMORY

TASK = Column("task", gives_way=True, folds=True)
RISK, CONFIDENCE, ROUTING = Column("risk"), Column("conf.", right=True), Column("routing")


def case_summary(case: Case) -> dict[str, Any]:
    """Return how a case stands, for machines: the same names in every command."""
    record, review = case.record, case.reviews[-1] if case.reviews else None
    decision = review.shown.routing.decision if review else None
    said = record or decision
    return {
        "task_id": case.task_id,
        "case_id": case.case_id,
        "routing_decision": record.routing_decision if record else decision.action if decision else None,
        "rule_id": said.rule_id if said else None,
        "assigned_human_role": review.role if review else None,
        "status": "waiting" if record is None else "finished",
        "final_decision": record.final_decision if record else None,
        "stage": case.stage,
        "risk_level": record.risk_level if record else review.shown.routing.risk_level if review else None,
        "confidence_score": _confidence_of(case),
        "reason": said.reason if said else None,
        "signals": list(record.signals if record else review.shown.routing.score.signals if review else ()),
        "review_id": case.open_review.review_id if case.open_review else None,
    }


def run(cases: Sequence[Case], known: int, unused: Sequence[str], session: Session) -> Iterator[Block]:
    """Tell where every case of a run stands."""
    if cases:
        yield cases_table(cases)
        yield Line()
    waiting = [case for case in cases if case.open_review]
    yield Line(f"{count(len(cases), 'case')}: {len(cases) - len(waiting)} finished, {len(waiting)} waiting.")
    if known:
        yield Line(f"{known} of them were known before: nothing was stored twice.")
    if unused:
        yield Line(f"Not used, for these cases needed no person: the recorded reviews of {', '.join(unused)}.")
    if session.store == MEMORY:
        yield Line(f"{MEMORY} keeps nothing: these cases are gone now.")
    elif waiting:
        yield Line("Next:")
        yield Line(session.command("inbox"), COMMAND, indent=2)
        yield Line(session.command("show", waiting[0].task_id), COMMAND, indent=2)


def recovered(cases: Sequence[Case], stuck: int, held: int) -> Iterator[Block]:
    """Tell which cases moved, and how many are left to others who drive them just now."""
    yield from _moved(cases)
    if cases or stuck:
        yield Line(f"Drove {count(len(cases), 'case')} on{f'; {stuck} could not be' if stuck else ''}.")
    elif not held:
        yield Line("Nothing to recover: every case is finished or waits for a person.")
    if held:
        yield Line(
            f"{count(held, 'case')} left to another process, which is at work; recover again if it does not end."
        )


def swept(cases: Sequence[Case], stuck: int, notices: Sequence[Notice]) -> Iterator[Block]:
    """Tell which cases moved because nobody answered in time, who was reminded, and which claims were taken back."""
    yield from _moved(cases)
    for notice in notices:
        yield Line(f"{notice.row.shown.task.task_id}: {_HEARD[notice.kind].format(', '.join(notice.to) or 'nobody')}")
    if cases or stuck:
        passed = sum(case.open_review is not None for case in cases)
        yield Line(
            f"Nobody answered {count(len(cases), 'review')} in time: {passed} passed up, {len(cases) - passed} ended."
        )
    elif not notices:
        yield Line("Nothing to sweep: no review's time is up.")


_HEARD = {
    "reminded": "due soon, reminded {}",
    "returned": "the claim of {} has lapsed, and anybody may take the case",
}


def notice_summary(notice: Notice) -> dict[str, Any]:
    """Return a reminder, or a claim that was taken back, for machines."""
    row = notice.row
    return {
        "notice": notice.kind,
        "task_id": row.shown.task.task_id,
        "case_id": row.case_id,
        "review_id": row.review_id,
        "role": row.role,
        "due_at": row.due_at.isoformat() if row.due_at else None,
        "to": list(notice.to),
    }


def _moved(cases: Sequence[Case]) -> Iterator[Block]:
    if cases:
        yield cases_table(cases)
        yield Line()


def review_summary(row: StoredReview) -> dict[str, Any]:
    """Return an open review, for machines. Of a blind one nothing of the agent's answer is told."""
    routing, task = row.shown.routing, row.shown.task
    blind = routing.decision.requirements.blind
    output = None if blind else routing.output
    return {
        "review_id": row.review_id,
        "case_id": row.case_id,
        "task_id": task.task_id,
        "role": row.role,
        "domain": row.domain,
        "risk_level": routing.risk_level,
        "confidence_score": None if blind else routing.score.confidence,
        "signals": [] if blind else list(routing.score.signals),
        "task_type": task.task_type,
        "task_description": task.task_description,
        "proposal": output.agent_output.model_dump(mode="json") if output else None,
        "routing_decision": routing.decision.action,
        "rule_id": routing.decision.rule_id,
        "reason": None if blind else routing.decision.reason,
        "message": routing.decision.message,
        "level": row.level,
        "passed_up_because": row.shown.passed_up_because or None,
        "opened_at": row.opened_at.isoformat(),
        "due_at": row.due_at.isoformat() if row.due_at else None,
        "on_timeout": row.shown.on_timeout,
        "digest": row.digest,
        "claimed_by": row.claimed_by,
        "claimed_until": row.claimed_until.isoformat() if row.claimed_until else None,
        "delegated_by": row.delegated_by,
        "blind": blind,
    }


def inbox(listed: Sequence[tuple[StoredReview, str]], limit: int, now: datetime, session: Session) -> Iterator[Block]:
    """List open reviews, each with the role that may decide it now, the soonest due first."""
    rows = [row for row, _ in listed]
    if not rows:
        yield Line("Nothing waits for a person.")
        return
    timed = any(row.due_at for row in rows)
    holders = {row.review_id: row.claimed_by for row in rows if row.claimed_by and (row.claimed_until or now) >= now}
    cramped = timed and bool(holders)  # eighty columns hold no more
    columns = (
        TASK,
        Column("for"),
        *((Column("due"),) if timed else ()),
        *(() if cramped else (Column("domain", gives_way=True),)),
        RISK,
        CONFIDENCE,
        Column("proposal", gives_way=True),
        *((Column("held by", gives_way=True),) if holders else ()),
    )
    drawn = []
    for row, needed in listed:
        held = (Cell(holders.get(row.review_id) or "-"),) if holders else ()
        drawn.append((*_inbox_row(row, needed, now if timed else None, in_domain=not cramped), *held))
    yield Table(columns, drawn)
    for row in rows:
        yield from blocks.flagged(f"{row.shown.task.task_id}", row.shown.model_dump(mode="json"))
    yield Line()
    more = f"; there may be more, --limit {2 * limit} shows them" if len(rows) == limit else ""
    yield Line(f"{count(len(rows), 'open review')}, the soonest due first{more}. Next:")
    yield Line(session.command("show", rows[0].shown.task.task_id), COMMAND, indent=2)


def records(found: Sequence[AuditRecord]) -> Iterator[Block]:
    """List audit records."""
    if not found:
        yield Line("No case has finished yet.")
        return
    columns = (TASK, RISK, CONFIDENCE, ROUTING, Column("final decision"), Column("by"), Column("after", right=True))
    yield Table(columns, [_record_row(record) for record in found])
    yield Line()
    yield Line(f"{count(len(found), 'audit record')}.")


def entries(found: Sequence[Event]) -> Table:
    """List ledger entries."""
    columns = (
        Column("no.", right=True),
        Column("time"),
        Column("what"),
        Column("who", gives_way=True),
        Column("digest"),
    )
    return Table(
        columns,
        [
            (
                Cell(str(event.seq)),
                Cell(moment(event.at)),
                Cell(event.kind),
                Cell(who(event)),
                Cell(event.digest[:12], "dim"),
            )
            for event in found
        ],
    )


def flagged_entries(found: Sequence[Event]) -> Iterator[Block]:
    """Say which entries hold what nobody would see."""
    for event in found:
        yield from blocks.flagged(f"entry {event.seq}", event.body, event.actor.model_dump(mode="json"))


def who(event: Event) -> str:
    """Return who did something, and through which door."""
    name = event.actor.id or (event.actor.roles[0] if event.actor.roles else event.actor.kind.value)
    return f"{name} ({event.actor.channel})"


def cases_table(cases: Sequence[Case]) -> Table:
    """List cases and where they stand."""
    columns = (
        TASK,
        RISK,
        CONFIDENCE,
        ROUTING,
        Column("rule", gives_way=True),
        Column("outcome", gives_way=True, folds=True),
    )
    return Table(columns, [_case_row(case) for case in cases])


def _case_row(case: Case) -> tuple[Cell, ...]:
    summary, review = case_summary(case), case.open_review
    stands = Cell(f"waits for {review.role}", "bold") if review else blocks.outcome(case.status)
    return (
        Cell(case.task_id),
        blocks.risk(summary["risk_level"]),
        Cell(confidence(summary["confidence_score"])),
        blocks.routing(summary["routing_decision"]),
        Cell(summary["rule_id"] or "-"),
        stands,
    )


def _inbox_row(row: StoredReview, needed: str, now: datetime | None, *, in_domain: bool) -> tuple[Cell, ...]:
    routing = row.shown.routing
    higher = row.level > 0 or needed != row.role or routing.decision.action is Action.ESCALATE
    blind = routing.decision.requirements.blind
    proposal = routing.output.agent_output.predicted_label if routing.output else "(none)"
    return (
        Cell(row.shown.task.task_id),
        Cell(needed, "red" if higher else "yellow"),
        *((_due(row, now),) if now else ()),
        *((Cell(row.domain),) if in_domain else ()),
        blocks.risk(routing.risk_level),
        Cell("-" if blind else confidence(routing.score.confidence)),
        Cell("(blind)", "dim") if blind else Cell(proposal),
    )


def _due(row: StoredReview, now: datetime) -> Cell:
    if row.due_at is None:
        return Cell("-", "dim")
    left = (row.due_at - now).total_seconds()
    return Cell(f"in {wait(left)}") if left > 0 else Cell(f"{wait(-left)} ago", "bold red")


def _record_row(record: AuditRecord) -> tuple[Cell, ...]:
    return (
        Cell(record.task_id),
        blocks.risk(record.risk_level),
        Cell(confidence(record.confidence_score)),
        blocks.routing(record.routing_decision),
        blocks.outcome(record.final_decision),
        Cell(record.decision_source),
        Cell(duration(record.latency_seconds)),
    )


def _confidence_of(case: Case) -> float | None:
    if case.record:
        return case.record.confidence_score
    return case.reviews[-1].shown.routing.score.confidence if case.reviews else None

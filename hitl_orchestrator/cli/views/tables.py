"""Tables of cases, audit records and ledger entries."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.formatting import confidence, count, local_minute
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views.content import task_name, task_with_call
from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Case, UnfinishedCase
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.orchestrator import MEMORY, Notice

_MOST_NAMED = 5
_MOST_ROWS, _FIRST_ROWS = 40, 20

TASK = Column("task", gives_way=True, folds=True)
RISK, CONFIDENCE, ROUTING = Column("risk"), Column("conf.", right=True), Column("routing")


def case_summary(case: Case) -> dict[str, Any]:
    """Return the state of a case for machines, with the same names in every command."""
    record, review = case.record, case.reviews[-1] if case.reviews else None
    decision = review.shown.routing.decision if review else None
    source = record or decision
    return {
        "task_id": case.task_id,
        "case_id": case.case_id,
        "routing_decision": record.routing_decision if record else decision.action if decision else None,
        "rule_id": source.rule_id if source else None,
        "assigned_human_role": review.role if review else None,
        "status": "finished" if record else "waiting" if case.stage is CaseStage.WAITING else "unfinished",
        "final_decision": record.final_decision if record else None,
        "replayed": case.submission.replayed,
        "stage": case.stage,
        "risk_level": record.risk_level if record else review.shown.routing.risk_level if review else None,
        "confidence_score": _confidence_of(case),
        "reason": source.reason if source else None,
        "signals": list(record.signals if record else review.shown.routing.score.signals if review else ()),
        "review_id": case.open_review.review_id if case.open_review else None,
    }


class Routed:
    """The cases of a run as a person sees them: the first ones, and counts of all by routing, rule and state."""

    def __init__(self) -> None:
        self.first: list[Case] = []
        self.first_waiting: Case | None = None
        self.counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, case: Case) -> None:
        """Add a case."""
        if len(self.first) < _MOST_ROWS:
            self.first.append(case)
        summary, state = case_summary(case), "finished"
        if case.open_review:
            state = "undecided" if case.submission.replayed else "waiting"
        if state == "waiting":
            self.first_waiting = self.first_waiting or case
        self.counts[summary["routing_decision"] or "-", summary["rule_id"] or "-", state] += 1

    def number(self, *states: str) -> int:
        """Return the number of cases in these states, or of all."""
        return sum(number for (*_, state), number in self.counts.items() if state in states or not states)


def run(routed: Routed, existing: int, unused: Sequence[str], session: Session, left_out: int = 0) -> Iterator[Block]:
    """List the cases of a run, or the first of many with a summary, and suggest the next commands."""
    cases, total = routed.first, routed.number()
    if total > len(cases):
        yield cases_table(cases[:_FIRST_ROWS])
        yield Line(f"... and {total - _FIRST_ROWS:,} more. All of them by routing and rule:")
        yield _by_rule(routed)
        yield Line()
    elif cases:
        yield cases_table(cases)
        yield Line()
    waiting, undecided = routed.number("waiting"), routed.number("undecided")
    open_ones = f"{waiting} waiting" if waiting or not undecided else f"{undecided} undecided"
    yield Line(f"{count(total, 'case')}: {total - waiting - undecided} finished, {open_ones}.")
    if undecided:
        which = count(undecided, "replayed case has", "replayed cases have")
        yield Line(f"{which} no recorded review, and stays undecided: no inbox has it, and no figure counts it.")
    if existing:
        yield Line(f"{existing} of them existed before: nothing was stored twice.")
    if left_out:
        yield Line(f"{count(left_out, 'task')} left out, for the reasons listed on standard error.")
    if unused:
        more = f" and {len(unused) - _MOST_ROWS} more" if len(unused) > _MOST_ROWS else ""
        names = ", ".join(map(inline, unused[:_MOST_ROWS]))
        yield Line(f"Recorded reviews not used, because these tasks needed no reviewer: {names}{more}.")
    if session.store == MEMORY:
        yield Line(f"{MEMORY} stores nothing: these cases are discarded.")
    elif routed.first_waiting:
        yield Line("Next:")
        yield Line(session.command("inbox"), COMMAND, indent=2)
        first = routed.first_waiting
        yield Line(session.command("show", task_name(first.task_id, first.case_id)), COMMAND, indent=2)


def _by_rule(routed: Routed) -> Table:
    columns = (ROUTING, Column("rule", gives_way=True), Column("state"), Column("cases", right=True))
    rows = [
        (blocks.routing(routing), Cell(rule), Cell(state), Cell(f"{number:,}"))
        for (routing, rule, state), number in routed.counts.most_common()
    ]
    return Table(columns, rows)


def recovered(
    cases: Sequence[Case], stuck: int, busy: Sequence[UnfinishedCase], callers: int, waiting: int
) -> Iterator[Block]:
    """List the resumed cases, and name those that other processes run.

    `callers` were resumed with a decision, `waiting` ones were not.
    """
    yield from _moved(cases)
    if cases or stuck:
        yield Line(f"Resumed {count(len(cases), 'case')}{f'; {stuck} could not be resumed' if stuck else ''}.")
    if callers:
        yield Line(f"Resumed {count(callers, 'caller')} with the decision.")
    if not (cases or stuck or busy or callers):
        nothing = "No case" if waiting else "Nothing"
        yield Line(f"{nothing} to recover: every case is finished or waits for a reviewer.")
    if busy:
        cases_are = count(len(busy), "case is", "cases are")
        yield Line(f"{cases_are} being run by another process: {named(busy)}; recover again if it does not finish.")


def named(cases: Sequence[UnfinishedCase]) -> str:
    """Return the ids of the tasks of the first cases, and the number of the others."""
    more = f" and {len(cases) - _MOST_NAMED} more" if len(cases) > _MOST_NAMED else ""
    return f"{', '.join(task_name(case.task_id, case.case_id) for case in cases[:_MOST_NAMED])}{more}"


def running_summary(case: UnfinishedCase) -> dict[str, Any]:
    """Return a case that another process runs, for machines."""
    return {"task_id": case.task_id, "case_id": case.case_id, "status": "running", "stage": case.stage}


def swept(cases: Sequence[Case], stuck: int, notices: Sequence[Notice]) -> Iterator[Block]:
    """List the cases whose deadline passed, the reminders sent, and the claims returned."""
    yield from _moved(cases)
    for notice in notices:
        names = ", ".join(map(inline, notice.to)) or "no reviewer"
        yield Line(
            f"{inline(task_name(notice.review.task_id, notice.review.case_id))}: {_NOTICES[notice.kind].format(names)}"
        )
    if cases or stuck:
        escalated = sum(case.open_review is not None for case in cases)
        overdue = count(len(cases), "review was", "reviews were")
        yield Line(f"{overdue} not decided in time: {escalated} escalated, {len(cases) - escalated} ended.")
    elif not notices:
        yield Line("Nothing to sweep: no deadline has passed.")


_NOTICES = {
    "reminded": "due soon, reminded {}",
    "returned": "the claim of {} has ended; the review is available again",
}


def notice_summary(notice: Notice) -> dict[str, Any]:
    """Return a reminder or a returned claim for machines."""
    row = notice.review
    return {
        "notice": notice.kind,
        "task_id": row.task_id,
        "case_id": row.case_id,
        "review_id": row.review_id,
        "role": row.needed_role,
        "due_at": row.due_at.isoformat() if row.due_at else None,
        "to": list(notice.to),
    }


def _moved(cases: Sequence[Case]) -> Iterator[Block]:
    if cases:
        yield cases_table(cases)
        yield Line()


def entries(events: Sequence[Event]) -> Table:
    """List ledger entries."""
    columns = (
        Column("no.", right=True),
        Column("time"),
        Column("event"),
        Column("actor", gives_way=True),
        Column("digest"),
    )
    return Table(
        columns,
        [
            (
                Cell(str(event.seq)),
                Cell(local_minute(event.at)),
                Cell(event.kind.replace("_", " ")),
                Cell(who(event)),
                Cell(event.digest[:12], "dim"),
            )
            for event in events
        ],
    )


def flagged_entries(events: Sequence[Event]) -> Iterator[Block]:
    """Warn about invisible characters in entries."""
    for event in events:
        yield from blocks.flagged(f"entry {event.seq}", event.body, event.actor.model_dump(mode="json"))


def who(event: Event) -> str:
    """Return the actor of an entry, the channel, and the user of the operating system if it is another name."""
    actor = event.actor
    name = actor.id or (actor.roles[0] if actor.roles else actor.kind.value)
    user = f", user {actor.os_user}" if actor.os_user not in (None, name) else ""
    return f"{name} ({actor.channel}{user})"


def cases_table(cases: Sequence[Case]) -> Table:
    """List cases with their state."""
    columns = (
        TASK,
        RISK,
        CONFIDENCE,
        ROUTING,
        Column("rule", gives_way=True),
        Column("outcome", gives_way=True, folds=True),
    )
    among = [_confidence_of(case) for case in cases]
    return Table(columns, [_case_row(case, among) for case in cases])


def _case_row(case: Case, among: Sequence[float | None]) -> tuple[Cell, ...]:
    summary, review = case_summary(case), case.open_review
    state = Cell(f"waits for {review.role}", "bold") if review else _outcome_of(case)
    return (
        Cell(task_with_call(case), quoted=True),
        blocks.risk(summary["risk_level"]),
        Cell(confidence(summary["confidence_score"], among)),
        blocks.routing(summary["routing_decision"]),
        Cell(summary["rule_id"] or "-"),
        state,
    )


def _outcome_of(case: Case) -> Cell:
    """Return the outcome of a case; of a replayed one that of the past."""
    if case.record is None or not case.submission.replayed:
        return blocks.outcome(case.status)
    cell = blocks.outcome(case.record.final_decision)
    return cell._replace(text=f"{cell.text} (replayed)")


def _confidence_of(case: Case) -> float | None:
    if case.record:
        return case.record.confidence_score
    return case.reviews[-1].shown.routing.score.confidence if case.reviews else None

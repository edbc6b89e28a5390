"""One case, told as a story: what was proposed, which rule fired and why, what people said, how it ended. Pure."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from hitl_orchestrator.cli import blocks, views
from hitl_orchestrator.cli.blocks import COMMAND, Block, Line
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.words import confidence, count, duration, moment
from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.review import Review, Reviewer, ReviewRow
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.domain.words import EventKind


def of(case: Case, history: Sequence[Event], people: Sequence[Reviewer], session: Session) -> Iterator[Block]:
    """Tell the whole story of a case, and what can be done about it."""
    status = f"waits for {case.open_review.role}" if case.open_review else case.status
    yield Line(f"Task {case.task_id}: {status}", f"bold {blocks.outcome(case.status).style}")
    yield Line(f"case {case.case_id}", "dim")
    if case.redacted:
        yield Line("What agents and people wrote in it was erased; 'hitl audit show' tells when.", "yellow")
    yield from _task(case)
    yield from _proposal(case, history)
    yield from _routing(case)
    if case.reviews:
        yield from _heading("Reviews")
        for row in case.reviews:
            yield from _review(row)
    if case.record:
        yield from _outcome(case.record)
    yield from _heading("History")
    yield views.entries(history)
    if case.open_review:
        yield from _next(case, case.open_review, people, session)


def receipt(case: Case, review: Review, started: datetime, session: Session) -> Iterator[Block]:
    """Tell what a decision led to."""
    row = next(row for row in reversed(case.reviews) if row.verdict and _answers(row, review))
    if row.verdict and row.verdict.decided_at < started:
        yield Line(f"This very answer stands since {moment(row.verdict.decided_at)}; nothing was changed.")
    else:
        yield Line(f"Recorded: {review.human_decision} by {review.reviewer_id} on task {case.task_id}.")
    if row.shown.routing.output is not None:
        yield from blocks.flagged("what the agent proposed", row.shown.routing.output.model_dump(mode="json"))
    yield from blocks.flagged("the task", row.shown.task.model_dump(mode="json"))
    yield from blocks.flagged("this answer", review.model_dump(mode="json"))
    if case.open_review:
        yield Line(f"The case now waits for {case.open_review.role}.", "bold")
    else:
        yield Line(f"The case is finished: {case.status}.", blocks.outcome(case.status).style)
    yield Line(session.command("show", case.task_id), COMMAND, indent=2)


def _answers(row: ReviewRow, review: Review) -> bool:
    said = row.verdict.review if row.verdict else None
    return said is not None and (said.reviewer_id, said.human_decision) == (review.reviewer_id, review.human_decision)


def _heading(text: str) -> Iterator[Block]:
    yield Line()
    yield Line(text, "bold")


def _task(case: Case) -> Iterator[Block]:
    task = case.submission.task
    yield from _heading("Task")
    yield Line(task.task_description, indent=2, quoted=True)
    risk = f"risk {task.risk_level}" if task.risk_level else "no risk level given"
    yield Line(f"{task.task_type} in {task.domain}, {risk}, made {moment(task.timestamp)}", indent=2)
    if task.metadata:
        yield Line(json.dumps(task.metadata, ensure_ascii=False), indent=2)
    yield from blocks.flagged("this", task.model_dump(mode="json"), indent=2)


def _proposal(case: Case, history: Sequence[Event]) -> Iterator[Block]:
    yield from _heading("Proposal")
    routed = next((event.body for event in history if event.kind is EventKind.ROUTED), None)
    if routed is None or routed["output"] is None:
        yield Line("The agent proposed nothing." if routed else "Not looked at yet.", indent=2)
    else:
        yield from _output(Proposal.model_validate(routed["output"]["agent_output"]))
    if routed is not None:
        score = routed["score"]
        signals = ", ".join(score["signals"]) or "none"
        yield Line(f"confidence {confidence(score['confidence'])} ({score['source']}); signals: {signals}", indent=2)


def _output(output: Proposal) -> Iterator[Block]:
    yield Line(output.predicted_label, "bold", indent=2)
    if output.explanation:
        yield Line(output.explanation, indent=2, quoted=True)
    if output.model_extra:
        yield Line(json.dumps(output.model_extra, ensure_ascii=False), indent=2)
    yield from blocks.flagged("this", output.model_dump(mode="json"), indent=2)


def _routing(case: Case) -> Iterator[Block]:
    said: AuditRecord | RoutingDecision | None = case.record
    if case.reviews:
        said = case.reviews[0].shown.routing.decision
    if said is None:
        return
    yield from _heading("Routing")
    action = said.routing_decision if isinstance(said, AuditRecord) else said.action
    asked = f" to {case.reviews[0].role}" if case.reviews else ""
    yield Line(f"{action}{asked}", blocks.routing(action).style, indent=2)
    yield Line(said.reason, indent=2)
    yield Line(f"policy {said.policy_id} ({said.policy_hash[:12]})", "dim", indent=2)


def _review(row: ReviewRow) -> Iterator[Block]:
    if row.shown.passed_up_because:
        yield Line(f"Passed up to {row.role}: {row.shown.passed_up_because}", indent=2)
        yield from blocks.flagged("this", row.shown.passed_up_because, indent=2)
    if row.verdict is None:
        yield Line(f"{row.role}: open since {moment(row.opened_at)}", "yellow", indent=2)
        yield Line(f"review {row.review_id}, shows {row.digest[:12]}", "dim", indent=2)
        return
    verdict, said = row.verdict, row.verdict.review
    name = f"{said.reviewer_id} as {verdict.role}" if said.reviewer_id else verdict.role
    sure = f", {said.confidence_assessment} confidence" if said.confidence_assessment else ""
    yield Line(f"{name}: {said.human_decision} at {moment(verdict.decided_at)}{sure}", indent=2)
    for quoted in filter(None, (said.human_feedback, said.reason)):
        yield Line(f'"{quoted}"', indent=4, quoted=True)
        yield from blocks.flagged("this", quoted, indent=4)


def _outcome(record: AuditRecord) -> Iterator[Block]:
    yield from _heading("Outcome")
    style = blocks.outcome(record.final_decision).style
    took = duration(record.latency_seconds)
    yield Line(f"{record.final_decision}, decided by {record.decision_source} after {took}", style, indent=2)
    if record.final_output is None:
        yield Line("Nothing of the agent's may be carried out.", indent=2)
    else:
        yield Line("What may be carried out:", indent=2)
        yield from _output(record.final_output)


def _next(case: Case, row: ReviewRow, people: Sequence[Reviewer], session: Session) -> Iterator[Block]:
    able = [one.reviewer_id for one in people if row.role in one.roles and {"*", row.domain} & set(one.domains)]
    yield Line()
    more = f" ({count(len(able), 'reviewer')} may)" if able else ""
    yield Line(f"Next, as {row.role}{more}: approve, reject, modify, override or escalate, such as")
    command = session.command("resume", case.task_id, "approve", "--reviewer", (able or ["ID"])[0], deciding=True)
    yield Line(command, COMMAND, indent=2)

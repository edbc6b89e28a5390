"""One case, told as a story: what was proposed, which rule fired and why, what people said, how it ended. Pure."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line
from hitl_orchestrator.cli.output.formatting import confidence, count, duration, moment
from hitl_orchestrator.cli.output.masking import UNTOLD, is_blind, is_secret
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views import audit_record as record
from hitl_orchestrator.cli.views import policy_history as policy_story
from hitl_orchestrator.cli.views import tables as views
from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import RoutingDecision
from hitl_orchestrator.domain.enums import DecisionSource, EventKind, HumanDecision, OnTimeout
from hitl_orchestrator.domain.review import Review, StoredReview
from hitl_orchestrator.domain.task import Proposal


class Deciding(NamedTuple):
    """An open review: the role that may decide it now, by which answers, and who has it or one above it there."""

    row: StoredReview
    role: str
    options: Sequence[HumanDecision]
    able: Sequence[str]


def of(case: Case, history: Sequence[Event], deciding: Deciding | None, session: Session) -> Iterator[Block]:
    """Tell the whole story of a case, and what can be done about it."""
    status = f"waits for {deciding.role}" if deciding else case.status
    yield Line(f"Task {case.task_id}: {status}", f"bold {blocks.outcome(case.status).style}")
    yield Line(f"case {case.case_id}", "dim")
    if case.redacted:
        yield Line("What agents and people wrote in it was erased; 'hitl audit show' tells when.", "yellow")
    yield from _task(case)
    yield from _blind(case, session) if is_blind(case) else _proposal(case, history)
    yield from _routing(case)
    if case.reviews:
        yield from _heading("Reviews")
        for row in case.reviews:
            yield from _vote(row) if is_secret(case, row) else _review(row)
    if case.record:
        yield from _outcome(case.record)
    yield from _heading("History")
    yield views.entries(history)
    yield from policy_story.told(history)
    if deciding:
        yield from _next(case, deciding, session)


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


def _answers(row: StoredReview, review: Review) -> bool:
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


def _blind(case: Case, session: Session) -> Iterator[Block]:
    yield from _heading("Proposal")
    yield Line("Hidden, for the review is blind: a reviewer gives an own label first.", indent=2)
    command = session.command("label", case.task_id, "YOUR LABEL", "--reviewer", "ID")
    yield Line(command, COMMAND, indent=2)


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
    yield Line(f"{action}{asked}{_together(case)}", blocks.routing(action).style, indent=2)
    if not is_blind(case):
        yield Line(said.reason, indent=2)
    yield from _told(case)
    yield Line(f"policy {said.policy_id} ({said.policy_hash[:12]})", "dim", indent=2)


def _told(case: Case) -> Iterator[Block]:
    """Say what the rule tells reviewers, and what each layer of the policy answers, where it has several."""
    if not case.reviews:
        return
    decision = case.reviews[0].shown.routing.decision
    if decision.message:
        yield Line(decision.message, "bold", indent=2, quoted=True)
    for one in decision.layers:
        yield Line(f"{one.layer}: {f'{one.action} by {one.rule_id}' if one.rule_id else 'silent'}", "dim", indent=2)


def _together(case: Case) -> str:
    needed = case.reviews[0].shown.routing.decision.requirements.approvals if case.reviews else 1
    return f", {needed} persons must agree" if needed > 1 else ""


_THEN = {
    OnTimeout.ESCALATE: "it is passed up",
    OnTimeout.REJECT: "it is rejected",
    OnTimeout.WAIT: "it waits on",
    None: "it waits on",
}


_TAKEN_BACK = {
    DecisionSource.SUBMITTER: "canceled",
    DecisionSource.RESUBMISSION: "superseded by a newer attempt",
}


def _vote(row: StoredReview) -> Iterator[Block]:
    """Tell that somebody has voted; what they said is told when the case is decided."""
    verdict = row.verdict
    if verdict is not None:
        who = f"{verdict.review.reviewer_id} as {verdict.role}" if verdict.review.reviewer_id else verdict.role
        yield Line(f"{who}: voted at {moment(verdict.decided_at)}; what is {UNTOLD}", indent=2)


def _review(row: StoredReview) -> Iterator[Block]:
    if row.shown.passed_up_because:
        yield Line(f"Passed up to {row.role}: {row.shown.passed_up_because}", indent=2)
        yield from blocks.flagged("this", row.shown.passed_up_because, indent=2)
    if row.verdict is None:
        due = f", due {moment(row.due_at)}, then {_THEN[row.shown.on_timeout]}" if row.due_at else ""
        yield Line(f"{row.role}: open since {moment(row.opened_at)}{due}", "yellow", indent=2)
        if row.claimed_by and row.claimed_until:
            given = f", delegated by {row.delegated_by}" if row.delegated_by else ""
            yield Line(f"claimed by {row.claimed_by} until {moment(row.claimed_until)}{given}", indent=2)
        yield Line(f"review {row.review_id}, shows {row.digest[:12]}", "dim", indent=2)
        return
    verdict, said = row.verdict, row.verdict.review
    if verdict.source in _TAKEN_BACK:
        by = f" by {said.reviewer_id}" if said.reviewer_id else ""
        yield Line(f"{verdict.role}: {_TAKEN_BACK[verdict.source]}{by} at {moment(verdict.decided_at)}", indent=2)
        yield Line(f'"{said.reason}"', indent=4, quoted=True)
        return
    if verdict.source is DecisionSource.TIMEOUT:
        done = "passed up" if said.human_decision is HumanDecision.ESCALATE else "rejected"
        yield Line(
            f"{verdict.role}: nobody answered in time, {done} at {moment(verdict.decided_at)}", "yellow", indent=2
        )
        return
    name = f"{said.reviewer_id} as {verdict.role}" if said.reviewer_id else verdict.role
    sure = f", {said.confidence_assessment} confidence" if said.confidence_assessment else ""
    voted = "" if verdict.settles else ", one vote of several"
    yield Line(f"{name}: {said.human_decision} at {moment(verdict.decided_at)}{sure}{voted}", indent=2)
    if verdict.own_label:
        yield Line(f"own label, before the agent's was seen: {verdict.own_label}", indent=4)
    if said.reason_code:
        yield Line(f"reason code {said.reason_code}", indent=4)
    for quoted in filter(None, (said.human_feedback, said.reason)):
        yield Line(f'"{quoted}"', indent=4, quoted=True)
        yield from blocks.flagged("this", quoted, indent=4)
    yield from record.competence(row)


def _outcome(said: AuditRecord) -> Iterator[Block]:
    yield from _heading("Outcome")
    style = blocks.outcome(said.final_decision).style
    took = duration(said.latency_seconds)
    yield Line(f"{said.final_decision}, decided by {said.decision_source} after {took}", style, indent=2)
    if len(said.votes) > 1:
        votes = ", ".join(f"{vote.reviewer_id or vote.role} {vote.human_decision}" for vote in said.votes)
        yield Line(f"answers: {votes}", indent=2)
    if said.final_output is None:
        yield Line("Nothing of the agent's may be carried out.", indent=2)
    else:
        yield Line("What may be carried out:", indent=2)
        yield from _output(said.final_output)
    yield from record.versions(said)


def _next(case: Case, deciding: Deciding, session: Session) -> Iterator[Block]:
    row, role, options, able = deciding
    yield Line()
    if role != row.role:
        yield Line(f"The policy has become stricter: {role} decides this now, and {row.role} no longer.", "red")
    if not able:
        nobody = "Nobody in the reviewers file may decide this"
        yield Line(f"{nobody}: it takes {role}, or a role above it, in {row.domain}.", "red")
        return
    words = f"{', '.join(options[:-1])} or {options[-1]}"
    yield Line(f"Next, as {role} ({count(len(able), 'reviewer')} may): {words}, such as")
    command = session.command("resume", case.task_id, options[0], "--reviewer", able[0], deciding=True)
    yield Line(command, COMMAND, indent=2)

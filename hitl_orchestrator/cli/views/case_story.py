"""One case from submission to outcome: proposal, matching rule, reviews, audit record and history."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Line, Strip, inline
from hitl_orchestrator.cli.output.formatting import confidence, count, local_minute, local_time, signals
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views import executions, tables
from hitl_orchestrator.cli.views.audit import record as audit_record
from hitl_orchestrator.cli.views.content import (
    asked_about,
    call_of,
    edit_of,
    heading,
    nothing,
    proposal_lines,
    task_lines,
    task_name,
    task_with_call,
)
from hitl_orchestrator.cli.views.policies.events import sentences
from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import ConfidencePart, RoutingDecision
from hitl_orchestrator.domain.enums import DecisionSource, EventKind, FinalDecision, OnTimeout, ReviewStatus
from hitl_orchestrator.domain.execution import Execution, is_call
from hitl_orchestrator.domain.review import RecordedDecision, Review, StoredReview
from hitl_orchestrator.domain.shown.durations import duration_text
from hitl_orchestrator.domain.task import Proposal
from hitl_orchestrator.orchestrator import HIDDEN, CaseView, PolicyHistory, asked_note, missing_role_note


def describe(
    case: Case,
    history: Sequence[Event],
    view: CaseView | None,
    session: Session,
    *,
    policies: PolicyHistory,
    execution: Execution | None = None,
) -> Iterator[Block]:
    """Describe a whole case. `view` is that of its open review, if it has one; `policies` numbers the versions."""
    status = case.status if view is None else f"waits for {_awaited(case, view.role)}"
    style = f"bold {blocks.outcome(case.status).style}"
    yield Line(f"{heading(case.task_id, call_of(case))}: {status}", style)
    yield Line(f"case {case.case_id}", "dim")
    if is_call(case.task_id):
        yield Strip([Cell(f"task {case.task_id}", "dim")])
    if case.submission.replayed:
        yield Line("It repeats a record of the past: it is evidence, and nothing is carried out.", "yellow")
    if case.redacted:
        yield Line("The texts of agents and people in it were erased; 'hitl audit show' shows when.", "yellow")
    proposal = policies.pending.get(case.case_id)
    if view is not None and proposal is not None and (stale := policies.stale(proposal)):
        yield Line(f"{stale}.", "red")
    yield from _task(case, view)
    blind = view is not None and bool(view.hidden)
    yield from _blind(case, view, session) if blind else _proposal(case, history)
    yield from _routing(case, policies, blind=blind)
    if case.reviews:
        yield from _heading("Reviews")
        hidden = [row for row in case.reviews if row.status is ReviewStatus.VOTED and row.verdict is None]
        for row in case.reviews:
            if row not in hidden:
                yield from _review(row)
            elif row is hidden[0]:
                yield from _votes(hidden, history)
    if case.record:
        yield from _outcome(case.record)
    if execution is not None:
        yield from executions.of_case(execution)
    yield from _heading("History")
    yield tables.entries(history)
    yield from sentences(history, policies)
    if view and case.open_review and not case.submission.replayed:
        yield from _next(case.open_review, view, session)


def receipt(
    case: Case, review: Review, started: datetime, session: Session, declined: str | None = None
) -> Iterator[Block]:
    """Describe the result of a decision, and why the change that it approves was `declined`."""
    row = next(row for row in reversed(case.reviews) if row.verdict and _matches(row, review))
    on = f"task {inline(case.task_id)}" if not is_call(case.task_id) else f"call {task_with_call(case)}"
    if row.verdict and row.verdict.decided_at < started:
        yield Line(f"This decision was recorded at {local_time(row.verdict.decided_at)}; nothing was changed.")
    else:
        yield Line(f"Recorded: {review.human_decision} by {inline(str(review.reviewer_id))} on {on}.")
    if row.shown.routing.output is not None:
        yield from blocks.flagged("what the agent proposed", row.shown.routing.output.model_dump(mode="json"))
    yield from blocks.flagged("the task", row.shown.task.model_dump(mode="json"))
    yield from blocks.flagged("this decision", review.model_dump(mode="json"))
    if case.open_review:
        yield Line(f"The case now waits for {inline(case.open_review.role)}.", "bold")
    else:
        yield Line(f"The case is finished: {case.status}.", blocks.outcome(case.status).style)
    if declined is not None:
        yield Line(f"The change is not carried out: {declined}.", "bold red")
    yield Line(session.command("show", task_name(case.task_id, case.case_id)), COMMAND, indent=2)


def _awaited(case: Case, role: str) -> str:
    """Return what a waiting case waits for: a role, or the recorded review of one."""
    return f"a recorded review by {inline(role)}" if case.submission.replayed else inline(role)


def _matches(row: StoredReview, review: Review) -> bool:
    stored = row.verdict.review if row.verdict else None
    key = (review.reviewer_id, review.human_decision)
    return stored is not None and (stored.reviewer_id, stored.human_decision) == key


def _heading(text: str) -> Iterator[Block]:
    yield Line()
    yield Line(text, "bold")


def _task(case: Case, view: CaseView | None) -> Iterator[Block]:
    task = case.submission.task
    yield from _heading("Task")
    risk = f"risk {task.risk_level}" if task.risk_level else "no risk level"
    yield from asked_about(view) if view else ()
    yield from task_lines(task, f"{risk}, created {local_minute(task.timestamp)}")


def _proposal(case: Case, history: Sequence[Event]) -> Iterator[Block]:
    yield from _heading("Proposal")
    routed = next((event.body for event in history if event.kind is EventKind.ROUTED), None)
    if routed is None or routed["output"] is None:
        yield Line(nothing(routed.get("error")) if routed else _not_routed(case), indent=2)
    else:
        yield from proposal_lines(Proposal.model_validate(routed["output"]["agent_output"]))
    if routed is not None:
        score = routed["score"]
        warnings = signals(score["signals"], score["unreadable"])
        yield Line(f"confidence {confidence(score['confidence'])} ({score['source']}); signals: {warnings}", indent=2)
        for part in score.get("parts", ()):
            yield Line(ConfidencePart.model_validate(part).sentence, "dim", indent=4)
        for each in score["raised"]:
            yield Line(f"{each['signal']}: {each['sentence']}", "dim", indent=4, quoted=True)


def _not_routed(case: Case) -> str:
    waits = "; it waits for the classifier of its application" if case.submission.awaits_classifier else ""
    return f"Not routed yet{waits}."


def _blind(case: Case, view: CaseView | None, session: Session) -> Iterator[Block]:
    yield from _heading("Proposal")
    yield Line("Hidden, because the review is blind: reviewers commit their own label first.", indent=2)
    able = [] if view is None else _able(view)
    if able:
        command = session.command("label", task_name(case.task_id, case.case_id), "YOUR LABEL", "--reviewer", able[0])
        yield Line(command, COMMAND, indent=2)


def _routing(case: Case, policies: PolicyHistory, *, blind: bool) -> Iterator[Block]:
    source: AuditRecord | RoutingDecision | None = case.record
    if case.reviews:
        source = case.reviews[0].shown.routing.decision
    if source is None:
        return
    yield from _heading("Routing")
    action = source.routing_decision if isinstance(source, AuditRecord) else source.action
    to = f" to {inline(case.reviews[0].role)}" if case.reviews else ""
    yield Line(f"{action}{to}{_quorum(case)}", blocks.routing(action).style, indent=2)
    if not blind:
        yield Line(source.reason, indent=2, quoted=True)
    yield from _layers(case)
    yield Line(f"policy {inline(source.policy_id)}, {policies.name(source.policy_hash)}", "dim", indent=2)


def _layers(case: Case) -> Iterator[Block]:
    """Show the rule's message, and the decision of each layer of the policy if it has several."""
    if not case.reviews:
        return
    decision = case.reviews[0].shown.routing.decision
    if decision.message:
        yield from blocks.quotation(decision.message, "bold")
    for each in decision.layers:
        action = f"{each.action} by {inline(each.rule_id)}" if each.rule_id else "no rule matches"
        yield Line(f"{inline(each.layer)}: {action}", "dim", indent=2)


def _quorum(case: Case) -> str:
    needed = case.reviews[0].shown.routing.decision.requirements.approvals if case.reviews else 1
    return f", {needed} reviewers must agree" if needed > 1 else ""


_THEN = {
    OnTimeout.ESCALATE: "it is escalated",
    OnTimeout.REJECT: "it is rejected",
    OnTimeout.WAIT: "it keeps waiting",
    None: "it keeps waiting",
}


_WITHDRAWN = {
    DecisionSource.SUBMITTER: "canceled",
    DecisionSource.RESUBMISSION: "superseded by a newer attempt",
}


def _votes(rows: Sequence[StoredReview], history: Sequence[Event]) -> Iterator[Block]:
    """Name each voter once, also the last one left, who may vote again; votes are hidden until the case is decided."""
    roles, voted = {row.review_id: inline(row.role) for row in rows}, dict[str, list[datetime]]()
    for event in history:
        if event.kind is EventKind.VOTED and event.body["review_id"] in roles:
            role = roles[event.body["review_id"]]
            voter = f"{inline(event.actor.id)} as {role}" if event.actor.id else role
            voted.setdefault(voter, []).append(event.at)
    for voter, times in voted.items():
        again = f", {len(times)} times" if times[1:] else ""
        yield Line(f"{voter}: voted at {local_minute(times[-1])}{again}; the vote is {HIDDEN}", indent=2)


def _voter(verdict: RecordedDecision) -> str:
    name = verdict.review.reviewer_id
    return f"{inline(name)} as {inline(verdict.role)}" if name else inline(verdict.role)


def _review(row: StoredReview) -> Iterator[Block]:
    if row.shown.passed_up_because:
        yield Line(f"Escalated to {inline(row.role)}:", indent=2)
        yield from blocks.quotation(row.shown.passed_up_because, indent=4)
    yield from _open_review(row) if row.verdict is None else _decided_review(row, row.verdict)


def _open_review(row: StoredReview) -> Iterator[Block]:
    due = f", due {local_minute(row.due_at)}, then {_THEN[row.shown.on_timeout]}" if row.due_at else ""
    yield Line(f"{inline(row.role)}: open since {local_minute(row.opened_at)}{due}", "yellow", indent=2)
    if row.claimed_by and row.claimed_until:
        delegated = f", delegated by {inline(row.delegated_by)}" if row.delegated_by else ""
        yield Line(f"claimed by {inline(row.claimed_by)} until {local_minute(row.claimed_until)}{delegated}", indent=2)
    yield Line(f"review {row.review_id}, shows {row.digest[:12]}", "dim", indent=2)


def _decided_review(row: StoredReview, verdict: RecordedDecision) -> Iterator[Block]:
    review, at = verdict.review, local_minute(verdict.decided_at)
    if verdict.source in _WITHDRAWN:
        by = f" by {inline(review.reviewer_id)}" if review.reviewer_id else ""
        yield Line(f"{inline(verdict.role)}: {_WITHDRAWN[verdict.source]}{by} at {at}", indent=2)
        yield from blocks.quotation(review.reason, indent=4)
        return
    if verdict.source is DecisionSource.TIMEOUT:
        done = "escalated" if review.human_decision.spec.escalates else "rejected"
        yield Line(f"{inline(verdict.role)}: no decision in time, {done} at {at}", "yellow", indent=2)
        return
    sure = f", {review.confidence_assessment} confidence" if review.confidence_assessment else ""
    vote = "" if verdict.settles else ", one vote of several"
    yield Line(f"{_voter(verdict)}: {review.human_decision} at {at}{sure}{vote}", indent=2)
    if verdict.own_label:
        yield Line(f"own label, before the agent's was shown: {inline(verdict.own_label)}", indent=4)
    if review.reason_code:
        yield Line(f"reason code {inline(review.reason_code)}", indent=4)
    for quoted in filter(None, (review.human_feedback, review.reason)):
        yield from blocks.quotation(quoted, indent=4)
    yield from audit_record.competence(row)


_TO_EXECUTE = {
    FinalDecision.MODIFIED_AND_APPROVED: "the output that the reviewer edited",
    FinalDecision.OVERRIDE_APPROVED: "the reviewer's own output",
}


def _nothing_of(record: AuditRecord) -> str:
    """Return why nothing is executed."""
    if record.replayed:
        return "Nothing is executed: the case repeats a record of the past."
    if record.final_decision is FinalDecision.OVERRIDE_APPROVED:
        return "Nothing is executed: the reviewer overrode the proposal and gave no output."
    return "Nothing is executed."


def _outcome(record: AuditRecord) -> Iterator[Block]:
    yield from _heading("Outcome")
    style = blocks.outcome(record.final_decision).style
    took = f"{duration_text(record.latency_seconds)} after the task was created"
    yield Line(f"{record.final_decision}, decided by {record.decision_source}, {took}", style, indent=2)
    if len(record.votes) > 1:
        votes = ", ".join(f"{inline(vote.reviewer_id or vote.role)} {vote.human_decision}" for vote in record.votes)
        yield Line(f"votes: {votes}", indent=2)
    if record.final_output is None:
        yield Line(_nothing_of(record), indent=2)
    else:
        yield Line(f"Approved is {_TO_EXECUTE.get(record.final_decision, 'the proposal')}:", indent=2)
        yield from proposal_lines(record.final_output)
    yield from audit_record.software(record)


def _able(view: CaseView) -> list[str]:
    """Return the reviewers who may decide now: the one who holds the claim, or all."""
    held = view.claimed_by
    return [held] if held is not None and held in view.may_decide else list(view.may_decide)


def _next(row: StoredReview, view: CaseView, session: Session) -> Iterator[Block]:
    """Suggest a decision that will be accepted."""
    able = _able(view)
    yield Line()
    if view.missing_role is not None:
        yield Line(missing_role_note(view.missing_role, view.role) + ".", "red")
    elif view.role == row.shown.routing.decision.assigned_human_role != row.role:
        yield Line(f"The people of this store have their roles in another order now: {view.role} decides this.", "red")
    elif view.role != row.role:
        yield Line(f"The policy is stricter now: {view.role} decides this, {row.role} no longer may.", "red")
    if asked := asked_note(view.requirements):
        yield Line(f"{asked}.")
    if not able:
        needed = f"it needs {view.role}, or a higher role, in {row.domain}"
        yield Line(f"No reviewer of this store may decide this: {needed}.", "red")
        return
    decisions = [choice.decision for choice in view.choices]
    choices = f"{', '.join(decisions[:-1])} or {decisions[-1]}"
    number = count(len(view.may_decide), "reviewer")
    yield Line(f"Next, as {view.role} ({number} may): {choices}{'' if view.hidden else ', such as'}")
    if not view.hidden:
        words = ("decide", task_name(view.task_id, view.case_id), decisions[0], "--reviewer", able[0])
        yield Line(session.command(*words, deciding=True), COMMAND, indent=2)
        yield from edit_of(view, able[0], session)

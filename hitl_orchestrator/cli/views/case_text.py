"""One case as a reviewer sees it, told in lines: what is asked, what is proposed, and what one may answer. Pure."""

import json
from collections.abc import Iterator

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.formatting import confidence, count, moment
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.review.view import CaseView


def of(view: CaseView, reviewer: str, session: Session) -> Iterator[Block]:
    """Tell a case to one reviewer. While it is hidden, nothing of the agent's answer is told."""
    yield Line(f"Task {view.task_id}: {view.state}, for {view.role}", f"bold {blocks.risk(view.risk_level).style}")
    if view.claimed_by and view.claimed_until:
        given = f", delegated by {view.delegated_by}" if view.delegated_by else ""
        yield Line(f"claimed by {view.claimed_by} until {moment(view.claimed_until)}{given}", "dim")
    if view.due_at:
        yield Line(f"due {moment(view.due_at)}", "bold red" if view.overdue else "dim")
    yield from _task(view)
    if view.hidden:
        yield from _blind(view, reviewer, session)
    else:
        yield from _answer(view)
    yield from _choices(view, reviewer, session)


def _task(view: CaseView) -> Iterator[Block]:
    task = view.task
    yield Line()
    yield Line(task.task_description, indent=2, quoted=True)
    yield Line(f"{task.task_type} in {task.domain}, {view.risk_level} risk", "dim", indent=2)
    if task.metadata:
        yield Line(json.dumps(task.metadata, ensure_ascii=False), indent=2)
    yield from blocks.flagged("this", task.model_dump(mode="json"), indent=2)
    if view.passed_up_because:
        yield Line(f"Passed up: {view.passed_up_because}", "yellow", indent=2)
    if view.message:
        yield Line(view.message, "bold", indent=2, quoted=True)


def _blind(view: CaseView, reviewer: str, session: Session) -> Iterator[Block]:
    yield Line()
    yield Line("The agent's answer is hidden until you have given your own label:")
    yield Line(session.command("label", view.task_id, "YOUR LABEL", "--reviewer", reviewer), COMMAND, indent=2)


def _answer(view: CaseView) -> Iterator[Block]:
    yield Line()
    if view.proposal is None:
        yield Line("The agent proposes nothing.")
    else:
        yield Line("The agent proposes:")
        yield Line(view.proposal.predicted_label, "bold", indent=2)
        if view.proposal.explanation:
            yield Line(view.proposal.explanation, indent=2, quoted=True)
        if view.proposal.model_extra:
            yield Line(json.dumps(view.proposal.model_extra, ensure_ascii=False), indent=2)
        yield from blocks.flagged("this", view.proposal.model_dump(mode="json"), indent=2)
    if view.own_label:
        yield Line(f"your own label was {view.own_label}", "dim", indent=2)
    means = f": {view.confidence_means}" if view.confidence_means else ""
    yield Line(f"confidence {confidence(view.confidence)}{means}", indent=2)
    yield Line(f"signals: {', '.join(view.signals) or 'none'}", indent=2)
    yield Line()
    yield Line(f"A person is asked because {view.reason}")
    for line in view.would_go_through:
        yield Line(f"would go through: {line}", "dim", indent=2)
    for one in view.similar:
        told = f"similar: {one.task_id} ({confidence(one.confidence)}) was {one.final_decision} by {one.decided_by}"
        yield Line(told, "dim", indent=2)


def _choices(view: CaseView, reviewer: str, session: Session) -> Iterator[Block]:
    yield Line()
    if view.requirements.approvals > 1:
        needed = count(view.requirements.approvals, "person", "persons")
        yield Line(f"{needed} must agree; {view.votes_given} answered so far.")
    if view.why_not:
        yield Line(view.why_not, "red")
        return
    if not view.choices:
        return
    columns = (Column("answer"), Column("what it does", gives_way=True, folds=True))
    yield Table(columns, [(Cell(one.decision, "bold"), Cell(one.does)) for one in view.choices])
    if not view.hidden:
        yield Line()
        command = session.command(
            "resume", view.task_id, view.choices[0].decision, "--reviewer", reviewer, deciding=True
        )
        yield Line(command, COMMAND, indent=2)

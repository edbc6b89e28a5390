"""One review as a reviewer sees it: the task, the proposal, and the choices."""

from collections.abc import Iterator

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.formatting import confidence, local_minute, local_time, signals
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views.content import (
    asked_about,
    edit_of,
    heading,
    nothing,
    proposal_lines,
    task_lines,
    task_name,
)
from hitl_orchestrator.domain.execution import is_call
from hitl_orchestrator.orchestrator import CaseView, asked_note, missing_role_note


def describe(view: CaseView, reviewer: str, session: Session) -> Iterator[Block]:
    """Describe a review to one reviewer. The view leaves out the agent's answer while it is hidden."""
    yield Line(
        f"{heading(view.task_id, None if view.hidden else view.proposal)}: {view.state}, for {inline(view.role)}",
        f"bold {blocks.risk(view.risk_level).style}",
    )
    if is_call(view.task_id):
        yield Line(f"case {view.case_id}", "dim")
    if view.claimed_by and view.claimed_until:
        delegated = f", delegated by {inline(view.delegated_by)}" if view.delegated_by else ""
        yield Line(f"claimed by {inline(view.claimed_by)} until {local_time(view.claimed_until)}{delegated}", "dim")
    if view.due_at:
        late = ", overdue" if view.overdue else ""
        yield Line(f"due {local_minute(view.due_at)}{late}", "bold red" if view.overdue else "dim")
    if asked := asked_note(view.requirements):
        yield Line(f"{asked}.")
    if view.missing_role is not None:
        yield Line(missing_role_note(view.missing_role, view.role) + ".", "red")
    yield from _task(view)
    if view.hidden:
        yield from _blind(view, reviewer, session)
    else:
        yield from _answer(view)
    yield from _choices(view, reviewer, session)


def _task(view: CaseView) -> Iterator[Block]:
    yield Line()
    yield from asked_about(view)
    yield from task_lines(view.task, f"{view.risk_level} risk")
    if view.passed_up_because:
        yield Line("Escalated:", "yellow", indent=2)
        yield from blocks.quotation(view.passed_up_because)
    if view.message:
        yield from blocks.quotation(view.message, "bold")


def _blind(view: CaseView, reviewer: str, session: Session) -> Iterator[Block]:
    yield Line()
    yield Line("The agent's answer is hidden until you have committed your own label:")
    yield Line(
        session.command("label", task_name(view.task_id, view.case_id), "YOUR LABEL", "--reviewer", reviewer),
        COMMAND,
        indent=2,
    )


def _answer(view: CaseView) -> Iterator[Block]:
    yield Line()
    if view.proposal is None:
        yield Line(nothing(view.classifier_error))
    else:
        yield Line("The agent proposes:")
        yield from proposal_lines(view.proposal)
    if view.own_label:
        yield Line(f"your own label was {inline(view.own_label)}", "dim", indent=2)
    means = f": {view.confidence_means}" if view.confidence_means else ""
    yield Line(f"confidence {confidence(view.confidence)}{means}", indent=2)
    for part in view.confidence_parts:
        yield Line(part.sentence, "dim", indent=4)
    yield Line(f"signals: {signals(view.signals, view.unreadable)}", indent=2)
    for each in view.raised:
        yield Line(f"{each.signal.value}: {each.sentence}", "dim", indent=4, quoted=True)
    yield Line()
    yield Line("A reviewer is needed because:")
    yield Line(view.reason, indent=2, quoted=True)
    if view.would_go_through:
        yield Line("approved if:", indent=2)
    for line in view.would_go_through:
        yield Line(line, "dim", indent=2, quoted=True)
    for case in view.similar:
        outcome = f"was {case.final_decision} by {inline(case.decided_by)}"
        yield Line(f"similar: {inline(case.task_id)} ({confidence(case.confidence)}) {outcome}", "dim", indent=2)


def _choices(view: CaseView, reviewer: str, session: Session) -> Iterator[Block]:
    yield Line()
    if view.requirements.approvals > 1:
        needed = view.requirements.approvals
        yield Line(f"{needed} reviewers must agree; {view.votes_given} of {needed} have voted.")
        yield Line()
    if view.why_not:
        yield Line(view.why_not, "red")
        return
    if not view.choices:
        return
    columns = (Column("decision"), Column("effect", gives_way=True, folds=True))
    yield Table(columns, [(Cell(choice.decision, "bold"), Cell(choice.does)) for choice in view.choices])
    if not view.hidden:
        yield Line()
        words = ("decide", task_name(view.task_id, view.case_id), view.choices[0].decision, "--reviewer", reviewer)
        yield Line(session.command(*words, deciding=True), COMMAND, indent=2)
        yield from edit_of(view, reviewer, session)

"""Tasks, proposals and calls as lines: texts of agents, with warnings about invisible characters."""

import json
from collections.abc import Iterator

from hitl_orchestrator.cli.output import blocks
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Line, inline
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.execution import ARGUMENTS, is_call, shown_call
from hitl_orchestrator.domain.review import ReviewRequest
from hitl_orchestrator.domain.shown.invisible_characters import escape_invisible
from hitl_orchestrator.domain.task import Proposal, Task
from hitl_orchestrator.orchestrator import CaseView

SHORT_ID = 18
"""Characters of a case id: its time to the millisecond, and three random digits. Every command accepts them."""

_LONGEST_EDIT = 400
_CHECK = "execution-check-"
"""The start of the id of an execution check."""


def task_lines(task: Task, about: str) -> Iterator[Block]:
    """Yield the description of a task, a line about it, and its metadata."""
    yield Line(task.task_description, indent=2, quoted=True)
    if task.metadata:
        yield Line(json.dumps(task.metadata, ensure_ascii=False), indent=2, quoted=True)
    yield Line(f"{inline(task.task_type)} in {inline(task.domain)}, {about}", indent=2)
    yield from blocks.flagged("this", task.model_dump(mode="json"), indent=2)


def asked_about(view: CaseView) -> Iterator[Block]:
    """Yield the question of an execution check, with the call that it asks about."""
    if view.asked_about:
        yield Line(did_it_happen(view.asked_about), "bold", indent=2, quoted=True)


def did_it_happen(call: str) -> str:
    """Return the question of an execution check."""
    return f"Did {call} happen?"


def proposal_lines(proposal: Proposal) -> Iterator[Block]:
    """Yield the label, the explanation and the further fields of a proposal."""
    yield Line(escape_invisible(proposal.predicted_label), "bold", indent=2, quoted=True)
    if proposal.explanation:
        yield Line(proposal.explanation, indent=2, quoted=True)
    if proposal.model_extra:
        yield Line(json.dumps(proposal.model_extra, ensure_ascii=False), indent=2, quoted=True)
    yield from blocks.flagged("this", proposal.model_dump(mode="json"), indent=2)


def nothing(classifier_error: str | None) -> str:
    """Return the sentence of a case without a proposal. The reason of the routing quotes the error."""
    return "The agent proposes nothing" + ("; its classifier failed." if classifier_error else ".")


def task_name(task_id: str, case_id: str) -> str:
    """Return the id of a task; for a call or a question about one, whose id says little, the short id of its case."""
    return case_id[:SHORT_ID] if is_call(task_id) or task_id.startswith(_CHECK) else task_id


def task_with_call(case: Case) -> str:
    """Return the same, and what the call is."""
    proposal = call_of(case)
    call = None if proposal is None else shown_call(proposal)
    name = task_name(case.task_id, case.case_id)
    return f"{name} {call}" if call else name


def call_of(case: Case) -> Proposal | None:
    """Return the proposal of a call, the approved one once there is one; None where it is hidden, or for no call."""
    row = case.open_review
    if case.submission.gated is None or (row and row.shown.routing.decision.requirements.blind):
        return None
    proposed = None if case.submission.output is None else case.submission.output.agent_output
    return case.final_output or proposed


def what_is_asked(request: ReviewRequest) -> str:
    """Return the call that an open review is about, or else the description of its task."""
    if request.asked_about:
        return did_it_happen(request.asked_about)
    call = None
    if is_call(request.task_id) and request.proposal is not None and not request.hidden:
        call = shown_call(request.proposal)
    return call or request.task.task_description


def heading(task_id: str, proposal: Proposal | None) -> str:
    """Return how a case is called in the first line about it."""
    call = shown_call(proposal) if proposal is not None and is_call(task_id) else None
    return f"Task {inline(task_id)}" if call is None else f"Call {escape_invisible(call)}"


def edit_of(view: CaseView, reviewer: str, session: Session) -> Iterator[Block]:
    """Yield the command that approves a call with other arguments, ready to be edited."""
    able = {choice.decision for choice in view.choices}
    proposed = None if view.proposal is None else (view.proposal.model_extra or {}).get(ARGUMENTS)
    if view.hidden or not isinstance(proposed, dict) or HumanDecision.MODIFY not in able:
        return
    arguments = json.dumps(proposed, ensure_ascii=False)
    if len(arguments) > _LONGEST_EDIT:
        arguments = '{"NAME": VALUE}'
    words = ("decide", task_name(view.task_id, view.case_id), HumanDecision.MODIFY.value, "--arguments", arguments)
    yield Line("or with other arguments, after editing them here; those left out stay as they are:")
    yield Line(session.command(*words, "--reviewer", reviewer, deciding=True), COMMAND, indent=2)

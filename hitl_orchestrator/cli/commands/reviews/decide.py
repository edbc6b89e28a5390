"""`hitl decide`, `escalate`, `label` and `bulk`: record decisions of a reviewer."""

import json
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from hitl_orchestrator.cli.commands.reviews.inbox import REVIEW
from hitl_orchestrator.cli.context import (
    App,
    CaseId,
    Reason,
    ReasonCode,
    Reviewer,
    Yes,
    argument,
    command,
    may_ask,
    option,
)
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer, note
from hitl_orchestrator.domain.enums import GOVERNED_CHANGES, WITH_REASON, EventKind, FinalDecision, HumanDecision
from hitl_orchestrator.errors import CaseNotWaiting, InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.domain.case import Case
    from hitl_orchestrator.domain.review import Review
    from hitl_orchestrator.domain.task import Proposal
    from hitl_orchestrator.orchestrator import Orchestrator

group = typer.Typer()
DECISIONS = tuple(decision.value for decision in HumanDecision)
NEEDS_OUTPUT = " and ".join(decision for decision in HumanDecision if decision.spec.needs_output)
NEEDS_REASON = " and ".join(WITH_REASON)

Feedback = Annotated[str | None, option("TEXT", "Feedback for the agent.")]


@command(group, "resume", hidden=True)
@command(group, "decide", panel=REVIEW)
def decide(
    session: "Session",
    case: CaseId,
    decision: Annotated[
        str,
        argument("DECISION", f"One of {', '.join(DECISIONS)}.", autocompletion=lambda: DECISIONS),
    ],
    reviewer: Reviewer,
    feedback: Feedback = None,
    output: Annotated[
        str | None, option("JSON", f"The new agent_output, or @FILE. Required by {NEEDS_OUTPUT}.")
    ] = None,
    arguments: Annotated[
        str | None, option("JSON", "With modify: the changed arguments of a call; the others stay as proposed.")
    ] = None,
    reason: Annotated[str | None, option("TEXT", f"Reason. Required by {NEEDS_REASON}.")] = None,
    reason_code: ReasonCode = None,
    assessment: Annotated[str | None, option("LEVEL", "Your confidence in the decision: low, medium or high.")] = None,
    review_id: Annotated[str | None, option("ID", "Decide only this review, not a later one of the case.")] = None,
    digest: Annotated[str | None, option("SHA", "Decide only if the review still shows this content.")] = None,
    key: Annotated[
        str | None, option("KEY", "Idempotency key: repeating the decision returns the same result.")
    ] = None,
    app: App = None,
) -> None:
    """Record a reviewer's decision and resume the case.

    The first decision on a review is final. Repeating the same decision returns the same result.
    Exit code 1 if it is recorded and approves a change of policy or people that is not carried out.
    With --app the orchestrator of an application records it, and resumes the caller that waits for it.
    """
    fields = {"human_feedback": feedback, "reason": reason, "reason_code": reason_code, "review_id": review_id}
    fields |= {"confidence_assessment": assessment, "shown_digest": digest, "idempotency_key": key}
    fields |= {"human_decision": decision, "reviewer_id": reviewer}
    if arguments is None:
        _decide(session, case, read_review(fields, output), app)
        return
    changes = _changes(arguments, output)
    with session.open(reviewer=reviewer, app=app) as hitl:
        edited = _with_arguments(hitl, case, changes)
        fields["shown_digest"] = digest or edited.digest
        _record(session, hitl, case, read_review(fields, edited.output), waits=app is None)


@command(group, "escalate", panel=REVIEW)
def escalate(
    session: "Session", case: CaseId, reviewer: Reviewer, reason: Reason, reason_code: ReasonCode = None
) -> None:
    """Pass a case to the next higher role."""
    fields = {"human_decision": "escalate", "reason": reason, "reason_code": reason_code, "reviewer_id": reviewer}
    _decide(session, case, read_review(fields, None))


@command(group, "label", panel=REVIEW)
def label(
    session: "Session",
    case: CaseId,
    own_label: Annotated[str, argument("LABEL", "Your label, given before you see the agent's.")],
    reviewer: Reviewer,
) -> None:
    """Commit your own label for a blind review, then show the case."""
    from hitl_orchestrator.cli.session import named
    from hitl_orchestrator.cli.views import case_text

    with session.open(reviewer=reviewer) as hitl:
        view = hitl.reviews.label(**named(hitl, case), label=own_label)
        answer(session.as_json, view.model_dump(mode="json"), lambda: case_text.describe(view, reviewer, session))


@command(group, "bulk", panel=REVIEW)
def bulk(
    session: "Session",
    decision: Annotated[str, argument("DECISION", "approve or reject.")],
    cases: Annotated[list[str], argument("IDS", "Case ids or task ids.")],
    reviewer: Reviewer,
    feedback: Feedback = None,
    reason_code: ReasonCode = None,
    yes: Yes = False,
) -> None:
    """Approve or reject several cases after listing them.

    All must have low risk, come from the same rule, and never have been escalated; otherwise none is decided.
    """
    from hitl_orchestrator.cli.output.console import draw
    from hitl_orchestrator.cli.session import named
    from hitl_orchestrator.cli.views import assignments, tables

    fields = {"human_decision": decision, "human_feedback": feedback, "reason_code": reason_code}
    review = read_review({**fields, "reviewer_id": reviewer}, None)
    may_ask(session, yes=yes)
    with session.open() as hitl:
        listed = [hitl.cases.get(**named(hitl, each)) for each in cases]
        for case in listed:
            if case.open_review is None:
                raise CaseNotWaiting(case.case_id, case.status, classifier=case.submission.awaits_classifier)
        if not session.as_json:
            draw(assignments.selected([case.open_review for case in listed if case.open_review], review.human_decision))
        if not yes and not typer.confirm(f"{review.human_decision} {count(len(listed), 'case')}?"):
            raise typer.Exit(NO)
        decided = hitl.reviews.decide_many([case.case_id for case in listed], review, reviewer=reviewer)
        answer(session.as_json, [tables.case_summary(case) for case in decided], lambda: assignments.decided(decided))


def _decide(session: "Session", case: str, review: "Review", app: str | None = None) -> None:
    with session.open(reviewer=review.reviewer_id, app=app) as hitl:
        _record(session, hitl, case, review, waits=app is None)


def _record(session: "Session", hitl: "Orchestrator", case: str, review: "Review", *, waits: bool) -> None:
    """Record a decision. If a caller `waits` where this process cannot resume it, say who does."""
    from hitl_orchestrator.cli.output.formatting import now
    from hitl_orchestrator.cli.session import named
    from hitl_orchestrator.cli.views import case_story, inbox, tables

    started = now()
    decided = hitl.decide(decision=review, **named(hitl, case))
    wakeups = [each for each in hitl.cases.wakeups() if each.case_id == decided.case_id] if waits else []
    final_output = None if decided.final_output is None else decided.final_output.model_dump(mode="json")
    declined = _why_declined(hitl, decided)
    answer(
        session.as_json,
        tables.case_summary(decided) | {"final_output": final_output, "change_declined": declined},
        lambda: case_story.receipt(decided, review, started, session, declined),
    )
    for line in inbox.not_resumed(wakeups):
        note(line)
    if declined is not None:
        raise typer.Exit(NO)


def _why_declined(hitl: "Orchestrator", decided: "Case") -> str | None:
    """Return why an approved change of policy or people was not carried out; None if it was, or it is no such case."""
    if decided.submission.task.task_type not in GOVERNED_CHANGES or decided.status != FinalDecision.APPROVED:
        return None
    declined = (EventKind.POLICY_DECLINED, EventKind.PEOPLE_DECLINED)
    events = hitl.cases.history(decided.case_id)
    return next((str(event.body["why"]) for event in reversed(events) if event.kind in declined), None)


class _Edited(NamedTuple):
    """The proposal of a call with changed arguments, as JSON, and the digest of the content that was changed."""

    output: str
    digest: str


def _changes(arguments: str, output: str | None) -> dict[str, Any]:
    from hitl_orchestrator.domain.input.parsing import read_json

    if output is not None:
        raise InvalidInput(["--arguments: --output states the whole output, with its arguments; give one of them"])
    changes = read_json(arguments, "--arguments")
    if not isinstance(changes, dict):
        raise InvalidInput(["""--arguments: give an object, such as '{"amount": 7}'"""])
    return changes


def _with_arguments(hitl: "Orchestrator", case: str, changes: dict[str, Any]) -> _Edited:
    """Return the proposal of a waiting call with changed arguments.

    Raises:
        InvalidInput: the case is no call that this reviewer sees, or the call has no such argument.
    """
    from hitl_orchestrator.cli.session import named
    from hitl_orchestrator.domain.execution import ARGUMENTS
    from hitl_orchestrator.domain.input.parsing import did_you_mean

    view = hitl.reviews.view(**named(hitl, case))
    before = None if view.proposal is None else (view.proposal.model_extra or {}).get(ARGUMENTS)
    if view.proposal is None or not isinstance(before, dict):
        raise InvalidInput([f"--arguments: case {case!r} shows no proposed call; give --output"])
    unknown = [name for name in changes if name not in before]
    if unknown:
        has = f"the proposed call has {', '.join(before) or 'none'}{did_you_mean(unknown[0], before)}"
        raise InvalidInput([f"--arguments: {unknown[0]!r} is no argument of it; {has}; --output states a whole output"])
    edited = view.proposal.model_dump(mode="json") | {ARGUMENTS: before | changes}
    return _Edited(json.dumps(edited), view.digest)


def read_review(fields: dict[str, str | None], output: str | None) -> "Review":
    """Return the review that the options make; problems name the option."""
    from hitl_orchestrator.domain.input.parsing import parse
    from hitl_orchestrator.domain.review import Review

    stated: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    if output is not None:
        stated["modified_output"] = _read_output(output)
    return parse(Review, stated, "decide")


def _read_output(output: str) -> "Proposal":
    from hitl_orchestrator.domain.input.parsing import parse, read_json
    from hitl_orchestrator.domain.task import Proposal
    from hitl_orchestrator.orchestrator import read_file

    where = output[1:] if output.startswith("@") else "--output"
    text = read_file(where) if output.startswith("@") else output
    return parse(Proposal, read_json(text, where), where)

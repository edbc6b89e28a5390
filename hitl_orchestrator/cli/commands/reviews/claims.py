"""`hitl next`, `claim`, `release`, `delegate`, `assign` and `cancel`: distribute reviews, and withdraw cases."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hitl_orchestrator.cli.commands.cases.run import SUBMIT
from hitl_orchestrator.cli.commands.reviews.inbox import REVIEW
from hitl_orchestrator.cli.context import CaseId, Reason, Reviewer, command, option
from hitl_orchestrator.cli.output.blocks import COMMAND, Line
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.render import answer, note
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()
MINUTE, HOUR = 60.0, 3600.0
A_QUARTER = 15.0
NONE_AVAILABLE = "No unclaimed reviews are available to you."

LONGEST_HOURS = 24.0

Minutes = Annotated[float, option("N", "Length of the claim, at most a day.", "--minutes")]


@command(group, "next", panel=REVIEW)
def take_next(session: "Session", reviewer: Reviewer, minutes: Minutes = A_QUARTER) -> None:
    """Claim the most urgent review you may decide.

    Exit code 1 if there is none.
    """
    from hitl_orchestrator.cli.views import case_text

    with session.open(reviewer=reviewer) as hitl:
        request = hitl.reviews.next(seconds=_seconds("--minutes", minutes, MINUTE))
        view = None if request is None else hitl.reviews.view(request.case_id)
        if view is None:
            answer(session.as_json, None, lambda: [Line(NONE_AVAILABLE)])
            raise typer.Exit(NO)
        answer(session.as_json, view.model_dump(mode="json"), lambda: case_text.describe(view, reviewer, session))


@command(group, "claim", panel=REVIEW)
def claim(
    session: "Session",
    case: CaseId,
    reviewer: Reviewer,
    minutes: Minutes = A_QUARTER,
    take_over: Annotated[
        bool, option(None, "End the claim of a reviewer whose roles are all below one of yours.", "--take-over")
    ] = False,
) -> None:
    """Claim a review and show it.

    Until the claim expires, no other reviewer decides it. Claiming again extends the claim.
    """
    from hitl_orchestrator.cli.session import named
    from hitl_orchestrator.cli.views import case_text

    with session.open(reviewer=reviewer) as hitl:
        request = hitl.reviews.claim(
            **named(hitl, case), seconds=_seconds("--minutes", minutes, MINUTE), take_over=take_over
        )
        view = hitl.reviews.view(request.case_id)
        answer(session.as_json, view.model_dump(mode="json"), lambda: case_text.describe(view, reviewer, session))


@command(group, "release", panel=REVIEW)
def release(session: "Session", case: CaseId, reviewer: Reviewer) -> None:
    """Release your claim.

    A delegated review returns to the reviewer who delegated it.
    """
    from hitl_orchestrator.cli.session import named

    with session.open(reviewer=reviewer) as hitl:
        name = named(hitl, case)
        released = hitl.reviews.release(**name)
        review = hitl.cases.get(**name).open_review
        holder = review.claimed_by if review else None
        back = f"; {holder} has it again" if holder else ""
        sentence = f"Released{back}." if released else f"{reviewer} had not claimed it: nothing was changed."
        answer(session.as_json, {"released": released, "claimed_by": holder}, lambda: [Line(sentence)])


@command(group, "delegate", panel=REVIEW)
def delegate(
    session: "Session",
    case: CaseId,
    reviewer: Reviewer,
    to: Annotated[str, option("ID", "The reviewer who receives it.")],
    reason: Annotated[str, option("TEXT", "Reason, stored in the ledger.")] = "",
    minutes: Minutes = A_QUARTER,
) -> None:
    """Hand a claimed review to another reviewer.

    It returns to you if they release it or their claim expires.
    """
    from hitl_orchestrator.cli.session import named
    from hitl_orchestrator.cli.views import assignments, inbox

    with session.open(reviewer=reviewer) as hitl:
        request = hitl.reviews.delegate(
            **named(hitl, case), to=to, reason=reason, seconds=_seconds("--minutes", minutes, MINUTE)
        )
        answer(session.as_json, inbox.request_summary(request), lambda: [assignments.holder(request)])


@command(group, "assign", panel=REVIEW)
def assign(
    session: "Session",
    reviewer: Reviewer,
    strategy: Annotated[
        str, option("HOW", "push: to the least loaded; sticky: to the customer's last reviewer.")
    ] = "push",
    limit: Annotated[int, option("N", "Maximum number of reviews to assign.", min=1)] = 200,
    hours: Annotated[float, option("N", "Length of the claims, at most a day.")] = 8.0,
) -> None:
    """Assign unclaimed reviews to authorized reviewers.

    Needs the second role of the escalation chain or a higher one.
    The most urgent reviews are assigned first.
    Reviews that no reviewer can take are passed over, and the first of them are listed with the reason.
    """
    from hitl_orchestrator.cli.views import assignments

    with session.open(reviewer=reviewer) as hitl:
        how = cast("Any", strategy)  # the facade refuses other words, and suggests one
        assigned = hitl.reviews.assign(strategy=how, limit=limit, seconds=_seconds("--hours", hours, HOUR))
        answer(
            session.as_json, [assignments.summary(each) for each in assigned], lambda: assignments.assigned(assigned)
        )
    left_out = assignments.left_out(assigned)
    if left_out and session.as_json:
        note("; ".join(left_out))


@command(group, "cancel", panel=SUBMIT)
def cancel(
    session: "Session",
    case: CaseId,
    submitted_by: Annotated[str, option("ID", "The submitter of the task.", "--submitted-by")],
    reason: Reason,
) -> None:
    """Withdraw a case before a reviewer has decided it.

    Only its submitter may do this. Nothing of it is executed.
    """
    from hitl_orchestrator.cli.session import named
    from hitl_orchestrator.cli.views import tables

    with session.open() as hitl:
        canceled = hitl.cases.cancel(**named(hitl, case), submitted_by=submitted_by, reason=reason)
        sentence = Line(f"Canceled: task {canceled.task_id} is {canceled.status}, and nothing of it is executed.")
        hint = Line(session.command("show", canceled.task_id), COMMAND, indent=2)
        answer(session.as_json, tables.case_summary(canceled), lambda: [sentence, hint])


def _seconds(name: str, number: float, unit: float) -> float:
    """Return the length of a claim in seconds. Raises `InvalidInput` if it is not above 0 and at most a day."""
    most = LONGEST_HOURS * HOUR / unit
    if not 0 < number <= most:
        raise InvalidInput([f"{name}: {number:g} is not above 0 and at most {most:g}, which is a day"])
    return number * unit

"""`hitl inbox` and `hitl show`: list the open reviews, and read one case."""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hitl_orchestrator.cli.context import CaseId, command, option
from hitl_orchestrator.cli.output.render import answer, note

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()
REVIEW = "Review"


@command(group, "inbox", panel=REVIEW)
def inbox(
    session: "Session",
    reviewer: Annotated[
        str | None, option("ID", "Only reviews that this reviewer may decide now.", "--reviewer")
    ] = None,
    role: Annotated[str | None, option("ROLE", "Only reviews that need this role now.")] = None,
    domain: Annotated[str | None, option("DOMAIN", "Only reviews of this domain.")] = None,
    task_type: Annotated[str | None, option("TYPE", "Only this task type.", "--type")] = None,
    risk: Annotated[str | None, option("RISK", "Only this risk level: low, medium or high.")] = None,
    overdue: Annotated[bool, option(None, "Only overdue reviews.", "--overdue")] = False,
    claimed_by: Annotated[
        str | None, option("ID", "Only reviews that this reviewer has claimed.", "--claimed-by")
    ] = None,
    unclaimed: Annotated[bool, option(None, "Only unclaimed reviews.", "--unclaimed")] = False,
    limit: Annotated[int, option("N", "Maximum number of reviews.", min=1)] = 200,
    after: Annotated[
        str | None, option("ID", "Only reviews after this review, case or task, for the next page.")
    ] = None,
) -> None:
    """List open reviews, the earliest deadline first.

    Reviews without a deadline follow, the longest waiting first.
    If more reviews follow the last one, the output ends with the option for the next page, with --json on stderr.
    """
    from hitl_orchestrator.cli.views import inbox as view

    with session.open() as hitl:
        page = hitl.inbox(
            role,
            domain,
            limit,
            reviewer=reviewer,
            task_type=task_type,
            risk_level=cast("Any", risk),  # the facade refuses other words, and suggests one
            overdue=overdue,
            claimed_by=claimed_by,
            unclaimed=unclaimed,
            after=after,
            count=True,
        )
        unfinished, wakeups = hitl.cases.unfinished(), hitl.cases.wakeups()
    summary = [view.request_summary(request) for request in page]
    answer(session.as_json, summary, lambda: view.inbox(page, session, reviewer))
    if page.more and session.as_json:
        note(view.more_follow(page))
    if not session.as_json:
        for line in (*view.unfinished(unfinished), *view.not_resumed(wakeups)):
            note(line)


@command(group, "show", panel=REVIEW)
def show(session: "Session", case: CaseId) -> None:
    """Show one case: proposal, rule, reviews and outcome.

    It explains why the case was routed as it was, and who may decide it if it waits.
    """
    from hitl_orchestrator.cli.session import named
    from hitl_orchestrator.cli.views import case_story, tables

    with session.open() as hitl:
        name = named(hitl, case)
        shown, history = hitl.cases.get(**name), hitl.cases.history(**name)
        view = None if shown.open_review is None else hitl.reviews.view(shown.case_id)
        execution = None if shown.submission.gated is None else hitl.executions.get(shown.case_id)
        policies = hitl.policy.status()
    data: dict[str, Any] = {"summary": tables.case_summary(shown) | {"role_needed": view and view.role}}
    data |= {"execution": execution and execution.model_dump(mode="json")}
    data |= shown.model_dump(mode="json") | {"history": [event.model_dump(mode="json") for event in history]}
    answer(
        session.as_json,
        data,
        lambda: case_story.describe(shown, history, view, session, policies=policies, execution=execution),
    )

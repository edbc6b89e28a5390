"""`hitl learn certify`: the confidence from which an agent has earned to go ahead."""

from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE, command, option
from hitl_orchestrator.cli.output.formatting import now
from hitl_orchestrator.cli.output.render import answer

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()


@command(group, "certify", STORE)
def certify(
    session: "Session",
    task_type: Annotated[str | None, option("NAME", "Only cases of this task type.", "--task-type")] = None,
    risk: Annotated[str | None, option("RISK", "Only cases of this risk: low, medium or high.", "--risk")] = None,
    domain: Annotated[str | None, option("NAME", "Only cases in this domain.", "--domain")] = None,
    alpha: Annotated[float, option("SHARE", "The largest share of errors that is promised.")] = 0.05,
    delta: Annotated[float, option("SHARE", "The probability that the promise is false.")] = 0.05,
    since: Annotated[str | None, option("TIME", "Begin: a day, a time, or 30d, 4w, 12h ago.")] = None,
    until: Annotated[str | None, option("TIME", "End; a day is included.")] = None,
) -> None:
    """Certify the lowest confidence above which the agent is wrong at most as often as promised.

    Labels are decisions of people and answered spot checks. Exits with 1 if nothing can be certified, and says why.
    Needs the extras learn and lab.
    """
    from hitl_orchestrator.cli.output.progress import counted
    from hitl_orchestrator.cli.views.reporting import certificate as view
    from hitl_orchestrator.orchestrator import span_of

    span = span_of(since, until, now())
    with session.open() as hitl, counted(None, "reading") as on_cases:
        found = hitl.insights.certify(
            task_type=task_type,
            risk_level=risk,  # type: ignore[arg-type] # checked there
            domain=domain,
            alpha=alpha,
            delta=delta,
            since=span.since,
            until=span.until,
            on_cases=on_cases,
        )
    answer(session.as_json, found.model_dump(mode="json"), lambda: view.certificate(found))
    if found.bound is None:
        raise typer.Exit(1)

"""`hitl stats`: the metrics of a store on one screen."""

from typing import TYPE_CHECKING, Annotated

import typer

from hitl_orchestrator.cli.context import STORE, command, option
from hitl_orchestrator.cli.output.formatting import now
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.errors import InvalidInput

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session

group = typer.Typer()


@command(group, "stats", STORE, panel="Report")
def stats(
    session: "Session",
    since: Annotated[str | None, option("TIME", "Begin: a day, a time, or 30d, 4w, 12h ago.")] = None,
    until: Annotated[str | None, option("TIME", "End; a day is included.")] = None,
    by: Annotated[str, option("DIMENSION", "Groups, such as domain, rule_id or reviewer_id.", "--by")] = "task_type",
    reviewers: Annotated[bool, option(None, "What each person decided, and how carefully.", "--reviewers")] = False,
) -> None:
    """Show what happens in a store: shares, people, trust in the agent, the trend, and groups.

    The interval in brackets is the 95 % interval of a share. With --reviewers: who decided what,
    reading time compared with the amount of text, accuracy on gold cases, and agreement with other reviewers. --json
    prints all metrics. Needs the extra lab.
    """
    from hitl_orchestrator.cli.output.bars import glyphs, screen_width
    from hitl_orchestrator.cli.output.progress import counted
    from hitl_orchestrator.cli.views.reporting import reviewers as people
    from hitl_orchestrator.cli.views.reporting import stats as view
    from hitl_orchestrator.orchestrator import span_of

    dimension, span = _dimension(by), span_of(since, until, now())
    with session.audit() as audit, counted(audit.cases(), "reading") as on_cases:
        shown = None if session.as_json or reviewers else dimension
        metrics = audit.metrics(since=span.since, until=span.until, by=shown, on_cases=on_cases)
    if reviewers:
        rows = metrics.reviewers
        data = [row.model_dump(mode="json") for row in rows]
        decided = [row.model_dump(mode="json") | {"name": metrics.named(row.person)} for row in metrics.deciders]
        answer(session.as_json, {"decided": decided, "care": data}, lambda: people.reviewers(metrics))
        return
    screen = view.Screen(screen_width(), glyphs())
    answer(session.as_json, metrics.model_dump(mode="json"), lambda: view.stats(metrics, dimension, screen))


def _dimension(name: str) -> str:
    """Return a dimension by its name, with hyphens or underscores."""
    from hitl_orchestrator.insights import OVERVIEWS

    asked = name.strip().replace("-", "_")
    if asked not in OVERVIEWS:
        known = f"the dimensions are {', '.join(OVERVIEWS)}{did_you_mean(asked, OVERVIEWS)}"
        raise InvalidInput([f"--by: {name!r}; {known}"])
    return asked

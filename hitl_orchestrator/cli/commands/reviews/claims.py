"""`hitl next`, `claim`, `release`, `delegate`, `cancel`, `label` and `assign`: who has which case."""

import typer

from hitl_orchestrator.cli.output.blocks import COMMAND, Line
from hitl_orchestrator.cli.output.errors import NO
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views import assignments as team
from hitl_orchestrator.cli.views import case_text as seeing
from hitl_orchestrator.cli.views import tables as views

CHANNEL = "cli"
MINUTE, HOUR = 60.0, 3600.0


def take_next(session: Session, reviewer: str, minutes: float) -> None:
    """Claim the best case for somebody, and show it."""
    with session.open() as hitl:
        row = hitl.acting_as(channel=CHANNEL).reviews.next(reviewer=reviewer, seconds=minutes * MINUTE)
        seen = None if row is None else hitl.acting_as(channel=CHANNEL).reviews.view(row.case_id, reviewer=reviewer)
    if seen is None:
        answer(session.as_json, None, lambda: [Line("Nothing waits for you that nobody else is at.")])
        raise typer.Exit(NO)
    answer(session.as_json, seen.model_dump(mode="json"), lambda: seeing.of(seen, reviewer, session))


def claim(session: Session, given_id: str, reviewer: str, minutes: float) -> None:
    """Claim one case, and show it."""
    with session.open() as hitl:
        hitl.acting_as(channel=CHANNEL).reviews.claim(task_id=given_id, reviewer=reviewer, seconds=minutes * MINUTE)
        seen = hitl.acting_as(channel=CHANNEL).reviews.view(task_id=given_id, reviewer=reviewer)
    answer(session.as_json, seen.model_dump(mode="json"), lambda: seeing.of(seen, reviewer, session))


def release(session: Session, given_id: str, reviewer: str) -> None:
    """Let go of one case."""
    with session.open() as hitl:
        done = hitl.acting_as(channel=CHANNEL).reviews.release(task_id=given_id, reviewer=reviewer)
        row = hitl.cases.get(task_id=given_id).open_review
    back = f"; {row.claimed_by} has it again" if row and row.claimed_by else ""
    told = f"Released{back}." if done else f"{reviewer} had not claimed it: nothing was changed."
    holder = row.claimed_by if row else None
    answer(session.as_json, {"released": done, "claimed_by": holder}, lambda: [Line(told)])


def delegate(session: Session, given_id: str, between: tuple[str, str], reason: str, minutes: float) -> None:
    """Give one case from one person to another."""
    reviewer, to = between
    with session.open() as hitl:
        row = hitl.acting_as(channel=CHANNEL).reviews.delegate(
            task_id=given_id, reviewer=reviewer, to=to, reason=reason, seconds=minutes * MINUTE
        )
    answer(session.as_json, views.review_summary(row), lambda: [team.held(row)])


def cancel(session: Session, given_id: str, by: str, reason: str) -> None:
    """Take one case back."""
    with session.open() as hitl:
        case = hitl.acting_as(channel=CHANNEL).cases.cancel(task_id=given_id, submitted_by=by, reason=reason)
    told = Line(f"Canceled: task {case.task_id} is {case.status}, and nothing of it is carried out.")
    command = Line(session.command("show", case.task_id), COMMAND, indent=2)
    answer(session.as_json, views.case_summary(case), lambda: [told, command])


def label(session: Session, given_id: str, reviewer: str, own_label: str) -> None:
    """Commit an own label, and show the case as it then is."""
    with session.open() as hitl:
        seen = hitl.acting_as(channel=CHANNEL).reviews.label(task_id=given_id, reviewer=reviewer, label=own_label)
    answer(session.as_json, seen.model_dump(mode="json"), lambda: seeing.of(seen, reviewer, session))


def assign(session: Session, strategy: str, limit: int, hours: float) -> None:
    """Give out what nobody has."""
    with session.open() as hitl:
        given = hitl.reviews.assign(strategy=strategy, limit=limit, seconds=hours * HOUR)
    answer(
        session.as_json,
        [views.review_summary(one.row) | {"assigned_to": one.to, "why": one.why or None} for one in given],
        lambda: team.assigned(given),
    )

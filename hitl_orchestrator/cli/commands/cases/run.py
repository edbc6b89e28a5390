"""`hitl run`, `hitl recover` and `hitl sweep`: cases go in and as far as they can go by themselves."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer

from hitl_orchestrator.cli.commands.cases.run_files import Files, Intake, read_intake
from hitl_orchestrator.cli.commands.cases.run_reviews import stands
from hitl_orchestrator.cli.output.blocks import Block
from hitl_orchestrator.cli.output.errors import NO, UNFIT, problems_of, tell
from hitl_orchestrator.cli.output.progress import followed
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.cli.views import tables as views
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import InvalidInput, RecoveryIncomplete, RequestRejected
from hitl_orchestrator.orchestrator import Orchestrator
from hitl_orchestrator.services.cases.runner import Notice
from hitl_orchestrator.wiring.build import now_in_utc

__all__ = ["Files", "Run", "recover", "run", "sweep", "work_through"]


@dataclass
class Run:
    """What came of a run: the cases as they stand, how many were known before, and what did not go."""

    cases: list[Case] = field(default_factory=list)
    known: int = 0
    unused: list[str] = field(default_factory=list)
    refused: list[RequestRejected | InvalidInput] = field(default_factory=list)


def run(session: Session, files: Files, *, resubmit: bool, submitted_by: str | None = None) -> None:
    """Check everything, then take every task in, and replay the recorded reviews where there are any."""
    intake = read_intake(session, files)
    with session.open_or_make(intake.policy if session.policy else None, intake.people) as hitl:
        done = work_through(hitl, intake, resubmit=resubmit, submitted_by=submitted_by)
    answer(session.as_json, [views.case_summary(case) for case in done.cases], lambda: _told(session, done))
    if done.refused:
        unfit = any(isinstance(exc, InvalidInput) for exc in done.refused)
        problems = [problem for exc in done.refused for problem in problems_of(exc)]
        tell("InvalidInput" if unfit else "RequestRejected", problems, session.as_json)
        raise typer.Exit(UNFIT if unfit else NO)


def work_through(hitl: Orchestrator, intake: Intake, *, resubmit: bool = False, submitted_by: str | None = None) -> Run:
    """Take every task in. One that is refused stops no other."""
    done, started = Run(), now_in_utc()
    if intake.tasks:
        _ = hitl.services.runner  # importing LangGraph takes a second, which would count as the first case's latency
    for task in followed(intake.tasks, "cases"):
        try:
            case = _take_in(hitl, task, intake, resubmit, submitted_by)
        except (RequestRejected, InvalidInput) as exc:
            done.refused.append(exc)
            continue
        done.known += case.submission.received_at < started
        done.cases.append(_replay(hitl, case, (intake.reviews or {}).get(task.task_id, ()), done))
    return done


def recover(session: Session) -> None:
    """Drive every unfinished case on that nobody drives, and say which ones moved. One that cannot stops no other."""
    with session.open() as hitl:
        moved, stuck = _moved_by(hitl.recover)
        held = len(hitl.services.ledger.stages(CaseStage.RECEIVED, CaseStage.DECIDED)) - len(stuck)
    _tell_moved(session, moved, stuck, views.recovered(moved, len(stuck), held))


def sweep(session: Session) -> None:
    """Carry on with every review whose time is up, and say which cases moved. One that cannot stops no other."""
    notices: list[Notice] = []
    with session.open() as hitl:
        moved, stuck = _moved_by(lambda on_case: hitl.run_maintenance(on_case, notices.append))
    heard = [views.notice_summary(notice) for notice in notices]
    _tell_moved(session, moved, stuck, views.swept(moved, len(stuck), notices), heard)


def _moved_by(driving: Callable[[Callable[[Case], None]], object]) -> tuple[list[Case], Mapping[str, Exception]]:
    moved: list[Case] = []
    try:
        driving(moved.append)
    except RecoveryIncomplete as exc:
        return moved, exc.failures
    return moved, {}


def _tell_moved(
    session: Session,
    moved: list[Case],
    stuck: Mapping[str, Exception],
    told: Iterable[Block],
    heard: Sequence[Mapping[str, Any]] = (),
) -> None:
    answer(session.as_json, [*map(views.case_summary, moved), *heard], lambda: told)
    if stuck:
        tell(
            "RecoveryIncomplete",
            [f"case {case_id!r} stays as it was: {exc}" for case_id, exc in stuck.items()],
            session.as_json,
        )
        raise typer.Exit(NO)


def _take_in(hitl: Orchestrator, task: Task, intake: Intake, resubmit: bool, submitted_by: str | None) -> Case:
    return hitl.acting_as(channel="cli").submit(
        task,
        intake.outputs.get(task.task_id),
        resubmit=resubmit,
        replay=intake.reviews is not None,
        submitted_by=submitted_by,
    )


def _replay(hitl: Orchestrator, case: Case, recorded: Sequence[Review], done: Run) -> Case:
    """Replay what was decided about one case; where that is refused, the case stays as it is."""
    missing = [review for review in recorded if not stands(case, review)]
    if missing and not case.reviews:
        done.unused.append(case.task_id)
        return case
    if missing and not case.submission.replayed:
        live = f"task {case.task_id!r} came in live before: a person decides it, with 'hitl resume', and no record does"
        done.refused.append(RequestRejected(live))
        return case
    for review in missing:
        try:
            case = hitl.cases.replay(review, case.case_id)
        except (RequestRejected, InvalidInput) as exc:
            done.refused.append(exc)
            break
    return case


def _told(session: Session, done: Run) -> Iterable[Block]:
    return views.run(done.cases, done.known, done.unused, session)

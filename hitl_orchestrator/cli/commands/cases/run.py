"""`hitl run`, `hitl recover` and `hitl sweep`: submit cases, and move them as far as they go without a reviewer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_orchestrator.cli.context import App, argument, command, option
from hitl_orchestrator.cli.output.data import json_array
from hitl_orchestrator.cli.output.errors import INVALID, NO, Interrupted, print_problems
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.render import answer, note
from hitl_orchestrator.errors import InvalidInput, RecoveryIncomplete

if TYPE_CHECKING:
    from hitl_orchestrator.cli.commands.cases.run_files import Intake
    from hitl_orchestrator.cli.commands.cases.submission import Result
    from hitl_orchestrator.cli.output.blocks import Block
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.domain.case import Case, Wakeup
    from hitl_orchestrator.orchestrator import Orchestrator, People

group = typer.Typer()
SUBMIT = "Submit"
MAX_WARNINGS = 20


@command(group, "run", panel=SUBMIT)
def run(
    session: "Session",
    tasks: Annotated[str, argument("TASKS", "Tasks: JSON, JSON Lines or Parquet; - reads standard input.")],
    outputs: Annotated[str | None, option("FILE", "Agent outputs. A task without one goes to a reviewer.")] = None,
    reviews: Annotated[str | None, option("FILE", "Recorded reviews to replay at their recorded times.")] = None,
    resubmit: Annotated[
        bool, option(None, "Accept a known task with other content as a new attempt.", "--resubmit")
    ] = False,
    skip_bad: Annotated[bool, option(None, "Leave out bad records, and list them.", "--skip-bad")] = False,
    submitted_by: Annotated[
        str | None, option("ID", "The submitter, who may cancel the cases and decides none.")
    ] = None,
    reviewer: Annotated[str | None, option("ID", "Your id as a reviewer, to replay --reviews.", "--reviewer")] = None,
) -> None:
    """Submit the tasks of a file and route them.

    All records are checked before the first is stored. Then 1,000 tasks at a time are stored together. Submitting a
    task again is harmless: the same content is the same case, so that the same command continues after a crash.
    Replaying recorded reviews needs the second role of the escalation chain or a higher one. In a store that has only
    the bundled reviewers, the one of that role does it.
    """
    from hitl_orchestrator.cli.commands.cases.run_files import Files, read_intake

    try:
        intake = read_intake(session, Files(tasks, outputs, reviews), skip_bad=skip_bad)
    except KeyboardInterrupt:
        raise Interrupted("nothing is stored yet; start the same command again") from None
    if reviews is not None and reviewer is None:
        reviewer = _who_replays(intake.people)
    policy, people = intake.policy if session.policy else None, intake.people if session.reviewers else None
    is_new = session.is_new()
    with closing(intake.files), session.open_or_create(policy, people, reviewer=reviewer) as hitl:
        # The warning about the bundled policy is printed already.
        if is_new and session.policy is not None and not session.as_json:
            note(session.made(hitl))
        result = _submitted(session, hitl, intake, resubmit=resubmit, submitted_by=submitted_by)
    _report_left_out(session, intake, result)


def _submitted(
    session: "Session", hitl: "Orchestrator", intake: "Intake", *, resubmit: bool, submitted_by: str | None
) -> "Result":
    """Submit the tasks, print the cases, and warn about roles that no reviewer has."""
    from hitl_orchestrator.cli.commands.cases.submission import Result, submit_all, unstaffed
    from hitl_orchestrator.cli.views import tables

    result, routed = Result(), tables.Routed()
    how: dict[str, Any] = {"resubmit": resubmit, "submitted_by": submitted_by, "result": result}
    try:
        if session.as_json:
            with json_array() as add:
                submit_all(hitl, intake, lambda case: add(tables.case_summary(case)), **how)
        else:
            submit_all(hitl, intake, routed.add, **how)
    except KeyboardInterrupt:
        # The chunk that was stored last may not be counted yet.
        done = f"at least {result.summary.read} of {count(intake.files.count, 'task')} are done"
        raise Interrupted(f"{done}; the same command continues") from None
    if not session.as_json:
        existing, left_out = result.summary.existing, intake.files.count - result.summary.read
        answer(False, None, lambda: tables.run(routed, existing, result.unused, session, left_out))
    warnings = list(unstaffed(result.needed, hitl.reviews.people()))
    if warnings:
        print_problems("Unstaffed", warnings[:MAX_WARNINGS], session.as_json)
    return result


def _report_left_out(session: "Session", intake: "Intake", result: "Result") -> None:
    """List the records and tasks that were left out, and end with the exit code that says so."""
    bad = [*intake.files.bad_tasks.listed(), *intake.files.bad_outputs.listed()]
    if not bad and not result.rejected:
        return
    error = "InvalidInput" if bad or result.has_invalid else "RequestRejected"
    print_problems(error, [*bad, *result.rejected.listed()], session.as_json)
    raise typer.Exit(INVALID if result.has_invalid else NO)


def _who_replays(people: "People") -> str:
    """Return the bundled reviewer who replays recorded reviews. Raises `InvalidInput` for own people."""
    from hitl_orchestrator.orchestrator import load_people

    if people.hash != load_people(None).hash:
        raise InvalidInput(["--reviews: recorded reviews are replayed by a person; name yourself with --reviewer"])
    return people.chain.second


@command(group, "recover", panel=SUBMIT)
def recover(session: "Session", app: App = None) -> None:
    """Resume cases that a crash left unfinished, and callers that wait for decided cases.

    Cases that another live process runs are left alone; with --json they are the elements with the status `running`.
    A case that waits for the classifier of an application, and a caller that only an application can resume, are named.
    With --app they are resumed: the module is imported from the current folder, and its orchestrator is used.
    """
    from hitl_orchestrator.cli.views import inbox, tables

    with session.open(app=app) as hitl:
        before = hitl.cases.wakeups()
        moved, stuck = _collect(hitl.recover)
        busy, wakeups = [case for case in hitl.cases.unfinished() if case.running], hitl.cases.wakeups()
        others = [*map(tables.running_summary, busy), *map(inbox.wakeup_summary, wakeups)]
        blocks = tables.recovered(moved, len(stuck), busy, inbox.resumed(before, wakeups), len(wakeups))
        _report(session, moved, stuck, blocks, others, wakeups)


@command(group, "sweep", panel=SUBMIT)
def sweep(session: "Session", app: App = None) -> None:
    """Process deadlines: reminders, lapsed claims, overdue reviews.

    An overdue review is escalated or rejected, as its rule says; waiting never approves. With --json the elements with
    a `notice` are reminders and returned claims. With --app it also resumes callers that wait for decided cases.
    """
    from hitl_orchestrator.cli.views import inbox, tables

    notices: list[Any] = []
    with session.open(app=app) as hitl:
        moved, stuck = _collect(lambda on_case: hitl.run_maintenance(on_case, notices.append))
        wakeups = hitl.cases.wakeups()
        summaries = [*map(tables.notice_summary, notices), *map(inbox.wakeup_summary, wakeups)]
        _report(session, moved, stuck, tables.swept(moved, len(stuck), notices), summaries, wakeups)


def _collect(run: "Callable[[Callable[[Case], None]], object]") -> "tuple[list[Case], Mapping[str, Exception]]":
    """Return the cases that were moved, and the errors of those that could not be."""
    moved: list[Case] = []
    try:
        run(moved.append)
    except RecoveryIncomplete as exc:
        return moved, exc.failures
    return moved, {}


def _report(
    session: "Session",
    moved: "list[Case]",
    stuck: Mapping[str, Exception],
    blocks: "Iterable[Block]",
    others: Sequence[Mapping[str, Any]],
    wakeups: "Sequence[Wakeup]",
) -> None:
    from hitl_orchestrator.cli.output.blocks import Line
    from hitl_orchestrator.cli.views import inbox, tables

    waiting = inbox.not_resumed([each for each in wakeups if each.case_id not in stuck])
    answer(session.as_json, [*map(tables.case_summary, moved), *others], lambda: chain(blocks, map(Line, waiting)))
    if stuck:
        problems = [_sentence(case_id, exc) for case_id, exc in stuck.items()]
        print_problems("RecoveryIncomplete", problems, session.as_json)
        raise typer.Exit(NO)


def _sentence(case_id: str, exc: Exception) -> str:
    """Return an error of a case, which it names once."""
    return str(exc) if repr(case_id) in str(exc) else f"case {case_id!r} was not moved: {exc}"

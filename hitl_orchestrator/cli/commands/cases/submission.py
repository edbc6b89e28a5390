"""Submission of many tasks, with their recorded reviews: a rejected task does not stop the others."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hitl_orchestrator.cli.commands.cases.run_files import Intake
from hitl_orchestrator.cli.commands.cases.run_reviews import is_recorded
from hitl_orchestrator.cli.output.formatting import count, now
from hitl_orchestrator.cli.output.progress import followed
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.review import Review, Reviewer
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import InvalidInput, RequestRejected
from hitl_orchestrator.orchestrator import Orchestrator


@dataclass
class Result:
    """The cases of a run, how many of them existed before, and the reviews and tasks that were not used."""

    cases: list[Case] = field(default_factory=list)
    existing: int = 0
    unused: list[str] = field(default_factory=list)
    rejected: list[RequestRejected | InvalidInput] = field(default_factory=list)


def submit_all(
    hitl: Orchestrator, intake: Intake, *, resubmit: bool = False, submitted_by: str | None = None
) -> Result:
    """Submit every task, and replay its recorded reviews."""
    result, started = Result(), now()
    if intake.tasks:
        hitl.cases.prepare()  # importing LangGraph takes a second, which would count as the first case's latency
    for task in followed(intake.tasks, "cases"):
        try:
            case = _submit(hitl, task, intake, resubmit, submitted_by)
        except (RequestRejected, InvalidInput) as exc:
            result.rejected.append(exc)
            continue
        result.existing += case.submission.received_at < started
        result.cases.append(_replay(hitl, case, (intake.reviews or {}).get(task.task_id, ()), result))
    return result


def unstaffed(cases: Iterable[Case], people: Iterable[Reviewer]) -> Iterator[str]:
    """Yield a sentence for each role and domain that cases wait for and no reviewer holds."""
    reviewers = list(people)
    waiting = Counter((row.role, row.domain) for case in cases if (row := case.open_review) is not None)
    for (role, domain), number in waiting.items():
        if not any(role in each.roles and ({"*", domain} & set(each.domains)) for each in reviewers):
            wait = f"{count(number, 'case waits', 'cases wait')} for {role!r} in the domain {domain!r}"
            yield f"{wait}, and no reviewer has this role there; add one with 'hitl people propose'"


def _submit(hitl: Orchestrator, task: Task, intake: Intake, resubmit: bool, submitted_by: str | None) -> Case:
    output, replay = intake.outputs.get(task.task_id), intake.reviews is not None
    return hitl.submit(task, output, resubmit=resubmit, replay=replay, submitted_by=submitted_by)


def _replay(hitl: Orchestrator, case: Case, recorded: Sequence[Review], result: Result) -> Case:
    """Replay the recorded reviews of one case. A rejected review leaves the case as it is."""
    missing = [review for review in recorded if not is_recorded(case, review)]
    if missing and not case.reviews:
        result.unused.append(case.task_id)
        return case
    if missing and not case.submission.replayed:
        live = f"task {case.task_id!r} was submitted live before; a reviewer decides it, with 'hitl decide', no record"
        result.rejected.append(RequestRejected(live))
        return case
    for review in missing:
        try:
            case = hitl.cases.replay(review, case.case_id)
        except (RequestRejected, InvalidInput) as exc:
            result.rejected.append(exc)
            break
    return case

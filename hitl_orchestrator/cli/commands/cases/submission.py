"""Submission of the files of a run, with their recorded reviews: a rejected task does not stop the others."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import tee
from operator import attrgetter

from hitl_orchestrator import RefusedTask, SubmissionSummary
from hitl_orchestrator.cli.commands.cases.run_files import Intake
from hitl_orchestrator.cli.commands.cases.run_reviews import is_recorded
from hitl_orchestrator.cli.intake.problems import Problems
from hitl_orchestrator.cli.output.errors import problems_of
from hitl_orchestrator.cli.output.formatting import count
from hitl_orchestrator.cli.output.progress import counted
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.review import Review, Reviewer
from hitl_orchestrator.errors import HitlError, InvalidInput, RequestRejected
from hitl_orchestrator.orchestrator import Orchestrator

_MIN_TASKS = 50


@dataclass
class Result:
    """What became of the tasks of a run, and the reviews and the requests that were not used."""

    summary: SubmissionSummary = field(default_factory=SubmissionSummary)
    unused: list[str] = field(default_factory=list)
    rejected: Problems = field(default_factory=Problems)
    has_invalid: bool = False
    needed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The cases that wait, by role and domain."""

    def reject(self, exc: HitlError) -> None:
        """Add the error of a task or a review."""
        self.has_invalid |= isinstance(exc, InvalidInput)
        self.rejected.add(*problems_of(exc))


def submit_all(
    hitl: Orchestrator,
    intake: Intake,
    on_case: Callable[[Case], None],
    *,
    resubmit: bool = False,
    submitted_by: str | None = None,
    result: Result | None = None,
) -> Result:
    """Submit every task chunk by chunk, and replay its recorded reviews. `on_case` is called with each case after it.

    `result` is filled as the chunks are stored, for a caller who is interrupted.
    """
    result = result or Result()
    if intake.files.count:
        hitl.cases.prepare()  # importing LangGraph takes a second, which would count as the first case's latency
    tasks, outputs = tee(intake.files.pairs())
    with counted(intake.files.count, "cases", _MIN_TASKS) as advance:

        def follow(case: Case) -> None:
            after = _replay(hitl, case, (intake.reviews or {}).get(case.task_id, ()), result)
            if after.open_review is not None:
                result.needed[after.open_review.role, after.open_review.domain] += 1
            on_case(after)

        def refuse(refused: RefusedTask) -> None:
            result.reject(refused.error)

        def progress(summary: SubmissionSummary) -> None:
            advance(summary.read - result.summary.read)
            result.summary = summary

        hitl.submit_many(
            map(attrgetter("task"), tasks),
            map(attrgetter("output"), outputs),
            on_invalid="skip",
            on_case=follow,
            on_refused=refuse,
            on_progress=progress,
            resubmit=resubmit,
            replay=intake.reviews is not None,
            submitted_by=submitted_by,
        )
    return result


def unstaffed(needed: Counter[tuple[str, str]], people: Iterable[Reviewer]) -> Iterator[str]:
    """Yield a sentence for each role and domain that cases wait for and no reviewer holds."""
    reviewers = list(people)
    for (role, domain), number in needed.items():
        if not any(role in each.roles and ({"*", domain} & set(each.domains)) for each in reviewers):
            wait = f"{count(number, 'case waits', 'cases wait')} for {role!r} in the domain {domain!r}"
            yield f"{wait}, and no reviewer has this role there; add one with 'hitl people propose'"


def _replay(hitl: Orchestrator, case: Case, recorded: Sequence[Review], result: Result) -> Case:
    """Replay the recorded reviews of one case. A rejected review leaves the case as it is."""
    missing = [review for review in recorded if not is_recorded(case, review)]
    if missing and not case.reviews:
        result.unused.append(case.task_id)
        return case
    if missing and not case.submission.replayed:
        live = f"task {case.task_id!r} was submitted live before; a reviewer decides it, with 'hitl decide', no record"
        result.reject(RequestRejected(live))
        return case
    for review in missing:
        try:
            case = hitl.cases.replay(review, case.case_id)
        except (RequestRejected, InvalidInput) as exc:
            result.reject(exc)
            break
    return case

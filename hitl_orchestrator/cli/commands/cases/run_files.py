"""The files of a run, checked together: one error with the problems of all files, or none."""

from collections.abc import Sequence
from contextlib import closing
from itertools import chain
from typing import NamedTuple

from hitl_orchestrator.cli.commands.cases.run_reviews import check_recorded, in_time_order
from hitl_orchestrator.cli.intake.files import TaskFiles
from hitl_orchestrator.cli.intake.problems import Problems
from hitl_orchestrator.cli.intake.source import Source, name_of
from hitl_orchestrator.cli.output.data import check_read_once
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.input.file_kinds import OUTPUTS, REVIEWS
from hitl_orchestrator.domain.input.parsing import Model, did_you_mean
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.orchestrator import People, load_policy
from hitl_orchestrator.policies import Policy


class Files(NamedTuple):
    """The file names of a run."""

    tasks: str
    outputs: str | None = None
    reviews: str | None = None


class Intake(NamedTuple):
    """The contents of a run's files. `reviews` is None if no reviews are replayed; they are in memory.

    `policy` is None for a store that has one, if none was named.
    """

    files: TaskFiles
    reviews: dict[str, list[Review]] | None
    policy: Policy | None
    people: People


def read_intake(session: Session, files: Files, *, skip_bad: bool = False) -> Intake:
    """Check the policy, the reviewers and the files of a run, from the first record to the last.

    With `skip_bad` the problems of single tasks and outputs are no error; `Intake.files` has them.

    Raises:
        InvalidInput: with every problem of every file.
    """
    check_read_once(**{"TASKS": files.tasks, "--outputs": files.outputs, "--reviews": files.reviews})
    problems, of_reviews = Problems(), Problems()
    people = problems.read(session.people)
    roles = people.chain if people else DEFAULT_CHAIN
    policy = None if session.is_governed() else problems.read(lambda: load_policy(session.policy, roles))
    path = files.reviews
    reviews = of_reviews.read(lambda: [] if path is None else _all(Review, REVIEWS, path, "review_id"))
    given = TaskFiles(files.tasks, files.outputs)
    tasks = given.check({str(review.task_id) for review in reviews or ()})
    if reviews and path is not None:
        _check_reviews(reviews, tasks, given, of_reviews, name_of(path))
        of_reviews.add(*check_recorded(reviews, tasks, people, name_of(path)))
    bad = () if skip_bad else (given.bad_tasks, given.bad_outputs)
    found = [*chain(problems, given.fatal, *bad, of_reviews)]
    if found or people is None or reviews is None:
        given.close()
        raise InvalidInput(found)
    return Intake(given, None if path is None else in_time_order(reviews), policy, people)


def read_tasks(path: str) -> list[Task]:
    """Return tasks with unique ids that are not reserved, and timestamps in the past."""
    with closing(TaskFiles(path, None)) as files:
        files.check()
        problems = [*files.fatal, *files.bad_tasks]
        if problems:
            raise InvalidInput(problems)
        return [pair.task for pair in files.pairs()]


def read_outputs(path: str | None, tasks: Sequence[Task] | None, tasks_path: str) -> dict[str, AgentOutput]:
    """Return agent outputs by task id. Each must belong to one of the tasks, if those could be read."""
    outputs = [] if path is None else _all(AgentOutput, OUTPUTS, path, "task_id")
    if path is not None and tasks is not None:
        existing = {task.task_id for task in tasks}
        problems = [
            f"{name_of(path)}: [{index}].task_id: {output.task_id!r} is no task of {name_of(tasks_path)}"
            f"{did_you_mean(output.task_id, existing)}"
            for index, output in enumerate(outputs)
            if output.task_id not in existing
        ]
        if problems:
            raise InvalidInput(problems)
    return {output.task_id: output for output in outputs}


def _all(model: type[Model], kind: str, path: str, unique: str) -> list[Model]:
    with closing(Source(path)) as source:
        return source.all_values(model, kind, unique)


def _check_reviews(
    reviews: Sequence[Review], tasks: dict[str, Task], given: TaskFiles, problems: Problems, where: str
) -> None:
    """Collect the reviews of tasks that are not in the file, if all of that could be read."""
    for index, review in enumerate(reviews):
        if review.task_id is not None and review.task_id not in tasks and not (given.fatal or given.bad_tasks):
            problems.add(f"{where}: [{index}].task_id: {given.no_task(review.task_id)}")

"""The files of a run, read and checked together: one error with the problems of all files, or none."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from hitl_orchestrator.cli.commands.cases.run_reviews import check_recorded, in_time_order
from hitl_orchestrator.cli.output.data import STANDARD_INPUT, check_read_once, standard_input
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.input.file_kinds import OUTPUTS, REVIEWS, TASKS, check_kind, check_not_wrapped
from hitl_orchestrator.domain.input.parsing import Model, did_you_mean, parse_many, read_records
from hitl_orchestrator.domain.input.record_size import check_record
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.domain.value import MAX_SIZE
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.orchestrator import (
    CLOCK_TOLERANCE,
    People,
    check_not_reserved,
    current_time,
    load_policy,
    read_file,
)
from hitl_orchestrator.policies import Policy

T = TypeVar("T")


class Files(NamedTuple):
    """The file names of a run."""

    tasks: str
    outputs: str | None = None
    reviews: str | None = None


class Intake(NamedTuple):
    """The contents of a run's files. `reviews` is None if no reviews are replayed."""

    tasks: Sequence[Task]
    outputs: dict[str, AgentOutput]
    reviews: dict[str, list[Review]] | None
    policy: Policy
    people: People


class Problems:
    """The problems of all files, collected before any is reported."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def read(self, read: Callable[[], T]) -> T | None:
        """Return the result of `read`, or None if it raised `InvalidInput`, whose problems are collected."""
        try:
            return read()
        except InvalidInput as exc:
            self.sentences.extend(exc.problems)
            return None


def read_intake(session: Session, files: Files) -> Intake:
    """Read and check the policy, the reviewers and the files of a run.

    Raises:
        InvalidInput: with every problem of every file.
    """
    check_read_once(**{"TASKS": files.tasks, "--outputs": files.outputs, "--reviews": files.reviews})
    problems = Problems()
    people = problems.read(session.people)
    chain = people.chain if people else DEFAULT_CHAIN
    policy = problems.read(lambda: load_policy(session.policy, chain))
    tasks = problems.read(lambda: read_tasks(files.tasks))
    outputs = problems.read(lambda: read_outputs(files.outputs, tasks, files.tasks))
    reviews = problems.read(lambda: read_reviews(files.reviews, tasks, files.tasks, people))
    if problems.sentences or policy is None or people is None or tasks is None or outputs is None:
        raise InvalidInput(problems.sentences)
    return Intake(tasks, outputs, reviews, policy, people)


def read_tasks(path: str) -> list[Task]:
    """Read tasks with unique ids that are not reserved, and timestamps in the past."""
    where, latest = name_of(path), current_time() + CLOCK_TOLERANCE
    tasks = _read_many(Task, TASKS, path, "task_id")
    unfit = [
        f"{where}: [{index}].timestamp: {task.timestamp.isoformat()} lies in the future; "
        "give the time at which the task was made, or leave it out"
        for index, task in enumerate(tasks)
        if task.timestamp is not None and task.timestamp > latest
    ]
    problems = Problems()
    for task in tasks:
        problems.read(partial(check_not_reserved, task))
    if unfit or problems.sentences:
        raise InvalidInput([*unfit, *(f"{where}: {sentence}" for sentence in problems.sentences)])
    return tasks


def read_outputs(path: str | None, tasks: Sequence[Task] | None, tasks_path: str) -> dict[str, AgentOutput]:
    """Read agent outputs by task id. Each must belong to one of the tasks, if those could be read."""
    outputs = [] if path is None else _read_many(AgentOutput, OUTPUTS, path, "task_id")
    if path is not None and tasks is not None:
        _check_tasks_exist([output.task_id for output in outputs], tasks, name_of(path), name_of(tasks_path))
    return {output.task_id: output for output in outputs}


def read_reviews(
    path: str | None, tasks: Sequence[Task] | None, tasks_path: str, people: People | None
) -> dict[str, list[Review]] | None:
    """Read recorded reviews by task id, in time order; None without a file."""
    if path is None:
        return None
    reviews = _read_many(Review, REVIEWS, path, "review_id")
    problems = Problems()
    if tasks is not None:
        task_ids = [review.task_id for review in reviews]
        problems.read(lambda: _check_tasks_exist(task_ids, tasks, name_of(path), name_of(tasks_path)))
    by_id = {task.task_id: task for task in tasks or ()}
    problems.sentences += check_recorded(reviews, by_id, people, name_of(path))
    if problems.sentences:
        raise InvalidInput(problems.sentences)
    return in_time_order(reviews)


def name_of(path: str) -> str:
    """Return the name of a file in error messages."""
    return "standard input" if path == STANDARD_INPUT else Path(path).name


def _read_many(model: type[Model], kind: str, path: str, unique: str) -> list[Model]:
    text = standard_input() if path == STANDARD_INPUT else read_file(path)
    where = name_of(path)
    records = read_records(text, where)
    check_kind(records, kind, where)
    check_not_wrapped(records, kind, where)
    values = parse_many(model, records, where, unique)
    if len(text) > MAX_SIZE // 4:
        # Fields that a record leaves out have a value that is stored too, so its stored text is longer.
        for index, value in enumerate(values):
            check_record(value, f"{where}: [{index}]")
    return values


def _check_tasks_exist(task_ids: Sequence[str | None], tasks: Sequence[Task], where: str, tasks_where: str) -> None:
    existing = {task.task_id for task in tasks}
    problems = [
        f"{where}: [{index}].task_id: {task_id!r} is no task of {tasks_where}{did_you_mean(task_id, existing)}"
        for index, task_id in enumerate(task_ids)
        if task_id is not None and task_id not in existing
    ]
    if problems:
        raise InvalidInput(problems)

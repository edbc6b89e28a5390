"""The files of a run, read and checked whole: all their problems in one error, or none and everything fits."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from hitl_orchestrator.cli.commands.cases.run_reviews import check_recorded, in_time_order
from hitl_orchestrator.cli.session import Session
from hitl_orchestrator.domain.input.parsing import Model, did_you_mean, parse_many, read_records
from hitl_orchestrator.domain.review import Review
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.config_files import load_people, load_policy, read_file
from hitl_orchestrator.services.reviews.recording import CLOCK_TOLERANCE
from hitl_orchestrator.wiring.clocks import now_in_utc

STANDARD_INPUT = "-"
Read = TypeVar("Read")


class Files(NamedTuple):
    """The files that a run is given."""

    tasks: str
    outputs: str | None = None
    reviews: str | None = None


class Intake(NamedTuple):
    """All that a run works on. `reviews` is None where none are replayed."""

    tasks: Sequence[Task]
    outputs: dict[str, AgentOutput]
    reviews: dict[str, list[Review]] | None
    policy: Policy
    people: People


class Problems:
    """Everything that is wrong, collected over all files before any of it is told."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def read(self, reading: Callable[[], Read]) -> Read | None:
        """Return what `reading` returns; None where it found problems, which are kept."""
        try:
            return reading()
        except InvalidInput as exc:
            self.found.extend(exc.problems)
            return None


def read_intake(session: Session, files: Files) -> Intake:
    """Read and check the policy, the people and the files of a run.

    Raises:
        InvalidInput: with every problem of every file.
    """
    problems = Problems()
    people = problems.read(lambda: load_people(session.reviewers))
    chain = people.chain if people else DEFAULT_CHAIN
    policy = problems.read(lambda: load_policy(session.policy, chain))
    tasks = problems.read(lambda: read_tasks(files.tasks))
    outputs = problems.read(lambda: read_outputs(files.outputs, tasks, files.tasks))
    reviews = problems.read(lambda: read_reviews(files.reviews, tasks, files.tasks, people))
    if problems.found or policy is None or people is None or tasks is None or outputs is None:
        raise InvalidInput(problems.found)
    return Intake(tasks, outputs, reviews, policy, people)


def read_tasks(path: str) -> list[Task]:
    """Read tasks: ids that are unique in the file, times that lie in the past."""
    where, latest = name_of(path), now_in_utc() + CLOCK_TOLERANCE
    tasks = _read_many(Task, path, "task_id")
    early = [
        f"{where}: [{index}].timestamp: {task.timestamp.isoformat()} lies in the future; "
        "give the time at which the task was made"
        for index, task in enumerate(tasks)
        if task.timestamp > latest
    ]
    if early:
        raise InvalidInput(early)
    return tasks


def read_outputs(path: str | None, tasks: Sequence[Task] | None, tasks_path: str) -> dict[str, AgentOutput]:
    """Read agent outputs by the id of their task, which must be among the tasks where these could be read."""
    outputs = [] if path is None else _read_many(AgentOutput, path, "task_id")
    if path is not None and tasks is not None:
        _refuse_strangers([output.task_id for output in outputs], tasks, name_of(path), name_of(tasks_path))
    return {output.task_id: output for output in outputs}


def read_reviews(
    path: str | None, tasks: Sequence[Task] | None, tasks_path: str, people: People | None
) -> dict[str, list[Review]] | None:
    """Read recorded reviews by task, in the order of their times; None where there is no file of them."""
    if path is None:
        return None
    reviews = _read_many(Review, path, "review_id")
    found = Problems()
    if tasks is not None:
        named = [review.task_id for review in reviews]
        found.read(lambda: _refuse_strangers(named, tasks, name_of(path), name_of(tasks_path)))
    known = {task.task_id: task for task in tasks or ()}
    found.found += check_recorded(reviews, known, people, name_of(path))
    if found.found:
        raise InvalidInput(found.found)
    return in_time_order(reviews)


def name_of(path: str) -> str:
    """Return how a file is named in a problem."""
    return "standard input" if path == STANDARD_INPUT else Path(path).name


def _read_many(model: type[Model], path: str, unique: str) -> list[Model]:
    text = _standard_input() if path == STANDARD_INPUT else read_file(path)
    return parse_many(model, read_records(text, name_of(path)), name_of(path), unique)


def _standard_input() -> str:
    try:
        return sys.stdin.read().removeprefix("\ufeff")
    except UnicodeDecodeError as exc:
        raise InvalidInput([f"standard input: not UTF-8 text (byte {exc.start}); send it as UTF-8"]) from exc


def _refuse_strangers(named: Sequence[str | None], tasks: Sequence[Task], where: str, tasks_where: str) -> None:
    known = {task.task_id for task in tasks}
    found = [
        f"{where}: [{index}].task_id: {task_id!r} is no task of {tasks_where}{did_you_mean(task_id, known)}"
        for index, task_id in enumerate(named)
        if task_id is not None and task_id not in known
    ]
    if found:
        raise InvalidInput(found)

"""Submit any number of tasks in chunks: each chunk is acknowledged as a whole, and memory stays flat."""

from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import iscoroutinefunction
from itertools import chain, islice
from typing import Any, Literal, NamedTuple, TypeAlias

from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput, shortened
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.cases.bulk import BulkSubmission, Refusal, Taken
from hitl_orchestrator.services.cases.submission import Intake

__all__ = ["CHUNK", "Asked", "ManySubmissions", "OnInvalid", "Outputs", "RefusedTask", "SubmissionSummary", "Tasks"]

Tasks: TypeAlias = Iterable[Task | Mapping[str, Any]]
Outputs: TypeAlias = (
    Mapping[str, AgentOutput | Mapping[str, Any]] | Iterable[AgentOutput | Mapping[str, Any] | None] | None
)
OnInvalid: TypeAlias = Literal["refuse", "skip"]

CHUNK, _LARGEST = 1000, 100_000
_END = object()


@dataclass(frozen=True, kw_only=True)
class RefusedTask:
    """A task that was not stored: its place among the tasks, counted from 0, its id if it has one, and the error."""

    index: int
    task_id: str | None
    error: Refusal


@dataclass(frozen=True, kw_only=True)
class SubmissionSummary:
    """The tasks that `submit_many` has read, and what became of them.

    `new` and `existing` cases are stored; of these, `finished` are finished and `waiting` wait for a reviewer.
    """

    read: int = 0
    new: int = 0
    existing: int = 0
    finished: int = 0
    waiting: int = 0
    refused: int = 0


RefusedTask.__module__ = SubmissionSummary.__module__ = "hitl_orchestrator"  # the names that users import


class Asked(NamedTuple):
    """How tasks are submitted, and which callbacks follow each chunk.

    `admit` is called before each chunk: it applies a policy that came into force meanwhile, and checks the caller.
    `on_case` gets what `shown` returns for a case.
    """

    admit: Callable[[], object]
    chunk: int
    on_invalid: OnInvalid
    shown: Callable[[Case], Case]
    on_case: Callable[[Case], None]
    on_refused: Callable[[RefusedTask], None]
    on_progress: Callable[[SubmissionSummary], None]
    resubmit: bool
    replay: bool
    submitted_by: str | None


class ManySubmissions:
    """Accepts tasks from any iterable."""

    def __init__(self, bulk: BulkSubmission) -> None:
        self._bulk = bulk

    def submit(self, tasks: Tasks, outputs: Outputs, acting: Acting, asked: Asked) -> SubmissionSummary:
        """Submit tasks chunk by chunk. The arguments and errors are those of `Orchestrator.submit_many`."""
        _check_arguments(tasks, outputs, asked)
        unused = set(outputs) if isinstance(outputs, Mapping) else set()
        if _can_be_read_again(tasks) and _can_be_read_again(outputs):
            first = self._prepared(tasks, outputs, asked) if asked.on_invalid == "refuse" else ()
            unused.difference_update(map(_id_of, tasks if unused else ()))
            _refuse(chain((problem for each in first for problem in _problems(each)), _without_task(unused)))
        summary, prepared = SubmissionSummary(), self._prepared(tasks, outputs, asked)
        while chunk := self._next(prepared, asked):
            unused.difference_update(map(_task_id_of, chunk if unused else ()))
            if asked.on_invalid == "refuse":
                _refuse((problem for each in chunk for problem in _problems(each)), summary)
            summary = self._submit_chunk(chunk, summary, acting, asked)
            asked.on_progress(summary)
        _refuse(_without_task(unused), summary)
        return summary

    def _next(self, prepared: "Iterator[_Prepared]", asked: Asked) -> "list[_Prepared]":
        """Return the next chunk, prepared under the policy that is now in force."""
        asked.admit()
        return list(islice(prepared, asked.chunk))

    def _submit_chunk(
        self, chunk: "Sequence[_Prepared]", summary: SubmissionSummary, acting: Acting, asked: Asked
    ) -> SubmissionSummary:
        valid = [each for each in chunk if not isinstance(each, RefusedTask)]
        results = iter(self._bulk.submit([submission for _, submission in valid], acting, resubmit=asked.resubmit))
        taken: list[Taken] = []
        for each in chunk:
            result = each.error if isinstance(each, RefusedTask) else next(results)
            if isinstance(result, Taken):
                taken.append(result)
                asked.on_case(asked.shown(result.case))
            else:
                asked.on_refused(each if isinstance(each, RefusedTask) else _refused(*each, result))
        new, stages = sum(each.is_new for each in taken), [each.case.stage for each in taken]
        return replace(
            summary,
            read=summary.read + len(chunk),
            new=summary.new + new,
            existing=summary.existing + len(taken) - new,
            finished=summary.finished + stages.count(CaseStage.FINISHED),
            waiting=summary.waiting + stages.count(CaseStage.WAITING),
            refused=summary.refused + len(chunk) - len(taken),
        )

    def _prepared(self, tasks: Tasks, outputs: Outputs, asked: Asked) -> "Iterator[_Prepared]":
        """Yield for each task what is to be submitted, or why it cannot be."""
        for index, (task, output) in enumerate(_joined(tasks, outputs)):
            try:
                given = task if isinstance(task, Task) else parse(Task, task, "task")
                is_mapping = isinstance(output, Mapping)
                proposed = parse(AgentOutput, {"task_id": given.task_id, **output}, "output") if is_mapping else output
                intake = Intake(given, proposed, replay=asked.replay, submitted_by=asked.submitted_by)
                submission = self._bulk.prepared(intake)
            except InvalidInput as exc:
                error = InvalidInput([f"tasks[{index}]: {problem}" for problem in exc.problems])
                yield RefusedTask(index=index, task_id=_id_of(task), error=error)
            else:
                yield index, submission


_Prepared: TypeAlias = tuple[int, Submission] | RefusedTask


def _check_arguments(tasks: object, outputs: object, asked: Asked) -> None:
    for name, value in (("tasks", tasks), ("outputs", outputs)):
        if isinstance(value, AsyncIterable):
            remedy = f"collect a part of it first, and give that: [each async for each in {name}]"
            raise InvalidInput([f"submit_many: {name}: an asynchronous iterable cannot be read here; {remedy}"])
        is_iterable = isinstance(value, Iterable) and not isinstance(value, str | bytes | Task | AgentOutput)
        wrong = name == "tasks" and isinstance(value, Mapping)
        if (value is not None or name == "tasks") and (wrong or not is_iterable):
            raise InvalidInput([f"submit_many: {name}: {shortened(repr(value))} is no iterable of {name}"])
    for name in ("on_case", "on_refused", "on_progress"):
        if iscoroutinefunction(getattr(asked, name)):
            raise InvalidInput([f"submit_many: {name}: nothing awaits an asynchronous function; give a plain one"])
    if not 1 <= asked.chunk <= _LARGEST:
        raise InvalidInput([f"submit_many: chunk: {asked.chunk} is not in [1, {_LARGEST:,}]"])
    if asked.on_invalid not in ("refuse", "skip"):
        raise InvalidInput([f"submit_many: on_invalid: {asked.on_invalid!r} is not 'refuse' or 'skip'"])


def _can_be_read_again(values: Iterable[Any] | None) -> bool:
    """Return whether reading an iterable leaves it as it is. A generator or an open file is used up."""
    return values is None or isinstance(values, Mapping) or iter(values) is not values


def _joined(tasks: Tasks, outputs: Outputs) -> Iterator[tuple[Any, Any]]:
    """Yield each task with its output: the one under its id in a mapping, or the one at its position."""
    if outputs is None or isinstance(outputs, Mapping):
        found = {} if outputs is None else outputs
        for task in tasks:
            yield task, found.get(_id_of(task))  # type: ignore[arg-type] # a task without an id has no output
        return
    given, index = iter(outputs), -1
    for index, task in enumerate(tasks):
        output = next(given, _END)
        if output is _END:
            raise InvalidInput([_unpaired("ends", index)])
        yield task, output
    if next(given, _END) is not _END:
        raise InvalidInput([_unpaired("goes on", index + 1)])


def _unpaired(how: str, index: int) -> str:
    remedy = "give one output or None for each task, or a mapping of outputs by task id"
    return f"outputs: it {how} at position {index}, unlike the tasks; {remedy}"


def _id_of(task: object) -> str | None:
    task_id = task.get("task_id") if isinstance(task, Mapping) else getattr(task, "task_id", None)
    return task_id if isinstance(task_id, str) else None


def _task_id_of(prepared: "_Prepared") -> str | None:
    return prepared.task_id if isinstance(prepared, RefusedTask) else prepared[1].task.task_id


def _without_task(unused: set[str]) -> Iterator[str]:
    remedy = "correct the id, or leave this output out"
    return (
        f"outputs: {shortened(repr(task_id))} is the id of no task; {remedy}" for task_id in sorted(unused, key=str)
    )


def _refused(index: int, submission: Submission, error: Refusal) -> RefusedTask:
    return RefusedTask(index=index, task_id=submission.task.task_id, error=error)


def _problems(prepared: "_Prepared") -> Sequence[str]:
    is_invalid = isinstance(prepared, RefusedTask) and isinstance(prepared.error, InvalidInput)
    return prepared.error.problems if is_invalid else ()  # type: ignore[union-attr] # is_invalid says so


def _refuse(problems: Iterable[str], summary: SubmissionSummary | None = None) -> None:
    """Raise `InvalidInput` if there is any problem, which states how many tasks are stored already."""
    found = InvalidInput(problems)
    if found.total:
        stored = 0 if summary is None else summary.new + summary.existing
        already = [f"{stored} tasks are stored already; submitting them again is harmless"] if stored else []
        raise InvalidInput([*already, *found.problems])

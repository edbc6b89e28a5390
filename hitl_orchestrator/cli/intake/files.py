"""The tasks and outputs of a run: checked from the first record to the last, and then read again in step."""

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import chain, repeat, zip_longest
from typing import NamedTuple

from hitl_orchestrator.cli.intake.index import Index
from hitl_orchestrator.cli.intake.problems import Problems, twice
from hitl_orchestrator.cli.intake.source import Source
from hitl_orchestrator.cli.output.progress import counted
from hitl_orchestrator.domain.input.file_kinds import OUTPUTS, TASKS
from hitl_orchestrator.domain.input.parsing import did_you_mean, parse
from hitl_orchestrator.domain.input.records.record import Record
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.orchestrator import CLOCK_TOLERANCE, check_not_reserved, current_time

_MISSING = object()
_LONG, _STEP = 2**22, 500
"""The bytes of files whose check takes a while, and the records after which its progress is shown."""


class Pair(NamedTuple):
    """A task of a run and its output."""

    task: Task
    output: AgentOutput | None


class TaskFiles:
    """The files of tasks and outputs. Memory stays flat: the ids are in a temporary database.

    `check` collects the problems: `fatal` ones of a file that cannot be read to its end, and those of bad tasks and bad
    outputs, whose tasks are left out. `count` is the number of tasks.
    """

    def __init__(self, tasks: str, outputs: str | None) -> None:
        self._tasks, self._outputs = Source(tasks), None if outputs is None else Source(outputs)
        self.fatal, self.bad_tasks, self.bad_outputs, self._index = Problems(), Problems(), Problems(), Index()
        self._left_out, self._bad = set[int](), set[int]()
        self._bad_ids = set[str | None]()
        self._is_aligned, self.count = True, 0

    def check(self, wanted: Collection[str] = ()) -> dict[str, Task]:
        """Read all records and collect their problems; return the wanted tasks by id."""
        latest, kept = current_time() + CLOCK_TOLERANCE, dict[str, Task]()
        tasks, outputs = self._followed(self._task_ids(latest, wanted, kept)), self._followed(self._output_ids())
        size = sum(each.size() for each in (self._tasks, self._outputs) if each is not None)
        with counted(None if size >= _LONG else 0, "records checked") as advance:
            for number, (task_id, output_id) in enumerate(zip_longest(tasks, outputs, fillvalue=_MISSING), start=1):
                self.count += task_id is not _MISSING
                self._is_aligned &= output_id is _MISSING or (output_id == task_id is not None)
                if not number % _STEP:
                    advance(_STEP)
            if self._is_aligned:
                self._left_out |= self._bad
            elif self._outputs is not None and not self.fatal:
                self._index_outputs(self._outputs)
        return kept

    def pairs(self) -> Iterator[Pair]:
        """Yield each task with its output, without those that are left out.

        Raises:
            InvalidInput: a file has changed since it was checked.
        """
        is_joined = self._outputs is not None and self._is_aligned
        outputs = self._outputs.values(AgentOutput, OUTPUTS) if self._outputs and is_joined else iter(())
        read = zip(self._tasks.values(Task, TASKS), chain(outputs, repeat((None, None, ()))), strict=False)
        for position, ((_, task, why), (_, output, why_not)) in enumerate(read):
            if position in self._left_out:
                continue
            if task is None or why_not:
                raise InvalidInput([*why, *why_not])
            stored = _MISSING if is_joined else self._index.output(task.task_id, _MISSING)
            if stored is not None:
                yield Pair(task, output if stored is _MISSING else parse(AgentOutput, stored, self._tasks.where))

    def has_task(self, task_id: str) -> bool:
        """Return whether the file of tasks has this one."""
        return self._index.has_task(task_id)

    def no_task(self, task_id: str) -> str:
        """Return the sentence about an id that is none of the tasks."""
        return f"{task_id!r} is no task of {self._tasks.where}{did_you_mean(task_id, self._index.some_tasks())}"

    def close(self) -> None:
        """Delete the temporary database and copies."""
        for each in (self._index, self._tasks, self._outputs):
            if each is not None:
                each.close()

    def _followed(self, ids: Iterator[str | None]) -> Iterator[str | None]:
        """Yield the ids; a problem that ends the file is collected."""
        try:
            yield from ids
        except InvalidInput as exc:
            self.fatal.add(*exc.problems)

    def _task_ids(self, latest: datetime, wanted: Collection[str], kept: dict[str, Task]) -> Iterator[str | None]:
        """Yield the id that each record of a task states, None if it states none."""
        for record, task, why in self._tasks.values(Task, TASKS):
            found = why if task is None else self._problems_of(record, task, latest)
            if found:
                self._left_out.add(record.position)
                self._bad_ids.add(record.stated("task_id"))
                self.bad_tasks.add(*found)
            elif task is not None and task.task_id in wanted:
                kept[task.task_id] = task
            yield record.stated("task_id")

    def _problems_of(self, record: Record, task: Task, latest: datetime) -> list[str]:
        found: list[str] = []
        if task.timestamp is not None and task.timestamp > latest:
            remedy = "give the time at which the task was made, or leave it out"
            found.append(record.at("timestamp", f"{task.timestamp.isoformat()} lies in the future; {remedy}"))
        try:
            check_not_reserved(task)
        except InvalidInput as exc:
            found += [f"{record.where}: {problem}" for problem in exc.problems]
        first = self._index.add_task(task.task_id, record.place)
        if first is not None:
            self._is_aligned = False  # its outputs may be two, of which neither can be used
            found.append(record.at("task_id", twice("task_id", task.task_id, first)))
        return found

    def _output_ids(self) -> Iterator[str | None]:
        """Yield the task id that each record of an output states, None if it states none."""
        if self._outputs is None:
            return
        for record, output, why in self._outputs.values(AgentOutput, OUTPUTS):
            if output is None:
                self.bad_outputs.add(*why)
                self._bad.add(record.position)
            yield record.stated("task_id")

    def _index_outputs(self, outputs: Source) -> None:
        """Store the outputs by task id, for tasks in another order."""
        for record, output, _ in outputs.values(AgentOutput, OUTPUTS):
            task_id = record.stated("task_id")
            if task_id is None:
                continue
            first = self._index.add_output(task_id, None if output is None else record.raw, record.place)
            if first is not None:
                self.bad_outputs.add(record.at("task_id", twice("task_id", task_id, first)))
            elif output is not None and task_id not in self._bad_ids and not self.has_task(task_id):
                self.bad_outputs.add(record.at("task_id", self.no_task(task_id)))

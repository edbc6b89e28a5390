"""Outputs that were recorded before, as a classifier: for replays, tests, and models that run elsewhere."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hitl_orchestrator.domain.input.file_kinds import OUTPUTS, check_kind, check_not_wrapped
from hitl_orchestrator.domain.input.normalization import normalized
from hitl_orchestrator.domain.input.parsing import parse_many, read_records
from hitl_orchestrator.domain.input.record_size import check_record, read_bounded
from hitl_orchestrator.domain.task import AgentOutput, Task
from hitl_orchestrator.errors import InvalidInput


class RecordedOutputs:
    """Answers each task with the output recorded for its id. A task without one has no proposal: a reviewer decides."""

    name = "recorded outputs"

    def __init__(self, source: str | Path | Iterable[AgentOutput | Mapping[str, Any]]) -> None:
        """Read outputs from a file of JSON or JSON Lines, or take them as they are.

        Raises:
            InvalidInput: with every output that is unusable, and every task with two.
        """
        where, records = _records_of(source)
        check_kind(records, OUTPUTS, where)
        check_not_wrapped(records, OUTPUTS, where)
        outputs = [normalized(output, where) for output in parse_many(AgentOutput, records, where, "task_id")]
        for index, output in enumerate(outputs):
            check_record(output, f"{where}: [{index}]")
        self._outputs = {output.task_id: output for output in outputs}

    def invoke(self, task: Task, config: Any = None) -> AgentOutput | None:
        """Return the output of a task, None if none was recorded."""
        return self._outputs.get(task.task_id)

    def __len__(self) -> int:
        """Return the number of outputs."""
        return len(self._outputs)

    def __repr__(self) -> str:
        """Return the number of outputs."""
        return f"<RecordedOutputs of {len(self)} tasks>"


def _records_of(source: Any) -> tuple[str, list[Any]]:
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            with path.open("rb") as file:
                text = read_bounded(file.read, path.name).decode("utf-8-sig")
        except OSError as exc:
            raise InvalidInput([f"{path.name}: it cannot be read: {exc.strerror or type(exc).__name__}"]) from exc
        except UnicodeDecodeError as exc:
            raise InvalidInput([f"{path.name}: not UTF-8 text (byte {exc.start}); save it as UTF-8"]) from exc
        return path.name, read_records(text, path.name)
    where = "recorded outputs"
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise InvalidInput([f"{where}: {type(source).__name__} is neither a file nor a list of outputs"])
    records = [one.model_dump(mode="json") if isinstance(one, AgentOutput) else one for one in source]
    return where, records

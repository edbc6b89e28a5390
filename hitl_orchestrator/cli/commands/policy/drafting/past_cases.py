"""The past cases from which a policy is drafted: those of a store, of an export, or of a file of tasks."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.cli.commands.cases.run_files import read_outputs, read_tasks
from hitl_orchestrator.cli.intake.source import name_of
from hitl_orchestrator.domain.enums import OWN_QUESTIONS, EventKind
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.policies import ObservedCases, PastCase, observe

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session


def observed_in(session: "Session", source: str | None, outputs: str | None) -> ObservedCases | None:
    """Return what past cases look like; None without a source.

    Raises:
        InvalidInput: there are none, or the file or the store cannot be read.
    """
    if source is None:
        if outputs is not None:
            raise InvalidInput(["--outputs: name the tasks of these outputs with --from-cases"])
        return None
    observed = observe(_cases(session, source, outputs))
    if not observed.cases:
        raise InvalidInput([f"--from-cases {source}: there are no cases; leave the option out to draft from answers"])
    return observed


def _cases(session: "Session", source: str, outputs: str | None) -> Iterator[PastCase]:
    if "://" in source:
        if outputs is not None:
            raise InvalidInput(["--outputs: the cases of a store have their own outputs; leave it out"])
        with replace(session, store=source).audit() as audit:
            bodies = (event.body for event in audit.events() if event.kind is EventKind.SUBMITTED)
            yield from _submitted(bodies)
    elif _is_export(source):
        yield from _exported(source)
    else:
        tasks = read_tasks(source)
        labels = {
            task_id: _label(output.model_dump(mode="json")["agent_output"])
            for task_id, output in read_outputs(outputs, tasks, name_of(source)).items()
        }
        for task in tasks:
            yield PastCase(task.task_type, task.domain, task.risk_level, task.metadata, labels.get(task.task_id))


def _submitted(bodies: Iterable[Mapping[str, Any]]) -> Iterator[PastCase]:
    """Yield the submitted cases, open ones too, without quality checks and governed changes."""
    for body in bodies:
        task, output = body["task"], body["output"]
        if body["quality_check"] is None and task["task_type"] not in OWN_QUESTIONS:
            yield _case(task, None if output is None else output["agent_output"])


def _case(task: Mapping[str, Any], proposal: Any) -> PastCase:
    metadata = task.get("metadata")
    if isinstance(metadata, str):
        metadata = json.loads(metadata or "{}")
    words = (str(task.get("task_type")), str(task.get("domain")), task.get("risk_level"))
    return PastCase(*words, metadata if isinstance(metadata, dict) else {}, _label(proposal))


def _label(proposal: Any) -> str | None:
    label = proposal.get("predicted_label") if isinstance(proposal, Mapping) else None
    return label if isinstance(label, str) else None


def _is_export(source: str) -> bool:
    """Return whether a file has audit records, by its first line."""
    path = Path(source)
    if path.suffix not in {".jsonl", ".ndjson"} or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return '"log_id"' in file.readline()


def _exported(source: str) -> Iterator[PastCase]:
    """Yield the cases of the lines of an export."""
    with Path(source).open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line)
                if record.get("quality_check") is None and record.get("task_type") not in OWN_QUESTIONS:
                    yield _case(record, record.get("proposed_output"))
            except (ValueError, AttributeError, UnicodeDecodeError) as exc:
                raise InvalidInput([f"--from-cases {source}: line {number} is no audit record: {exc}"]) from exc

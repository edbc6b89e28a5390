"""Builders of the ledger entries of executions, and the execution that such entries record."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hitl_orchestrator.domain.audit import Actor, Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.execution import Execution, ExecutionStatus
from hitl_orchestrator.domain.value import digest, read_canonical
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.chain import Draft

KINDS = (
    EventKind.EXECUTION_STARTED,
    EventKind.EXECUTION_FINISHED,
    EventKind.EXECUTION_FAILED,
    EventKind.EXECUTION_UNKNOWN,
)
"""The kinds of entries about executions."""

OPEN = (ExecutionStatus.STARTED, ExecutionStatus.UNKNOWN)
"""The statuses of an execution whose end is not recorded."""


class Ending(NamedTuple):
    """The end of an execution: its status, and the text of its result or its error; None for a result not stored.

    `check_id` is the case in which a person stated it; None where the owner of the execution states it.
    """

    status: ExecutionStatus
    text: str | None
    check_id: str | None = None


def execution_started(case_id: str, output: Mapping[str, Any], audience: str, actor: Actor, at: datetime) -> Draft:
    """Record that the approved output of a case is carried out, by a process of this audience."""
    return Draft(case_id, EventKind.EXECUTION_STARTED, at, actor, {"output": dict(output), "audience": audience})


def execution_ended(case_id: str, ending: Ending, actor: Actor, at: datetime) -> Draft:
    """Record the end of an execution, with its result as JSON text or its error."""
    if ending.status is ExecutionStatus.FINISHED:
        return Draft(
            case_id, EventKind.EXECUTION_FINISHED, at, actor, {"result": ending.text, "check_id": ending.check_id}
        )
    body = {"error": ending.text or "", "check_id": ending.check_id}
    return Draft(case_id, EventKind.EXECUTION_FAILED, at, actor, body)


def execution_unknown(case_id: str, check_id: str, actor: Actor, at: datetime) -> Draft:
    """Record that the owner of an execution died, and the case in which a person is asked whether it happened."""
    return Draft(case_id, EventKind.EXECUTION_UNKNOWN, at, actor, {"check_id": check_id})


def kind_of(status: str) -> EventKind:
    """Return the kind of the entry that leads to a status."""
    return EventKind(f"execution_{status}")


def execution_of(events: Sequence[Event], *, task_id: str, holder: str) -> Execution:
    """Return the execution that the entries of a case record, in order and with their texts.

    Raises:
        LedgerDamaged: there are none, or they have another form.
    """
    if not events or events[0].kind is not EventKind.EXECUTION_STARTED:
        raise LedgerDamaged(f"the execution of task {task_id!r} has a row and no entry")
    first, last = events[0], events[-1]
    output, result = first.body.get("output"), last.body.get("result")
    status = ExecutionStatus(last.kind.value.removeprefix("execution_"))
    check_id = next((event.body["check_id"] for event in events if event.kind is EventKind.EXECUTION_UNKNOWN), None)
    try:
        return Execution(
            case_id=str(first.case_id),
            task_id=task_id,
            status=status,
            digest=None if output is None else digest(output),
            audience=first.body["audience"],
            started_at=first.at,
            ended_at=None if status in OPEN else last.at,
            result=None if result is None else read_canonical(result),
            has_result=result is not None,
            error=last.body.get("error", ""),
            holder=holder,
            check_id=check_id,
        )
    except (KeyError, ValueError, TypeError) as exc:
        raise LedgerDamaged(f"the entries about the execution of task {task_id!r} cannot be read") from exc

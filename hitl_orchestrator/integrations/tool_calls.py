"""The calls of an agent's tools as tasks for review, and what the model reads about them. Shared by the adapters."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from hitl_orchestrator import AsyncOrchestrator, CallKey, Go, No, Orchestrator, Task, Waiting, proposed_call
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.errors import UnknownCase

Facade: TypeAlias = Orchestrator | AsyncOrchestrator
Risk: TypeAlias = str | Mapping[str, str] | Callable[[str, Mapping[str, Any]], str]
"""One risk level, a level for each tool by its name, or a function of the tool's name and the arguments.

A tool without a level of its own is of high risk.
"""


class ToolCalls:
    """Submits the calls of an agent's tools: the task type is the tool's name, the metadata are the arguments."""

    def __init__(self, hitl: Facade, *, domain: str, risk: Risk = "high") -> None:
        self._hitl, self._domain, self._risk = hitl, domain, risk

    async def ask(self, key: CallKey, tool: str, arguments: Mapping[str, Any]) -> Waiting | Go | str:
        """Submit or find the case of this very call, without blocking the event loop.

        A text is what the model is to read about a call that must not be made.

        Raises:
            InvalidInput: the key has an empty part, or the arguments cannot be stored.
            TaskConflict: another call had this key.
        """
        task = task_of(key, tool, f"Call the tool {tool}", self._domain, self._level(tool, arguments), arguments)
        answer = await call(self._hitl, self._hitl.ask, key, task, proposed_call(tool, arguments))
        if isinstance(answer, Go) and answer.name != tool:
            return f"{tool} was not run, and will not be: a reviewer approved {answer.name!r} in its place. {_STOP}"
        return refusal(tool, answer) if isinstance(answer, No) else answer

    async def is_decided(self, key: CallKey) -> bool:
        """Return whether the case of a call is finished. Submits nothing."""
        try:
            case = await call(self._hitl, self._hitl.cases.get, task_id=key.task_id)
        except UnknownCase:
            return False
        return case.record is not None

    def _level(self, tool: str, arguments: Mapping[str, Any]) -> str:
        if callable(self._risk):
            return self._risk(tool, arguments)
        return self._risk if isinstance(self._risk, str) else self._risk.get(tool, "high")


async def call(hitl: Facade, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Await a method of the facade; one of the synchronous facade runs in a thread."""
    if isinstance(hitl, AsyncOrchestrator):
        return await method(*args, **named)
    return await asyncio.to_thread(method, *args, **named)


def task_of(
    key: CallKey, task_type: str, description: str, domain: str, risk: str, arguments: Mapping[str, Any]
) -> Task:
    """Return the task of a call. Raises `InvalidInput`."""
    fields = {
        "task_id": key.task_id,
        "task_type": task_type,
        "task_description": description,
        "domain": domain,
        "risk_level": risk,
        "metadata": dict(arguments),
    }
    return parse(Task, fields, f"the call of {task_type!r}")


def waits(tool: str, answer: Waiting) -> str:
    """Return what the model reads while no person has decided."""
    return f"{tool} was not run: it waits for the approval of a person (case {answer.case_id})."


def refusal(tool: str, answer: No) -> str:
    """Return what the model reads about a call that was not approved, in words that keep it from another attempt."""
    by = f" ({answer.reviewer})" if answer.reviewer else ""
    return f"{tool} was not run, and will not be: {answer.reason}{by}. {_STOP}"


def edited(tool: str, proposed: Mapping[str, Any], answer: Go) -> str | None:
    """Return what the model reads about a call whose arguments a reviewer changed; None if they are as proposed."""
    if answer.arguments == dict(proposed):
        return None
    arguments = json.dumps(answer.arguments, ensure_ascii=False)
    return f"A reviewer changed the arguments: {tool} was run with {arguments}. Do not repeat the call."


_STOP = "Do not repeat the call, nor another one to the same effect; tell the user."

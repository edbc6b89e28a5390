"""The calls of an agent's tools as tasks for review, and what the model reads about them. Shared by the adapters."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

from pydantic_core import to_jsonable_python

from hitl_orchestrator import (
    AgentOutput,
    AsyncOrchestrator,
    CallKey,
    Case,
    Go,
    No,
    Orchestrator,
    ParentCall,
    Task,
    Waiting,
    proposed_call,
)
from hitl_orchestrator.domain.enums import RiskLevel, RiskName
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.errors import AlreadyRunning, ExecutionFailed, UnknownCase
from hitl_orchestrator.integrations.approved import ARGUMENTS, is_call, same_json

Facade: TypeAlias = Orchestrator | AsyncOrchestrator
Arguments: TypeAlias = Mapping[str, Any]
Level: TypeAlias = RiskLevel | RiskName
Risk: TypeAlias = Level | Mapping[str, Level] | Callable[[str, Arguments], Level]
"""One risk level, a level for each tool by its name, or a function of the tool's name and the arguments.

A tool without a level of its own is of high risk.
"""
Confidence: TypeAlias = float | Callable[[str, Arguments], float | None] | None
"""The agent's confidence in its calls, or a function of the tool's name and the arguments.

Without one no policy approves a call by itself.
"""


class ToolCalls:
    """Submits the calls of an agent's tools. The arguments are the metadata of the task, its type is the tool's name.

    `task_type` is another type for all of them.
    Asking again about a call repeats its first task and proposal, whatever `risk` and `confidence` are by then.
    """

    def __init__(
        self,
        hitl: Facade,
        *,
        domain: str,
        risk: Risk = "high",
        confidence: Confidence = None,
        task_type: str | None = None,
    ) -> None:
        self.hitl, self._domain, self._risk, self._confidence, self._type = hitl, domain, risk, confidence, task_type

    def ask_now(
        self, key: CallKey, tool: str, arguments: Arguments, parent: ParentCall | None = None
    ) -> Waiting | Go | No:
        """Submit or find the case of this very call, with the synchronous facade.

        `parent` is where the caller waits, for a process that decides and wakes it.

        Raises:
            InvalidInput: the key has an empty part, or the arguments cannot be stored.
            TaskConflict: another call had this key.
        """
        hitl = cast("Orchestrator", self.hitl)
        try:
            case = hitl.cases.get(task_id=key.task_id)
        except UnknownCase:
            case = None
        return hitl.ask(key, *self._question(case, key, tool, arguments), parent=parent)

    async def ask(
        self, key: CallKey, tool: str, arguments: Arguments, parent: ParentCall | None = None
    ) -> Waiting | Go | No:
        """Submit or find the case of this very call, without blocking the event loop. Raises as `ask_now`."""
        if isinstance(self.hitl, Orchestrator):
            return await asyncio.to_thread(self.ask_now, key, tool, arguments, parent)
        case = await self._case(key)
        return await self.hitl.ask(key, *self._question(case, key, tool, arguments), parent=parent)

    async def is_decided(self, key: CallKey) -> bool:
        """Return whether the case of a call is finished. Submits nothing."""
        case = await self._case(key)
        return case is not None and case.record is not None

    async def _case(self, key: CallKey) -> Case | None:
        try:
            if isinstance(self.hitl, AsyncOrchestrator):
                return await self.hitl.cases.get(task_id=key.task_id)
            return await asyncio.to_thread(self.hitl.cases.get, task_id=key.task_id)
        except UnknownCase:
            return None

    def _question(self, case: Case | None, key: CallKey, tool: str, arguments: Arguments) -> tuple[Task, AgentOutput]:
        if (
            case is not None
            and case.submission.output is not None
            and _is_same(case.submission.output, tool, arguments)
        ):
            return case.submission.task, case.submission.output
        fields = {
            "task_id": key.task_id,
            "task_type": self._type or tool,
            "task_description": f"Call {tool}",
            "domain": self._domain,
            "risk_level": self._level(tool, arguments),
            "metadata": dict(arguments),
        }
        confidence = self._confidence(tool, arguments) if callable(self._confidence) else self._confidence
        output = proposed_call(tool, arguments, confidence=confidence)
        return parse(Task, fields, f"the call of {tool!r}"), output

    def _level(self, tool: str, arguments: Arguments) -> Level:
        if callable(self._risk):
            return self._risk(tool, arguments)
        return self._risk if isinstance(self._risk, str) else self._risk.get(tool, "high")


def permitted(tool: str, answer: Go | No) -> Go | str:
    """Return the answer if it lets this tool run, else what the model reads about a call that must not be made."""
    if isinstance(answer, No):
        by = f" ({answer.reviewer})" if answer.reviewer else ""
        return f"{tool} was not run, and will not be: {answer.reason}{by}. {_STOP}"
    if answer.name != tool:
        return f"{tool} was not run, and will not be: a reviewer approved {answer.name!r} in its place. {_STOP}"
    if not is_call(answer):
        return f"{tool} was not run, and will not be: a reviewer's decision states no arguments for it. {_STOP}"
    return answer


def waits(tool: str, answer: Waiting) -> str:
    """Return what the model reads while no person has decided."""
    return f"{tool} was not run: it waits for the approval of a person (case {answer.case_id})."


async def run_once(
    tool: str, proposed: Arguments, go: Go, run: Callable[[dict[str, Any]], Awaitable[Any]]
) -> tuple[Any, str | None]:
    """Make an approved call unless it was made before; return its result, and what the model reads about an edit.

    Where it runs elsewhere, this waits for its result. Once begun it runs to its end, although the caller is canceled,
    as frameworks do if a sibling fails.

    Raises:
        ExecutionUnknown: its process has died; ask again later. Of a call that has failed before, the model reads so.
    """
    pause = _PAUSE
    while True:
        made = go.arun(run, encode=to_jsonable_python, decode=lambda stored: _stored(tool, stored))
        try:
            result = await asyncio.shield(asyncio.ensure_future(made))
            break
        except AlreadyRunning:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        except ExecutionFailed as failed:
            return f"{tool} was run once, as approved, and failed: {failed.error}. {_STOP}", None
    if same_json(go.arguments, dict(proposed)):
        return result, None
    arguments = json.dumps(go.arguments, ensure_ascii=False)
    return result, f"A reviewer changed the arguments: {tool} was run with {arguments}. Do not repeat the call."


def _stored(tool: str, result: Any) -> Any:
    return f"{tool} was run once, as approved; no result of it is stored." if result is None else result


def _is_same(output: AgentOutput, tool: str, arguments: Arguments) -> bool:
    proposal = output.agent_output
    return proposal.predicted_label == tool and same_json((proposal.model_extra or {}).get(ARGUMENTS), dict(arguments))


_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two attempts to read the result of a call that another process or thread makes."""

_STOP = "Do not repeat the call, nor make another one to the same effect; tell the user."

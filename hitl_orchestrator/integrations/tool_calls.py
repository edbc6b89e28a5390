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
from hitl_orchestrator.domain.input.json_patch import same
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.errors import AlreadyRunning, ExecutionFailed, UnknownCase
from hitl_orchestrator.integrations.approved import is_call
from hitl_orchestrator.integrations.checks import (
    Arguments,
    Confidence,
    Facade,
    Level,
    LevelOf,
    check_confidence,
    check_facade,
    check_risk,
    check_text,
    confidence_of,
    level_of,
    unfit,
)

Risk: TypeAlias = LevelOf | Mapping[str, LevelOf]
"""One risk level, a function of the arguments of a call, or either for each tool by its name.

A tool without a level of its own is of high risk.
"""


Schema: TypeAlias = Mapping[str, Any] | None
"""The JSON Schema of a tool's arguments; None if it is not known."""


class ToolCalls:
    """Submits the calls of an agent's tools. The arguments are the metadata of the task, its type is the tool's name.

    `task_type` is another type for all of them. `where` names the guard or the adapter in errors.
    Asking again about a call repeats its first task and proposal, whatever `risk` and `confidence` are by then.

    Raises:
        InvalidInput: an option is unusable.
    """

    def __init__(
        self,
        hitl: Facade,
        where: str,
        *,
        domain: str,
        risk: Risk = "high",
        confidence: Confidence = None,
        task_type: str | None = None,
    ) -> None:
        self.hitl, self._where = check_facade(hitl, f"{where}: hitl"), where
        check_text(domain, f"{where}: domain")
        check_confidence(confidence, where)
        for each in risk.values() if isinstance(risk, Mapping) else (risk,):
            check_risk(each, where)
        self._domain, self._risk, self._confidence, self._type = domain, risk, confidence, task_type

    def ask_now(
        self, key: CallKey, tool: str, arguments: Arguments, schema: Schema, parent: ParentCall | None = None
    ) -> Waiting | Go | No:
        """Submit or find the case of this very call, with the synchronous facade.

        `schema` is the JSON Schema of the tool's arguments. `parent` is where the caller waits, for a process that
        decides and wakes it.

        Raises:
            InvalidInput: the key has an empty part, or the arguments cannot be stored.
            TaskConflict: another call had this key.
        """
        hitl = cast("Orchestrator", self.hitl)
        try:
            case = hitl.cases.get(task_id=key.task_id)
        except UnknownCase:
            case = None
        return hitl.ask(key, *self._question(case, key, tool, arguments), parent=parent, arguments_schema=schema)

    async def ask(
        self, key: CallKey, tool: str, arguments: Arguments, schema: Schema, parent: ParentCall | None = None
    ) -> Waiting | Go | No:
        """Submit or find the case of this very call, without blocking the event loop. Raises as `ask_now`."""
        if isinstance(self.hitl, Orchestrator):
            return await asyncio.to_thread(self.ask_now, key, tool, arguments, schema, parent)
        case = await self._case(key)
        return await self.hitl.ask(
            key, *self._question(case, key, tool, arguments), parent=parent, arguments_schema=schema
        )

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
        confidence = confidence_of(self._confidence, arguments, self._where)
        output = proposed_call(tool, arguments, confidence=confidence)
        return parse(Task, fields, f"the call of {tool!r}"), output

    def _level(self, tool: str, arguments: Arguments) -> Level:
        risk = self._risk.get(tool, "high") if isinstance(self._risk, Mapping) else self._risk
        return level_of(risk, arguments, self._where)


def permitted(tool: str, answer: Go | No, schema: Schema, proposed: Arguments) -> Go | str:
    """Return the answer if it lets this tool run, else what the model reads about a call that must not be made.

    Approved arguments that do not fit the `schema` of the tool's arguments let nothing run, and nothing is claimed.
    """
    if isinstance(answer, No):
        by = f" (decided by {answer.reviewer})" if answer.reviewer else ""
        return f"{tool} was not run, and will not be: {answer.reason}{by}. {_STOP}"
    if answer.name != tool:
        return f"{tool} was not run, and will not be: a reviewer approved {answer.name!r} in its place. {_STOP}"
    if not is_call(answer):
        return f"{tool} was not run, and will not be: a reviewer's decision states no arguments for it. {_STOP}"
    if schema is not None and (problems := unfit(answer.arguments, schema)):
        return not_fitting(tool, answer, proposed, "; ".join(problems))
    return answer


def not_fitting(tool: str, answer: Go, proposed: Arguments, problems: str) -> str:
    """Return what the model reads about approved arguments that the tool cannot take."""
    whose = "its arguments" if same(answer.arguments, dict(proposed)) else "the arguments that a reviewer has set"
    return f"{tool} was not run, and will not be: {whose} do not fit it: {problems}. {_AGAIN}"


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
    if same(go.arguments, dict(proposed)):
        return result, None
    arguments = json.dumps(go.arguments, ensure_ascii=False)
    return result, f"A reviewer changed the arguments: {tool} was run with {arguments}. Do not repeat the call."


def _stored(tool: str, result: Any) -> Any:
    return f"{tool} was run once, as approved; no result of it is stored." if result is None else result


def _is_same(output: AgentOutput, tool: str, arguments: Arguments) -> bool:
    proposal = output.agent_output
    return proposal.predicted_label == tool and same((proposal.model_extra or {}).get("arguments"), dict(arguments))


_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two attempts to read the result of a call that another process or thread makes."""

_STOP = "Do not repeat the call, nor make another one to the same effect; tell the user."

_AGAIN = "If it is still needed, make a new call with arguments that fit; a person decides on it too."

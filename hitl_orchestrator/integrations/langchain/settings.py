"""The tools of an agent and how their calls are overseen. A tool that the table does not name goes to a person."""

import logging
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from langchain_core.messages import ToolCall
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.errors.in_log import log_foreign
from hitl_orchestrator.integrations.checks import check_confidence, check_risk, check_text, confidence_of

Risk: TypeAlias = Literal["low", "medium", "high"]
DecisionType: TypeAlias = Literal["approve", "edit", "reject", "respond"]
Arguments: TypeAlias = Mapping[str, Any]
Description: TypeAlias = str | Callable[[ToolCall, Any, Runtime[Any]], str]

DECISIONS: tuple[DecisionType, ...] = get_args(DecisionType)
_LEVELS = get_args(Risk)
_WHERE = "OversightMiddleware: tools"
_log = logging.getLogger("hitl_orchestrator.langchain")


class ToolSettings(TypedDict, total=False):
    """How the calls of one tool are overseen.

    `risk` is a level, or a function of the arguments; without it the risk rules of the orchestrator set the level, and
    `high` where none does. `confidence` is the agent's confidence in the call, or a function of the arguments.
    `task_type` is that of the cases, by default the tool's name. `allowed_decisions` are those that a client of
    LangChain may send; `description` is the text that it shows. `args_schema` is the JSON Schema of the arguments, for
    edits that are checked where the tool itself is not at hand.
    """

    risk: Risk | Callable[[Arguments], Risk]
    confidence: float | Callable[[Arguments], float | None]
    domain: str
    task_type: str
    allowed_decisions: list[DecisionType]
    description: Description
    args_schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolRule:
    """The settings of one tool, checked."""

    name: str
    task_type: str
    domain: str
    risk: Risk | Callable[[Arguments], Risk] | None
    confidence: float | Callable[[Arguments], float | None] | None = None
    allowed: tuple[DecisionType, ...] = DECISIONS
    description: Description | None = None
    args_schema: dict[str, Any] | None = None

    def risk_of(self, arguments: Arguments) -> Risk | None:
        """Return the risk of a call; `high` if the function of the settings fails or returns no level."""
        if not callable(self.risk):
            return self.risk
        try:
            level = self.risk(deepcopy(arguments))
        except Exception as exc:  # noqa: BLE001 - fails closed
            about = {"case_id": None, "event": "risk_failed"}
            what = f"the risk function of the tool {self.name!r} failed, so that the call is of high risk"
            log_foreign(_log, what, exc, about)
            return "high"
        return level if level in _LEVELS else "high"

    def confidence_of(self, arguments: Arguments) -> float | None:
        """Return the confidence in a call; None if the function of the settings fails."""
        if not callable(self.confidence):
            return self.confidence
        try:
            return confidence_of(self.confidence, deepcopy(arguments), _WHERE)
        except InvalidInput as exc:  # an unknown confidence is none
            about = {"case_id": None, "event": "confidence_failed"}
            log_foreign(_log, f"the confidence function of the tool {self.name!r} failed, no confidence", exc, about)
            return None

    @property
    def is_fixed(self) -> bool:
        """Whether the same call is always the same task: no function of the application is asked about it."""
        return not callable(self.risk) and not callable(self.confidence)


class ToolTable:
    """The rules by tool name. `False` declares a tool free: its calls are not reviewed.

    Raises:
        InvalidInput: a setting is unknown or has a wrong value; with every problem.
    """

    def __init__(self, tools: Mapping[str, ToolSettings | bool], *, domain: str) -> None:
        self._domain = domain
        if not isinstance(tools, Mapping):
            example = "{'refund': {'risk': 'medium'}, 'search': False}"
            raise InvalidInput([f"{_WHERE}: this is a {type(tools).__name__}; give the settings by tool: {example}"])
        problems = [problem for name, each in tools.items() for problem in _problems(name, each)]
        if problems:
            raise InvalidInput(problems)
        self._free = frozenset(name for name, each in tools.items() if each is False)
        self._rules = {
            name: self._rule(name, each if isinstance(each, Mapping) else {})
            for name, each in tools.items()
            if each is not False
        }

    def __contains__(self, name: str) -> bool:
        """Return whether the table names a tool."""
        return name in self._free or name in self._rules

    def rule(self, name: str) -> ToolRule | None:
        """Return the rule of a tool; None if it is free. An unknown tool is of high risk."""
        if name in self._free:
            return None
        return self._rules.get(name) or ToolRule(name, name, self._domain, "high")

    def _rule(self, name: str, given: ToolSettings) -> ToolRule:
        return ToolRule(
            name=name,
            task_type=given.get("task_type", name),
            domain=given.get("domain", self._domain),
            risk=given.get("risk"),
            confidence=given.get("confidence"),
            allowed=tuple(dict.fromkeys(given.get("allowed_decisions", DECISIONS))),
            description=given.get("description"),
            args_schema=given.get("args_schema"),
        )


def _problems(name: object, given: object) -> list[str]:
    where = f"{_WHERE}: {name!r}"
    if not isinstance(name, str):
        return [f"{where}: this is a {type(name).__name__}, and no name of a tool"]
    if isinstance(given, bool):
        return []
    if not isinstance(given, Mapping):
        return [f"{where}: give True, False for a tool that is not reviewed, or an object of settings"]
    known = ToolSettings.__annotations__
    problems = [f"{where}: {each}: {_unknown(each, known)}" for each in given if each not in known]
    decisions = given.get("allowed_decisions", DECISIONS)
    if isinstance(decisions, str) or not decisions or not set(decisions) <= set(DECISIONS):
        problems.append(f"{where}: allowed_decisions: give a list of {', '.join(DECISIONS)}")
    problems += _refused(check_risk, given.get("risk", "high"), where)
    problems += _refused(check_confidence, given.get("confidence"), where)
    for each in ("domain", "task_type"):
        problems += _refused(check_text, given[each], f"{where}: {each}") if each in given else []
    if not isinstance(given.get("args_schema", {}), Mapping):
        problems.append(f"{where}: args_schema: give the JSON Schema of the arguments, an object")
    description = given.get("description", "")
    if not isinstance(description, str) and not callable(description):
        problems.append(f"{where}: description: give text, or a function of the call, the state and the runtime")
    return problems


def _refused(check: Callable[[object, str], None], value: object, where: str) -> tuple[str, ...]:
    try:
        check(value, where)
    except InvalidInput as exc:
        return exc.problems
    return ()


def _unknown(setting: str, known: Mapping[str, object]) -> str:
    if setting == "when":
        return "which calls need a person is a rule of the policy; give risk= a function of the arguments"
    return f"unknown; the settings are {', '.join(known)}"

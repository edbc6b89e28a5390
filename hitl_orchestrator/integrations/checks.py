"""What guards and adapters check: options when they are made, and approved arguments before a call is claimed."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from hitl_orchestrator import AsyncOrchestrator, CallKey, Orchestrator
from hitl_orchestrator.domain.enums import RiskLevel, RiskName
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.errors import InvalidInput, shortened

Facade: TypeAlias = Orchestrator | AsyncOrchestrator
Arguments: TypeAlias = Mapping[str, Any]
Level: TypeAlias = RiskLevel | RiskName
LevelOf: TypeAlias = Level | Callable[[Arguments], Level]
"""One level, or a function of the arguments of a call, which are one mapping by name."""
Confidence: TypeAlias = float | Callable[[Arguments], float | None] | None
"""The agent's confidence in its calls, or a function of the arguments. Without one no policy approves a call by itself.
"""

_MOST_WAIT = 366 * 86_400
"""Seconds."""

_LEVELS = tuple(level.value for level in RiskLevel)


def check_facade(hitl: object, where: str) -> Facade:
    """Return an open orchestrator. Raises `InvalidInput` for anything else."""
    if isinstance(hitl, Orchestrator | AsyncOrchestrator):
        return hitl
    given = f"the class {hitl.__name__}" if isinstance(hitl, type) else _shown(hitl)
    raise InvalidInput([f"{where}: {given} is no orchestrator; give the one that Orchestrator.open(...) returns"])


def opened_facade(source: Facade | Callable[[], Facade]) -> Facade:
    """Return an open orchestrator, or the one that a function returns, which is not checked here."""
    return source if isinstance(source, Orchestrator | AsyncOrchestrator) else source()


def synchronous(hitl: Facade) -> Orchestrator:
    """Return the synchronous facade of an orchestrator."""
    return hitl.sync if isinstance(hitl, AsyncOrchestrator) else hitl


def check_text(value: object, where: str) -> None:
    """Raise `InvalidInput` unless this is a text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput([f"{where}: {_shown(value)} is no text that says something"])


def check_risk(risk: object, where: str) -> None:
    """Raise `InvalidInput` unless this is a level of risk, or a function of one mapping."""
    if callable(risk):
        check_takes_one(risk, f"{where}: risk")
    elif risk not in _LEVELS:
        problem = f"{where}: risk: {_shown(risk)} is none of {', '.join(_LEVELS)}"
        raise InvalidInput([f"{problem}, and no function of the arguments"])


def check_confidence(confidence: object, where: str) -> None:
    """Raise `InvalidInput` unless this is a share of 1, None, or a function of one mapping."""
    if callable(confidence):
        check_takes_one(confidence, f"{where}: confidence")
    elif confidence is not None and not (_is_number(confidence) and 0 <= cast("float", confidence) <= 1):
        problem = f"{where}: confidence: {_shown(confidence)} is no number from 0 to 1"
        raise InvalidInput([f"{problem}, and no function of the arguments"])


def check_wait(wait: object, where: str) -> None:
    """Raise `InvalidInput` unless this is None, or a number of seconds for which `wait` can wait."""
    if wait is not None and not (_is_number(wait) and 0 <= cast("float", wait) <= _MOST_WAIT):
        raise InvalidInput([f"{where}: wait: {_shown(wait)} is no number of seconds in [0, {_MOST_WAIT}]"])


def check_takes_one(function: Callable[..., Any], where: str) -> None:
    """Raise `InvalidInput` for a function that cannot be called with one mapping, or only asynchronously."""
    if inspect.iscoroutinefunction(function):
        raise InvalidInput([f"{where}: the function is asynchronous; pass a plain one"])
    try:
        inspect.signature(function).bind({})
    except TypeError as exc:
        remedy = "it is called with one mapping of the arguments: lambda arguments: ..."
        raise InvalidInput([f"{where}: the function does not fit ({exc}); {remedy}"]) from exc
    except ValueError:
        return  # some built-in functions have no signature


def level_of(risk: LevelOf, arguments: Arguments, where: str) -> Level:
    """Return the risk of a call. Raises `InvalidInput` if its function fails, or returns no level."""
    level = called(risk, arguments, f"{where}: risk") if callable(risk) else risk
    if level not in _LEVELS:
        raise InvalidInput(
            [f"{where}: risk: the function returned {_shown(level)}; return one of {', '.join(_LEVELS)}"]
        )
    return level


def confidence_of(confidence: Confidence, arguments: Arguments, where: str) -> float | None:
    """Return the confidence in a call. Raises `InvalidInput` if its function fails, or returns no share of 1."""
    if not callable(confidence):
        return confidence
    value: float | None = called(confidence, arguments, f"{where}: confidence")
    if value is not None and not (_is_number(value) and 0 <= value <= 1):
        problem = f"{where}: confidence: the function returned {_shown(value)}"
        raise InvalidInput([f"{problem}; return a number from 0 to 1, or None"])
    return value


def called(function: Callable[[Any], Any], value: Any, where: str) -> Any:
    """Return what a function of the application returns. Raises `InvalidInput` with its place if it fails."""
    try:
        return function(value)
    except Exception as exc:
        raise InvalidInput([f"{where}: the function failed: {type(exc).__name__}: {exc}"]) from exc


def key_of(where: str, thread: object, call_id: object) -> CallKey:
    """Return the key of a call of a framework. Raises `InvalidInput` for an id that the framework did not give."""
    return parse(CallKey, {"thread": thread, "call_id": call_id}, f"{where}: the key of the call")


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a tool's arguments without room for arguments that it does not name."""
    found = dict(schema)
    if "properties" in found or not found.get("additionalProperties", True):
        found.setdefault("additionalProperties", False)
    return found


def unfit(arguments: Arguments, schema: Mapping[str, Any]) -> list[str]:
    """Return each problem of arguments that do not fit the JSON Schema of a tool, or that it cannot be read."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import

    try:
        errors = list(Draft202012Validator(schema).iter_errors(dict(arguments)))
    except Exception as exc:  # noqa: BLE001 - fails closed: the schema belongs to the application
        return [f"the schema of the tool is unusable: {exc}"]
    return [f"{error.json_path.removeprefix('$.').removeprefix('$')}: {error.message}".lstrip(": ") for error in errors]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: object) -> str:
    return shortened(repr(value))

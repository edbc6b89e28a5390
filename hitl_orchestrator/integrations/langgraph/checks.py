"""Checks of what a node is made with, before a graph runs and an approval is used up."""

import inspect
from collections.abc import Callable
from typing import Any

from hitl_orchestrator import AsyncOrchestrator, Orchestrator, ParentCall
from hitl_orchestrator.domain.input.parsing import parse
from hitl_orchestrator.errors import InvalidInput

__all__ = ["check_call", "check_node", "is_asynchronous"]

_SCALARS = {each: each.__name__ for each in (str, int, float, bool, bytes)}
_ARGUMENTS = "the approved arguments, one mapping"


def check_node(node: str, hitl: Any, graph: Any, audience: Any, **functions: tuple[Any, int]) -> None:
    """Check the orchestrator, the name of the graph, and functions, each with the number of its arguments.

    Raises:
        InvalidInput: one is of another kind, or takes other arguments.
    """
    found = [_of_hitl(hitl), _of_graph(graph), "" if isinstance(audience, str) else "audience: it has to be a text"]
    found += [_of_function(name, each, number) for name, (each, number) in functions.items()]
    if problems := [f"{node}: {each}" for each in found if each]:
        raise InvalidInput(problems)


def check_call(call: Any) -> None:
    """Check the function that makes the approved call.

    Raises:
        InvalidInput: it cannot be called with one mapping.
    """
    if problem := _of_call(call):
        raise InvalidInput([f"gate: {problem}"])


def is_asynchronous(function: Callable[..., Any]) -> bool:
    """Return whether a function, or an object that is called like one, is asynchronous."""
    return any(inspect.iscoroutinefunction(each) for each in (function, getattr(function, "__call__", None)))  # noqa: B004 - whether it is asynchronous


def _of_hitl(hitl: Any) -> str:
    if isinstance(hitl, Orchestrator | AsyncOrchestrator) or (callable(hitl) and _takes(hitl, 0)):
        return ""
    return (
        f"hitl: {_name(hitl)} is no orchestrator; pass the one that Orchestrator.open(...) returns, or a function "
        "without parameters that returns it"
    )


def _of_graph(graph: Any) -> str:
    if graph is not None and not isinstance(graph, str):
        return f"graph: {_name(graph)} is no name; pass that of the graph's resumer in hitl.resumers, such as 'support'"
    if graph is not None:
        parse(ParentCall, {"graph": graph, "thread_id": "thread"}, "the name of the graph")
    return ""


def _of_function(name: str, function: Any, number: int) -> str:
    what = "function of " + ("one argument" if number == 1 else f"{number} arguments")
    if not callable(function) or not _takes(function, number):
        return f"{name}: {_name(function)} is no {what}"
    return f"{name}: {_name(function)} is asynchronous; pass a plain function" if is_asynchronous(function) else ""


def _of_call(call: Any) -> str:
    if not callable(call):
        return f"call: {_name(call)} is no function; pass one that takes {_ARGUMENTS}"
    if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        return f"call: {_name(call)} is a generator, which is no single call; pass a function"
    annotation = _first_annotation(call)
    if not _takes(call, 1) or annotation in _SCALARS or annotation in _SCALARS.values():
        remedy = f"pass lambda arguments: {getattr(call, '__name__', 'function')}(**arguments)"
        return f"call: {_name(call)} does not take {_ARGUMENTS}; {remedy}"
    return ""


def _takes(function: Callable[..., Any], number: int) -> bool:
    """Return whether a function can be called with so many positional arguments, or does not say."""
    try:
        inspect.signature(function).bind(*range(number))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _first_annotation(call: Callable[..., Any]) -> Any:
    try:
        parameters = list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        return None
    one = parameters[0] if parameters else None
    is_one = one is not None and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    found = one.annotation if one is not None and is_one else None
    return found if isinstance(found, type | str) else None


def _name(thing: Any) -> str:
    """Return how a value is named in a problem; never its content, such as the address of a store."""
    found = getattr(thing, "__qualname__", None)
    return f"{found!r}" if isinstance(found, str) else f"a value of the type {type(thing).__name__!r}"

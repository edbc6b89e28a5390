"""The functions that carry approved calls out: refused where they would return before the call was made."""

from collections.abc import Callable
from functools import partial
from inspect import (
    isasyncgen,
    isasyncgenfunction,
    isawaitable,
    iscoroutine,
    iscoroutinefunction,
    isfunction,
    isgenerator,
    isgeneratorfunction,
    ismethod,
)
from typing import Any, TypeVar

from hitl_orchestrator.errors import InvalidInput

__all__ = ["check_callable", "ended_call"]

T = TypeVar("T")


def check_callable(call: Callable[..., Any], *, is_async: bool) -> None:
    """Refuse a function whose result would be a promise to make the call.

    Raises:
        InvalidInput: it is a generator function, or asynchronous although `run` is to make it.
    """
    function = _function_of(call)
    if isgeneratorfunction(function) or isasyncgenfunction(function):
        problem = "its function is a generator, which does nothing until it is read; give one that makes the call"
        raise InvalidInput([f"{'arun' if is_async else 'run'}: {problem}"])
    if not is_async and iscoroutinefunction(function):
        raise InvalidInput(["run: its function is asynchronous; make the call with 'await go.arun(...)'"])


def ended_call(result: T) -> T:
    """Return the result of a call that was made. One that is still to be awaited or read is closed, and is none.

    Raises:
        InvalidInput: it is an awaitable or a generator.
    """
    if not (isawaitable(result) or isgenerator(result) or isasyncgen(result)):
        return result
    if iscoroutine(result) or isgenerator(result):
        result.close()
    elif callable(cancel := getattr(result, "cancel", None)):
        cancel()
    kind = type(result).__name__
    raise InvalidInput(
        [f"its function returned a {kind} in place of a result, so that the call was not made to its end"]
    )


def _function_of(call: Callable[..., Any]) -> Any:
    """Return the function that a call runs: of an object, its `__call__`."""
    while isinstance(call, partial):
        call = call.func
    return call if isfunction(call) or ismethod(call) else getattr(type(call), "__call__", call)  # noqa: B004

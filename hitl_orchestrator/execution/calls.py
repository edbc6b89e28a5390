"""The functions that carry approved calls out: refused where they would return before the call was made."""

from collections.abc import Callable
from contextlib import suppress
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
    signature,
)
from typing import Any, TypeVar

from hitl_orchestrator.errors import InvalidInput

__all__ = ["check_callable", "ended_call"]

T = TypeVar("T")


def check_callable(call: Callable[..., Any], *, is_async: bool) -> None:
    """Refuse what cannot make the call, before the only execution is claimed for it.

    Raises:
        InvalidInput: it is no function of one mapping, or one whose result would only be a promise to make the call: a
            generator function, or an asynchronous one where `run` is to make it.
    """
    where = "arun" if is_async else "run"
    remedy = f"give a function of one mapping: go.{where}(lambda arguments: refund(**arguments))"
    if not callable(call):
        raise InvalidInput([f"{where}: this is of the type {type(call).__name__}, and no function; {remedy}"])
    with suppress(ValueError):  # some built-in functions have no signature
        try:
            signature(call).bind({})
        except TypeError as exc:
            raise InvalidInput([f"{where}: the function does not fit ({exc}); {remedy}"]) from exc
    function = _function_of(call)
    if isgeneratorfunction(function) or isasyncgenfunction(function):
        raise InvalidInput([f"{where}: the call is a generator, which does nothing until it is read; {remedy}"])
    if not is_async and iscoroutinefunction(function):
        raise InvalidInput(["run: the call is asynchronous, and would never be awaited; use 'await go.arun(call)'"])


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

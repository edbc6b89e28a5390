"""Await the answer of an asynchronous classifier from synchronous code, within a time limit."""

import asyncio
import functools
import os
import weakref
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar
from threading import Lock, Thread, current_thread, main_thread
from time import monotonic
from typing import Any

__all__ = ["Ended", "EventLoop", "Overrun", "Stopped", "callers_loop", "kept_from_the_loop"]

_CALLERS: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("hitl_callers_loop", default=None)
_LOOK_SECONDS, _GRACE_SECONDS = 1.0, 1.0


class Stopped(Exception):
    """The application ended its event loop, and with it the awaitable."""


class Ended(Exception):
    """A coroutine raised `SystemExit` or `KeyboardInterrupt`, its cause, either of which would end the loop."""


def kept_from_the_loop(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return a coroutine function that raises `Ended` instead of an error that ends a loop.

    LangChain runs a coroutine function in a task of its own, from which such an error goes right to the loop. An
    interruption of the main thread comes from the user, and ends it.
    """

    @functools.wraps(function)
    async def run(*args: Any, **named: Any) -> Any:
        try:
            return await function(*args, **named)
        except (SystemExit, KeyboardInterrupt) as exc:
            if _is_of_user(exc):
                raise
            raise Ended from exc

    return run


def _is_canceled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _is_of_user(exc: BaseException) -> bool:
    return isinstance(exc, KeyboardInterrupt) and current_thread() is main_thread()


_UNDER_WAY: set["_Call"] = set()
"""The calls that have not ended: a loop alone keeps no task that waits."""


class Overrun(Exception):
    """An awaitable took longer than its limit, and was canceled."""


@contextmanager
def callers_loop(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Run the coroutines of a classifier in this event loop, whose own thread must not wait for them.

    Connections of asynchronous clients belong to one loop: in an asynchronous application, to that of the application.
    """
    token = _CALLERS.set(loop)
    try:
        yield
    finally:
        _CALLERS.reset(token)


class EventLoop:
    """Runs awaitables in the loop of the caller, if it has one, or else in one lasting loop in a thread.

    The loop lasts, since clients keep their connections between calls. A loop that a coroutine blocks, or in which a
    canceled one goes on, is left behind for as long as the process lives, and the next call gets another one.
    """

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock, self._process = Lock(), 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, awaitable: Awaitable[Any], context: Context, seconds: float | None) -> Any:
        """Return the result of an awaitable, or raise its error. None is no limit.

        Raises:
            Overrun: it took longer than `seconds`.
            Ended: it raised `SystemExit` or `KeyboardInterrupt`.
            Stopped: the caller ended its loop.
        """
        callers = _loop_of_caller()
        loop = callers or self._lasting()
        call = _Call(awaitable)
        try:
            loop.call_soon_threadsafe(call.start, loop, context)
            return _result(call.ended, loop, seconds)
        except BaseException as exc:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(call.cancel)
            if isinstance(exc, Overrun) and callers is None and not _has_ended(call.ended, _GRACE_SECONDS):
                self._leave(loop)
            raise

    def _lasting(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._process != os.getpid():  # the thread stays behind in a fork
                self._loop, self._process = asyncio.new_event_loop(), os.getpid()
                Thread(target=_serve, args=(self._loop,), daemon=True, name="hitl-classifier-loop").start()
                self._stop = weakref.finalize(self, _stop, self._loop)
            return self._loop

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if self._loop is loop:
                self._loop = None
                self._stop.detach()


class _Call:
    """One awaitable in a loop. Its methods run in the thread of the loop."""

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self.ended: Future[Any] = Future()
        self._awaitable, self._canceled = awaitable, False
        self._task: asyncio.Task[None] | None = None

    def start(self, loop: asyncio.AbstractEventLoop, context: Context) -> None:
        if self._canceled:
            getattr(self._awaitable, "close", bool)()
            return
        self._task = loop.create_task(self._guarded(), context=context)
        _UNDER_WAY.add(self)

    def cancel(self) -> None:
        self._canceled = True
        if self._task is not None:
            self._task.cancel()

    async def _guarded(self) -> None:
        """Keep every error for the thread that waits."""
        try:
            result = await kept_from_the_loop(_awaited)(self._awaitable)
        except BaseException as exc:
            canceled = isinstance(exc, asyncio.CancelledError) and _is_canceled() and not self._canceled
            self.ended.set_exception(Stopped() if canceled else exc)
            if _is_of_user(exc):
                raise
        else:
            self.ended.set_result(result)
        finally:
            _UNDER_WAY.discard(self)


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _result(ended: "Future[Any]", loop: asyncio.AbstractEventLoop, seconds: float | None) -> Any:
    """Wait for a result, and look from time to time whether the loop still exists."""
    end = None if seconds is None else monotonic() + seconds
    while True:
        left = _LOOK_SECONDS if end is None else min(end - monotonic(), _LOOK_SECONDS)
        if _has_ended(ended, max(left, 0)):
            return ended.result()
        if end is not None and monotonic() >= end:
            raise Overrun
        if loop.is_closed():
            raise Stopped


def _has_ended(ended: "Future[Any]", seconds: float) -> bool:
    """Wait for the end of a call, and return whether it came."""
    with suppress(NotYet):
        ended.exception(timeout=seconds)
        return True
    return False


def _loop_of_caller() -> asyncio.AbstractEventLoop | None:
    """Return the running loop of the caller; None in its own thread, which would wait for itself."""
    loop = _CALLERS.get()
    if loop is None or not loop.is_running():
        return None
    try:
        return None if asyncio.get_running_loop() is loop else loop
    except RuntimeError:
        return loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop) -> None:
    with suppress(RuntimeError):  # it is closed
        loop.call_soon_threadsafe(loop.stop)

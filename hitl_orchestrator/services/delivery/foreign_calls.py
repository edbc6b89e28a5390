"""Threads for calls of foreign code, which may hang: they neither block others nor keep the process from ending."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from threading import Lock, Thread, current_thread
from time import monotonic
from typing import Any

__all__ = ["ForeignCalls"]

_AT_ONCE, _MOST_OVERDUE = 4, 32
_log = logging.getLogger(__name__)


class _Call:
    """One call: it runs from `started` on, None before."""

    def __init__(self, key: str, function: Callable[[], Any]) -> None:
        self.key, self.function, self.future = key, function, Future[Any]()
        self.started: float | None = None


class ForeignCalls:
    """Runs calls in a few daemon threads. A call that overruns its time gives its place to the next one."""

    def __init__(self, name: str, seconds: float) -> None:
        """Allow each call `seconds`, after which it is overdue. It is not stopped: no thread can be."""
        self._name, self._seconds = name, seconds
        self._lock, self._closed = Lock(), False
        self._queue, self._calls, self._threads = deque[_Call](), dict[str, _Call](), dict[Thread, _Call | None]()

    def start(self, key: str, function: Callable[[], Any]) -> "Future[Any] | None":
        """Start a call, or return the one that runs under this key and is not overdue. None once closed.

        Where no thread can be started it waits in the queue for the next one.
        """
        with self._lock:
            if self._closed:
                return None
            known = self._calls.get(key)
            if known is not None and not self._is_overdue(known):
                return known.future
            call = self._calls[key] = _Call(key, function)
            self._queue.append(call)
            self._add_thread()
            return call.future

    def _add_thread(self) -> None:
        """Start one more thread, unless enough are on time. Without a new one the queue waits for those."""
        # The threads of a process do not live on in a fork of it.
        self._threads = {thread: call for thread, call in self._threads.items() if thread.is_alive()}
        on_time = sum(1 for call in self._threads.values() if call is None or not self._is_overdue(call))
        if on_time < _AT_ONCE and len(self._threads) < _AT_ONCE + _MOST_OVERDUE:
            thread = Thread(target=self._work, daemon=True, name=self._name)
            self._threads[thread] = None
            try:
                thread.start()
            except RuntimeError as exc:  # the process ends, or has too many threads
                del self._threads[thread]
                about = {"case_id": None, "event": "no_thread"}
                _log.warning("no thread could be started: %s", exc, extra=about)

    def running(self) -> Mapping[str, "Future[Any]"]:
        """Return the calls that are queued or run, and are not overdue."""
        with self._lock:
            return {key: call.future for key, call in self._calls.items() if not self._is_overdue(call)}

    def close(self, seconds: float) -> None:
        """Start no more calls, and wait at most this long for those that were started before."""
        with self._lock:
            self._closed = True
            # A call that closes the store itself is not waited for.
            own = self._threads.get(current_thread())
            futures = [each.future for each in self._calls.values() if each is not own and not self._is_overdue(each)]
        wait(futures, timeout=seconds)
        with self._lock:
            self._queue.clear()

    def _is_overdue(self, call: _Call) -> bool:
        return call.started is not None and monotonic() > call.started + self._seconds

    def _work(self) -> None:
        """Run calls until none is left."""
        thread = current_thread()
        while (call := self._next(thread)) is not None:
            try:
                call.future.set_result(call.function())
            except BaseException as exc:  # noqa: BLE001 - for the thread that reads the future
                call.future.set_exception(exc)
            with self._lock:
                if self._calls.get(call.key) is call:
                    del self._calls[call.key]

    def _next(self, thread: Thread) -> _Call | None:
        with self._lock:
            if not self._queue:
                del self._threads[thread]
                return None
            call = self._threads[thread] = self._queue.popleft()
            call.started = monotonic()
            return call

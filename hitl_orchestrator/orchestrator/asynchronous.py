"""`AsyncOrchestrator`: the facade for event loops, with the same names. Its signatures are in the stub file."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from threading import Lock
from typing import Any

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.principal import Principal
from hitl_orchestrator.execution.answers import Answer
from hitl_orchestrator.orchestrator import Orchestrator
from hitl_orchestrator.orchestrator.audit import Audit
from hitl_orchestrator.orchestrator.cases import Cases
from hitl_orchestrator.orchestrator.executions import Executions
from hitl_orchestrator.orchestrator.gate import case_id_of
from hitl_orchestrator.orchestrator.insights import Insights
from hitl_orchestrator.orchestrator.people import PeopleAdministration
from hitl_orchestrator.orchestrator.policy import PolicyAdministration
from hitl_orchestrator.orchestrator.reviews import Reviews
from hitl_orchestrator.services.cases.event_loop import callers_loop
from hitl_orchestrator.services.delivery.waiting import checked_timeout, finished_or_waiting

__all__ = [
    "AsyncAudit",
    "AsyncCases",
    "AsyncExecutions",
    "AsyncInsights",
    "AsyncOrchestrator",
    "AsyncPeopleAdministration",
    "AsyncPolicyAdministration",
    "AsyncReviews",
]

_PAGE = 100


class _Threads:
    """The worker threads of one asynchronous facade, which limit how many calls run at a time."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="hitl")
        self._closed = False

    async def call(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Run a blocking call in a worker thread, with the context of the caller."""
        loop = asyncio.get_running_loop()
        run = functools.partial(copy_context().run, _called_from, loop, function, *args, **named)
        # After close, a thread of the event loop raises what the closed synchronous facade raises.
        pool = None if self._closed else self._pool
        return await loop.run_in_executor(pool, run)

    async def items(self, function: Callable[..., Iterator[Any]], *args: Any, **named: Any) -> AsyncIterator[Any]:
        """Yield the items of a blocking iterator, read page by page in a worker thread."""
        iterator = await self.call(function, *args, **named)
        while page := await self.call(lambda: [item for item, _ in zip(iterator, range(_PAGE), strict=False)]):
            for item in page:
                yield item

    def apart(self, function: Callable[[], None]) -> None:
        """Run a call in a worker thread, without waiting for it."""
        self._pool.submit(function)

    def close(self) -> None:
        self._closed = True
        self._pool.shutdown(wait=False)


def _called_from(loop: asyncio.AbstractEventLoop, function: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
    """Call a function whose asynchronous classifier, if it asks one, runs in the loop of the caller."""
    with callers_loop(loop):
        return function(*args, **named)


class _Wrapper:
    """Base of the derived classes: one object of the synchronous facade, and the worker threads."""

    def __init__(self, sync: Any, threads: _Threads) -> None:
        self._sync, self._threads = sync, threads


def _derived(name: str, sync: type) -> type[Any]:
    """Return a class with an asynchronous method for each public method of a synchronous class."""
    methods: dict[str, Any] = {"__doc__": sync.__doc__, "__module__": __name__}
    for each, function in vars(sync).items():
        if not each.startswith("_") and inspect.isfunction(function):
            methods[each] = _asynchronous(each, function)
    return type(name, (_Wrapper,), methods)


def _asynchronous(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if "Iterator" in str(inspect.signature(function).return_annotation):

        def method(self: _Wrapper, *args: Any, **named: Any) -> Any:
            return self._threads.items(getattr(self._sync, name), *args, **named)
    else:

        async def method(self: _Wrapper, *args: Any, **named: Any) -> Any:
            return await self._threads.call(getattr(self._sync, name), *args, **named)

    return functools.wraps(function)(method)


AsyncCases = _derived("AsyncCases", Cases)
AsyncReviews = _derived("AsyncReviews", Reviews)
AsyncExecutions = _derived("AsyncExecutions", Executions)
AsyncPolicyAdministration = _derived("AsyncPolicyAdministration", PolicyAdministration)
AsyncPeopleAdministration = _derived("AsyncPeopleAdministration", PeopleAdministration)
AsyncAudit = _derived("AsyncAudit", Audit)
AsyncInsights = _derived("AsyncInsights", Insights)
_Facade: Any = _derived("_Facade", Orchestrator)


class AsyncOrchestrator(_Facade):  # type: ignore[misc]  # the base is derived at run time
    """The facade for event loops: the methods of `Orchestrator`, run in worker threads.

    Callbacks such as `on_case` run in a worker thread. `sync` is the synchronous facade of the same store, for code
    that runs in threads of its own.
    """

    def __init__(self, sync: Orchestrator, threads: _Threads) -> None:
        """Wrap an open orchestrator; `open` makes both."""
        super().__init__(sync, threads)
        self.sync = sync
        self.cases, self.reviews = AsyncCases(sync.cases, threads), AsyncReviews(sync.reviews, threads)
        self.executions = AsyncExecutions(sync.executions, threads)
        self.policy = AsyncPolicyAdministration(sync.policy, threads)
        self.people = AsyncPeopleAdministration(sync.people, threads)
        self.audit, self.insights = AsyncAudit(sync.audit, threads), AsyncInsights(sync.insights, threads)
        self.resumers = sync.resumers

    @classmethod
    def open(cls, *args: Any, threads: int = 8, **options: Any) -> "_Opening":
        """Open a store as `Orchestrator.open` does; use the result with `await` or `async with`.

        At most `threads` calls run at a time.
        """
        return _Opening(cls, _Threads(threads), functools.partial(Orchestrator.open, *args, **options))

    def acting_as(
        self, reviewer: str | None = None, *, channel: str = "library", principal: Principal | None = None
    ) -> "AsyncOrchestrator":
        """Return this orchestrator bound to a principal, a reviewer and a channel, which the ledger records."""
        return type(self)(self._sync.acting_as(reviewer, channel=channel, principal=principal), self._threads)

    @functools.wraps(Orchestrator.wait)
    async def wait(self, case: Case | Answer | str, timeout: float | None = None) -> Case:
        """Return a case as soon as it is finished, as `Orchestrator.wait` does. It holds no thread while it waits."""
        seconds, case_id = checked_timeout(timeout), case_id_of(case)
        with self._sync._services.waiters.waiting(case_id) as future:
            found: Case = await self.cases.get(case_id)
            if found.stage is not CaseStage.FINISHED:
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.wrap_future(future), seconds)
                found = await self.cases.get(case_id)
        return finished_or_waiting(found, seconds)

    async def close(self) -> None:
        """Sign the ledger head if there is a head file, and close files, connections and threads."""
        try:
            await self._threads.call(self._sync.close)
        finally:
            self._threads.close()

    async def __aenter__(self) -> "AsyncOrchestrator":
        """Return the orchestrator."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the orchestrator."""
        await self.close()

    def __repr__(self) -> str:
        """Return the store, without a password, and the start of the active policy's hash."""
        return f"<Async{repr(self._sync)[1:]}"


class _Opening:
    """An orchestrator that is opened when it is awaited, or entered as a context manager."""

    def __init__(self, kind: type[AsyncOrchestrator], threads: _Threads, opening: Callable[[], Orchestrator]) -> None:
        self._kind, self._threads, self._opening = kind, threads, opening
        self._opened: AsyncOrchestrator | None = None
        self._lock, self._abandoned = Lock(), False
        self._sync: Orchestrator | None = None

    def __await__(self) -> Any:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> AsyncOrchestrator:
        try:
            self._opened = self._kind(await self._threads.call(self._open), self._threads)
        except BaseException:
            self._abandon()
            raise
        return self._opened

    def _open(self) -> Orchestrator:
        """Open the store. If the caller was canceled meanwhile, close it again."""
        opened = self._opening()
        with self._lock:
            self._sync = opened
            if self._abandoned:
                opened.close()
        return opened

    def _abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            if self._sync is not None:
                self._threads.apart(self._sync.close)
        self._threads.close()

    async def __aexit__(self, *exc: object) -> None:
        if self._opened is not None:
            await self._opened.close()


AsyncOrchestrator.__module__ = "hitl_orchestrator"  # the name that users import

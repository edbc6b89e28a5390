"""Resume a parent graph that waits for a decision: a compiled graph of this process, or one on a LangGraph server."""

import asyncio
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from hitl_orchestrator import Case, InvalidInput, ParentCall, RequestRejected
from hitl_orchestrator.integrations.langgraph.answers import wake_up
from hitl_orchestrator.integrations.langgraph.overlap import alone
from hitl_orchestrator.integrations.langgraph.payload import names_case

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph_sdk.client import SyncLangGraphClient

__all__ = ["LangGraphResumer", "LangGraphServerResumer", "check_parent"]

Graph: TypeAlias = "CompiledStateGraph[Any, Any, Any, Any]"
SECONDS = 50.0
"""How long a resumer waits for another run of the thread, and for the graph of a server."""


def check_parent(graph: Any) -> None:
    """Return if a compiled graph can hold the pause of a node of ours.

    Raises:
        InvalidInput: it is no compiled graph, or it has no checkpointer of its own.
    """
    if not hasattr(graph, "get_state"):
        raise InvalidInput([f"graph: a {type(graph).__name__} is no compiled graph; pass builder.compile(...)"])
    if not graph.checkpointer or graph.checkpointer is True:
        why = "it has no checkpointer of its own, so its pause would be lost"
        raise InvalidInput(
            [f"graph: {why}; compile it with one, such as builder.compile(checkpointer=SqliteSaver(...))"]
        )


class LangGraphResumer:
    """Resumes threads of one compiled graph, in the process that decides. It may be used by several threads.

    `graph` is the compiled graph, a function that returns it, or a reference `module:attribute` to one of these, which
    is imported when the first thread is resumed. The reference comes from the process that decides, never from the
    store. `config` and `context` are those with which the application runs the graph.

    A graph that only runs asynchronously needs `loop`, the event loop of its checkpointer, which runs in another
    thread.
    """

    def __init__(
        self,
        graph: "Graph | Callable[[], Graph] | str",
        *,
        config: RunnableConfig | None = None,
        context: Any = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Keep the graph.

        Raises:
            InvalidInput: the graph is not compiled or has no checkpointer, or the reference leads to nothing.
        """
        if isinstance(graph, str):
            _check_reference(graph)
        elif hasattr(graph, "get_state") or not callable(graph):
            check_parent(graph)
        self._source, self._lock = graph, Lock()
        self._graph: Graph | None = None
        self._config, self._context, self._loop = config or {}, context, loop

    def resume(self, parent: ParentCall, case: Case) -> None:
        """Resume the thread that waits for a case, and run it until it finishes or waits again.

        A thread that went on already is left alone, so that a repeated call is harmless.

        Raises:
            RequestRejected: the thread does not wait yet, still waits, or is at work; call again later.
        """
        graph = self._compiled()
        thread: Mapping[str, Any] = self._config.get("configurable", {})
        config: RunnableConfig = {**self._config, "configurable": {**thread, "thread_id": parent.thread_id}}
        with alone(parent.thread_id, case.case_id, SECONDS):
            snapshot = self._snapshot(graph, config)
            paused = _paused_in(snapshot, parent, case)
            if paused is not None:
                self._invoke(graph, Command(resume={paused: wake_up(case.case_id)}), config)
                snapshot = self._snapshot(graph, config)
                if _paused_in(snapshot, parent, case) is not None:
                    raise RequestRejected(f"thread {parent.thread_id!r} still waits for case {case.case_id!r}")
            if _is_between_steps(snapshot):
                # Two runs have each finished a task of this step, and each has left the step to the other.
                self._invoke(graph, None, config)

    def _snapshot(self, graph: Graph, config: RunnableConfig) -> StateSnapshot:
        found: StateSnapshot = self._run(
            lambda: graph.get_state(config, subgraphs=True), lambda: graph.aget_state(config, subgraphs=True)
        )
        return found

    def _invoke(self, graph: Graph, given: Any, config: RunnableConfig) -> None:
        self._run(
            lambda: graph.invoke(given, config, context=self._context, durability="sync"),
            lambda: graph.ainvoke(given, config, context=self._context, durability="sync"),
        )

    def _compiled(self) -> Graph:
        with self._lock:
            if self._graph is None:
                found: Any = _imported(self._source) if isinstance(self._source, str) else self._source
                found = found if hasattr(found, "get_state") or not callable(found) else found()
                check_parent(found)
                self._graph = found
            return self._graph

    def _run(self, call: Callable[[], Any], asynchronous: Callable[[], Any]) -> Any:
        if self._loop is None:
            return call()

        async def awaited() -> Any:
            return await asynchronous()

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()


class LangGraphServerResumer:
    """Resumes threads on a LangGraph server by its SDK. `url` and `headers` come from the process that decides.

    `assistant` is the graph or assistant of the server, by default the name in the parent call. The run counts as
    resumed when its pause is gone, for which the resumer waits up to `seconds`; the run goes on after that.
    """

    def __init__(
        self,
        url: "str | SyncLangGraphClient",
        *,
        assistant: str | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """Keep the address.

        Raises:
            InvalidInput: it is no address of a server, nor a client of the SDK.
        """
        _check_server(url, seconds)
        self._server, self._assistant = url, assistant
        self._headers, self._seconds = headers, seconds

    def resume(self, parent: ParentCall, case: Case) -> None:
        """Resume the thread that waits for a case.

        Raises:
            RequestRejected: the thread does not wait yet, still waits, or is at work; call again later.
            httpx.HTTPError: the server refuses, or is away.
        """
        with self._client() as client:
            paused = _paused_on(client, parent, case)
            if paused is None:
                return
            client.runs.wait(
                parent.thread_id,
                self._assistant or parent.graph,
                command={"resume": {paused: wake_up(case.case_id)}},
                multitask_strategy="reject",
                on_disconnect="continue",
                raise_error=False,
                durability="sync",
            )
            if _paused_on(client, parent, case) is not None:
                raise RequestRejected(f"thread {parent.thread_id!r} still waits for case {case.case_id!r}")

    def _client(self) -> "AbstractContextManager[SyncLangGraphClient]":
        if not isinstance(self._server, str):
            return nullcontext(self._server)
        from langgraph_sdk import get_sync_client  # noqa: PLC0415 - not needed for graphs of this process

        # Without a key of its own the SDK would send one of the environment, which is of another service.
        return get_sync_client(url=self._server, api_key=None, headers=self._headers, timeout=self._seconds)


def _paused_on(client: "SyncLangGraphClient", parent: ParentCall, case: Case) -> str | None:
    """Return the id of the interrupt on a server that waits for a case; None if the thread went on."""
    state: Mapping[str, Any] = client.threads.get_state(parent.thread_id, subgraphs=True)
    for task in state.get("tasks") or ():
        for each in task.get("interrupts") or ():
            if names_case(each.get("value"), case.case_id):
                return str(each["id"])
    if not state.get("created_at") or _is_pending(state, _task_ids(parent.namespace)):
        raise _not_yet(parent, case)
    return None


def _paused_in(snapshot: StateSnapshot, parent: ParentCall, case: Case) -> str | None:
    """Return the id of the interrupt that waits for a case; None if the thread went on."""
    for each in snapshot.interrupts:
        if names_case(each.value, case.case_id):
            return each.id
    if snapshot.created_at is None or _is_pending(snapshot, _task_ids(parent.namespace)):
        raise _not_yet(parent, case)
    return None


def _is_between_steps(snapshot: StateSnapshot) -> bool:
    """Return whether all tasks of a step are finished, and the next step has not begun; also in a graph inside."""
    if snapshot.tasks and not snapshot.next:
        return True
    return any(isinstance(task.state, StateSnapshot) and _is_between_steps(task.state) for task in snapshot.tasks)


def _not_yet(parent: ParentCall, case: Case) -> RequestRejected:
    why = "run the graph again if its process has died before it paused"
    return RequestRejected(f"thread {parent.thread_id!r} does not wait for case {case.case_id!r} yet; {why}")


def _task_ids(namespace: str) -> list[str]:
    """Return the ids of the tasks in a checkpoint namespace, the outermost first."""
    return [part.rpartition(":")[2] for part in namespace.split("|") if ":" in part]


def _is_pending(snapshot: Any, task_ids: list[str]) -> bool:
    """Return whether a task is neither finished nor paused, in the snapshot of an SDK or of a graph.

    A pause that does not name the case waits for others alone: the task has gone on after the decision on this one.
    """
    for task in _tasks(snapshot):
        if task_ids and _get(task, "id") == task_ids[0]:
            if _get(task, "result") is not None:
                return False
            inner = _get(task, "state")
            has_tasks = isinstance(inner, StateSnapshot) or (isinstance(inner, Mapping) and "tasks" in inner)
            if len(task_ids) > 1:
                return _is_pending(inner, task_ids[1:]) if has_tasks else True
            return not _get(task, "interrupts")
    return False


def _tasks(snapshot: Any) -> Iterable[Any]:
    return _get(snapshot, "tasks") or ()


def _get(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _parts(reference: str) -> tuple[str, str]:
    module, colon, attribute = reference.partition(":")
    if not (module and colon and attribute):
        raise InvalidInput([f"graph: {reference!r} is no reference; write 'module:attribute', such as 'my_app:graph'"])
    return module, attribute


def _check_reference(reference: str) -> None:
    """Raise `InvalidInput` for a reference that leads to nothing, as far as that is known without an import."""
    name, attribute = _parts(reference)
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    is_complete = module is not None and not getattr(spec, "_initializing", False)
    if is_complete and not hasattr(module, attribute):
        raise InvalidInput([f"graph: {reference!r}: the module {name!r} has no {attribute!r}; name its compiled graph"])
    top = name.partition(".")[0]
    if module is None and top not in sys.modules and importlib.util.find_spec(top) is None:
        raise InvalidInput([f"graph: {reference!r}: there is no module {top!r}; name one that can be imported here"])


def _check_server(server: Any, seconds: Any) -> None:
    if isinstance(server, str):
        try:
            parts = urlsplit(server)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(["url: it has to begin with http:// or https:// and a host: 'http://localhost:2024'"])
    elif not (hasattr(server, "threads") and hasattr(server, "runs")):
        kind = type(server).__name__
        raise InvalidInput(
            [f"url: a value of the type {kind!r} is neither an address nor a client; pass one of get_sync_client(...)"]
        )
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < inf:
        raise InvalidInput([f"seconds: {seconds!r} is no time to wait; pass a number of seconds above 0"])


def _imported(reference: str) -> Any:
    module, attribute = _parts(reference)
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as exc:
        raise InvalidInput([f"graph: {reference!r} cannot be imported: {exc}"]) from exc

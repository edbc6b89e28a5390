"""`hitl calls`: the tool calls that a thread of a LangChain agent waits for, and the answer to one of them."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_orchestrator.cli.application import attempted, imported
from hitl_orchestrator.cli.commands.reviews.inbox import REVIEW
from hitl_orchestrator.cli.commands.reviews.review_desk import check_terminal, sit
from hitl_orchestrator.cli.context import STORE, App, argument, command, option
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table, inline
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import HitlError, InvalidInput, RequestRejected
from hitl_orchestrator.errors.in_log import sentence_of

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.integrations.langchain import PendingCall
    from hitl_orchestrator.orchestrator import Orchestrator

group = typer.Typer()

Graph = Annotated[str, argument("MODULE:GRAPH", "Compiled graph with its checkpointer; the module is imported.")]
Thread = Annotated[str, argument("THREAD", "Id of the thread.")]
Call = Annotated[str | None, option("ID", "Answer the call with this interrupt id.", "--call")]
AtTheDesk = Annotated[str | None, option("ID", "Your id as a reviewer: open the desk with the calls of the thread.")]
Decision = Annotated[
    str | None, option("JSON", "LangChain's decision. A call with a case needs none: its case counts.", "--answer")
]


@command(group, "calls", STORE, panel=REVIEW)
def calls(
    session: "Session",
    graph: Graph,
    thread: Thread,
    call: Call = None,
    decision: Decision = None,
    reviewer: AtTheDesk = None,
    app: App = None,
) -> None:
    """Show the tool calls that a LangGraph thread waits for, or answer one of them.

    Lists `per_call` pauses: of the oversight middleware and of LangChain's own. With --reviewer the desk opens with the
    calls that have cases, and the thread goes on with those that were decided. Or decide such a call with 'hitl
    decide', and resume its thread with --call.
    """
    from hitl_orchestrator.integrations.langchain import pending_calls

    compiled = _imported(graph)
    pending = attempted(f"thread {thread!r} cannot be read", lambda: pending_calls(compiled, thread))
    if reviewer is not None:
        if call is not None or decision is not None:
            raise InvalidInput(["--reviewer: the desk takes the decisions; leave out --call and --answer"])
        if not any(each.case_id for each in pending):
            raise InvalidInput([f"--reviewer: no call of thread {thread!r} has a case; answer them by --answer"])
        check_terminal()
        with session.open(reviewer=reviewer, app=app) as hitl:
            _at_the_desk(hitl, compiled, thread, reviewer)
            pending = pending_calls(compiled, thread)
    elif call is not None:
        chosen = [each for each in pending if each.interrupt_id.startswith(call)]
        if len(chosen) != 1:
            raise InvalidInput(
                [f"--call: {call!r} is the id of {len(chosen)} calls of thread {thread!r}; list them first"]
            )
        _answer(compiled, thread, chosen[0], None if decision is None else _read(decision))
        pending = pending_calls(compiled, thread)
    elif decision is not None:
        raise InvalidInput(["--answer: name the call with --call, the interrupt id that the list shows"])
    none = "" if pending else _why_none(compiled, thread)
    answer(session.as_json, [_as_json(each) for each in pending], lambda: _shown(pending, none))


def _answer(compiled: Any, thread: str, pending: "PendingCall", given: dict[str, Any] | None) -> None:
    """Resume the thread with the answer to a call. Raises `RequestRejected` if the thread fails then."""
    from hitl_orchestrator.integrations.langchain import answer_call

    try:
        answer_call(compiled, thread, pending, given)
    except (HitlError, KeyboardInterrupt):
        raise
    except BaseException as exc:
        raise RequestRejected(f"thread {thread!r} was resumed and failed: {sentence_of(exc)}") from exc


def _at_the_desk(hitl: "Orchestrator", compiled: Any, thread: str, reviewer: str) -> None:
    """Let a reviewer decide the calls that have cases, and resume the thread with each that is decided."""
    from hitl_orchestrator.integrations.langchain import pending_calls

    sit(hitl, reviewer, only=frozenset(each.case_id for each in pending_calls(compiled, thread) if each.case_id))
    resumed = set[str]()
    # One answer may end the pauses of others, so that the rest is read again after each.
    while left := [each for each in pending_calls(compiled, thread) if each.interrupt_id not in resumed]:
        decided = next((each for each in left if _is_decided(hitl, each)), None)
        if decided is None:
            return
        resumed.add(decided.interrupt_id)
        _answer(compiled, thread, decided, None)


def _is_decided(hitl: "Orchestrator", pending: "PendingCall") -> bool:
    return pending.case_id is not None and hitl.cases.get(pending.case_id).record is not None


def _imported(reference: str) -> Any:
    """Return the graph of a reference, from the folder of the command as well."""
    module, colon, name = reference.partition(":")
    if not (module and colon and name):
        raise InvalidInput([f"MODULE:GRAPH: {reference!r} is no reference; write it as my_app:agent"])
    where = f"MODULE:GRAPH: {reference!r}"
    found = imported(where, module, name, remedy="write it as my_app:agent")
    if not attempted(where, lambda: hasattr(found, "get_state") and getattr(found, "checkpointer", None)):
        raise InvalidInput([f"MODULE:GRAPH: {reference!r} is no compiled graph with a checkpointer"])
    return found


def _read(decision: str) -> dict[str, Any]:
    try:
        read = json.loads(decision)
    except ValueError as exc:
        raise InvalidInput([f"--answer: this is no JSON: {exc}"]) from exc
    if not isinstance(read, dict):
        raise InvalidInput(["""--answer: give an object, such as '{"type": "approve"}'"""])
    return read


def _as_json(pending: "PendingCall") -> dict[str, Any]:
    return {
        "interrupt_id": pending.interrupt_id,
        "name": pending.name,
        "arguments": pending.arguments,
        "case_id": pending.case_id,
        "allowed_decisions": list(pending.allowed),
    }


def _why_none(compiled: Any, thread: str) -> str:
    """Return why no call of a thread is listed: it is unknown, waits in another way, or does not wait."""
    state = compiled.get_state({"configurable": {"thread_id": thread}}, subgraphs=True)
    if not state.interrupts:
        known = bool(state.values or state.created_at or state.next)
        return "No call of this thread waits." if known else f"The checkpointer of the graph has no thread {thread!r}."
    batched = [each.value for each in state.interrupts if isinstance(each.value, Mapping)]
    requests = [request for value in batched for request in value.get("action_requests") or ()]
    calls = ", ".join(inline(str(request.get("name"))) for request in requests if isinstance(request, Mapping))
    if not calls:
        return "The thread waits, but for no call of a tool: resume it in its application."
    remedy = (
        "decide them with 'hitl inbox' and 'hitl decide' if they have cases, and resume the thread in its application"
    )
    return f"Calls of this thread wait together, in LangChain's batched mode: {calls}; {remedy}."


def _shown(pending: "list[PendingCall]", none: str) -> list[Block]:
    if not pending:
        return [Line(none)]
    columns = (
        Column("call"),
        Column("tool", gives_way=True),
        Column("arguments", folds=True, gives_way=True),
        Column("case"),
        Column("decisions", optional=True),
    )
    rows = [
        (
            Cell(each.interrupt_id[:8]),
            Cell(each.name),
            Cell(json.dumps(each.arguments, ensure_ascii=False)),
            Cell(each.case_id or ""),
            Cell(", ".join(each.allowed)),
        )
        for each in pending
    ]
    ways = [" --call ID --answer JSON", *([" --reviewer ID"] if any(each.case_id for each in pending) else [])]
    return [Table(columns, rows), *(Line(f"hitl calls MODULE:GRAPH THREAD{way}", COMMAND) for way in ways)]

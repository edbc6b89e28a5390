"""`hitl calls`: the tool calls that a thread of a LangChain agent waits for, and the answer to one of them."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_orchestrator.cli.application import attempted, imported
from hitl_orchestrator.cli.commands.reviews.inbox import REVIEW
from hitl_orchestrator.cli.context import argument, command, option
from hitl_orchestrator.cli.output.blocks import COMMAND, Block, Cell, Column, Line, Table
from hitl_orchestrator.cli.output.render import answer
from hitl_orchestrator.errors import HitlError, InvalidInput, RequestRejected
from hitl_orchestrator.errors.in_log import sentence_of

if TYPE_CHECKING:
    from hitl_orchestrator.cli.session import Session
    from hitl_orchestrator.integrations.langchain import PendingCall

group = typer.Typer()

Graph = Annotated[str, argument("MODULE:GRAPH", "Compiled graph with its checkpointer; the module is imported.")]
Thread = Annotated[str, argument("THREAD", "Id of the thread.")]
Call = Annotated[str | None, option("ID", "Answer the call with this interrupt id.", "--call")]
Decision = Annotated[
    str | None, option("JSON", "LangChain's decision. A call with a case needs none: its case counts.", "--answer")
]


@command(group, "calls", (), panel=REVIEW)
def calls(session: "Session", graph: Graph, thread: Thread, call: Call = None, decision: Decision = None) -> None:
    """Show the tool calls that a LangGraph thread waits for, or answer one of them.

    Lists `per_call` pauses: of the oversight middleware and of LangChain's own. Decide a call that has a case with
    'hitl decide', and then resume its thread with --call.
    """
    from hitl_orchestrator.integrations.langchain import answer_call, pending_calls

    compiled = _imported(graph)
    pending = attempted(f"thread {thread!r} cannot be read", lambda: pending_calls(compiled, thread))
    if call is not None:
        chosen = [each for each in pending if each.interrupt_id.startswith(call)]
        if len(chosen) != 1:
            raise InvalidInput(
                [f"--call: {call!r} is the id of {len(chosen)} calls of thread {thread!r}; list them first"]
            )
        given = None if decision is None else _read(decision)
        try:
            answer_call(compiled, thread, chosen[0], given)
        except (HitlError, KeyboardInterrupt):
            raise
        except BaseException as exc:
            sentence = f"thread {thread!r} was resumed and failed: {sentence_of(exc)}"
            raise RequestRejected(sentence) from exc
        pending = pending_calls(compiled, thread)
    elif decision is not None:
        raise InvalidInput(["--answer: name the call with --call, the interrupt id that the list shows"])
    answer(session.as_json, [_as_json(each) for each in pending], lambda: _shown(pending, thread))


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


def _shown(pending: "list[PendingCall]", thread: str) -> list[Block]:
    if not pending:
        return [Line("No calls of this thread wait.")]
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
    return [Table(columns, rows), Line("hitl calls MODULE:GRAPH THREAD --call ID --answer JSON", COMMAND)]

"""The calls that any paused thread waits for, of our middleware or LangChain's own, and how to answer them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.integrations.langgraph.payload import TOOL_APPROVAL

Graph = CompiledStateGraph[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class PendingCall:
    """A `per_call` interrupt of a thread: the call, the schema of its answer, and the case, if the call is ours.

    Decide a call with a case by `hitl.decide(pending.case_id, ...)`, and wake the thread with `answer_call(graph,
    thread, pending)`. Any other call has no case, and the answer is LangChain's decision.
    """

    interrupt_id: str
    name: str
    arguments: dict[str, Any]
    description: str
    response_schema: dict[str, Any]
    case_id: str | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The decisions that the answer may be, by its schema."""
        branches = self.response_schema.get("oneOf") or self.response_schema.get("anyOf") or [self.response_schema]
        definitions: Mapping[str, Any] = self.response_schema.get("$defs", {})
        shown = [definitions.get(str(each.get("$ref", "")).rpartition("/")[2], each) for each in branches]
        return tuple(str(each.get("properties", {}).get("type", {}).get("const", "")) for each in shown)


def pending_calls(graph: Graph, thread: str | RunnableConfig) -> list[PendingCall]:
    """Return the calls that wait in a thread of a compiled graph, those of its subgraphs included."""
    found = []
    for each in graph.get_state(_config(thread), subgraphs=True).interrupts:
        value = each.value
        if not isinstance(value, Mapping) or value.get("type") != TOOL_APPROVAL:
            continue
        schema = each.response_schema if isinstance(each.response_schema, dict) else {}
        found.append(
            PendingCall(
                interrupt_id=each.id,
                name=str(value.get("name", "")),
                arguments=dict(value.get("args") or {}),
                description=str(value.get("description", "")),
                response_schema=schema,
                case_id=value.get("case_id"),
            )
        )
    return found


def answer_call(
    graph: Graph, thread: str | RunnableConfig, pending: PendingCall, answer: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Resume a thread with the answer to one call, and return the state in which it stops.

    A call of ours needs no answer: the decision in its case counts. Any other one needs a decision of LangChain, which
    is validated against its schema before the thread is resumed: LangGraph itself may run tools before it refuses.

    Raises:
        InvalidInput: the answer is missing, or does not fit the schema; nothing ran.
    """
    if answer is None and pending.case_id is None:
        raise InvalidInput([f"the call of {pending.name!r} has no case; give a decision: {', '.join(pending.allowed)}"])
    if answer is not None and (problems := _against(pending.response_schema, answer)):
        raise InvalidInput(f"the answer to {pending.name!r}: {problem}" for problem in problems)
    value = dict(answer) if answer is not None else {"wake_up": pending.case_id}
    result: dict[str, Any] = graph.invoke(Command(resume={pending.interrupt_id: value}), _config(thread))
    return result


def _config(thread: str | RunnableConfig) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}} if isinstance(thread, str) else thread


def _against(schema: Mapping[str, Any], answer: Mapping[str, Any]) -> list[str]:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    error = best_match(Draft202012Validator(schema).iter_errors(dict(answer)))
    return [] if error is None else [f"{error.json_path}: {error.message}"]

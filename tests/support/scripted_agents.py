"""LangChain agents whose model follows a script, and whose tools write down that they ran."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations.langchain import OversightMiddleware

THREAD = {"configurable": {"thread_id": "thread-1"}}
REFUND = {"amount": 50, "to": "ana"}
SETTINGS = {"refund": {"risk": "medium"}, "look_up": False}


class Scripted(BaseChatModel):
    """Says the next of its turns: a text, or a list of calls (tool, arguments, id)."""

    turns: list[Any]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> "Scripted":
        return self

    def _generate(self, messages: list[Any], stop: Any = None, run_manager: Any = None, **options: Any) -> ChatResult:
        number = sum(isinstance(message, AIMessage) for message in messages)
        turn = self.turns[number] if number < len(self.turns) else "done"
        calls = [] if isinstance(turn, str) else [_call(*each) for each in turn]
        reply = AIMessage(turn if isinstance(turn, str) else "I call a tool.", tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=reply)])


def _call(name: str, arguments: dict[str, Any], call_id: str) -> dict[str, Any]:
    return {"name": name, "args": arguments, "id": call_id, "type": "tool_call"}


def tools_that_log(log: "list[Any] | Path") -> list[BaseTool]:
    """Return a tool that refunds and one that looks up; each writes its arguments into a list or a file."""

    def ran(*what: Any) -> None:
        if isinstance(log, list):
            log.append(what)
        else:
            with log.open("a") as file:
                file.write(f"{what}\n")

    @tool
    def refund(amount: int, to: str) -> str:
        """Refund an amount to a customer."""
        ran("refund", amount, to)
        return f"refunded {amount} to {to}"

    @tool
    def look_up(query: str) -> str:
        """Look something up."""
        ran("look_up", query)
        return f"found {query}"

    return [refund, look_up]


def an_agent(
    hitl: Orchestrator,
    log: "list[Any] | Path",
    *calls: tuple[str, dict[str, Any], str],
    turns: Sequence[Any] = (),
    tools: Any = None,
    settings: Any = None,
    inner: Sequence[Any] = (),
    checkpointer: Any = None,
    **options: Any,
) -> Any:
    """Return an agent whose model makes these calls, by default one refund, and then ends."""
    script = list(turns) or [list(calls) or [("refund", REFUND, "call-0")], "done"]
    return create_agent(
        Scripted(turns=script),
        tools=tools_that_log(log) if tools is None else tools,
        middleware=[OversightMiddleware(hitl, SETTINGS if settings is None else settings, **options), *inner],
        checkpointer=InMemorySaver() if checkpointer is None else checkpointer,
    )


def started(agent: Any, thread: Any = None) -> dict[str, Any]:
    """Run an agent until it pauses or ends."""
    return agent.invoke({"messages": [("user", "Refund ana.")]}, thread or THREAD)


def resumed(agent: Any, answer: Any, thread: Any = None) -> dict[str, Any]:
    """Resume an agent with an answer, as a client does."""
    return agent.invoke(Command(resume=answer), thread or THREAD)


def pauses(result: dict[str, Any]) -> list[Any]:
    """Return the interrupts in which a run ended."""
    return list(result.get("__interrupt__", ()))


def results(result: dict[str, Any]) -> dict[str, ToolMessage]:
    """Return the messages of the tools by the id of their call."""
    return {each.tool_call_id: each for each in result["messages"] if isinstance(each, ToolMessage)}

"""The calls of an agent's tools as tasks for review: which call it is, what it does, and where the agent waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.config import get_config
from langgraph.types import Interrupt

from hitl_orchestrator import AgentOutput, CallKey, ParentCall, Task, proposed_call
from hitl_orchestrator.errors import InvalidInput, shortened
from hitl_orchestrator.integrations.langchain.ai_review import Opinion
from hitl_orchestrator.integrations.langchain.schemas import injected
from hitl_orchestrator.integrations.langchain.settings import ToolRule
from hitl_orchestrator.integrations.langgraph.place import CHECKPOINTER, DURABILITY, thread_of

AI_REVIEW = "ai_review"
"""The field of an output with the opinion of the AI reviewer."""

_EXIT = (
    "OversightMiddleware: durability='exit' stores the pause only when the run ends: a process that dies before asks "
    "the model again, and leaves an open review that nothing waits for; run the agent with durability='sync'"
)
_MOST_SHOWN = 2000
_SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in LangGraph the agent is: its thread, the namespace of the agent, and that of the running task."""

    thread: str
    agent: str
    task: str

    @classmethod
    def here(cls) -> "Place":
        """Return the place of the task that runs now.

        Raises:
            InvalidInput: the agent has no checkpointer or no thread, so that no pause would ever end, or it runs with a
                durability that leaves open reviews behind.
        """
        try:
            own: Mapping[str, Any] = get_config().get("configurable", {})
        except RuntimeError:
            own = {}
        thread = own.get("thread_id")
        if thread is None or not own.get(CHECKPOINTER):
            missing = "a checkpointer" if thread is not None else "a thread_id"
            problem = f"OversightMiddleware: the agent runs without {missing}, so a reviewed call could never continue"
            remedy = "compile it with create_agent(checkpointer=...) and pass configurable={'thread_id': ...}"
            raise InvalidInput([f"{problem}; {remedy}"])
        if own.get(DURABILITY) == "exit":
            raise InvalidInput([_EXIT])
        task = str(own.get("checkpoint_ns", ""))
        return cls(thread_of(own), task.rpartition(_SEPARATOR)[0], task)

    def within(self, message_id: str) -> str:
        """Return the namespace of the calls in one message of this agent."""
        return _SEPARATOR.join(filter(None, (self.agent, message_id)))

    def parent(self, graph: str | None) -> ParentCall | None:
        """Return where a decision has to wake the agent; None if the application named no graph."""
        if graph is None:
            return None
        pause = Interrupt.from_ns(None, self.task)
        return ParentCall(graph=graph, thread_id=self.thread, namespace=self.task, interrupt_id=pause.id)


@dataclass(frozen=True, slots=True)
class GatedCall:
    """One call of a tool that needs an approval.

    `text` is the text of the model's message with the call, `is_repeated` whether another call there has its id. The
    message's id is part of the key: models may number the calls of each message alike, and parallel sub-agents too.
    """

    call: ToolCall
    arguments: dict[str, Any]
    rule: ToolRule
    key: CallKey
    tool: BaseTool | None
    text: str = ""
    is_repeated: bool = False

    @classmethod
    def of(cls, call: ToolCall, rule: ToolRule, tool: BaseTool | None, state: Any) -> "GatedCall":
        """Return the gated call of a tool call in the running task.

        Raises:
            InvalidInput: the call has no id, or the agent has no checkpointer.
        """
        if not call["id"]:
            raise InvalidInput([f"the call of {call['name']!r} has no id; use a model that returns tool call ids"])
        place, message = Place.here(), message_of(call["id"], messages_of(state))
        within = place.task if message is None or not message.id else place.within(message.id)
        hidden = frozenset[str]() if tool is None else injected(tool)
        return cls(
            call=call,
            arguments={name: value for name, value in call["args"].items() if name not in hidden},
            rule=rule,
            key=CallKey(thread=place.thread, call_id=call["id"], namespace=within),
            tool=tool,
            is_repeated=message is not None and sum(each["id"] == call["id"] for each in message.tool_calls) > 1,
            text="" if message is None else shortened(str(message.text), _MOST_SHOWN),
        )

    @property
    def name(self) -> str:
        """The name of the tool."""
        return self.call["name"]

    def task(self) -> Task:
        """Return the task: its type is the tool, its metadata are the arguments.

        Raises:
            ValueError: the arguments cannot be stored.
        """
        return Task.model_validate(
            {
                "task_id": self.key.task_id,
                "task_type": self.rule.task_type,
                "task_description": f"Call the tool {self.name!r}",
                "domain": self.rule.domain,
                "risk_level": self.rule.risk_of(self.arguments),
                "metadata": self.arguments,
            }
        )

    def output(self, opinion: Opinion | None = None) -> AgentOutput:
        """Return the proposal, with the opinion of an AI reviewer, which may only take confidence away.

        Raises:
            InvalidInput: the arguments cannot be stored.
        """
        fields: dict[str, Any] = {}
        confidence = self.rule.confidence_of(self.arguments)
        if opinion is not None:
            fields[AI_REVIEW] = opinion.to_json()
        if opinion is not None and opinion.holds:
            confidence, fields["unusual"] = None, True
        return proposed_call(self.name, self.arguments, explanation=self.text, confidence=confidence, **fields)

    def proposal(self) -> dict[str, Any]:
        """Return the fields of the proposal without those of an AI reviewer."""
        return {"predicted_label": self.name, "explanation": self.text, "arguments": self.arguments}


def messages_of(state: Any) -> Sequence[Any]:
    """Return the messages of an agent's state."""
    found = state.get("messages", ()) if isinstance(state, Mapping) else getattr(state, "messages", ())
    return found if isinstance(found, Sequence) else ()


def message_of(call_id: str, messages: Sequence[Any]) -> AIMessage | None:
    """Return the last message of the model that has this call."""
    for message in reversed(messages):
        if isinstance(message, AIMessage) and any(call["id"] == call_id for call in message.tool_calls):
            return message
    return None


def open_calls(state: Any) -> list[ToolCall]:
    """Return the calls of the model's last message that have no result yet.

    A message that looks like an answer of a framework counts as a result here, and opens nothing: such a call is not
    run at all.
    """
    messages = messages_of(state)
    last = next((number for number in reversed(range(len(messages))) if isinstance(messages[number], AIMessage)), None)
    if last is None:
        return []
    done = {each.tool_call_id for each in messages[last + 1 :] if isinstance(each, ToolMessage)}
    return [call for call in messages[last].tool_calls if call["id"] not in done]

"""A support agent that answers questions, pays refunds and sends mails. People see what it may not do alone.

- Answers: a node of a LangGraph graph, `oversight_node`, puts a doubtful draft before a person, who may rewrite it.
- Mails: `guard` on a plain function, in the same graph.
- Refunds: `OversightMiddleware` on an agent of LangChain; the policy lets small ones through.

Run it: python examples/support_agent/main.py. It needs the extra `langchain`, no key and no network: the models are
scripted. In your program, replace `ScriptedModel` and the node `draft` by a model, and the savers by ones on disk.
"""

from tempfile import TemporaryDirectory
from typing import Any, Literal

# First, so that a missing extra is named.
from hitl_orchestrator import AgentOutput, Go, No, Orchestrator, Task
from hitl_orchestrator.integrations import guard
from hitl_orchestrator.integrations.langchain import OversightMiddleware
from hitl_orchestrator.integrations.langgraph import LangGraphResumer, oversight_node

# isort: split

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

SMALL_REFUND = {"all": [{"task_type": "refund"}, {"metadata": {"amount": {"le": 50}}}]}
POLICY = {
    "policy_id": "support",
    "metadata": {"amount": "number"},
    "rules": [
        {"rule_id": "small", "priority": 1, "conditions": SMALL_REFUND, "action": "auto_approve"},
        {"rule_id": "others", "priority": 2, "conditions": {}, "action": "human_review"},
    ],
}


class State(TypedDict, total=False):
    """The state of a conversation."""

    question: str
    answer: str
    result: str


def task_of(state: State) -> tuple[Task, AgentOutput]:
    """Return the draft for review."""
    output = {"predicted_label": "answer", "explanation": state["answer"]}
    task = Task(task_id="answer", task_type="answer", task_description=state["question"], domain="support")
    return task, AgentOutput(task_id="answer", agent_output=output, confidence_score=0.55)


def reviewed(state: State, answer: Go | No) -> State:
    """Take the answer as it was approved."""
    return {"answer": answer.output.explanation if isinstance(answer, Go) else "A colleague will write to you."}


def conversation(hitl: Orchestrator) -> Any:
    """Return the graph that answers a question by mail."""

    @guard(hitl, task_type="mail", domain="support", graph="support", name="send_mail")
    def send_mail(to: str, text: str) -> str:
        print(f"   >>> mail to {to}: {text}")
        return "sent"

    builder = StateGraph(State)
    builder.add_node("draft", lambda state: {"answer": "You may return it within 14 days."})
    builder.add_node("review", oversight_node(hitl, task_of=task_of, result_of=reviewed, graph="support"))
    builder.add_node("mail", lambda state: {"result": send_mail("ann@example.com", state["answer"])})
    for edge in ((START, "draft"), ("draft", "review"), ("review", "mail"), ("mail", END)):
        builder.add_edge(*edge)
    return builder.compile(checkpointer=InMemorySaver())


class ScriptedModel(BaseChatModel):
    """Asks for the refund that the customer wants, then repeats what the tool answered."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **named: Any) -> Any:
        """Return this model: its script knows the tools."""
        return self

    def _generate(self, messages: list[Any], *args: Any, **named: Any) -> ChatResult:
        last = messages[-1]
        if last.type == "tool":
            return ChatResult(generations=[ChatGeneration(message=AIMessage(f"The tool says: {last.content}"))])
        call = {
            "name": "refund",
            "args": {"order": "A-17", "amount": float(last.content)},
            "id": f"call_{last.content}",
        }
        return ChatResult(generations=[ChatGeneration(message=AIMessage("", tool_calls=[call]))])


@tool
def refund(order: str, amount: float) -> str:
    """Pay a refund to a customer."""
    print(f"   >>> {amount:.2f} EUR paid for order {order}")
    return f"paid {amount:.2f} EUR"


def thread(name: str) -> RunnableConfig:
    """Return the configuration of a thread of LangGraph."""
    return {"configurable": {"thread_id": name}}


def decide(hitl: Orchestrator, decision: Literal["approve", "modify", "reject"], **fields: Any) -> None:
    """Decide the one open review, as a person at the desk would; the waiting graph goes on by itself."""
    [request] = hitl.inbox()
    hitl.decide(request.case_id, decision, reviewer="domain_reviewer", **fields)
    hitl.recover()  # the graph goes on in the background; this waits for it, to tell the story in order


def main() -> None:
    """Tell the story."""
    with TemporaryDirectory() as folder, Orchestrator.open(f"sqlite:///{folder}/hitl.db", policy=POLICY) as hitl:
        graph, chat, small, large = conversation(hitl), thread("mail-1"), thread("refund-1"), thread("refund-2")
        middleware = OversightMiddleware(hitl, {"refund": {"risk": "low", "confidence": 0.9}}, graph="refunds")
        payer = create_agent(ScriptedModel(), [refund], middleware=[middleware], checkpointer=InMemorySaver())
        hitl.resumers.update(support=LangGraphResumer(graph), refunds=LangGraphResumer(payer))

        print("1. Ann asks how long she may return her order. The agent is not sure, and its draft waits.")
        graph.invoke({"question": "How long may I return it?"}, chat, durability="sync")
        print("2. A reviewer corrects the draft. The graph goes on, and its mail waits for a person too.")
        better = {"predicted_label": "answer", "explanation": "You may return it within 30 days."}
        decide(hitl, "modify", output=better, feedback="30 days since May")
        print("3. The reviewer approves the mail.")
        decide(hitl, "approve")

        print("4. Ann wants 20 EUR back: the policy lets it through.")
        payer.invoke({"messages": [HumanMessage("20")]}, small, durability="sync")
        print("5. Ann wants 400 EUR back: it waits, and a reviewer rejects it.")
        payer.invoke({"messages": [HumanMessage("400")]}, large, durability="sync")
        decide(hitl, "reject", reason="the order was 40 EUR")
        print(f"   {payer.get_state(large).values['messages'][-1].content}")
        print(f"6. Executions: {len(hitl.executions.list())}; the ledger is sound: {hitl.audit.verify().sound}.")


if __name__ == "__main__":
    main()

"""Two refunds by an agent of Pydantic AI wait for a person, are decided one by one, and each is paid once.

Run it: python examples/pydantic_ai/main.py. It needs the extra `pydantic-ai`, no key and no network: the model is
scripted. In your program, replace `FunctionModel(scripted)` by the name of a model.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

# First, so that a missing extra is named.
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations.pydantic_ai import OversightToolset

# isort: split

from pydantic_ai import Agent, DeferredToolRequests, ModelMessagesTypeAdapter
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.toolsets import FunctionToolset


def scripted(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Ask for two refunds, then say what the tools answered."""
    answers = [str(part.content) for each in messages for part in each.parts if isinstance(part, ToolReturnPart)]
    if answers:
        return ModelResponse(parts=[TextPart(" | ".join(answers))])
    calls = [("A-17", 120.0), ("A-18", 35.0)]
    return ModelResponse(parts=[ToolCallPart("refund", {"order": order, "amount": paid}) for order, paid in calls])


def refund(order: str, amount: float) -> str:
    """Pay a refund to a customer."""
    print(f"   >>> {amount:.2f} EUR paid for order {order}")
    return f"paid {amount:.2f} EUR for {order}"


def build(hitl: Orchestrator) -> Agent[object, str | DeferredToolRequests]:
    """Return the agent; each process that runs it builds it in the same way."""
    tools = OversightToolset(FunctionToolset([refund]), hitl=hitl, domain="payments")
    return Agent(FunctionModel(scripted), toolsets=[tools], output_type=[str, DeferredToolRequests])


async def run(store: str, saved: Path, waiting: DeferredToolRequests | None) -> str | DeferredToolRequests:
    """Run the agent from its saved history, or from the start, until it waits or ends, and save the history."""
    with Orchestrator.open(store) as hitl:
        if waiting is None:
            result = await build(hitl).run("Orders A-17 and A-18 came broken, give me my money back")
        else:
            result = await build(hitl).run(
                message_history=ModelMessagesTypeAdapter.validate_json(saved.read_bytes()),
                # Only a wake-up: each call asks the orchestrator, and waits again if no person has decided it.
                deferred_tool_results=waiting.build_results(approve_all=True),
            )
        if isinstance(result.output, DeferredToolRequests):
            saved.write_bytes(result.all_messages_json())
        return result.output


def decide(store: str, order: str, decision: Literal["approve", "reject"], reason: str = "") -> None:
    """Decide one call, as a person at the desk would, in another process and perhaps tomorrow."""
    with Orchestrator.open(store) as hitl:
        [case_id] = [each.case_id for each in hitl.inbox() if each.task.metadata["order"] == order]
        hitl.decide(case_id, decision, reviewer="senior_manager", reason=reason)


def main() -> None:
    """Tell the story."""
    with TemporaryDirectory() as folder:
        store, saved = f"sqlite:///{folder}/hitl.db", Path(folder) / "history.json"
        waiting = asyncio.run(run(store, saved, None))
        assert isinstance(waiting, DeferredToolRequests)
        print(f"1. The agent wants {len(waiting.approvals)} refunds; both wait, and nothing was paid.")

        print("2. A reviewer approves A-17; the run continues with it, and A-18 goes on waiting.")
        decide(store, "A-17", "approve")
        waiting = asyncio.run(run(store, saved, waiting))
        assert isinstance(waiting, DeferredToolRequests)
        print(f"   still waiting: {[call.args_as_dict()['order'] for call in waiting.approvals]}")

        print("3. A reviewer rejects A-18, and the agent learns why.")
        decide(store, "A-18", "reject", "the customer has kept the goods")
        print(f"   {asyncio.run(run(store, saved, waiting))}")

        print("4. The same saved history again, as after a lost answer: nothing is paid a second time.")
        print(f"   {asyncio.run(run(store, saved, waiting))}")
        with Orchestrator.open(store) as hitl:
            [execution] = hitl.executions.list()
            print(f"5. The ledger has one execution, {execution.status}; sound: {hitl.audit.verify().sound}.")


if __name__ == "__main__":
    main()

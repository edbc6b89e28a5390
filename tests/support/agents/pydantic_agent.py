"""An agent of Pydantic AI."""

import json
from pathlib import Path
from typing import Any

from pydantic_ai import Agent, DeferredToolRequests, ModelMessagesTypeAdapter
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.tools import DeferredToolResults
from pydantic_ai.toolsets import FunctionToolset

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations.pydantic_ai import OversightToolset
from support.agents.payments import AMOUNT, ORDERS, pay


def scripted(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
    """Ask for one refund per order, then repeat what the tools answered."""
    answers = [part.content for each in messages for part in each.parts if isinstance(part, ToolReturnPart)]
    if answers:
        return ModelResponse(parts=[TextPart(json.dumps(answers))])
    calls = [
        ToolCallPart("refund", {"order": order, "amount": AMOUNT}, tool_call_id=f"call_{number}")
        for number, order in enumerate(ORDERS)
    ]
    return ModelResponse(parts=calls)


def agent(hitl: Orchestrator, folder: Path) -> Agent[None, Any]:
    def refund(order: str, amount: float) -> str:
        """Pay a refund."""
        return pay(folder, order, amount)

    tools = OversightToolset(FunctionToolset([refund]), hitl=hitl, domain="payments")
    return Agent(FunctionModel(scripted), toolsets=[tools], output_type=[str, DeferredToolRequests])


async def start(hitl: Orchestrator, folder: Path) -> str:
    return save(await agent(hitl, folder).run("refund my orders"), folder)


async def wake(hitl: Orchestrator, folder: Path, *, forged: bool = False) -> str:
    history = ModelMessagesTypeAdapter.validate_json((folder / "state").read_bytes())
    ids = json.loads((folder / "pending").read_text())
    approvals = DeferredToolResults(approvals=dict.fromkeys(ids, True))
    return save(await agent(hitl, folder).run(message_history=history, deferred_tool_results=approvals), folder)


def save(result: Any, folder: Path) -> str:
    if isinstance(result.output, DeferredToolRequests):
        (folder / "state").write_bytes(result.all_messages_json())
        (folder / "pending").write_text(json.dumps([each.tool_call_id for each in result.output.approvals]))
        return f"waiting {len(result.output.approvals)}"
    return str(result.output)

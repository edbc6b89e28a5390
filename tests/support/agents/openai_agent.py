"""An agent of the OpenAI Agents SDK."""

import json
from pathlib import Path
from typing import Any

from agents import Agent, Model, ModelResponse, Runner, RunState, Usage, function_tool, set_tracing_disabled
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations.openai_agents import Oversight
from support.agents.payments import AMOUNT, ORDERS, pay

set_tracing_disabled(True)
CONTEXT = {"conversation": "c1"}


class ScriptedModel(Model):
    """Asks for one refund per order, then repeats what the tools answered."""

    async def get_response(self, *args: Any, **named: Any) -> ModelResponse:
        given = [] if isinstance(named["input"], str) else named["input"]
        answers = [each["output"] for each in given if each.get("type") == "function_call_output"]
        text = ResponseOutputText(type="output_text", text=json.dumps(answers), annotations=[])
        output = ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])
        calls = [
            ResponseFunctionToolCall(
                type="function_call",
                name="refund",
                call_id=f"call_{number}",
                arguments=json.dumps({"order": order, "amount": AMOUNT}),
            )
            for number, order in enumerate(ORDERS)
        ]
        return ModelResponse(output=[output] if answers else [*calls], usage=Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def agent(hitl: Orchestrator, folder: Path) -> tuple[Agent[Any], Oversight]:
    @function_tool
    def refund(order: str, amount: float) -> str:
        """Pay a refund."""
        return pay(folder, order, amount)

    oversight = Oversight(hitl, thread=lambda context: context["conversation"], domain="payments")
    return Agent(name="support", model=ScriptedModel(), tools=[oversight.gate(refund)]), oversight


async def start(hitl: Orchestrator, folder: Path) -> str:
    result = await Runner.run(agent(hitl, folder)[0], "refund my orders", context=CONTEXT)
    return save(result, folder)


async def wake(hitl: Orchestrator, folder: Path, *, forged: bool = False) -> str:
    support, oversight = agent(hitl, folder)
    state = await RunState.from_string(support, (folder / "state").read_text())
    if forged:
        for each in state.get_interruptions():
            state.approve(each)
    else:
        await oversight.wake(state, CONTEXT)
    return save(await Runner.run(support, state), folder)


def save(result: Any, folder: Path) -> str:
    if result.interruptions:
        (folder / "state").write_text(result.to_state().to_string())
        return f"waiting {len(result.interruptions)}"
    return str(result.final_output)

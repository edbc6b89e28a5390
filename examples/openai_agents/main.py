"""A refund by an agent of the OpenAI Agents SDK waits for a person, and is paid once, as the person approved it.

Run it: python examples/openai_agents/main.py. It needs the extra `openai-agents`, no key and no network: the model is
scripted. In your program, replace `ScriptedModel` by the name of a model.
"""

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# First, so that a missing extra is named.
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations.openai_agents import Oversight

# isort: split

from agents import Agent, Model, ModelResponse, Runner, RunState, Usage, function_tool, set_tracing_disabled
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

CONTEXT = {"conversation": "chat-17"}


class ScriptedModel(Model):
    """Asks for a refund, then says what the tool answered."""

    async def get_response(self, *args: Any, **named: Any) -> ModelResponse:
        """Return the next turn."""
        answers = [each["output"] for each in named["input"] if isinstance(each, dict) and "output" in each]
        if answers:
            text = ResponseOutputText(type="output_text", text=f"The tool says: {answers[-1]}", annotations=[])
            reply = ResponseOutputMessage(
                id="message-1", type="message", role="assistant", status="completed", content=[text]
            )
            return ModelResponse(output=[reply], usage=Usage(), response_id=None)
        arguments = json.dumps({"order": "A-17", "amount": 120.0})
        call = ResponseFunctionToolCall(type="function_call", name="refund", call_id="call_1", arguments=arguments)
        return ModelResponse(output=[call], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **named: Any) -> Any:
        """Refuse: this example does not stream."""
        raise NotImplementedError


@function_tool
def refund(order: str, amount: float) -> str:
    """Pay a refund to a customer."""
    print(f"   >>> {amount:.2f} EUR paid for order {order}")
    return f"paid {amount:.2f} EUR"


def build(hitl: Orchestrator) -> tuple[Agent[Any], Oversight]:
    """Return the agent and its oversight; each process that runs the agent builds it in the same way."""
    oversight = Oversight(hitl, thread=lambda context: context["conversation"], domain="payments")
    return Agent(name="support", model=ScriptedModel(), tools=[oversight.gate(refund)]), oversight


async def start(store: str, saved: Path) -> None:
    """Run the agent until it waits, and save its state, as a web request would."""
    with Orchestrator.open(store) as hitl:
        agent, _ = build(hitl)
        result = await Runner.run(agent, "Order A-17 came broken, give me my money back", context=CONTEXT)
        saved.write_text(result.to_state().to_string())
        print(f"1. The agent wants to refund. {len(result.interruptions)} call waits; nothing was paid.")


def review(store: str) -> None:
    """Decide, as a person at the desk would, in another process and perhaps tomorrow."""
    with Orchestrator.open(store) as hitl:
        [request] = hitl.inbox()
        assert request.proposal
        arguments = (request.proposal.model_extra or {})["arguments"]
        print(f"2. A reviewer sees {request.task.task_type} {arguments}, and lowers the amount.")
        approved = {"predicted_label": "refund", "arguments": {**arguments, "amount": 100.0}}
        hitl.decide(request.case_id, "modify", reviewer="senior_manager", output=approved, feedback="agreed by phone")


async def resume(store: str, saved: Path) -> str:
    """Continue the run from its saved state."""
    with Orchestrator.open(store) as hitl:
        agent, oversight = build(hitl)
        state: RunState[Any, Any] = await RunState.from_string(agent, saved.read_text())
        still_waiting = await oversight.wake(state, CONTEXT)
        assert still_waiting == 0
        return str((await Runner.run(agent, state)).final_output)


def main() -> None:
    """Tell the story."""
    set_tracing_disabled(True)
    with TemporaryDirectory() as folder:
        store, saved = f"sqlite:///{folder}/hitl.db", Path(folder) / "state.json"
        asyncio.run(start(store, saved))
        review(store)
        print("3. The run continues.")
        print(f"   {asyncio.run(resume(store, saved))}")
        print("4. The same saved state again, as after a lost answer: nothing is paid a second time.")
        print(f"   {asyncio.run(resume(store, saved))}")
        with Orchestrator.open(store) as hitl:
            [execution] = hitl.executions.list()
            print(f"5. The ledger has one execution, {execution.status}; sound: {hitl.audit.verify().sound}.")


if __name__ == "__main__":
    main()

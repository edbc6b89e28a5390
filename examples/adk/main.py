"""A refund by an agent of Google ADK waits for a person, and is paid once, as the person approved it.

Run it: python examples/adk/main.py. It needs the extra `adk`, no key and no network: the model is scripted. In your
program, replace `ScriptedModel` by the name of a model.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# First, so that a missing extra is named.
from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations.adk import OversightPlugin

# isort: split

from google.adk.agents import LlmAgent
from google.adk.apps import App
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai import types

CONFIRM = "adk_request_confirmation"


class ScriptedModel(BaseLlm):
    """Asks for a refund, then says what the tool answered."""

    async def generate_content_async(self, llm_request: Any, stream: bool = False) -> AsyncGenerator[LlmResponse, None]:
        """Yield the next turn."""
        parts = [part for content in llm_request.contents for part in content.parts or ()]
        answers = [part.function_response.response for part in parts if part.function_response]
        call = types.Part.from_function_call(name="refund", args={"order": "A-17", "amount": 120.0})
        reply = types.Part.from_text(text=f"The tool says: {json.dumps(answers)}")
        yield LlmResponse(content=types.Content(role="model", parts=[reply if answers else call]))


def refund(order: str, amount: float) -> str:
    """Pay a refund to a customer."""
    print(f"   >>> {amount:.2f} EUR paid for order {order}")
    return f"paid {amount:.2f} EUR"


def build(hitl: Orchestrator, sessions: Path) -> Runner:
    """Return the runner; each process that runs the agent builds it in the same way."""
    agent = LlmAgent(name="support", model=ScriptedModel(model="scripted"), tools=[refund])
    app = App(name="shop", root_agent=agent, plugins=[OversightPlugin(hitl, domain="payments")])
    return Runner(app=app, session_service=SqliteSessionService(str(sessions)))


async def send(store: str, sessions: Path, part: types.Part, *, first: bool = False) -> dict[str, str]:
    """Send a message to the agent, print what it says, and return the case of each confirmation that it asks for."""
    asked = {}
    with Orchestrator.open(store) as hitl:
        runner = build(hitl, sessions)
        if first:
            await runner.session_service.create_session(app_name="shop", user_id="ann", session_id="chat-17")
        message = types.Content(role="user", parts=[part])
        async for event in runner.run_async(user_id="ann", session_id="chat-17", new_message=message):
            for call in event.get_function_calls():
                if call.name == CONFIRM and call.id and call.args:
                    asked[call.id] = call.args["toolConfirmation"]["payload"]["case_id"]
            for each in (event.content and event.content.parts) or ():
                if each.text:
                    print(f"   {each.text}")
    return asked


def review(store: str, case_id: str) -> None:
    """Decide, as a person at the desk would, in another process and perhaps tomorrow."""
    with Orchestrator.open(store) as hitl:
        [request] = hitl.inbox()
        assert request.proposal
        arguments = (request.proposal.model_extra or {})["arguments"]
        print(f"2. A reviewer sees {request.task.task_type} {arguments}, and lowers the amount.")
        approved = {"predicted_label": "refund", "arguments": {**arguments, "amount": 100.0}}
        hitl.decide(case_id, "modify", reviewer="senior_manager", output=approved, feedback="agreed by phone")


def main() -> None:
    """Tell the story."""
    with TemporaryDirectory() as folder:
        store, sessions = f"sqlite:///{folder}/hitl.db", Path(folder) / "sessions.db"
        asks = types.Part.from_text(text="Order A-17 came broken, give me my money back")
        [(confirmation, case_id)] = asyncio.run(send(store, sessions, asks, first=True)).items()
        print("1. The agent wants to refund. The call waits; nothing was paid.")
        review(store, case_id)
        # Only a wake-up: the plugin asks the orchestrator again before the tool runs.
        response = types.FunctionResponse(id=confirmation, name=CONFIRM, response={"confirmed": True})
        wake_up = types.Part(function_response=response)
        print("3. The session continues.")
        asyncio.run(send(store, sessions, wake_up))
        print("4. The same confirmation again, as after a lost answer: nothing is paid a second time.")
        asyncio.run(send(store, sessions, wake_up))
        with Orchestrator.open(store) as hitl:
            [execution] = hitl.executions.list()
            print(f"5. The ledger has one execution, {execution.status}; sound: {hitl.audit.verify().sound}.")


if __name__ == "__main__":
    main()

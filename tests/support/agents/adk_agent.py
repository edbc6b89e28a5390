"""An agent of Google ADK."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.apps import App
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import Runner
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai import types

from hitl_orchestrator import Orchestrator
from hitl_orchestrator.integrations.adk import OversightPlugin
from support.agents.payments import AMOUNT, ORDERS, pay

CONFIRM = "adk_request_confirmation"
SESSION = {"user_id": "u", "session_id": "s"}


class ScriptedModel(BaseLlm):
    """Asks for one refund per order, then repeats what the tools answered."""

    async def generate_content_async(self, llm_request: Any, stream: bool = False) -> AsyncGenerator[LlmResponse, None]:
        parts = [part for content in llm_request.contents for part in content.parts or ()]
        answers = [part.function_response.response for part in parts if part.function_response]
        output = [types.Part.from_text(text=json.dumps(answers))]
        calls = [
            types.Part.from_function_call(name="refund", args={"order": each, "amount": AMOUNT}) for each in ORDERS
        ]
        yield LlmResponse(content=types.Content(role="model", parts=output if answers else calls))


def runner(hitl: Orchestrator, folder: Path) -> Runner:
    def refund(order: str, amount: float) -> str:
        """Pay a refund."""
        return pay(folder, order, amount)

    root = LlmAgent(name="support", model=ScriptedModel(model="scripted"), tools=[refund])
    app = App(name="shop", root_agent=root, plugins=[OversightPlugin(hitl, domain="payments")])
    return Runner(app=app, session_service=SqliteSessionService(str(folder / "sessions.db")))


async def start(hitl: Orchestrator, folder: Path) -> str:
    running = runner(hitl, folder)
    await running.session_service.create_session(app_name="shop", **SESSION)
    return await send(running, [types.Part.from_text(text="refund my orders")], folder)


async def wake(hitl: Orchestrator, folder: Path, *, forged: bool = False) -> str:
    pending = json.loads((folder / "state").read_text())
    if not forged:
        pending = {key: value for key, value in pending.items() if is_decided(hitl, value)}
    answers = [types.FunctionResponse(id=each, name=CONFIRM, response={"confirmed": True}) for each in pending]
    return await send(runner(hitl, folder), [types.Part(function_response=each) for each in answers], folder)


def is_decided(hitl: Orchestrator, case_id: str) -> bool:
    return hitl.cases.get(case_id).record is not None


async def send(running: Runner, parts: list[types.Part], folder: Path) -> str:
    asked, output = {}, ""
    async for event in running.run_async(new_message=types.Content(role="user", parts=parts), **SESSION):
        for call in event.get_function_calls():
            if call.name == CONFIRM:
                asked[call.id] = call.args["toolConfirmation"]["payload"]["case_id"]
        if event.content and event.content.parts and event.content.parts[0].text:
            output = event.content.parts[0].text
    if asked:
        (folder / "state").write_text(json.dumps(asked))
        return f"waiting {len(asked)}"
    return output

"""Chat models that answer from a list, in the shapes of real ones."""

import json
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import Field


class ScriptedModel(BaseChatModel):
    """Calls the tool that holds its structured output with the next of its answers; raises those that are errors."""

    answers: list[Any]
    seen: list[Any] = Field(default_factory=list)
    model_name: str = "scripted-1"

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, Any]:
        name = tools[0].get("title", "answer")
        return RunnableLambda(lambda messages: self.invoke(messages, tool=name))

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        self.seen.append(messages)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        message = answer if isinstance(answer, AIMessage) else a_call(kwargs["tool"], answer)
        return ChatResult(generations=[ChatGeneration(message=message)])


class JsonModel(ScriptedModel):
    """Answers in JSON text with the log-probability of each token, as models with a JSON mode do."""

    def with_structured_output(self, schema: Any, *, include_raw: bool = False, **kwargs: Any) -> Runnable[Any, Any]:
        def parse(message: AIMessage) -> dict[str, Any]:
            return {"raw": message, "parsed": json.loads(str(message.content)), "parsing_error": None}

        return self | RunnableLambda(parse)


def a_call(name: str, fields: Any) -> AIMessage:
    calls = [{"name": name, "args": fields, "id": "call_0"}] if isinstance(fields, dict) else []
    return AIMessage(content="" if calls else str(fields), tool_calls=calls)


def a_text(tokens: dict[str, float] | list[tuple[str, float]], shape: str = "openai") -> AIMessage:
    """Return a message of these tokens and their log-probabilities."""
    pairs = list(tokens.items()) if isinstance(tokens, dict) else tokens
    listed = [{"token": text, "logprob": logprob} for text, logprob in pairs]
    logprobs: Any = {
        "openai": {"content": listed, "refusal": None},
        "list": listed,
        "parallel": {"tokens": [text for text, _ in pairs], "token_logprobs": [logprob for _, logprob in pairs]},
    }[shape]
    content = "".join(text for text, _ in pairs)
    return AIMessage(content=content, response_metadata={"logprobs": logprobs, "model_name": "json-1"})

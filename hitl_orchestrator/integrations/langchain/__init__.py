"""LangChain agents (extra `langchain`): tool calls that are reviewed, and executed once, exactly as approved.

`OversightMiddleware` takes the place of LangChain's `HumanInTheLoopMiddleware` in `create_agent`.
"""

from typing import TYPE_CHECKING, Any

from hitl_orchestrator.errors import InvalidInput, install_hint
from hitl_orchestrator.lazy import lazy_names

if TYPE_CHECKING:
    from hitl_orchestrator.integrations.langchain.ai_review import AIReviewer, Opinion
    from hitl_orchestrator.integrations.langchain.middleware import OversightMiddleware
    from hitl_orchestrator.integrations.langchain.settings import ToolSettings
    from hitl_orchestrator.integrations.langchain.threads import PendingCall, answer_call, pending_calls

__all__ = [
    "AIReviewer",
    "Opinion",
    "OversightMiddleware",
    "PendingCall",
    "ToolSettings",
    "answer_call",
    "pending_calls",
]

_names = lazy_names(
    __name__,
    {
        "AIReviewer": "ai_review",
        "Opinion": "ai_review",
        "OversightMiddleware": "middleware",
        "PendingCall": "threads",
        "ToolSettings": "settings",
        "answer_call": "threads",
        "pending_calls": "threads",
    },
)


def __getattr__(name: str) -> Any:
    try:
        return _names(name)
    except ModuleNotFoundError as exc:
        if (exc.name or "").split(".")[0] != "langchain":
            raise
        raise InvalidInput([f"LangChain, which {name} needs, is missing; {install_hint('langchain')}"]) from exc

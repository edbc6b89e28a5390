"""Run the graph out of sight of the host application's callbacks and tracers, which would copy texts of cases.

LangChain takes callbacks from context variables: those of the enclosing run, and those of registered hooks. LangSmith's
tracer is switched on by environment variables.
"""

from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers import context as tracers
from langsmith import tracing_context

__all__ = ["isolated", "traced"]


def isolated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that runs in a copy of the context without callbacks and tracers."""

    def untraced(*args: Any, **kwargs: Any) -> Any:
        var_child_runnable_config.set(None)
        for hook in tracers._configure_hooks:
            hook[0].set(None)
        with tracing_context(enabled=False):
            return function(*args, **kwargs)

    def run(*args: Any, **kwargs: Any) -> Any:
        return copy_context().run(untraced, *args, **kwargs)

    return run


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is seen by the callbacks and tracers of its caller, and inherits nothing else.

    A node of another graph would hand its thread, checkpoints and durability down to ours.
    """

    def seen(*args: Any, **kwargs: Any) -> Any:
        calling = var_child_runnable_config.get()
        var_child_runnable_config.set(calling and {"callbacks": calling.get("callbacks")})
        return function(*args, **kwargs)

    def run(*args: Any, **kwargs: Any) -> Any:
        return copy_context().run(seen, *args, **kwargs)

    return run

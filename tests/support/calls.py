"""Calls of agents that ask whether they may be made."""

from typing import Any

from hitl_orchestrator import Go, Orchestrator, proposed_call
from support.builders import a_task

ARGUMENTS = {"amount": 5, "to": "card"}


def ask(hitl: Orchestrator, key: Any = "call-1", arguments: Any = ARGUMENTS, **options: Any) -> Any:
    """Ask about a refund that needs a domain reviewer."""
    task = a_task("any", timestamp=None, **options.pop("task", {}))
    return hitl.ask(key, task, proposed_call("refund", arguments, confidence=0.5), **options)


def approved(hitl: Orchestrator, key: Any = "call-1", *, reviewer: str = "ana", **options: Any) -> Go:
    """Return the answer about a refund that a reviewer has just approved."""
    waiting = ask(hitl, key, **options)
    hitl.decide(waiting.case_id, "approve", reviewer=reviewer)
    answer = ask(hitl, key, **options)
    assert isinstance(answer, Go)
    return answer


class Tool:
    """A function of an agent that counts its calls."""

    def __init__(self, result: Any = "refunded", error: BaseException | None = None) -> None:
        self.result, self.error, self.calls = result, error, []

    def __call__(self, arguments: dict[str, Any]) -> Any:
        self.calls.append(arguments)
        if self.error is not None:
            raise self.error
        return self.result

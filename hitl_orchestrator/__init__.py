"""hitl-orchestrator: decides whether an agent output may go ahead, must be reviewed, or must be escalated.

The public names are imported on first use, so that importing the package is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hitl_orchestrator.domain.audit import AuditRecord
    from hitl_orchestrator.domain.case import Case
    from hitl_orchestrator.domain.review import Review, Reviewer, ReviewRequest
    from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
    from hitl_orchestrator.errors import HitlError, InvalidInput, RequestRejected
    from hitl_orchestrator.orchestrator.asynchronous import AsyncOrchestrator
    from hitl_orchestrator.orchestrator.facade import Orchestrator

    __version__: str

__all__ = [
    "AgentOutput",
    "AsyncOrchestrator",
    "AuditRecord",
    "Case",
    "HitlError",
    "InvalidInput",
    "Orchestrator",
    "Proposal",
    "RequestRejected",
    "Review",
    "ReviewRequest",
    "Reviewer",
    "Task",
]

_MODULES = {
    "AgentOutput": "domain.task",
    "AsyncOrchestrator": "orchestrator.asynchronous",
    "AuditRecord": "domain.audit",
    "Case": "domain.case",
    "HitlError": "errors",
    "InvalidInput": "errors",
    "Orchestrator": "orchestrator.facade",
    "Proposal": "domain.task",
    "RequestRejected": "errors",
    "Review": "domain.review",
    "ReviewRequest": "domain.review",
    "Reviewer": "domain.review",
    "Task": "domain.task",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow, and rarely needed

        return version("hitl-orchestrator")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

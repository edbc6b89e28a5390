"""hitl-orchestrator: decides whether an agent output may go ahead, must be reviewed, or must be escalated.

The names here are the front door. They are loaded when they are first used, so that importing the package is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hitl_orchestrator.domain.audit import AuditRecord
    from hitl_orchestrator.domain.case import Case
    from hitl_orchestrator.domain.review import Review, Reviewer
    from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
    from hitl_orchestrator.errors import HitlError, InvalidInput, RequestRejected
    from hitl_orchestrator.orchestrator import Orchestrator

__all__ = [
    "AgentOutput",
    "AuditRecord",
    "Case",
    "HitlError",
    "InvalidInput",
    "Orchestrator",
    "Proposal",
    "RequestRejected",
    "Review",
    "Reviewer",
    "Task",
]

_HOME = {
    "AgentOutput": "domain.task",
    "AuditRecord": "domain.audit",
    "Case": "domain.case",
    "HitlError": "errors",
    "Orchestrator": "orchestrator",
    "Proposal": "domain.task",
    "RequestRejected": "errors",
    "Review": "domain.review",
    "Reviewer": "domain.review",
    "Task": "domain.task",
    "InvalidInput": "errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

"""hitl-orchestrator: decides whether an agent output may go ahead, must be reviewed, or must be escalated.

The public names are imported on first use, so that importing the package is fast.
"""

from typing import TYPE_CHECKING, Any

from hitl_orchestrator.lazy import lazy_names

if TYPE_CHECKING:
    from hitl_orchestrator.domain.audit import AuditRecord
    from hitl_orchestrator.domain.case import Case, ParentCall
    from hitl_orchestrator.domain.execution import CallKey, Execution, proposed_call
    from hitl_orchestrator.domain.principal import Principal
    from hitl_orchestrator.domain.review import Review, Reviewer, ReviewRequest
    from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
    from hitl_orchestrator.errors import AwaitingReview, HitlError, InvalidInput, RequestRejected
    from hitl_orchestrator.execution.answers import Go, No, Waiting
    from hitl_orchestrator.orchestrator.asynchronous import AsyncOrchestrator
    from hitl_orchestrator.orchestrator.facade import Orchestrator

    __version__: str

__all__ = [
    "AgentOutput",
    "AsyncOrchestrator",
    "AuditRecord",
    "AwaitingReview",
    "CallKey",
    "Case",
    "Execution",
    "Go",
    "HitlError",
    "InvalidInput",
    "No",
    "Orchestrator",
    "ParentCall",
    "Principal",
    "Proposal",
    "RequestRejected",
    "Review",
    "ReviewRequest",
    "Reviewer",
    "Task",
    "Waiting",
    "proposed_call",
]

_public = lazy_names(
    __name__,
    {
        "AgentOutput": "domain.task",
        "AsyncOrchestrator": "orchestrator.asynchronous",
        "AuditRecord": "domain.audit",
        "AwaitingReview": "errors",
        "CallKey": "domain.execution",
        "Case": "domain.case",
        "Execution": "domain.execution",
        "Go": "execution.answers",
        "HitlError": "errors",
        "InvalidInput": "errors",
        "No": "execution.answers",
        "Orchestrator": "orchestrator.facade",
        "ParentCall": "domain.case",
        "Principal": "domain.principal",
        "Proposal": "domain.task",
        "RequestRejected": "errors",
        "Review": "domain.review",
        "ReviewRequest": "domain.review",
        "Reviewer": "domain.review",
        "Task": "domain.task",
        "Waiting": "execution.answers",
        "proposed_call": "domain.execution",
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow, and rarely needed

        return version("hitl-orchestrator")
    return _public(name)

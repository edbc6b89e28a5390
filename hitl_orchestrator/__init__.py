"""hitl-orchestrator: decides whether an agent output may go ahead, must be reviewed, or must be escalated.

The public names are imported on first use, so that importing the package is fast.
"""

from typing import TYPE_CHECKING, Any

from hitl_orchestrator.lazy import lazy_names

if TYPE_CHECKING:
    from hitl_orchestrator.domain.audit import AuditRecord
    from hitl_orchestrator.domain.case import Case, ParentCall, UnfinishedCase, Wakeup
    from hitl_orchestrator.domain.decision import RaisedSignal
    from hitl_orchestrator.domain.enums import (
        Action,
        Assessment,
        CaseStage,
        DecisionSource,
        FinalDecision,
        HumanDecision,
        OnClassifierError,
        ReviewStatus,
        RiskLevel,
        Signal,
    )
    from hitl_orchestrator.domain.execution import CallKey, Execution, proposed_call
    from hitl_orchestrator.domain.principal import Principal
    from hitl_orchestrator.domain.review import Review, Reviewer, ReviewRequest
    from hitl_orchestrator.domain.task import AgentOutput, Proposal, Task
    from hitl_orchestrator.errors import AwaitingReview, HitlError, InvalidInput, RequestRejected
    from hitl_orchestrator.execution.answers import Go, No, Waiting
    from hitl_orchestrator.orchestrator.asynchronous import AsyncOrchestrator
    from hitl_orchestrator.orchestrator.facade import Orchestrator
    from hitl_orchestrator.services.cases.many import RefusedTask, SubmissionSummary
    from hitl_orchestrator.services.delivery.decided import DecidedPage
    from hitl_orchestrator.telemetry import Telemetry

    __version__: str

__all__ = [
    "Action",
    "AgentOutput",
    "Assessment",
    "AsyncOrchestrator",
    "AuditRecord",
    "AwaitingReview",
    "CallKey",
    "Case",
    "CaseStage",
    "DecidedPage",
    "DecisionSource",
    "Execution",
    "FinalDecision",
    "Go",
    "HitlError",
    "HumanDecision",
    "InvalidInput",
    "No",
    "OnClassifierError",
    "Orchestrator",
    "ParentCall",
    "Principal",
    "Proposal",
    "RaisedSignal",
    "RefusedTask",
    "RequestRejected",
    "Review",
    "ReviewRequest",
    "ReviewStatus",
    "Reviewer",
    "RiskLevel",
    "Signal",
    "SubmissionSummary",
    "Task",
    "Telemetry",
    "UnfinishedCase",
    "Waiting",
    "Wakeup",
    "proposed_call",
]

_public = lazy_names(
    __name__,
    {
        "Action": "domain.enums",
        "AgentOutput": "domain.task",
        "Assessment": "domain.enums",
        "AsyncOrchestrator": "orchestrator.asynchronous",
        "AuditRecord": "domain.audit",
        "AwaitingReview": "errors",
        "CallKey": "domain.execution",
        "Case": "domain.case",
        "CaseStage": "domain.enums",
        "DecidedPage": "services.delivery.decided",
        "DecisionSource": "domain.enums",
        "FinalDecision": "domain.enums",
        "Execution": "domain.execution",
        "Go": "execution.answers",
        "HitlError": "errors",
        "HumanDecision": "domain.enums",
        "InvalidInput": "errors",
        "OnClassifierError": "domain.enums",
        "No": "execution.answers",
        "Orchestrator": "orchestrator.facade",
        "ParentCall": "domain.case",
        "Principal": "domain.principal",
        "Proposal": "domain.task",
        "RaisedSignal": "domain.decision",
        "RefusedTask": "services.cases.many",
        "RequestRejected": "errors",
        "Review": "domain.review",
        "ReviewRequest": "domain.review",
        "ReviewStatus": "domain.enums",
        "Reviewer": "domain.review",
        "RiskLevel": "domain.enums",
        "Signal": "domain.enums",
        "SubmissionSummary": "services.cases.many",
        "Task": "domain.task",
        "Telemetry": "telemetry",
        "UnfinishedCase": "domain.case",
        "Waiting": "execution.answers",
        "Wakeup": "domain.case",
        "proposed_call": "domain.execution",
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow, and rarely needed

        return version("hitl-orchestrator")
    return _public(name)

"""The services behind one facade, and what they share."""

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.authorization import Authorization
from hitl_orchestrator.services.case_reader import CaseReader
from hitl_orchestrator.services.cases.audit_trail import AuditTrail
from hitl_orchestrator.services.cases.decisions import CaseDecisions
from hitl_orchestrator.services.cases.many import ManySubmissions
from hitl_orchestrator.services.cases.quality import QualityChecks
from hitl_orchestrator.services.cases.redaction import CaseRedaction
from hitl_orchestrator.services.cases.runner import CaseRunner
from hitl_orchestrator.services.cases.spot_checks import SpotChecks
from hitl_orchestrator.services.cases.submission import CaseSubmission
from hitl_orchestrator.services.delivery.waiting import Waiters
from hitl_orchestrator.services.delivery.wakeups import Wakeups
from hitl_orchestrator.services.executions.executions import CaseExecutions
from hitl_orchestrator.services.maintenance import Maintenance
from hitl_orchestrator.services.masking import CaseMasking
from hitl_orchestrator.services.people.admin import PeopleAdmin
from hitl_orchestrator.services.policy.admin import PolicyAdmin
from hitl_orchestrator.services.policy.reviewed_cases import ReviewedCases
from hitl_orchestrator.services.policy_sync import PolicySync
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.assignments import ReviewAssignments
from hitl_orchestrator.services.reviews.case_view import CaseViews
from hitl_orchestrator.services.reviews.claims import ReviewClaims
from hitl_orchestrator.services.reviews.inbox import ReviewInbox
from hitl_orchestrator.services.reviews.node_ports import NodePorts
from hitl_orchestrator.services.reviews.recording import ReviewRecorder
from hitl_orchestrator.services.reviews.rejected_attempts import RejectedAttempts
from hitl_orchestrator.telemetry import Spans

if TYPE_CHECKING:
    from hitl_orchestrator.graph.runner import Runner

__all__ = ["Services", "Shared"]


@dataclass(kw_only=True, eq=False)
class Shared:
    """The parts that the services share."""

    store: str
    ledger: Ledger
    people: People
    registry: PolicyRegistry
    signer: LedgerSigner
    policies: PolicySync
    reader: CaseReader
    access: ReviewAccess
    rejected: RejectedAttempts
    recorder: ReviewRecorder
    ports: NodePorts
    inbox: ReviewInbox
    reviewed: ReviewedCases
    spans: Spans


@dataclass(kw_only=True, eq=False)
class Services(Shared):
    """The services behind one facade."""

    case_runner: CaseRunner
    claims: ReviewClaims
    assignments: ReviewAssignments
    views: CaseViews
    submission: CaseSubmission
    many: ManySubmissions
    decisions: CaseDecisions
    executions: CaseExecutions
    quality: QualityChecks
    spot_checks: SpotChecks
    redaction: CaseRedaction
    audit: AuditTrail
    policy: PolicyAdmin
    people_admin: PeopleAdmin
    maintenance: Maintenance
    authorization: Authorization
    masking: CaseMasking
    waiters: Waiters
    wakeups: Wakeups
    guarded: dict[str, object] = field(default_factory=dict)
    """What has each name of a guarded function."""
    closed: bool = False

    @property
    def runner(self) -> "Runner":
        """The graph with its checkpoints, built on first use."""
        return self.case_runner.graph

    def close(self) -> None:
        """Sign the head if there is a head file, and close files and connections. Closing twice is harmless.

        Raises:
            LedgerDamaged: the ledger differs from the last signed head; everything is closed.
        """
        try:
            if not self.closed:
                self.audit.sign_new()
        finally:
            self.waiters.close()
            self.wakeups.close()
            self.closed = True
            self.executions.close()
            self.case_runner.close()
            self.ledger.close()

    def __repr__(self) -> str:
        """Return the store, without a password, and the start of the active policy's hash."""
        return f"{self.store!r} policy={self.registry.active.hash[:6]!r}"

    def __del__(self) -> None:
        """Warn if the orchestrator was never closed. Views of `acting_as` share these services."""
        if not self.closed:
            warnings.warn(
                f"unclosed orchestrator on {self.store}; call close()", ResourceWarning, stacklevel=2, source=self
            )

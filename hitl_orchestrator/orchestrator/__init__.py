"""The facade: `Orchestrator` with namespaces cases, reviews, policy, people and audit, and names for faces."""

from typing import TYPE_CHECKING

from hitl_orchestrator.insights.report.periods import span_of
from hitl_orchestrator.lazy import lazy_names
from hitl_orchestrator.ledger.database.address import shown as printable_url
from hitl_orchestrator.ledger.events.ledger_builders import KeyChange
from hitl_orchestrator.ledger.events.redaction import Redaction
from hitl_orchestrator.orchestrator.facade import Orchestrator
from hitl_orchestrator.orchestrator.ledger_audit import (
    TASK_COLUMNS,
    CaseProof,
    LedgerAudit,
    SignedHead,
    Verification,
    check_proof,
    load_heads,
    pinned_key,
    proof_events,
    public_key,
    read_proof,
    report_on_damaged,
    report_on_file,
    trusted_key,
)
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory, Version
from hitl_orchestrator.policies.lifecycle.shadow import ShadowReport
from hitl_orchestrator.review.decision_checks import unfit_record as record_problems
from hitl_orchestrator.review.governance.changes import Effect, PeopleDifference
from hitl_orchestrator.review.governance.history import PeopleHistory, PeopleVersion
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.schemas import OutputSchemas
from hitl_orchestrator.review.view import CaseView, HistoryItem, missing_role_note
from hitl_orchestrator.services.cases.intake import check_not_reserved
from hitl_orchestrator.services.config_files import canonical as bundled_data
from hitl_orchestrator.services.config_files import (
    load_people,
    load_policy,
    load_policy_tests,
    load_score_rules,
    read_file,
)
from hitl_orchestrator.services.delivery.decided import DecidedCase, DecidedPage
from hitl_orchestrator.services.delivery.resumers import Resumer
from hitl_orchestrator.services.maintenance import Notice
from hitl_orchestrator.services.masking import HIDDEN
from hitl_orchestrator.services.people.admin import PeopleChange
from hitl_orchestrator.services.policy.admin import Governed
from hitl_orchestrator.services.reviews.assignments import Assignment, Assignments
from hitl_orchestrator.services.reviews.recording import CLOCK_TOLERANCE
from hitl_orchestrator.wiring.clocks import current_time
from hitl_orchestrator.wiring.stores import MEMORY, store_exists

if TYPE_CHECKING:
    from hitl_orchestrator.services.insights.documents import rendered
    from hitl_orchestrator.services.insights.report import FullReport

__all__ = [
    "CLOCK_TOLERANCE",
    "HIDDEN",
    "MEMORY",
    "TASK_COLUMNS",
    "Assignment",
    "Assignments",
    "CaseProof",
    "CaseView",
    "DecidedCase",
    "DecidedPage",
    "Effect",
    "FullReport",
    "Governed",
    "HistoryItem",
    "KeyChange",
    "LedgerAudit",
    "Notice",
    "Orchestrator",
    "OutputSchemas",
    "People",
    "PeopleChange",
    "PeopleDifference",
    "PeopleHistory",
    "PeopleVersion",
    "PolicyHistory",
    "Redaction",
    "Resumer",
    "ShadowReport",
    "SignedHead",
    "Verification",
    "Version",
    "bundled_data",
    "check_not_reserved",
    "check_proof",
    "current_time",
    "load_heads",
    "load_people",
    "load_policy",
    "load_policy_tests",
    "load_score_rules",
    "missing_role_note",
    "pinned_key",
    "printable_url",
    "proof_events",
    "public_key",
    "read_file",
    "read_proof",
    "record_problems",
    "rendered",
    "report_on_damaged",
    "report_on_file",
    "span_of",
    "store_exists",
    "trusted_key",
]

__getattr__ = lazy_names(
    "hitl_orchestrator",
    {"FullReport": "services.insights.report", "rendered": "services.insights.documents"},
)

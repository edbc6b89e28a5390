"""The facade: `Orchestrator` with namespaces cases, reviews, policy, people and audit, and names for faces.

Names are imported on first use.
"""

from typing import TYPE_CHECKING

from hitl_orchestrator.lazy import lazy_names

if TYPE_CHECKING:
    from hitl_orchestrator.insights.report.periods import span_of
    from hitl_orchestrator.ledger.database.address import shown as printable_url
    from hitl_orchestrator.ledger.events.ledger_builders import KeyChange
    from hitl_orchestrator.ledger.events.policy_builders import UNDO_WITHIN
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
    from hitl_orchestrator.review.view import CaseView, HistoryItem, asked_note, missing_role_note
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
    from hitl_orchestrator.services.insights.documents import rendered
    from hitl_orchestrator.services.insights.report import FullReport
    from hitl_orchestrator.services.maintenance import Notice
    from hitl_orchestrator.services.masking import HIDDEN
    from hitl_orchestrator.services.people.admin import PeopleChange
    from hitl_orchestrator.services.policy.admin import Governed
    from hitl_orchestrator.services.policy.who_decides import are_placeholders, people_findings, unknown_to_placeholders
    from hitl_orchestrator.services.policy_lists import ListFile, list_files, with_hashes
    from hitl_orchestrator.services.reviews.assignments import Assignment, Assignments
    from hitl_orchestrator.services.reviews.recording import CLOCK_TOLERANCE
    from hitl_orchestrator.wiring.clocks import current_time
    from hitl_orchestrator.wiring.stores import MEMORY, store_exists

__all__ = [
    "CLOCK_TOLERANCE",
    "HIDDEN",
    "MEMORY",
    "TASK_COLUMNS",
    "UNDO_WITHIN",
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
    "ListFile",
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
    "are_placeholders",
    "asked_note",
    "bundled_data",
    "check_not_reserved",
    "check_proof",
    "current_time",
    "list_files",
    "load_heads",
    "load_people",
    "load_policy",
    "load_policy_tests",
    "load_score_rules",
    "missing_role_note",
    "people_findings",
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
    "unknown_to_placeholders",
    "with_hashes",
]

__getattr__ = lazy_names(
    "hitl_orchestrator",
    {
        "span_of": "insights.report.periods",
        "printable_url": "ledger.database.address:shown",
        "KeyChange": "ledger.events.ledger_builders",
        "Redaction": "ledger.events.redaction",
        "Orchestrator": "orchestrator.facade",
        "TASK_COLUMNS": "orchestrator.ledger_audit",
        "CaseProof": "orchestrator.ledger_audit",
        "LedgerAudit": "orchestrator.ledger_audit",
        "SignedHead": "orchestrator.ledger_audit",
        "Verification": "orchestrator.ledger_audit",
        "check_proof": "orchestrator.ledger_audit",
        "load_heads": "orchestrator.ledger_audit",
        "pinned_key": "orchestrator.ledger_audit",
        "proof_events": "orchestrator.ledger_audit",
        "public_key": "orchestrator.ledger_audit",
        "read_proof": "orchestrator.ledger_audit",
        "report_on_damaged": "orchestrator.ledger_audit",
        "report_on_file": "orchestrator.ledger_audit",
        "trusted_key": "orchestrator.ledger_audit",
        "PolicyHistory": "policies.lifecycle.history",
        "Version": "policies.lifecycle.history",
        "UNDO_WITHIN": "ledger.events.policy_builders",
        "ShadowReport": "policies.lifecycle.shadow",
        "record_problems": "review.decision_checks:unfit_record",
        "Effect": "review.governance.changes",
        "PeopleDifference": "review.governance.changes",
        "PeopleHistory": "review.governance.history",
        "PeopleVersion": "review.governance.history",
        "People": "review.people",
        "OutputSchemas": "review.schemas",
        "CaseView": "review.view",
        "HistoryItem": "review.view",
        "asked_note": "review.view",
        "missing_role_note": "review.view",
        "check_not_reserved": "services.cases.intake",
        "bundled_data": "services.config_files:canonical",
        "load_people": "services.config_files",
        "ListFile": "services.policy_lists",
        "list_files": "services.policy_lists",
        "are_placeholders": "services.policy.who_decides",
        "people_findings": "services.policy.who_decides",
        "unknown_to_placeholders": "services.policy.who_decides",
        "with_hashes": "services.policy_lists",
        "load_policy": "services.config_files",
        "load_policy_tests": "services.config_files",
        "load_score_rules": "services.config_files",
        "read_file": "services.config_files",
        "DecidedCase": "services.delivery.decided",
        "DecidedPage": "services.delivery.decided",
        "Resumer": "services.delivery.resumers",
        "Notice": "services.maintenance",
        "HIDDEN": "services.masking",
        "PeopleChange": "services.people.admin",
        "Governed": "services.policy.admin",
        "Assignment": "services.reviews.assignments",
        "Assignments": "services.reviews.assignments",
        "CLOCK_TOLERANCE": "services.reviews.recording",
        "current_time": "wiring.clocks",
        "MEMORY": "wiring.stores",
        "store_exists": "wiring.stores",
        "FullReport": "services.insights.report",
        "rendered": "services.insights.documents",
    },
)

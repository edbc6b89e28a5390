"""Derive the current requirements of an open review: a policy made stricter since may require a higher role."""

from hitl_orchestrator.domain.decision import Facts, ReviewRequirements, Routing
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.input.record_size import check_record
from hitl_orchestrator.domain.review import Review, StoredReview
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import (
    GraphVersionMismatch,
    IncompatibleRecord,
    InvalidInput,
    LedgerDamaged,
    PolicyUnreadable,
    TamperedPolicy,
    TamperedReview,
    UnknownCase,
)
from hitl_orchestrator.nodes.ports import Rules

__all__ = ["SKIPPED", "facts_of", "requirements_of", "role_needed", "storable_text"]

SKIPPED = (
    GraphVersionMismatch,
    IncompatibleRecord,
    LedgerDamaged,
    PolicyUnreadable,
    TamperedPolicy,
    TamperedReview,
    UnknownCase,
)
"""Errors of one review that must not block the others. The alarm is raised where they are detected."""


def requirements_of(row: StoredReview, rules: Rules, chain: RoleChain) -> tuple[str, ReviewRequirements]:
    """Return the role that may decide now, and the requirements for reviewers: the review's own, or stricter ones.

    For a role that is no longer in the chain, that is the top of the chain.
    """
    routing = row.shown.routing
    decision = rules.decide(routing.decision.policy_hash, facts_of(row.shown.task, routing), row.shown.task.task_id)
    return chain.filled(chain.higher(row.role, decision.assigned_human_role or row.role)), decision.requirements


def role_needed(row: StoredReview, rules: Rules, chain: RoleChain) -> str:
    """Return the role that may decide now: the review's own, or a higher one if the active policy requires it."""
    return requirements_of(row, rules, chain)[0]


def storable_text(text: str, review_id: str) -> str:
    """Return a text that the ledger can store. Raises `InvalidInput` where it cannot."""
    try:
        checked = Review(human_decision=HumanDecision.REJECT, reason=text)
    except ValueError as exc:
        raise InvalidInput([f"review {review_id!r}: {exc}"]) from exc
    check_record(checked, f"the text about review {review_id!r}")
    return checked.reason


def facts_of(task: Task, routing: Routing) -> Facts:
    """Return the facts by which a policy judges a case that was routed before."""
    return Facts.of(task, routing.risk_level, routing.output, routing.score)

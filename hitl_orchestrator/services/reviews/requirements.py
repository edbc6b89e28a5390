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
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry

__all__ = ["SKIPPED", "DerivedRoles", "facts_of", "requirements_of", "role_needed", "storable_text"]

_MOST_DERIVED = 200_000

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
    decision = rules.decide(routing.decision.policy_hash, facts_of(row.shown.task, routing), row.case_id)
    return chain.filled(chain.higher(row.role, decision.assigned_human_role or row.role)), decision.requirements


class DerivedRoles:
    """The roles that open reviews of earlier policies need under the policies in force, as far as they were derived.

    A queue leaves out reviews for other roles without reading them. A change of the policies in force forgets all
    roles. Threads may share it.
    """

    def __init__(self, registry: PolicyRegistry) -> None:
        self._registry = registry
        self._roles: tuple[object, dict[str, str]] = (None, {})

    def current(self) -> dict[str, str]:
        """Return the roles by review id. They change nothing but the cost of a list: rights are derived each time."""
        state = self._registry.active.hash, self._registry.history.seen
        if self._roles[0] != state or len(self._roles[1]) >= _MOST_DERIVED:
            self._roles = state, {}
        return self._roles[1]


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

"""Which reviews wait for whom: a policy that became stricter while they waited asks for a higher role."""

from collections.abc import Sequence

from hitl_orchestrator.domain.decision import Facts, ReviewRequirements, Routing
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.ledger.ports.claims import InboxFilter
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.nodes.ports import Rules
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry

MOST_LISTED = 100_000


def open_reviews(
    ledger: Ledger, rulebook: PolicyRegistry, chain: RoleChain, wanted: InboxFilter, limit: int
) -> Sequence[StoredReview]:
    """Return the open reviews that are wanted, the soonest due first; those of a role are those that it may decide now.

    Raises:
        InvalidInput: the limit is not in [1, 100 000], or a name is no text that could be stored.
    """
    names = (wanted.role, wanted.domain, wanted.task_type, wanted.held_by)
    found = [f"{name!r} is no name" for name in names if name is not None and not name.isprintable()]
    if not 1 <= limit <= MOST_LISTED:
        found.append(f"limit {limit} is not in [1, {MOST_LISTED}]")
    if found:
        raise InvalidInput([f"inbox: {problem}" for problem in found])
    if wanted.role is None or not _another_policy_is_known(ledger, rulebook.active.hash):
        return ledger.waiting(wanted, limit)
    read = 4 * limit
    while True:
        waiting = ledger.waiting(wanted._replace(role=None), read)
        theirs = [row for row in waiting if role_needed(row, rulebook, chain) == wanted.role]
        if len(theirs) >= limit or len(waiting) < read:
            return theirs[:limit]
        read *= 8


def in_force(row: StoredReview, rules: Rules, chain: RoleChain) -> tuple[str, ReviewRequirements]:
    """Return the role that may decide now, and how it is asked: as the review says, or as a stricter policy does."""
    routing = row.shown.routing
    decision = rules.decide(routing.decision.policy_hash, facts_of(row.shown.task, routing), row.shown.task.task_id)
    return chain.higher(row.role, decision.assigned_human_role or row.role), decision.asking


def role_needed(row: StoredReview, rules: Rules, chain: RoleChain) -> str:
    """Return the role that may decide now: the review's own, or a higher one where the active policy asks for it."""
    return in_force(row, rules, chain)[0]


def facts_of(task: Task, routing: Routing) -> Facts:
    """Return what a policy is asked about a case that was routed before."""
    return Facts.of(task, routing.risk_level, routing.output, routing.score)


def _another_policy_is_known(ledger: Ledger, active: str) -> bool:
    """Whether some case may have come in under another policy than the active one: only then may it ask for more."""
    with ledger.books() as books:
        return any(policy.policy_hash != active for policy in books.policies())

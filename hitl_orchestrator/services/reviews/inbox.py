"""The inbox: open reviews, with the role that may decide each of them now."""

from collections.abc import Iterable, Sequence

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import ReviewRequirements
from hitl_orchestrator.domain.enums import HumanDecision, RiskLevel
from hitl_orchestrator.domain.review import Reviewer, ReviewRequest, StoredReview
from hitl_orchestrator.errors import InvalidInput
from hitl_orchestrator.ledger.ports.claims import InboxFilter
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.review.assignment import ranked
from hitl_orchestrator.review.decision_checks import options
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.quorum import ballots
from hitl_orchestrator.services.case_reader import CaseReader
from hitl_orchestrator.services.policy_sync import PolicySync
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.requirements import SKIPPED, requirements_of, role_needed

__all__ = ["MAX_LISTED", "ReviewInbox"]

MAX_LISTED = 100_000
_BLIND = ("proposal", "confidence", "reason")


class ReviewInbox:
    """Lists open reviews as reviewers see them."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        registry: PolicyRegistry,
        people: People,
        policies: PolicySync,
        reader: CaseReader,
        access: ReviewAccess,
    ) -> None:
        self._ledger, self._registry, self._people = ledger, registry, people
        self._policies, self._reader, self._access = policies, reader, access

    def requests(self, wanted: InboxFilter, limit: int, reviewer: str | None = None) -> Sequence[ReviewRequest]:
        """Return open reviews, the earliest deadline first, then the longest wait."""
        _check(wanted, limit)
        self._policies.refresh()
        if reviewer is None:
            return [self.request(row) for row in self._rows(wanted, limit)]
        who = self._people.named(reviewer)
        rows = (row for row in self._rows(wanted, MAX_LISTED) if self.case_for(row, who) is not None)
        return [self.request(row) for row, _ in zip(rows, range(limit), strict=False)]

    def request(self, row: StoredReview) -> ReviewRequest:
        """Return an open review as the inbox offers it. Its own role counts where none can be derived."""
        try:
            needed, requirements = requirements_of(row, self._registry, self._people.chain)
            choices = options(row, needed, self._people.chain)
        except SKIPPED:  # such as an unreadable policy
            needed = self._people.chain.filled(row.role)
            requirements, choices = row.shown.routing.decision.requirements, ()
        return self._request(row, needed, requirements, choices)

    def case_for(self, row: StoredReview, reviewer: Reviewer) -> Case | None:
        """Return the case of a review that a reviewer may decide now; None where they may not, or it is unusable."""
        try:
            case = self._reader.case(row.case_id)
            self._reader.check(case)
            return case if self._access.rights(row, case).may(reviewer) else None
        except SKIPPED:
            return None

    def candidates(self, reviewer: Reviewer, limit: int) -> tuple[list[StoredReview], bool]:
        """Return the first unclaimed reviews of a reviewer's roles and domains, ranked, and whether more may follow."""
        chain = self._people.chain
        roles = [
            role
            for role in (*chain.roles, *self.missing_roles())
            if any(chain.reaches(held, role) for held in reviewer.roles)
        ]
        domains: tuple[str | None, ...] = (None,) if "*" in reviewer.domains else reviewer.domains
        wanted = [
            InboxFilter(role=role, domain=domain, unclaimed=True, open=True) for role in roles for domain in domains
        ]
        listed = self._ledger.waiting_each(wanted, limit)
        rows = ranked((row for rows in listed for row in rows), reviewer, self._people, at=self._ledger.now())
        return rows[:limit], any(len(rows) == limit for rows in listed)

    def missing_roles(self) -> list[str]:
        """Return the roles of open reviews that the chain lacks; the top of the chain decides these reviews."""
        return [role for role in self._ledger.open_roles() if role not in self._people.chain.roles]

    def _rows(self, wanted: InboxFilter, limit: int) -> Sequence[StoredReview]:
        if wanted.role is None or not (self._has_other_policies() or self.missing_roles()):
            return self._ledger.waiting(wanted, limit)
        read = 4 * limit
        while True:
            waiting = self._ledger.waiting(wanted._replace(role=None), read)
            rows = [row for row in waiting if role_needed(row, self._registry, self._people.chain) == wanted.role]
            if len(rows) >= limit or len(waiting) < read:
                return rows[:limit]
            read *= 8

    def _has_other_policies(self) -> bool:
        """Whether a case may have been submitted under an inactive policy; only then may a higher role be needed."""
        active = self._registry.active.hash
        with self._ledger.snapshot() as snapshot:
            return any(policy.policy_hash != active for policy in snapshot.policies())

    def _request(
        self, row: StoredReview, needed: str, requirements: ReviewRequirements, choices: Iterable[HumanDecision]
    ) -> ReviewRequest:
        routing, task = row.shown.routing, row.shown.task
        visible = not requirements.blind
        return ReviewRequest(
            review_id=row.review_id,
            case_id=row.case_id,
            task_id=task.task_id,
            task=task,
            proposal=routing.output.agent_output if routing.output is not None and visible else None,
            confidence=routing.score.confidence if visible else None,
            risk_level=RiskLevel(routing.risk_level),
            routing_decision=routing.decision.action,
            rule_id=routing.decision.rule_id,
            reason=routing.decision.reason if visible else None,
            needed_role=needed,
            missing_role=None if row.role in self._people.chain.roles else row.role,
            choices=tuple(choices),
            opened_at=row.opened_at,
            due_at=row.due_at,
            claimed_by=row.claimed_by,
            claimed_until=row.claimed_until,
            delegated_by=row.delegated_by,
            signals=routing.score.signals if visible else (),
            message=routing.decision.message or "",
            escalated_because=row.shown.passed_up_because,
            on_timeout=row.shown.on_timeout,
            approvals_given=self._votes(row) if requirements.approvals > 1 else 0,
            approvals_needed=requirements.approvals,
            shown_digest=row.digest,
            level=row.level,
            classifier_error=routing.error if visible else None,
            hidden=() if visible else _BLIND,
        )

    def _votes(self, row: StoredReview) -> int:
        """Return the number of reviewers who voted, for display; `decide` counts verified votes alone."""
        if row.level == 0:
            return 0
        try:
            return len({vote.person for vote in ballots(self._reader.case(row.case_id).reviews)})
        except SKIPPED:
            return 0


def _check(wanted: InboxFilter, limit: int) -> None:
    names = (wanted.role, wanted.domain, wanted.task_type, wanted.held_by)
    problems = [f"{name!r} is not a valid name" for name in names if name is not None and not name.isprintable()]
    if not 1 <= limit <= MAX_LISTED:
        problems.append(f"limit {limit} is not in [1, {MAX_LISTED}]")
    if problems:
        raise InvalidInput([f"inbox: {problem}" for problem in problems])

"""Derive the current requirements of an open review: a policy made stricter since may require a higher role."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from itertools import product

from hitl_orchestrator.domain.decision import Facts, ReviewRequirements, Routing
from hitl_orchestrator.domain.enums import HumanDecision
from hitl_orchestrator.domain.input.record_size import check_record
from hitl_orchestrator.domain.review import Review, Reviewer, StoredReview
from hitl_orchestrator.domain.roles import RoleChain
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.domain.value import digest
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
from hitl_orchestrator.ledger.ports.claims import DERIVED, InboxFilter, Needed, Place
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.nodes.ports import Rules
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.review.people import People

__all__ = ["SKIPPED", "NeededRoles", "facts_of", "requirements_of", "role_needed", "storable_text"]

_log = logging.getLogger(__name__)
_MOST_DERIVED, _BATCH = 200_000, 500
_DERIVED_FOR_A_LIST = 100
"""The number of reviews whose role a list derives, whichever they need. Later ones are listed by their own role."""

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


class NeededRoles:
    """The roles that open reviews of earlier policies need under the policies in force.

    The store keeps a role with the state of the policies under which it was derived, so that a queue reads only the
    reviews of one role. It changes nothing but the cost of a list: the role of each review that is listed is derived
    again, and a role of another state says nothing. Threads may share it.
    """

    def __init__(self, ledger: Ledger, registry: PolicyRegistry, people: People) -> None:
        self._ledger, self._registry, self._people = ledger, registry, people
        self._roles: tuple[object, dict[str, str]] = (None, {})

    @property
    def state(self) -> str:
        """The state of all that decides which role a review needs: policies, chain, and version of the software."""
        canary = self._registry.history.canary
        drawn = None if canary is None else (canary.policy_hash, canary.share)
        return _state_of(self._registry.active.hash, drawn, self._people.chain.roles)

    def derived(self) -> dict[str, str]:
        """Return the roles by review id that this process derived and the store does not keep yet."""
        state = self.state
        if self._roles[0] != state or len(self._roles[1]) >= _MOST_DERIVED:
            self._roles = state, {}
        return self._roles[1]

    def groups(self) -> list[tuple[str, str]]:
        """Return each pair of a role and a state that open reviews may have, also while `settle` runs."""
        found = self._ledger.queue_groups()
        roles, states = [*found.roles, *self._people.chain.roles], [*found.states, self.state]
        return list(product(dict.fromkeys(roles), dict.fromkeys(states))) if found.roles else []

    def decidable(self, groups: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the groups without those of policies that cannot be read, which are named in the log."""
        unreadable = self.name_unreadable(state for _, state in groups)
        return [(role, state) for role, state in groups if state not in unreadable]

    def name_unreadable(self, states: Iterable[str]) -> set[str]:
        """Name the policies of these states that cannot be read in the log, and return them."""
        unreadable = {state: why for state in dict.fromkeys(states) if (why := self.why_unreadable(state)) is not None}
        for why in unreadable.values():
            about = {"case_id": None, "event": "unreadable_policy"}
            _log.warning("no reviewer can decide open reviews under this policy: %s", why, extra=about)
        return set(unreadable)

    def why_unreadable(self, state: str) -> str | None:
        """Return why the policy of a state cannot be read; None if it can, or the state is of several policies."""
        if state.startswith(DERIVED):
            return None
        try:
            self._registry.policy(state)
        except (PolicyUnreadable, TamperedPolicy) as exc:
            return str(exc)
        return None

    def is_settled(self, role: str | None, state: str | None) -> bool:
        """Return whether all reviews of a group need its role; the top of the chain for a role that the chain lacks."""
        if role not in self._people.chain.roles:
            return state is not None and not state.startswith(DERIVED)
        return state in (self._registry.active.hash, self.state)

    def may_need(self, needed: str, role: str, state: str) -> bool:
        """Return whether a review of a group may need the role `needed`.

        Under another policy than the one that sent it, it may need a higher role than its own.
        """
        if self.is_settled(role, state):
            return needed == self._people.chain.filled(role)
        return state.startswith(DERIVED) or self._people.chain.reaches(needed, role)

    def may_be_for(self, reviewer: Reviewer, role: str, state: str) -> bool:
        """Return whether a reviewer holds a role that may suffice for a review of a group."""
        if state.startswith(DERIVED) and not self.is_settled(role, state):
            return True
        return any(self._people.chain.reaches(held, role) for held in reviewer.roles)

    def derived_until(self) -> Place | None:
        """Return the place up to which a list derives the roles of reviews of other states; None for all of them.

        It is the same for all lists, so that each review is in the list of the role that it needs, or after this place
        in that of its own role, until `settle` has reached it.
        """
        return self._ledger.queue_place(self._stale(), _DERIVED_FOR_A_LIST)

    def _stale(self) -> list[InboxFilter]:
        return [
            InboxFilter(role=role, state=state) for role, state in self.groups() if not self.is_settled(role, state)
        ]

    def settle(self) -> None:
        """Derive the roles of the reviews of other states, and let the store keep them.

        Reviews whose role cannot be derived stay as they are: a list reads them one by one.
        """
        stale, state, place = self._stale(), self.state, None
        while stale:
            page = self._ledger.queue_page(stale, _BATCH, place)
            self._ledger.set_needed([needed for row in page.reviews for needed in self._needed_by(row, state)])
            place = page.end
            if place is None:
                return

    def _needed_by(self, row: StoredReview, state: str) -> Iterator[Needed]:
        if row.role not in self._people.chain.roles:
            # Kept under its own role, so that its name is known.
            yield Needed(row.review_id, row.role, row.shown.routing.decision.policy_hash)
            return
        with suppress(*SKIPPED):
            yield Needed(row.review_id, role_needed(row, self._registry, self._people.chain), state)


@cache
def _state_of(*parts: object) -> str:
    return DERIVED + digest([repr(parts), version("hitl-orchestrator")])


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
    return Facts.of(task, routing.risk_level, routing.output, routing.score, routing.received, history=routing.history)

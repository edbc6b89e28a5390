"""The inbox: open reviews, with the role that may decide each of them now."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import islice

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.decision import ReviewRequirements
from hitl_orchestrator.domain.enums import EXECUTION_CHECK, HumanDecision, RiskLevel
from hitl_orchestrator.domain.execution import shown_call
from hitl_orchestrator.domain.review import Page, Reviewer, ReviewRequest, StoredReview
from hitl_orchestrator.domain.task import Task
from hitl_orchestrator.errors import HitlError, InvalidInput
from hitl_orchestrator.graph.topology import can_resume
from hitl_orchestrator.ledger.ports.claims import InboxFilter, Place, QueuePage, Skip
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.engine.builtin_rules import as_reviewed
from hitl_orchestrator.policies.lifecycle.in_force import PolicyRegistry
from hitl_orchestrator.review.decision_checks import options
from hitl_orchestrator.review.people import People
from hitl_orchestrator.review.quorum import ballots
from hitl_orchestrator.review.view import AGENT_FIELDS
from hitl_orchestrator.review.working_time import is_away
from hitl_orchestrator.services.case_reader import CaseReader
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.requirements import SKIPPED, NeededRoles, requirements_of

__all__ = ["MAX_LISTED", "ReviewInbox", "asked_about", "check_limit"]

MAX_LISTED, _MAX_PAGE = 100_000, 1000


class ReviewInbox:
    """Lists open reviews as reviewers see them."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        registry: PolicyRegistry,
        people: People,
        reader: CaseReader,
        access: ReviewAccess,
    ) -> None:
        self._ledger, self._registry, self._people = ledger, registry, people
        self._reader, self._access = reader, access
        self._needed = NeededRoles(ledger, registry, people)
        self.settle_roles = self._needed.settle

    def requests(
        self,
        wanted: InboxFilter,
        limit: int,
        *,
        reviewer: str | None = None,
        after: str | None = None,
        count: bool = False,
    ) -> Page[ReviewRequest]:
        """Return open reviews, the earliest deadline first, then in the order of opening.

        The role of `wanted` is the one that may decide now. With `count` the page has the total, if it is known.
        """
        _check(wanted, reviewer, after)
        check_limit("inbox", limit)
        who = None if reviewer is None else self._people.named(reviewer)
        place = None if after is None else self._place_of(after)
        found = list(islice(self._matching(wanted, who, place, limit + 1), limit + 1))
        total = self._total(wanted) if count and who is None else None
        return Page(found[:limit], more=len(found) > limit, as_of=self._ledger.now(), total=total)

    def _total(self, wanted: InboxFilter) -> int | None:
        """Return the number of open reviews under a filter; None while the role of some has to be derived."""
        filters = [wanted] if wanted.role is None else self._groups(wanted, None)
        if wanted.role is not None and not all(self._needed.is_settled(each.role, each.state) for each in filters):
            return None
        return self._ledger.queue_count(filters)

    def request(self, row: StoredReview) -> ReviewRequest:
        """Return an open review as the inbox offers it. Its own role counts where none can be derived."""
        try:
            needed, requirements = requirements_of(row, self._registry, self._people.chain)
            choices = options(row, needed, self._people.chain)
        except SKIPPED:  # such as an unreadable policy
            needed = self._people.chain.filled(row.role)
            requirements, choices = row.shown.routing.decision.requirements, ()
        return self._request(row, needed, requirements, choices)

    def with_cases(self, rows: Iterable[StoredReview], first: int) -> Iterator[tuple[StoredReview, Case]]:
        """Yield reviews with their usable cases, which are read in batches of the same sizes as those of `pages`."""
        rows, size = iter(rows), min(first, _MAX_PAGE)
        while batch := list(islice(rows, size)):
            cases = self._ledger.cases_of(batch)
            yield from ((row, cases[row.case_id]) for row in batch if self._is_usable(cases.get(row.case_id)))
            size = min(2 * size, _MAX_PAGE)

    def candidates(self, reviewer: Reviewer, first: int) -> Iterator[tuple[StoredReview, Case]]:
        """Yield the unclaimed reviews that a reviewer may decide, with their cases, the most urgent first.

        Those for a role that they hold come before those of lower roles. The store reads `first` of them, then more.
        """
        self.end_void_claims()
        free = InboxFilter(unclaimed=True, open=True)
        groups = self._groups(free, reviewer)
        own = [each for each in groups if self._people.chain.filled(str(each.role)) in reviewer.roles]
        for filters in (own, [each for each in groups if each not in own]):
            rows = self._for_roles(filters, first, None, partial(self._reaches, reviewer))
            yield from self._for_reviewer(rows, reviewer, first)

    def end_void_claims(self) -> None:
        """End the claims of reviewers who left, are away, or lost the role or the domain; maintenance ends others."""
        now = self._ledger.now()
        for who, role, domain in self._ledger.holders():
            if self._is_void(self._people.get(who), role, domain, now):
                held = InboxFilter(held_by=who, role=role, domain=domain)
                for row, case in self.with_cases(self.pages([held], _MAX_PAGE), _MAX_PAGE):
                    with suppress(*SKIPPED):
                        self._access.end_void_claim(self._access.rights(row, case))

    def _is_void(self, holder: Reviewer | None, role: str, domain: str, now: datetime) -> bool:
        if holder is None or is_away(holder, now) or not ({"*", domain} & {*holder.domains}):
            return True
        return not self._reaches(holder, role)

    def free_groups(self) -> list[InboxFilter]:
        """Return a filter for each role, state and domain that unclaimed reviews may have."""
        domains = self._ledger.queue_domains()
        free = InboxFilter(unclaimed=True, open=True)
        return [
            free._replace(role=role, state=state, domain=domain)
            for role, state in self._needed.groups()
            for domain in domains
        ]

    def role_of(self, group: InboxFilter) -> str | None:
        """Return the role that all reviews of a group need; None where each may need another one."""
        is_settled = self._needed.is_settled(group.role, group.state)
        return self._people.chain.filled(str(group.role)) if is_settled else None

    def why_undecidable(self, group: InboxFilter) -> str | None:
        """Return why no review of a group can be decided: the policy that sent them there cannot be read."""
        return self._needed.why_unreadable(str(group.state))

    def name_unreadable_policies(self) -> None:
        """Name the policies of the store that cannot be read in the log."""
        with self._ledger.snapshot() as snapshot:
            recorded = [row.policy_hash for row in snapshot.policies()]
        self._needed.name_unreadable(recorded)

    def missing_roles(self) -> list[str]:
        """Return the roles of open reviews that the chain lacks; the top of the chain decides these reviews."""
        return [role for role in self._ledger.queue_groups().roles if role not in self._people.chain.roles]

    def pages(
        self,
        wanted: Sequence[InboxFilter],
        first: int,
        after: Place | None = None,
        skip: Skip | None = None,
        until: Place | None = None,
    ) -> Iterator[StoredReview]:
        """Yield the open reviews under any of these filters; the first page has `first` of them, each next one more."""
        page = QueuePage((), after)
        size = min(first, _MAX_PAGE)
        while True:
            page = self._ledger.queue_page(wanted, size, page.end, skip, until)
            yield from page.reviews
            if page.end is None:
                return
            size = min(2 * size, _MAX_PAGE)

    def _matching(
        self, wanted: InboxFilter, who: Reviewer | None, after: Place | None, first: int
    ) -> Iterator[ReviewRequest]:
        """Return the open reviews under a filter that a reviewer, if there is one, may decide now."""
        if wanted.role is None and who is None:
            return map(self.request, self.pages([wanted], first, after))
        groups, fits = self._groups(wanted, who), partial(self._is_for, wanted.role, who)
        if who is None:
            return map(self.request, self._for_role(groups, first, after, fits))
        rows = self._for_roles(groups, first, after, fits)
        return (self.request(row) for row, _ in self._for_reviewer(rows, who, first))

    def _for_reviewer(
        self, rows: Iterable[StoredReview], reviewer: Reviewer, first: int
    ) -> Iterator[tuple[StoredReview, Case]]:
        """Return the reviews that a reviewer may decide now, with their cases."""
        return ((row, case) for row, case in self.with_cases(rows, first) if self._may(reviewer, row, case))

    def _may(self, reviewer: Reviewer, row: StoredReview, case: Case) -> bool:
        """Return whether a reviewer may decide a review now; False where no rights can be derived."""
        try:
            return self._access.rights(row, case).may(reviewer)
        except SKIPPED:
            return False

    def _is_usable(self, case: Case | None) -> bool:
        """Return whether a case was read, and the running graph can resume it."""
        return case is not None and can_resume(case.submission.graph_version, self._reader.graph_version)

    def _for_role(
        self, groups: Sequence[InboxFilter], first: int, after: Place | None, fits: Callable[[str], bool]
    ) -> Iterator[StoredReview]:
        """Yield the open reviews of these groups that need a role now.

        After a bounded number of reviews whose role has to be derived, the other ones are yielded by their own role.
        """
        settled = [each for each in groups if self._needed.is_settled(each.role, each.state)]
        until = None if len(settled) == len(groups) else self._needed.derived_until()
        if until is None or after is None or after < until:
            yield from self._for_roles(groups, first, after, fits, until)
        if until is None:
            return
        own = [each for each in groups if each in settled or fits(self._people.chain.filled(str(each.role)))]
        yield from self.pages(own, first, until if after is None else max(after, until))

    def _for_roles(
        self,
        filters: Sequence[InboxFilter],
        first: int,
        after: Place | None,
        fits: Callable[[str], bool],
        until: Place | None = None,
    ) -> Iterator[StoredReview]:
        """Yield the open reviews under any of these filters whose needed role fits.

        The role of each other one is remembered, so that the next list leaves it out without reading it.
        """
        derived = self._needed.derived()
        is_settled = all(self._needed.is_settled(each.role, each.state) for each in filters)
        skip: Skip = lambda review_id: review_id in derived and not fits(derived[review_id])  # noqa: E731
        for row in self.pages(filters, first, after, None if is_settled else skip, until):
            try:
                needed = requirements_of(row, self._registry, self._people.chain)[0]
            except SKIPPED:
                needed = self._people.chain.filled(row.role)
            else:
                if not fits(needed):
                    derived[row.review_id] = needed
            if fits(needed):
                yield row

    def _is_for(self, wanted: str | None, who: Reviewer | None, role: str) -> bool:
        return wanted in (None, role) and (who is None or self._reaches(who, role))

    def _reaches(self, reviewer: Reviewer, role: str) -> bool:
        return any(self._people.chain.reaches(held, role) for held in reviewer.roles)

    def _groups(self, wanted: InboxFilter, who: Reviewer | None) -> list[InboxFilter]:
        """Split a filter into one for each role and state of open reviews, so that the store reads no other ones."""
        domains = (wanted.domain,) if who is None or "*" in who.domains else who.domains
        groups = self._needed.groups()
        if who is not None:
            groups = self._needed.decidable(groups)
        return [
            wanted._replace(role=role, state=state, domain=domain)
            for role, state in groups
            if who is None or self._needed.may_be_for(who, role, state)
            if wanted.role is None or self._needed.may_need(wanted.role, role, state)
            for domain in domains
            if wanted.domain in (None, domain)
        ]

    def _place_of(self, name: str) -> Place:
        """Return the place of a review by its id, or of the latest review of a case or task."""
        place = self._ledger.place_of(name) if name.isprintable() else None
        if place is None and name.isprintable():
            with suppress(*SKIPPED):
                reviews = self._ledger.find(name).reviews
                place = self._ledger.place_of(reviews[-1].review_id) if reviews else None
        if place is None:
            why = f"there is no review {name!r}, and no review of a case or task with this id"
            raise InvalidInput([f"inbox: after: {why}; give the last review_id of a page"])
        return place

    def _request(
        self, row: StoredReview, needed: str, requirements: ReviewRequirements, choices: Iterable[HumanDecision]
    ) -> ReviewRequest:
        routing, task = row.shown.routing, row.shown.task
        decision = as_reviewed(routing.decision)
        visible = not requirements.blind
        return ReviewRequest(
            review_id=row.review_id,
            case_id=row.case_id,
            task_id=task.task_id,
            task=task,
            proposal=routing.output.agent_output if routing.output is not None and visible else None,
            confidence=routing.score.confidence if visible else None,
            risk_level=RiskLevel(routing.risk_level),
            routing_decision=decision.action,
            rule_id=decision.rule_id,
            reason=decision.reason if visible else None,
            needed_role=needed,
            missing_role=None if row.role in self._people.chain.roles else row.role,
            teams=requirements.teams,
            not_by=requirements.not_by,
            choices=tuple(choices),
            opened_at=row.opened_at,
            queued_at=row.queued_at or row.opened_at,
            due_at=row.due_at,
            claimed_by=row.claimed_by,
            claimed_until=row.claimed_until,
            delegated_by=row.delegated_by,
            signals=routing.score.signals if visible else (),
            raised=routing.score.raised if visible else (),
            unreadable=routing.score.unreadable if visible else (),
            message=routing.decision.message or "",
            asked_about=asked_about(self._ledger, task),
            escalated_because=row.shown.passed_up_because,
            on_timeout=row.shown.on_timeout,
            approvals_given=self._votes(row) if requirements.approvals > 1 else 0,
            approvals_needed=requirements.approvals,
            shown_digest=row.digest,
            level=row.level,
            classifier_error=routing.error if visible else None,
            hidden=() if visible else AGENT_FIELDS,
        )

    def _votes(self, row: StoredReview) -> int:
        """Return the number of reviewers who voted, for display; `decide` counts verified votes alone."""
        if row.level == 0:
            return 0
        try:
            return len({vote.person for vote in ballots(self._reader.case(row.case_id).reviews)})
        except SKIPPED:
            return 0


def asked_about(ledger: Ledger, task: Task) -> str:
    """Return the call that an execution check asks about. Its texts are read from its own case, and not copied."""
    if task.task_type != EXECUTION_CHECK:
        return ""
    with suppress(HitlError):
        case = ledger.case(str(task.metadata.get("case_id")))
        if case.redacted:
            return "its texts were erased"
        output = case.final_output
        return "" if output is None else shown_call(output) or output.predicted_label
    return ""


def check_limit(verb: str, limit: int) -> None:
    """Raise `InvalidInput` unless the length of a list is a whole number in [1, 100 000]."""
    if type(limit) is not int or not 1 <= limit <= MAX_LISTED:
        raise InvalidInput([f"{verb}: limit {limit!r} is not in [1, {MAX_LISTED}]"])


def _check(wanted: InboxFilter, *others: object) -> None:
    names = (wanted.role, wanted.domain, wanted.task_type, wanted.held_by, *others)
    valid = [name is None or (isinstance(name, str) and name.isprintable()) for name in names]
    problems = [f"{name!r} is not a valid name" for name, ok in zip(names, valid, strict=True) if not ok]
    if problems:
        raise InvalidInput([f"inbox: {problem}" for problem in problems])

"""Claims: reserve a review for one reviewer, hand it on, release it, and return abandoned ones."""

import logging
from threading import Lock

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.review import Reviewer, ReviewRequest, StoredReview
from hitl_orchestrator.errors import InvalidInput, NotAuthorized, RequestRejected, shortened
from hitl_orchestrator.ledger.ports.claims import Limit
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.acting import Acting, CaseKey
from hitl_orchestrator.services.case_reader import CaseReader, Clock, open_review_of
from hitl_orchestrator.services.reviews.access import ReviewAccess
from hitl_orchestrator.services.reviews.inbox import ReviewInbox
from hitl_orchestrator.services.reviews.rejected_attempts import actor_of
from hitl_orchestrator.services.reviews.requirements import SKIPPED, storable_text

__all__ = ["CLAIM_SECONDS", "LONGEST_CLAIM", "ReviewClaims", "check_seconds", "claim_limit"]

CLAIM_SECONDS, LONGEST_CLAIM = 900.0, 86_400.0
"""The default and the maximum duration of a claim."""

_FIRST_PAGE = 8
_log = logging.getLogger(__name__)


class ReviewClaims:
    """Claims of reviewers. The database grants each review to one reviewer at a time."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        people: People,
        reader: CaseReader,
        access: ReviewAccess,
        inbox: ReviewInbox,
        clock: Clock,
    ) -> None:
        self._ledger, self._people, self._clock = ledger, people, clock
        self._reader, self._access, self._inbox = reader, access, inbox
        self._choosing = Lock()

    def claim(
        self, key: CaseKey, acting: Acting, *, seconds: float = CLAIM_SECONDS, take_over: bool = False
    ) -> ReviewRequest:
        """Reserve the open review of a case for the acting reviewer; claiming again extends the claim.

        With `take_over` a claim of a reviewer below the acting one ends first.
        """
        check_seconds("claim", key.text, seconds)
        case = self._reader.waiting(key)
        if take_over:
            self._take_over(open_review_of(case), case, acting)
        return self._inbox.request(self._claim(open_review_of(case), case, acting, seconds))

    def next(self, acting: Acting, *, seconds: float = CLAIM_SECONDS) -> ReviewRequest | None:
        """Claim the most urgent review that the acting reviewer may decide; None where there is none."""
        check_seconds("next", acting.reviewer_id, seconds)
        reviewer = self._people.named(acting.reviewer_id)
        # One at a time in this process: of many that choose at once, all but one would try the same review in vain.
        with self._choosing:
            for row, case in self._inbox.candidates(reviewer, _FIRST_PAGE):
                try:
                    return self._inbox.request(self._claim(row, case, acting, seconds))
                except NotAuthorized:
                    if self._access.rights(row).may(reviewer):
                        raise  # the reviewer holds as many claims as allowed
                except (RequestRejected, *SKIPPED):
                    continue  # another reviewer was faster
        return None

    def _take_over(self, row: StoredReview, case: Case, acting: Acting) -> None:
        """End the claim of a reviewer below the acting one, and record it."""
        reviewer = self._people.named(acting.reviewer_id)
        rights = self._access.rights(row, case)
        rights.role_for(reviewer)
        if row.claimed_by is None or row.claimed_by == reviewer.reviewer_id or self._access.end_void_claim(rights):
            return
        if not rights.may_take_over(reviewer):
            why = f"{row.claimed_by!r} holds it, and they have no role above all roles of {row.claimed_by!r}"
            raise NotAuthorized(reviewer.reviewer_id, why, "take this over")
        actor, why = actor_of(reviewer, acting), f"taken over by {reviewer.reviewer_id!r}"
        self._ledger.take_back(row, row.claimed_by, actor, self._clock(), why)

    def release(self, key: CaseKey, acting: Acting) -> bool:
        """Release the claim on a case's open review; False if the reviewer holds none. Raises as `claim`."""
        row = open_review_of(self._reader.waiting(key))
        reviewer = self._people.named(acting.reviewer_id)
        return self._ledger.unclaim(row, reviewer.reviewer_id, actor_of(reviewer, acting), self._clock())

    def delegate(
        self, key: CaseKey, to: str, acting: Acting, *, reason: str = "", seconds: float = CLAIM_SECONDS
    ) -> ReviewRequest:
        """Hand a claimed review to another reviewer who may decide it; when they release it, it returns."""
        check_seconds("delegate", key.text, seconds)
        case = self._reader.waiting(key)
        reason = storable_text(reason, open_review_of(case).review_id)
        row = self._access.verified(open_review_of(case))
        reviewer, other = self._people.named(acting.reviewer_id), self._people.named(to)
        rights = self._access.rights(row, case)
        rights.role_for(reviewer)
        rights.role_for(other)
        if reviewer.reviewer_id == other.reviewer_id:
            raise NotAuthorized(other.reviewer_id, "they hold it already; name another reviewer")
        between, actor = (reviewer.reviewer_id, other.reviewer_id), actor_of(reviewer, acting)
        limit = claim_limit(self._people, other)
        row = self._ledger.delegate(row, *between, actor, self._clock(), seconds=seconds, reason=reason, limit=limit)
        return self._inbox.request(row)

    def _claim(self, row: StoredReview, case: Case, acting: Acting, seconds: float) -> StoredReview:
        row = self._access.verified(row)
        reviewer = self._people.named(acting.reviewer_id)
        rights = self._access.rights(row, case)
        rights.role_for(reviewer)
        if row.claimed_by != reviewer.reviewer_id:
            self._access.end_void_claim(rights)
        actor, limit = actor_of(reviewer, acting), claim_limit(self._people, reviewer)
        claimed = self._ledger.claim(row, reviewer.reviewer_id, actor, self._clock(), seconds, limit=limit)
        event = {"case_id": row.case_id, "event": "claimed"}
        _log.info("review %s claimed by %s", row.review_id, reviewer.reviewer_id, extra=event)
        return claimed


def claim_limit(people: People, reviewer: Reviewer) -> Limit:
    """Return how many reviews the person behind an account may hold, under all their accounts."""
    return Limit(people.accounts_of(reviewer.reviewer_id), reviewer.max_open_claims)


def check_seconds(verb: str, name: str, seconds: float) -> None:
    """Raise `InvalidInput` unless the duration of a claim is in (0, 86 400] seconds."""
    if not (isinstance(seconds, (int, float)) and 0 < seconds <= LONGEST_CLAIM):
        raise InvalidInput([f"{verb} {name!r}: seconds: {shortened(repr(seconds))} is not in (0, {LONGEST_CLAIM}]"])

"""The port of open reviews as a work queue."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.review import RecordedDecision, StoredReview
from hitl_orchestrator.errors import HitlError

OnUnreadable = Callable[[HitlError], None]
"""Is called with the error of each row that a list leaves out, within the transaction: it must not use the store.

Without it the error is logged as a warning.
"""


Place = tuple[str, int]
"""The place of a review in the queue: its due time, and then the order of opening, which no clock can change."""


Skip = Callable[[str], bool]
"""Returns whether a queue leaves out the review with this id, which is then not read."""


class InboxFilter(NamedTuple):
    """A filter for open reviews. A field at its default filters nothing; `open` excludes expired reviews.

    `role` is the role that the row says it needs, and `state` the state of the policies under which it needs it.
    """

    role: str | None = None
    domain: str | None = None
    task_type: str | None = None
    risk_level: RiskLevel | None = None
    overdue: bool = False
    held_by: str | None = None
    unclaimed: bool = False
    open: bool = False
    state: str | None = None


class QueuePage(NamedTuple):
    """The next reviews of a queue, and the place after which the next page begins; None if this is the last one."""

    reviews: Sequence[StoredReview]
    end: Place | None


class QueueGroups(NamedTuple):
    """The roles that open reviews need, and the states of the policies under which they need them."""

    roles: Sequence[str]
    states: Sequence[str]


class Held(NamedTuple):
    """A reviewer who holds claims, with the role and the domain of some of these reviews."""

    who: str
    role: str
    domain: str


class Needed(NamedTuple):
    """The role that a review needs under a state of the policies.

    The state is the hash of the policy that sent the review to its own role, or begins with `DERIVED`.
    """

    review_id: str
    role: str
    state: str


DERIVED = "derived:"
"""The start of a state of the policies under which a role was derived later: no policy hash begins with it."""


class Limit(NamedTuple):
    """The number of reviews that a person may hold at a time under all of their accounts; None is unlimited."""

    accounts: tuple[str, ...]
    most: int | None


class Load(NamedTuple):
    """The number of reviews that a reviewer holds, and has answered recently."""

    holds: int = 0
    answered: int = 0


class ReviewQueue(Protocol):
    """Claims, reminders and filters of open reviews. Each write is one transaction, judged by the store's clock.

    A list leaves out the rows that cannot be read, and passes their errors to `on_unreadable`.
    """

    def claim(
        self, review: StoredReview, who: str, actor: Actor, at: datetime, seconds: float, *, limit: Limit | None = None
    ) -> StoredReview:
        """Claim an open review for a reviewer, for a number of seconds. Claiming again extends the claim.

        Raises:
            ReviewClaimed, ReviewExpired: another reviewer holds it, or its deadline has passed.
            ReviewAlreadyDecided, ReviewWithdrawn: it was answered or withdrawn.
            NotAuthorized: the reviewer holds as many reviews as the limit permits.
        """

    def delegate(
        self,
        review: StoredReview,
        holder: str,
        receiver: str,
        actor: Actor,
        at: datetime,
        *,
        seconds: float,
        reason: str = "",
        limit: Limit | None = None,
    ) -> StoredReview:
        """Transfer a claim from its holder to another reviewer, whose limit applies. Raises as `claim`.

        Raises:
            NotAuthorized: `holder` does not hold the review.
        """

    def unclaim(self, review: StoredReview, who: str, actor: Actor, at: datetime) -> bool:
        """Release the claim of a reviewer; return False if they hold none. A delegated review returns to its owner."""

    def take_back(self, review: StoredReview, holder: str, actor: Actor, at: datetime, because: str) -> bool:
        """End the claim of a reviewer, and record the reason; return False if they hold none."""

    def renew(self, review: StoredReview, who: str, seconds: float) -> None:
        """Extend a claim to at least this many seconds from now. Does nothing if the reviewer holds no claim."""

    def lapsed(self, limit: int = 1000, on_unreadable: OnUnreadable | None = None) -> Sequence[StoredReview]:
        """Return open reviews with a lapsed claim, the longest lapsed first."""

    def return_lapsed(self, review: StoredReview, at: datetime) -> bool:
        """Remove a lapsed claim; return False if there was none."""

    def to_remind(self, limit: int = 1000, on_unreadable: OnUnreadable | None = None) -> Sequence[StoredReview]:
        """Return open reviews whose reminder is due, the longest due first."""

    def remind(self, review: StoredReview, to: Sequence[str], at: datetime) -> bool:
        """Record the reminder of these reviewers, once; return False if it was recorded before."""

    def view(self, review: StoredReview, actor: Actor, at: datetime) -> bool:
        """Record the first view of a review by an account; return False if it was recorded before."""

    def label(self, review: StoredReview, actor: Actor, at: datetime, label: str) -> str:
        """Record the label of a blind reviewer, once; return the label that is recorded."""

    def withdraw(self, review: StoredReview, verdict: RecordedDecision, actor: Actor) -> StoredReview:
        """Record that the case was canceled or superseded, regardless of claims. Raises as `decide`."""

    def queue_page(
        self,
        wanted: Sequence[InboxFilter],
        limit: int,
        after: Place | None = None,
        skip: Skip | None = None,
        until: Place | None = None,
    ) -> QueuePage:
        """Return the first open reviews of any of these filters, by due time and then as they were opened.

        Of those after the place `after` and up to the place `until`.

        The filters exclude each other. An unreadable review takes a place on the page and is left out. With `skip` the
        page may be shorter than the limit before the end of the queue.
        """

    def queue_groups(self) -> QueueGroups:
        """Return the roles that open reviews need, and the states under which they need them."""

    def queue_domains(self) -> Sequence[str]:
        """Return the domains of open reviews."""

    def queue_place(self, wanted: Sequence[InboxFilter], number: int) -> Place | None:
        """Return the place of the review with this number, from 1, under any of the filters; None if there are fewer.

        The filters exclude each other.
        """

    def queue_count(self, wanted: Sequence[InboxFilter], after: Place | None = None) -> int:
        """Return the number of open reviews of any of these filters after a place, including unreadable ones.

        The filters exclude each other.
        """

    def holders(self) -> Sequence[Held]:
        """Return the reviewers who hold claims, lapsed or not, with each role and domain of their reviews."""

    def set_needed(self, needed: Sequence[Needed]) -> None:
        """Record the roles that open reviews need, to list them without reading the others.

        No right depends on it: the role of a review is derived again when it is listed, claimed or decided.
        """

    def place_of(self, review_id: str) -> Place | None:
        """Return the place of a review in the queue, open or not; None if there is no such review."""

    def loads(self, since: datetime) -> Mapping[str, Load]:
        """Return the load of each account: reviews held now, and answered since a time."""

    def upheld(self, task_type: str, lowest: float, highest: float) -> tuple[int, int]:
        """Return how many outputs with a confidence in [lowest, highest) reviewers decided, and approved unchanged."""

    def similar(self, task_type: str, domain: str, but: str, limit: int = 5) -> Sequence[StoredReview]:
        """Return the latest decided reviews of a type and domain, except those of the case `but`."""

    def last_reviewer_for(self, customer: str) -> str | None:
        """Return the reviewer of a customer's latest decided review, None if there is none."""

    def outdated(self, limit: int = 1000, on_unreadable: OnUnreadable | None = None) -> Sequence[StoredReview]:
        """Return open reviews of cases that have a newer attempt."""

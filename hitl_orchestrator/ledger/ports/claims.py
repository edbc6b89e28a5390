"""What the review desk asks of a ledger beyond the one decision. The docstrings are promises, as those of `ports`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.domain.enums import RiskLevel
from hitl_orchestrator.domain.review import RecordedDecision, StoredReview


class InboxFilter(NamedTuple):
    """Which open reviews are asked for. What is left out asks for nothing; `open` leaves out those whose time is up."""

    role: str | None = None
    domain: str | None = None
    task_type: str | None = None
    risk_level: RiskLevel | None = None
    overdue: bool = False
    held_by: str | None = None
    unclaimed: bool = False
    open: bool = False


EVERYTHING = InboxFilter()


class Limit(NamedTuple):
    """How many reviews a person may hold at a time, under all their accounts; None is any number."""

    accounts: tuple[str, ...]
    most: int | None


class Load(NamedTuple):
    """What somebody has to do, and has done lately."""

    holds: int = 0
    answered: int = 0


class Queue(Protocol):
    """Open reviews as the work of a team. Each method that writes is one transaction, judged by the store's clock."""

    def claim(
        self, review: StoredReview, who: str, actor: Actor, at: datetime, seconds: float, *, limit: Limit | None = None
    ) -> StoredReview:
        """Keep an open review for one person, for so long by the store's own clock; again prolongs it.

        Raises:
            ReviewClaimed, ReviewExpired: somebody else has it, or its time is up.
            ReviewAlreadyDecided, ReviewWithdrawn: it is answered, or was taken back.
            NotAuthorized: they hold as many as they may.
        """

    def delegate(
        self,
        review: StoredReview,
        between: tuple[str, str],
        actor: Actor,
        at: datetime,
        *,
        seconds: float,
        reason: str = "",
        limit: Limit | None = None,
    ) -> StoredReview:
        """Give a review that one holds to another, who holds it from then on. Raises as `claim`, of the other's limit.

        Raises:
            NotAuthorized: they do not hold it.
        """

    def unclaim(self, review: StoredReview, who: str, actor: Actor, at: datetime) -> bool:
        """Let go of a review that one has claimed; say whether there was anything to let go of.

        A delegated one goes back to who gave it.
        """

    def renew(self, review: StoredReview, who: str, seconds: float) -> None:
        """Let a claim of theirs live at least so long from now. Nothing changes where they hold none."""

    def lapsed(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return open reviews that somebody has claimed and left, the longest first."""

    def return_lapsed(self, review: StoredReview, at: datetime) -> bool:
        """Take a claim that has lapsed from a review; say whether there was one."""

    def to_remind(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return open reviews of which people are to be reminded, the longest first."""

    def remind(self, review: StoredReview, to: Sequence[str], at: datetime) -> bool:
        """Write down that these were reminded, once; say whether it is the first time."""

    def view(self, review: StoredReview, actor: Actor, at: datetime) -> bool:
        """Write down that somebody looked at a review, once; say whether it is the first time."""

    def label(self, review: StoredReview, actor: Actor, at: datetime, label: str) -> str:
        """Write down what somebody says of a case before they saw the agent's answer, once; return what stands."""

    def withdraw(self, review: StoredReview, verdict: RecordedDecision, actor: Actor) -> StoredReview:
        """Record that a case was canceled, or gave way to a newer attempt, whoever holds its review. As `decide`."""

    def waiting(self, wanted: InboxFilter, limit: int = 200) -> Sequence[StoredReview]:
        """Return open reviews, the soonest due first, then the longest waiting, narrowed."""

    def waiting_each(self, wanted: Sequence[InboxFilter], limit: int) -> list[Sequence[StoredReview]]:
        """Return the first so many of each, as they stand at one moment."""

    def loads(self, since: datetime) -> Mapping[str, Load]:
        """Return what each account holds now, and how much it has answered since."""

    def upheld(self, task_type: str, lowest: float, highest: float) -> tuple[int, int]:
        """Return how many outputs of a type with a confidence in [lowest, highest) people decided, and left as is."""

    def similar(self, task_type: str, domain: str, but: str, limit: int = 5) -> Sequence[StoredReview]:
        """Return the latest decided reviews of a type and domain, but those of one case."""

    def last_reviewer_for(self, customer: str) -> str | None:
        """Return who decided last for a customer, None where nobody is known to have."""

    def outdated(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return open reviews of cases that a newer attempt at the same task has followed."""

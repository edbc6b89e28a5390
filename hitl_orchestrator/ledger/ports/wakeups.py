"""The ports by which decisions reach callers: wake-ups of those who wait, and lists for those who ask."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hitl_orchestrator.domain.case import Case, ParentCall, Wakeup
from hitl_orchestrator.ledger.ports.claims import OnUnreadable


class FinishedCase(NamedTuple):
    """A finished case as a list names it: the number of its final entry, its domain and its submitter."""

    seq: int
    case_id: str
    domain: str | None
    submitted_by: str | None


class Finished(Protocol):
    """Finished cases in the order of the ledger."""

    def finished_among(self, case_ids: Sequence[str]) -> Sequence[str]:
        """Return those of these cases that are finished."""

    def finished_since(self, seq: int, limit: int) -> Sequence[FinishedCase]:
        """Return the first cases that finished after this entry, without those that the system made itself.

        No case is added later at or below the number of a returned one: numbers are given out by one writer at a time.
        """

    def finished_cases(
        self, listed: Sequence[FinishedCase], on_unreadable: OnUnreadable | None = None
    ) -> Sequence[tuple[int, Case]]:
        """Return these cases, each with its number, and leave out those that cannot be read."""

    def flush(self, case_id: str) -> None:
        """Make what was read of this case and before survive a power failure, unless the store may only be read."""


class Wakeups(Protocol):
    """Wake-ups of callers, one for each case. A delivery is started, and then succeeds or fails."""

    def await_decision(self, case_id: str, parent: ParentCall) -> bool:
        """Note durably where the caller of a case waits, in place of an earlier note; return whether it has to wait.

        False if the case is finished. The caller is resumed after it is, if this returned True. Raises `UnknownCase`.
        """

    def wakeup(self, case_id: str) -> Wakeup | None:
        """Return the wake-up of a finished case, None if it has none that is to be delivered.

        Raises:
            IncompatibleRecord: this ledger did not write its row.
        """

    def wakeups(self, on_unreadable: OnUnreadable | None = None) -> Sequence[Wakeup]:
        """Return the wake-ups of finished cases that are to be delivered, the longest due first."""

    def take_wakeup(self, wakeup: Wakeup, seconds: float) -> Wakeup | None:
        """Start a delivery, which is due again in `seconds`; None if it was started or ended meanwhile."""

    def wakeup_failed(self, wakeup: Wakeup, error: str, seconds: float) -> None:
        """Record that a started delivery failed, and is due again in `seconds`."""

    def wakeup_delivered(self, wakeup: Wakeup) -> None:
        """Record that the caller of a case was resumed, which is not repeated."""

"""What the floors above ask of a ledger. The docstrings are promises; one suite of tests holds every store to them."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event, RefusedAttempt
from hitl_orchestrator.domain.case import Case, Submission
from hitl_orchestrator.domain.decision import Routing, ShadowAnswer
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.ledger.events.chain import Head
from hitl_orchestrator.ledger.events.redaction import Redaction
from hitl_orchestrator.ledger.events.summaries import CaseSummary
from hitl_orchestrator.ledger.ports.claims import Queue
from hitl_orchestrator.ledger.ports.policies import Policies
from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot
from hitl_orchestrator.ledger.ports.spot_checks import SpotChecks


class Ledger(Queue, Policies, SpotChecks, Protocol):
    """Cases, their reviews and their events, durable and consistent.

    Every method that writes is one transaction: it happened whole, or not at all. Times are given by the caller.
    """

    def receive(self, submission: Submission, actor: Actor, *, resubmit: bool = False, driving: bool = False) -> Case:
        """Take a submission in, once.

        The same content under the same task id is the same case, whatever case id comes with it. Other content is
        refused, or with `resubmit` becomes the next attempt. A caller who is `driving` runs a new case at once, and
        holds its lease from the start; the commit then survives a crash of the process at once, and a power cut from
        the next write on.

        Raises:
            TaskConflict: the task id is taken by other content, or by a case that measures reviewers or changes the
                policy: a newer attempt takes the place of neither.
            InvalidInput: the task id is the id of a case.
        """

    def open_review(self, shown: ReviewSnapshot, at: datetime, shadow: ShadowAnswer | None = None) -> StoredReview:
        """Open the first review of a case, or return its latest one: opening twice is once.

        The case moves from `received` to `waiting`. Where `shown` sets a time to answer, it counts from the store's own
        clock. What a watched policy would have said stands in the `routed` entry alone: no reviewer is shown it.

        Raises:
            LeaseLost: somebody else has taken the case meanwhile.
            CaseChanged: the case has gone another way meanwhile.
        """

    def decide(
        self, review: StoredReview, verdict: RecordedDecision, actor: Actor, pass_to: ReviewSnapshot | None = None
    ) -> StoredReview:
        """Record the one verdict of an open review, at the version and digest that `review` has.

        A final verdict moves the case to `decided`, and this run holds its lease; an escalation opens `pass_to` in the
        same transaction. The same answer of the same reviewer again returns the verdict that stands.

        Raises:
            ReviewAlreadyDecided: another answer stands.
            ReviewExpired: its time was up, by the store's own clock.
            KeyReused: its idempotency key was used for another answer.
            StaleReview: the review shows something else by now.
        """

    def answered_under(self, answer: Review) -> StoredReview | None:
        """Return the review that was answered under the reviewer and the idempotency key of this answer, if any."""

    def expired(self, limit: int = 1000) -> Sequence[StoredReview]:
        """Return open reviews whose time is up by the store's own clock, the longest first."""

    def expire(
        self, review: StoredReview, verdict: RecordedDecision, pass_to: ReviewSnapshot | None = None
    ) -> StoredReview | None:
        """Record what becomes of an open review whose time is up by the store's own clock: passed up, or rejected.

        None where it is not, or not any more: of an answer and the deadline exactly one counts.
        """

    def now(self) -> datetime:
        """Return what the store's own clock says, which judges deadlines and leases."""

    def take(self, case_id: str) -> bool:
        """Take a case that is `received` or `decided`, to drive it on; say whether this run holds its lease.

        It is there to be taken where nobody holds it, the holder's time is up, or the holder is known to be gone.
        """

    def release(self, case_id: str, *, driven: bool = False) -> None:
        """Give back a case that this run holds; where it was `driven` on, that gave it back, and nothing is written."""

    def proven(self, review_id: str) -> StoredReview:
        """Return a review as it stands, after making sure that it is what this ledger wrote, and all that it wrote.

        Its seal fits every column and all that it shows, and was made with a known key; the entries of its case tell of
        just this opening and just this answer.

        Raises:
            TamperedReview: it was forged, altered, moved here from another review, or taken back to what it once was.
        """

    def proven_and_told(self, review_id: str) -> tuple[StoredReview, list[Event]]:
        """Return the same with the entries of its case, which name what was said by digests. Raises as `proven`."""

    def alarm(self, case_id: str, cause: str, at: datetime) -> None:
        """Write down that something was found which no code of ours wrote; the same cause of a case once."""

    def finish(self, record: AuditRecord, routing: Routing, at: datetime) -> AuditRecord:
        """Write the outcome of a case, once. Where there is one already, that one is returned unchanged.

        After a person's decision the ledger says in the same transaction that the case was `resumed` with it.
        `routing` becomes the `routed` event of a case that never needed a review; other cases have theirs.

        Raises:
            LeaseLost: somebody else has taken the case meanwhile.
            IncompleteOutcome: the case needs a person and no final verdict is recorded, or it was never received.
        """

    def refuse(self, attempt: RefusedAttempt, actor: Actor, at: datetime) -> bool:
        """Write down a refused answer, once for all attempts at a case that share a key; say whether it is the first.

        Nothing else of the case changes. Its commit is not flushed. Raises `UnknownCase`.
        """

    def case(self, case_id: str) -> Case:
        """Return a case by its id. Raises `UnknownCase`."""

    def find(self, given_id: str) -> Case:
        """Return a case by its id, or the latest attempt at a task by the task's id. Raises `UnknownCase`."""

    def latest_review(self, case_id: str) -> StoredReview | None:
        """Return the review of a case that counts now, the highest up the chain; None where it has none."""

    def inbox(self, role: str | None = None, domain: str | None = None, limit: int = 200) -> Sequence[StoredReview]:
        """Return open reviews, the soonest due first, then the longest waiting, narrowed by role and domain."""

    def stages(self, *stages: CaseStage) -> Sequence[str]:
        """Return the ids of the cases at these stages, the longest waiting first."""

    def events(self, case_id: str | None = None) -> Iterator[Event]:
        """Yield the events of one case or of all, in the order in which they were written."""

    def records(self) -> Iterator[AuditRecord]:
        """Yield the outcome of every finished case, in the order in which they finished."""

    def outlines(self) -> Iterator[str]:
        """Yield the outline of every finished case, in the order in which they finished."""

    def past(self) -> Iterator[CaseSummary]:
        """Yield the same with what was asked for."""

    def redact(self, case_id: str, reason: str, actor: Actor, at: datetime) -> Redaction:
        """Erase what agents and people wrote in a finished case, with the key of its digests, and return the receipt.

        The case, its reviews, its entries and its record stay, and say so in the place of what they said. The ledger
        tells of it (`redacted`), and is as sound as before. Again it is the same receipt, and nothing changes. The task
        may come again as a resubmission alone: nobody can tell whether its content is the same.

        Raises:
            UnknownCase: there is none.
            CaseUnfinished: somebody may still need what was said in it.
        """

    def keep(self, digest: str, body: str, case_id: str = "") -> None:
        """Keep a large payload of a case beside the state that names it. Keeping it again changes nothing."""

    def kept(self, digest: str) -> str:
        """Return a kept payload. Raises `KeyError` where there is none."""

    def books(self) -> AbstractContextManager[LedgerSnapshot]:
        """Open the books: one consistent state of all that is kept, row by row, for whoever verifies or signs it."""

    def head(self) -> Head:
        """Return where the ledger ends; entry 0 with the genesis digest where it is empty."""

    def close(self) -> None:
        """Let go of files and connections. Closing twice is once."""

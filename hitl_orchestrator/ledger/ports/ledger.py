"""The port of the ledger. The tests in `tests/ledger` hold every store to these docstrings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from hitl_orchestrator.domain.audit import Actor, AuditRecord, Event, RefusedAttempt
from hitl_orchestrator.domain.case import Case, Submission, UnfinishedCase
from hitl_orchestrator.domain.decision import Routing, ShadowAnswer
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.domain.review import RecordedDecision, Review, ReviewSnapshot, StoredReview
from hitl_orchestrator.ledger.events.chain import Head
from hitl_orchestrator.ledger.events.ledger_builders import KeyChange
from hitl_orchestrator.ledger.events.redaction import Redaction
from hitl_orchestrator.ledger.keys.mac import Mac, Seals
from hitl_orchestrator.ledger.ports.claims import OnUnreadable, ReviewQueue
from hitl_orchestrator.ledger.ports.executions import Executions
from hitl_orchestrator.ledger.ports.policies import Policies
from hitl_orchestrator.ledger.ports.records import ALL_RECORDS, OutcomeSpan, OutcomeText, RecordFilter, RecordWithTask
from hitl_orchestrator.ledger.ports.runs import Counting, Ending, NewCases
from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot
from hitl_orchestrator.ledger.ports.wakeups import Finished, Wakeups


class Cases(NewCases, Protocol):
    """Cases from intake to outcome."""

    def receive(
        self,
        submission: Submission,
        actor: Actor,
        *,
        resubmit: bool = False,
        own_only: bool = False,
        driving: bool = False,
    ) -> Case:
        """Record a submission, once.

        The same content under the same task id and submitter is the same case, whatever its case id. Other content is
        rejected, or becomes the next attempt with `resubmit`. Another submitter has a case of their own. With
        `driving` the caller runs a new case immediately and holds its lease from the start; the commit then survives a
        crash of the process at once, and a power failure from the next flushed write on.

        Raises:
            TaskConflict: the task id belongs to other content, or to a quality check or policy change, which a newer
                attempt cannot replace.
            TaskOfAnother: the attempt to replace belongs to another submitter. With `own_only` it counts as none.
            ReplayedCase: the task was replayed from a record, and is submitted live.
            InvalidInput: the task id is the id of a case.
        """

    def finish(
        self,
        record: AuditRecord,
        routing: Routing,
        at: datetime,
        seen: int | None = None,
        counting: Counting | None = None,
    ) -> AuditRecord:
        """Record the outcome of a case, once, and return the recorded one.

        After a human decision the same transaction records that the case was `resumed`. Without a review, `routing`
        becomes the `routed` entry; other cases have theirs already. With `counting`, the case is routed again by what
        is counted in the transaction.

        Raises:
            LeaseLost: another worker has taken the case.
            NewerAttempt: a newer attempt took its place, and no reviewer has decided it.
            IncompleteOutcome: the case needs a reviewer and has no final decision, or was never received.
            GovernanceChanged: policies or people have changed since those that were `seen`, or what is counted leads
                the case another way; nothing was recorded.
        """

    def refuse(self, attempt: RefusedAttempt, actor: Actor, at: datetime) -> bool:
        """Record a rejected attempt, once for all attempts with the same key; return False if it was recorded before.

        The case does not change and the commit is not flushed. Raises `UnknownCase`.
        """

    def alarm(self, case_id: str, cause: str, at: datetime) -> None:
        """Record an integrity error of a case, once per cause."""

    def case(self, case_id: str) -> Case:
        """Return a case by its id. Raises `UnknownCase`."""

    def case_with_events(self, case_id: str) -> tuple[Case, list[Event]]:
        """Return a case with its entries, which name texts by their digest, from one consistent state.

        Raises:
            UnknownCase: there is no such case.
        """

    def cases_of(self, opened: Sequence[StoredReview]) -> Mapping[str, Case]:
        """Return the cases of open reviews by their ids, and leave out those that cannot be read."""

    def some(self, case_ids: Sequence[str], on_unreadable: OnUnreadable | None = None) -> Mapping[str, Case]:
        """Return cases by their ids, and leave out those that cannot be read; each error is passed on."""

    def latest_attempt(self, task_id: str, submitter: str | None = None) -> Case:
        """Return the case of the latest attempt of a submitter at a task; by default of the only one who has it.

        Raises:
            UnknownCase: there is none.
            AmbiguousTask: several submitters have a task with this id.
        """

    def find(self, name: str) -> Case:
        """Return a case by its id, or the latest attempt of a task by the task id. Raises as `latest_attempt`."""

    def named(self, prefix: str, most: int) -> Sequence[str]:
        """Return the first ids of cases that begin with a prefix of hexadecimal digits and hyphens."""

    def stages(self, *stages: CaseStage) -> Sequence[str]:
        """Return the ids of the cases at these stages, in the order of submission."""

    def stranded(self) -> Sequence[tuple[str, str]]:
        """Return the unfinished cases that an altered row keeps out of every list, each with the reason.

        Also those that wait for a time that is none, such as the end of a lease or the deadline of a review.
        """

    def records(
        self,
        on_unreadable: OnUnreadable | None = None,
        after: str | None = None,
        wanted: RecordFilter = ALL_RECORDS,
    ) -> Iterator[AuditRecord]:
        """Yield the audit record of every finished case, in the order in which the cases finished.

        With `after` only of those that finished after this case. With a filter the rows of `outcomes` choose the cases,
        so that one without a row is missing, and each record is compared with the filter again.

        Raises:
            CaseUnfinished, UnknownCase: `after` is no finished case.
        """

    def records_with_task(self, on_unreadable: OnUnreadable | None = None) -> Iterator[RecordWithTask]:
        """Yield audit records, each with facts of its case that it lacks.

        A record without the matching row in `outcomes` is left out like an unreadable one.
        """

    def outcomes(self, *columns: str, metadata: bool = False, routing: bool = False) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of `Outcome` for every finished case, in the order in which the cases finished.

        With `metadata` each row ends with the metadata of the task as JSON text, None once erased, and with whether the
        case was redacted. Reading it takes longer. With `routing` the proposal that was routed follows, as JSON text,
        None without one and once erased, and the values of the counters by which it was routed, by their keys.
        """

    def outcome_span(self) -> OutcomeSpan:
        """Return the number of outcomes, and the entries of the first and the last one."""

    def outcome_text(self, columns: tuple[str, ...], after: int, up_to: int, most: int) -> OutcomeText:
        """Return `most` outcomes at most that finished after this entry, up to the other one, as one text.

        Threads may call it at once: most of the work is done by the database. Each row has `finished_seq` and these
        columns, with `VALUE_END` between them, and `ROW_END` between rows.
        """

    def spot_checks_due(self, limit: int = 1000) -> Sequence[str]:
        """Return the sampled cases whose spot check is not opened yet, the oldest first. `finish` adds them."""

    def spot_check_opened(self, case_id: str) -> None:
        """Remove a case from the due spot checks. Idempotent."""


class Redactions(Protocol):
    """Redaction of cases, and of the copies that the database keeps of deleted rows."""

    def redact(self, case_id: str, reason: str, actor: Actor, at: datetime) -> Redaction:
        """Erase the texts of agents and people in a finished case, with the key of their digests; return the receipt.

        The case, its reviews, entries and record remain, with a placeholder for each text. The ledger records the
        redaction and still verifies. Repeating it returns the same receipt. The task can only be resubmitted, since
        its content can no longer be compared. Until `scrub` succeeds, the database may hold copies of the texts in
        pages that it no longer uses.

        Raises:
            UnknownCase: there is no such case.
            CaseUnfinished: the case still needs its texts.
        """

    def copies(self, case_id: str) -> Sequence[tuple[str, str]]:
        """Return the id and the stage of each case that repeats the texts of this one for a quality check."""

    def scrub(self) -> Sequence[str]:
        """Erase the copies of erased texts, and return the redacted cases of which some may remain.

        Another process that reads the store may prevent it, which is logged; call it again. It rewrites the store.
        """

    def scrubs_due(self) -> Sequence[str]:
        """Return the redacted cases of which copies may remain."""


class Reviews(Protocol):
    """Reviews and the one decision of each."""

    def open_review(
        self,
        shown: ReviewSnapshot,
        at: datetime,
        shadow: ShadowAnswer | None = None,
        seen: int | None = None,
        counting: Counting | None = None,
        *,
        to_withdraw: bool = False,
    ) -> StoredReview:
        """Open the first review of a case, or return its latest one. Idempotent.

        With `to_withdraw` the caller withdraws it at once; otherwise a case with a newer attempt is refused.

        The case moves from `received` to `waiting`. The deadline counts from the store's clock. The answer of a shadow
        policy is recorded in the `routed` entry only, not shown to reviewers. With `counting`, the case is routed again
        by what is counted in the transaction.

        Raises:
            GovernanceChanged: as `finish` raises it.
            LeaseLost: another worker has taken the case.
            NewerAttempt: a newer attempt took the place of the case.
            CaseChanged: the case has moved on.
        """

    def decide(
        self,
        review: StoredReview,
        verdict: RecordedDecision,
        actor: Actor,
        then: ReviewSnapshot | Ending | None = None,
        seen: int | None = None,
    ) -> StoredReview:
        """Record the one decision of an open review, at the version and digest of `review`.

        The same transaction records what follows `then`: the next review after an escalation or a vote, or the outcome
        of the case. A final decision without an outcome moves the case to `decided`, and the caller holds its lease.
        The same answer of the same reviewer again returns the recorded one.

        Raises:
            ReviewAlreadyDecided: another answer was recorded.
            ReviewExpired: the deadline has passed by the store's clock.
            KeyReused: the idempotency key was used for another answer.
            StaleReview: the review has changed since it was shown.
            GovernanceChanged: policies or people have changed since those that were `seen`; nothing was recorded.
        """

    def answered_under(self, answer: Review) -> StoredReview | None:
        """Return the review that was answered with the reviewer and idempotency key of this answer, if any."""

    def expired(self, limit: int = 1000, on_unreadable: OnUnreadable | None = None) -> Sequence[StoredReview]:
        """Return open reviews past their deadline by the store's clock, the longest overdue first."""

    def expire(
        self, review: StoredReview, verdict: RecordedDecision, pass_to: ReviewSnapshot | None = None
    ) -> StoredReview | None:
        """Record the expiry of an open review past its deadline by the store's clock: escalated or rejected.

        Returns None if it is not past its deadline, or no longer open: of an answer and the deadline exactly one wins.
        """

    def latest_review(self, case_id: str) -> StoredReview | None:
        """Return the review of a case with the highest level, None if it has none."""

    def latest_upheld(self, limit: int) -> Sequence[StoredReview]:
        """Return the latest reviews of live cases whose decision let an output through, the latest first.

        Redacted ones are left out. Each is verified; one that this ledger did not write is left out with a warning.
        """

    def verify_review(self, review: StoredReview, events: Sequence[Event]) -> None:
        """Verify that this ledger wrote a review, from the entries of its case. Raises as `verified_review`."""

    def verified_review(self, review_id: str) -> tuple[StoredReview, list[Event]]:
        """Return a review with the entries of its case, after verifying that this ledger wrote the row.

        Its MAC covers every column and everything it shows, under a known key; the entries of the case record exactly
        this opening and this answer.

        Raises:
            TamperedReview: the row was forged, altered, copied from another review, or rolled back.
        """


class Lease(NamedTuple):
    """The lease of a case: its holder, for messages, and its times by the store's clock."""

    holder: str
    since: datetime
    until: datetime


class Leases(Protocol):
    """Leases of cases, by which one worker at a time runs a case."""

    def now(self) -> datetime:
        """Return the time of the store's clock, which decides deadlines and leases."""

    def check_writable(self) -> None:
        """Raise `StoreUnavailable` if this user may not write to the store, or it is a copy for reading alone."""

    def has_newer_attempt(self, case_id: str) -> bool:
        """Whether there is a newer attempt at the task of a case."""

    def unfinished(self) -> Sequence[UnfinishedCase]:
        """Return the cases that are `received` or `decided`, in the order of submission."""

    def take(self, case_id: str) -> bool:
        """Acquire the lease of a case that is `received` or `decided`; return whether the caller holds it.

        It is available if it is free, has ended, or its holder no longer exists. A lease that begins in the future has
        ended: its holder had a wrong clock.
        """

    def lease(self, case_id: str) -> Lease | None:
        """Return the lease of a case, None if it has none. Raises `UnknownCase`."""

    def release(self, case_id: str, *, driven: bool = False) -> None:
        """Release a lease that the caller holds. With `driven` the move of the case released it already."""


class Ledger(Cases, Redactions, Reviews, Leases, Executions, ReviewQueue, Policies, Finished, Wakeups, Protocol):
    """Cases, reviews and events, durable and consistent.

    Every method that writes is one transaction. Callers supply the times of entries.
    """

    def events(self, case_id: str | None = None, on_unreadable: OnUnreadable | None = None) -> Iterator[Event]:
        """Yield the events of one case or of all, in the order of the ledger.

        Raises:
            LedgerDamaged: an entry of the one case cannot be read. Among all entries it is left out.
        """

    def keep(self, digest: str, body: str, case_id: str = "") -> None:
        """Store a large payload of a case outside the state that names it. Idempotent."""

    def kept(self, digest: str) -> str:
        """Return a stored payload. Raises `KeyError` if there is none."""

    def snapshot(self) -> AbstractContextManager[LedgerSnapshot]:
        """Open one consistent state of all tables, for verification and signing."""

    def shared_snapshot(self, begin: Callable[[str], None]) -> AbstractContextManager[LedgerSnapshot | None]:
        """Open a state that others read too, as `Database.shared_read` does."""

    @property
    def shared_place(self) -> Mapping[str, Any] | None:
        """Return how another process opens the store to read it, as `Database.shared_place` does."""

    def at_one_state(self) -> AbstractContextManager["Ledger"]:
        """Open the ledger in one consistent state: what was verified in it is what else is read in it.

        It cannot be written to, and holds for the time of the context.
        """

    @property
    def ledger_id(self) -> str:
        """The id of the ledger, a UUID that was made with the store. Raises `LedgerDamaged` without a head row."""

    @property
    def seals(self) -> Seals | None:
        """The seals of the ledger before its entries are read, None without its key. Raises as `ledger_id`."""

    def current_seals(self) -> Seals | None:
        """Return the seals of the ledger after all changes of its key, None if it was opened without its key.

        Raises:
            LedgerDamaged: an entry about a key is missing, or this ledger did not write it.
            InvalidKey: the first configured key was never one of this ledger.
        """

    def lot(self, *names: str) -> str:
        """Return a digest of names under a key of the ledger, in hexadecimal, by which something is drawn at random.

        Without the key it cannot be computed: neither the submitter nor a reviewer of a case knows what is drawn.
        """

    def rotate_key(self, actor: Actor, at: datetime, new_key: Sequence[Mac] = ()) -> KeyChange:
        """Retire the key that seals the ledger, and make the first configured one valid from the next entry on.

        A store with a key file of its own gets a new key in it; `new_key` is put before the others elsewhere.

        Raises:
            InvalidKey: the first key is the valid one, or was retired before.
        """

    def own_events(self) -> Sequence[Event]:
        """Return the entries about the ledger itself: changes of its key, and jumps of the clock."""

    def head(self) -> Head:
        """Return the last entry's number and digest; 0 and the genesis digest for an empty ledger.

        Raises:
            LedgerDamaged: the head row is missing or altered, or states another end of the ledger.
        """

    def close(self) -> None:
        """Close files and connections. Idempotent."""

"""The ledger in a database: the `Ledger` port, composed of one repository per subject."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import Actor, Event
from hitl_orchestrator.ledger.database.one_state import OneState
from hitl_orchestrator.ledger.database.ports import Database, TransientStoreError, retried
from hitl_orchestrator.ledger.events.chain import Head
from hitl_orchestrator.ledger.events.ledger_builders import KINDS, KeyChange
from hitl_orchestrator.ledger.keys.mac import Mac, SealKeys, Seals
from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot
from hitl_orchestrator.ledger.store.cases import CaseRepository
from hitl_orchestrator.ledger.store.claims import ClaimRepository
from hitl_orchestrator.ledger.store.counting.tallies import TallyRepository
from hitl_orchestrator.ledger.store.delivery.decided import DecidedRepository
from hitl_orchestrator.ledger.store.delivery.wakeups import WakeupRepository
from hitl_orchestrator.ledger.store.event_log import EventLog
from hitl_orchestrator.ledger.store.executions.repository import ExecutionRepository
from hitl_orchestrator.ledger.store.leased_work import LeasedWork
from hitl_orchestrator.ledger.store.leases import LEASE_SECONDS, Holder
from hitl_orchestrator.ledger.store.outcomes import OutcomeRepository
from hitl_orchestrator.ledger.store.policies import PolicyRepository
from hitl_orchestrator.ledger.store.redaction import RedactionRepository
from hitl_orchestrator.ledger.store.reviews import ReviewRepository
from hitl_orchestrator.ledger.store.runs.new_cases import NewCaseRepository
from hitl_orchestrator.ledger.store.snapshot import StoreSnapshot


class LedgerStore:
    """A ledger in a database. Safe to share between threads."""

    def __init__(self, database: Database, keys: SealKeys | None, lease: float = LEASE_SECONDS) -> None:
        """Compose the repositories. A lease lasts `lease` seconds.

        `keys` seal every entry, its head row and the review rows. Without them the ledger can only be audited.
        """
        self._database, self._keys = database, keys
        self._log = log = EventLog(database, keys)
        holder = Holder(lease)
        self._work = work = LeasedWork(database, holder, log)
        self.now, self.take, self.lease, self.release = work.now, work.take, work.lease, work.release
        self.check_writable = work.check_writable
        self.unfinished, self.has_newer_attempt = work.unfinished, work.has_newer_attempt

        cases = CaseRepository(database, work, log)
        self.receive, self.refuse, self.alarm = cases.receive, cases.refuse, cases.alarm
        self.case, self.case_with_events, self.find = cases.case, cases.case_with_events, cases.find
        self.named, self.some = cases.named, cases.some
        self.latest_attempt, self.cases_of = cases.latest_attempt, cases.cases_of
        self.stages, self.stranded, self.events = cases.stages, cases.stranded, cases.events
        self.keep, self.kept = cases.keep, cases.kept

        new_cases = NewCaseRepository(database, log, cases)
        self.record_run, self.record_runs = new_cases.record_run, new_cases.record_runs
        self.known = new_cases.known
        tallies = TallyRepository(database, log)
        self.count, self.cover = tallies.count, tallies.cover

        executions = ExecutionRepository(database, holder, log)
        self.execution, self.executions = executions.execution, executions.executions
        self.start_execution, self.extend_execution = executions.start_execution, executions.extend_execution
        self.end_execution, self.lose_execution = executions.end_execution, executions.lose_execution
        self.open_executions = executions.open_executions

        redactions = RedactionRepository(database, log)
        self.redact, self.copies = redactions.redact, redactions.copies
        self.scrub, self.scrubs_due = redactions.scrub, redactions.scrubs_due

        outcomes = OutcomeRepository(database, work, log)
        self.finish, self.records, self.outcomes = outcomes.finish, outcomes.records, outcomes.outcomes
        self.records_with_task = outcomes.records_with_task
        self.outcome_span, self.outcome_text = outcomes.outcome_span, outcomes.outcome_text
        self.spot_checks_due, self.spot_check_opened = outcomes.spot_checks_due, outcomes.spot_check_opened

        policies = PolicyRepository(database, log)
        self.policy, self.governance_events = policies.policy, policies.governance_events
        self.govern, self.routings = policies.govern, policies.routings
        self._compose_reviews(database, work, log)
        self._compose_delivery(database, cases, holder, log)

    def _compose_reviews(self, database: Database, work: LeasedWork, log: EventLog) -> None:
        reviews = ReviewRepository(database, work, log)
        self.open_review, self.decide, self.withdraw = reviews.open_review, reviews.decide, reviews.withdraw
        self.expired, self.expire, self.answered_under = reviews.expired, reviews.expire, reviews.answered_under
        self.latest_review, self.verified_review = reviews.latest_review, reviews.verified_review
        self.verify_review, self.latest_upheld = reviews.verify_review, reviews.latest_upheld

        claims = ClaimRepository(database, log)
        self.claim, self.delegate, self.unclaim = claims.claim, claims.delegate, claims.unclaim
        self.renew, self.lapsed, self.return_lapsed = claims.renew, claims.lapsed, claims.return_lapsed
        self.to_remind, self.remind, self.view, self.label = claims.to_remind, claims.remind, claims.view, claims.label
        self.queue_page, self.queue_groups = claims.queue_page, claims.queue_groups
        self.queue_domains, self.queue_place = claims.queue_domains, claims.queue_place
        self.set_needed, self.queue_count, self.holders = claims.set_needed, claims.queue_count, claims.holders
        self.place_of, self.outdated, self.take_back = claims.place_of, claims.outdated, claims.take_back
        self.loads, self.upheld, self.similar = claims.loads, claims.upheld, claims.similar
        self.last_reviewer_for = claims.last_reviewer_for

    def _compose_delivery(self, database: Database, cases: CaseRepository, holder: Holder, log: EventLog) -> None:
        decided = DecidedRepository(database, cases)
        self.finished_among, self.finished_since = decided.finished_among, decided.finished_since
        self.finished_cases, self.flush = decided.finished_cases, decided.flush

        wakeups = WakeupRepository(database, holder, log)
        self.await_decision, self.wakeup, self.wakeups = wakeups.await_decision, wakeups.wakeup, wakeups.wakeups
        self.take_wakeup, self.wakeup_failed = wakeups.take_wakeup, wakeups.wakeup_failed
        self.wakeup_delivered = wakeups.wakeup_delivered

    @contextmanager
    def snapshot(self) -> Iterator[LedgerSnapshot]:
        """Open one consistent state of all tables."""
        with self._database.read() as transaction, closing(StoreSnapshot(transaction)) as snapshot:
            yield snapshot

    @contextmanager
    def shared_snapshot(self, begin: Callable[[str], None]) -> Iterator[LedgerSnapshot | None]:
        """Open a state that others read too."""
        with self._database.shared_read(begin) as transaction:
            if transaction is None:
                yield None
                return
            with closing(StoreSnapshot(transaction)) as snapshot:
                yield snapshot

    @property
    def shared_place(self) -> Mapping[str, Any] | None:
        """Return how another process opens the store to read it."""
        return self._database.shared_place

    @contextmanager
    def at_one_state(self) -> Iterator["LedgerStore"]:
        """Open this ledger in one consistent state, to be read with all operations."""
        is_read = False
        try:
            with self._database.read() as transaction:
                yield LedgerStore(OneState(self._database.url, transaction), self._keys)
                is_read = True
        except TransientStoreError:
            # A transaction that only read may as well be rolled back; what failed in it was raised there.
            if not is_read:
                raise

    @retried
    def head(self) -> Head:
        """Return the last entry's number and digest."""
        with self._database.read() as transaction:
            return self._log.head(transaction)

    @property
    def ledger_id(self) -> str:
        """The id of the ledger."""
        return self._log.ledger_id

    @property
    def seals(self) -> Seals | None:
        """The seals of the ledger before its entries are read."""
        return self._log.seals

    @retried
    def current_seals(self) -> Seals | None:
        """Return the seals of the ledger after all changes of its key."""
        if self._log.seals is None:
            return None
        self._log.read_keys()
        return self._log.sealing

    @retried
    def lot(self, *names: str) -> str:
        """Return a keyed digest of names, by which something is drawn at random."""
        return self._log.sealing.lot_of(*names)

    @retried
    def own_events(self) -> Sequence[Event]:
        """Return the entries about the ledger itself."""
        with self._database.read() as transaction:
            return self._log.governing(transaction, KINDS)

    def rotate_key(self, actor: Actor, at: datetime, new_key: Sequence[Mac] = ()) -> KeyChange:
        """Retire the key that seals the ledger, and make the first configured one valid."""
        if new_key and self._keys is not None:
            self._keys.put_first(new_key)
        with self._database.write() as transaction:
            change = self._log.change_key(transaction, actor, at)
        self._log.read_keys()
        return change

    def close(self) -> None:
        """Close all connections and give up all leases."""
        self._work.retire()
        self._database.close()

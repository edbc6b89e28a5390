"""Cases as work in a ledger in memory: taken under a lease, moved on from where they stand, and given back."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import RLock

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.errors import CaseChanged, LeaseLost, UnknownCase
from hitl_orchestrator.ledger.keys.mac import RowAuthenticator, ephemeral_seals
from hitl_orchestrator.ledger.memory.index import Journal, LeaseTable, PolicyTable, ReviewTable
from hitl_orchestrator.ledger.store.leases import LEASE_SECONDS, NO_FENCE


class MemoryWork:
    """All that a ledger in memory holds, one lock over it, and who does its work."""

    def __init__(
        self,
        seals: RowAuthenticator | None = None,
        lease: float = LEASE_SECONDS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`seals` makes the rows tamper-evident; without them a key is made that ends with this store.

        `lease` is for how many seconds a case is held by whoever drives it; `clock` is the store's own.
        """
        self._seals, self.now = seals or ephemeral_seals(), clock
        self._journal, self._reviews, self._leases = Journal(), ReviewTable(), LeaseTable(lease, clock)
        self._policies = PolicyTable()
        self._contents = self._journal.contents
        self._keys: dict[str, str] = {}
        self._lock = RLock()
        self._cases: dict[str, Case] = {}
        self._attempts: dict[str, list[str]] = {}
        self._records: dict[str, AuditRecord] = {}
        self._refusals: dict[tuple[str, str], int] = {}
        self._payloads: dict[tuple[str, str], str] = {}
        self._reminded: set[str] = set()
        self._spot_checks: dict[str, None] = {}
        self._submitted_as: dict[str, str] = {}

    def take(self, case_id: str) -> bool:
        """Take a case to drive it on, if nobody does."""
        if self._leases.holder.fence(case_id) != NO_FENCE:
            return True
        with self._lock:
            work = (CaseStage.RECEIVED, CaseStage.DECIDED)
            if self._known(case_id).stage not in work or not self._leases.can_be_taken(case_id):
                return False
            self._leases.hold(case_id)
            return True

    def release(self, case_id: str, *, driven: bool = False) -> None:
        """Give back a case that this run holds."""
        fence = self._leases.holder.fence(case_id)
        self._leases.holder.let_go(case_id)
        with self._lock:
            if fence != NO_FENCE and not driven:
                self._leases.give_back(case_id, fence)

    def close(self) -> None:
        """Nothing is open, and nothing is held any more."""
        self._leases.holder.retire()

    def _check_lease(self, case_id: str, stage: CaseStage) -> None:
        """Pass a run that holds a case, or a case that nobody holds, if it is at this stage at all."""
        fence = self._leases.holder.fence(case_id)
        held_here = self._leases.has_fence(case_id, fence) or (fence == NO_FENCE and self._leases.is_free(case_id))
        if self._known(case_id).stage is stage and not held_here:
            raise LeaseLost(case_id, stage.value)

    def _move(self, case_id: str, from_stage: CaseStage, to_stage: CaseStage) -> None:
        case = self._known(case_id)
        if case.stage is not from_stage:
            raise CaseChanged(case_id, case.stage.value)
        self._cases[case_id] = case.model_copy(update={"stage": to_stage})
        self._leases.give_back(case_id)

    def _known(self, case_id: str) -> Case:
        """Return a case without its reviews and its record. Raises `UnknownCase`."""
        if case_id not in self._cases:
            raise UnknownCase(case_id)
        return self._cases[case_id]

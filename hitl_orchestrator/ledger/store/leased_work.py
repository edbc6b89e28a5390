"""Cases as work in a SQL store: taken under a lease, moved on by a compare-and-set, and given back."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.enums import CaseStage
from hitl_orchestrator.errors import HitlError, LeaseLost, UnknownCase
from hitl_orchestrator.ledger.database.ports import Database, Transaction, resolved
from hitl_orchestrator.ledger.keys.mac import RowAuthenticator, ephemeral_seals
from hitl_orchestrator.ledger.store import statements
from hitl_orchestrator.ledger.store.leases import LEASE_SECONDS, NO_FENCE, Holder, is_gone


class SqlWork:
    """The work of a store, and who does it."""

    def __init__(self, database: Database, seals: RowAuthenticator | None = None, lease: float = LEASE_SECONDS) -> None:
        """`seals` makes the rows tamper-evident; without them a key is made that nobody has after this.

        `lease` is for how many seconds a case is held by whoever drives it.
        """
        self._database, self._seals, self._holder = database, seals or ephemeral_seals(), Holder(lease)

    @resolved
    def now(self) -> datetime:
        """Return what the store's own clock says."""
        with self._database.read() as conn:
            return self._now(conn)

    @resolved
    def take(self, case_id: str) -> bool:
        """Take a case to drive it on, if nobody does."""
        if self._holder.fence(case_id) != NO_FENCE:
            return True
        with self._database.read() as conn:
            row = conn.first(statements.WORK, wanted_case=case_id)
        if row is None:
            raise UnknownCase(case_id)
        mine = self._holder.name
        gone = row["holder"] if row["holder"] == mine or is_gone(row["holder"] or "") else ""
        if not row["free"] and not gone:
            return False
        with self._database.write(flush=False) as conn:
            taken = conn.first(statements.TAKE_CASE, wanted_case=case_id, gone=gone, **self._lease())
        if taken is not None:
            self._holder.hold(case_id, taken["fence"])
        return taken is not None

    def release(self, case_id: str, *, driven: bool = False) -> None:
        """Give back a case; where that cannot be written, its lease ends by itself."""
        fence = self._holder.fence(case_id)
        self._holder.let_go(case_id)
        if fence != NO_FENCE and not driven:
            with suppress(HitlError), self._database.write(flush=False) as conn:
                conn.run(statements.RELEASE_CASE, wanted_case=case_id, fence=fence)

    def close(self) -> None:
        """Let go of every connection, and of all that is held."""
        self._holder.retire()
        self._database.close()

    def _now(self, conn: Transaction) -> datetime:
        return datetime.fromisoformat(conn.first(statements.CLOCK)["now"])

    def _lease(self, *, driving: bool = True) -> dict[str, Any]:
        return {"holder": self._holder.name, "held_for": self._holder.seconds} if driving else _NOBODY

    def _moved(self, conn: Transaction, case_id: str, from_stage: CaseStage, to_stage: CaseStage) -> bool:
        """Move a case on and let it go; False where it is not at that stage.

        Raises:
            LeaseLost: it is, and somebody else has taken it.
        """
        fence = self._holder.fence(case_id)
        values = {"from_stage": from_stage.value, "to_stage": to_stage.value, "fence": fence}
        if conn.run(statements.MOVE_CASE, wanted_case=case_id, **values).rowcount == 1:
            return True
        row = conn.first(statements.STAGE, wanted_case=case_id)
        if row is not None and row["stage"] == from_stage.value:
            raise LeaseLost(case_id, from_stage.value)
        return False


_NOBODY = {"holder": None, "held_for": None}

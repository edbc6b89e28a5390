"""Reconciliation of the head row: the ledger ends where its sealed head row says, and has all governing entries."""

from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.chain import GENESIS, GOVERNING, Entry, Head, governed_after
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.keys.recorded import check_end
from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot

_GOVERNING = frozenset(kind.value for kind in GOVERNING)


class HeadReconciler:
    """Computes the digest of the governing entries, and compares it and the end of the ledger with the head row."""

    def __init__(self) -> None:
        self._governed = GENESIS

    def add(self, entry: Entry) -> None:
        """Add the next verified entry."""
        if entry.kind in _GOVERNING:
            self._governed = governed_after(self._governed, entry.digest)

    def problem(self, snapshot: LedgerSnapshot, end: Head, seals: Seals | None) -> tuple[int | None, str] | None:
        """Return the difference between the head row and the ledger that ends with `end`; None if there is none."""
        rows = list(snapshot.head_rows())
        row = rows[0] if rows else None
        try:
            check_end(row, end, None if row is None else row.ledger_id, seals)
        except LedgerDamaged as exc:
            return end.seq + 1, exc.problem
        others = snapshot.stray_head_rows()
        if others:
            return None, f"table ledger_head has {1 + others} rows, and a ledger has one"
        if row is not None and row.governed != self._governed:
            return None, "the head row has another digest of the entries about policies"
        return None

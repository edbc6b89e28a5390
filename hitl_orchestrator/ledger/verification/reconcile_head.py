"""Reconciliation of the head row: the ledger ends where its sealed head row says, and has all governing entries."""

from hitl_orchestrator.errors import InvalidKey, LedgerDamaged
from hitl_orchestrator.ledger.events import ledger_builders
from hitl_orchestrator.ledger.events.chain import GENESIS, GOVERNING, Entry, Head, governed_after
from hitl_orchestrator.ledger.keys.mac import SealCheck
from hitl_orchestrator.ledger.keys.recorded import check_end
from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot

_GOVERNING = frozenset(kind.value for kind in GOVERNING)


class HeadReconciler:
    """Computes the digest of the governing entries, and compares it and the end of the ledger with the head row."""

    def __init__(self) -> None:
        self._governed = GENESIS
        self.noted: dict[str, list[int]] = {kind.value: [] for kind in ledger_builders.KINDS}

    def add(self, entry: Entry) -> None:
        """Add the next verified entry."""
        if entry.kind in _GOVERNING:
            self._governed = governed_after(self._governed, entry.digest)
        if entry.kind in self.noted:
            self.noted[entry.kind].append(entry.seq)

    def problem(self, snapshot: LedgerSnapshot, end: Head, checked: SealCheck | None) -> tuple[int | None, str] | None:
        """Return the difference between the head row and the ledger that ends with `end`; None if there is none.

        Also that the first key is none of this ledger, whose entries were `checked` with the others.
        """
        rows = list(snapshot.head_rows())
        row = rows[0] if rows else None
        seals = None if row is None or checked is None else checked.seals_for(row.mac)
        try:
            check_end(row, end, None if row is None else row.ledger_id, seals)
            if seals is not None:
                seals.check_newest()
        except LedgerDamaged as exc:
            return end.seq + 1, exc.problem
        except InvalidKey as exc:
            return None, str(exc)
        others = snapshot.stray_head_rows()
        if others:
            return None, f"table ledger_head has {1 + others} rows, and a ledger has one"
        if row is not None and row.governed != self._governed:
            return None, "the head row has another digest of the entries about policies, keys and the clock"
        return None

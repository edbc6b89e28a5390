"""`hitl.audit`: read, verify, sign and prove the ledger."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.ledger.verification.chain_check import Verification
from hitl_orchestrator.ledger.verification.proofs import CaseProof
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead
from hitl_orchestrator.orchestrator.open_services import OpenServices
from hitl_orchestrator.services.acting import CaseKey

if TYPE_CHECKING:
    from hitl_orchestrator.wiring.build import Services

__all__ = ["Audit"]


class Audit:
    """The audit trail: one record per finished case, and the hash-chained ledger behind it."""

    _services = OpenServices()

    def __init__(self, services: "Services") -> None:
        self._services = services

    def records(self, *, quality_checks: bool = False) -> Iterator[AuditRecord]:
        """Yield the audit record of every finished case, in the order in which they finished.

        Cases that only measure reviewers are left out; with `quality_checks` only these are yielded.
        """
        return self._services.audit.records(quality_checks=quality_checks)

    def verify(self, heads: Sequence[SignedHead] = (), public_key: str | None = None) -> Verification:
        """Verify the whole ledger and its tables.

        Any edit, deletion, reordering, duplicate or truncation is found, and every entry that was not sealed by this
        ledger; with signed heads, oldest first, also a return to an earlier state. `public_key` is the key to trust;
        by default the one that the heads name.
        """
        return self._services.audit.verify(heads, public_key)

    def sign_head(self) -> SignedHead:
        """Sign the current head of the ledger, and append it to the head file where there is one.

        Raises:
            LedgerDamaged: the ledger differs from the last signed head.
            InvalidKey, HeadFileUnavailable: the head cannot be signed or stored.
        """
        return self._services.audit.sign_head()

    def prove(self, case_id: str | None = None, *, task_id: str | None = None) -> CaseProof:
        """Return a self-contained proof of all entries of one case. Raises as `sign_head`, and `UnknownCase`."""
        return self._services.audit.prove(CaseKey.of(case_id, task_id))

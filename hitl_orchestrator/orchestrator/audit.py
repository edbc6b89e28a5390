"""`hitl.audit`: read, verify, sign and prove the ledger."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.enums import FinalDecision, HumanDecision
from hitl_orchestrator.ledger.events.ledger_builders import KeyChange
from hitl_orchestrator.ledger.ports.records import RecordFilter
from hitl_orchestrator.ledger.verification.chain_check import Verification
from hitl_orchestrator.ledger.verification.proofs import CaseProof
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead
from hitl_orchestrator.orchestrator.arguments import checked_arguments
from hitl_orchestrator.orchestrator.gate import Gate
from hitl_orchestrator.services.acting import Acting
from hitl_orchestrator.services.authority import Verb
from hitl_orchestrator.services.cases.audit_trail import checked_filter
from hitl_orchestrator.services.masking import masked_record, sees_all

if TYPE_CHECKING:
    from hitl_orchestrator.ledger.keys.files import SealKey
    from hitl_orchestrator.wiring.build import Services

__all__ = ["Audit"]


@checked_arguments
class Audit:
    """The audit trail: one record per finished case, and the hash-chained ledger behind it."""

    def __init__(self, services: "Services", acting: Acting) -> None:
        self._gate = Gate(services, acting)

    def records(
        self,
        *,
        quality_checks: bool = False,
        after: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        reviewer: str | None = None,
        domain: str | None = None,
        decision: FinalDecision | HumanDecision | None = None,
        rule: str | None = None,
    ) -> Iterator[AuditRecord]:
        """Yield the audit record of every finished case, in the order in which they finished.

        Cases that only measure reviewers are left out; with `quality_checks` only these are yielded.
        With `after`, the id of a finished case, only those of cases that finished after it: for the next page.
        A principal that is not local gets those of its own cases and domains.

        Only those that were decided from `since` on and before `until`, to which the `reviewer` (an account or the
        person behind it) gave a vote, that ended with this `decision` or were decided so by a person, and that this
        `rule` routed. The rows of the table `outcomes` choose the cases, and `verify` says whether they are complete.

        Raises:
            UnknownCase, CaseUnfinished: `after` is no case that the principal may read, or it is not finished.
            InvalidInput: a time has no zone, or there is no such decision.
        """
        services, acting = self._gate.to(Verb.READ_RECORDS)
        if after is not None:
            self._gate.to_case(Verb.READ_RECORDS, after, None)
        mine = services.authorization.filter_of(Verb.READ_RECORDS, acting)
        wanted = checked_filter(RecordFilter(since, until, reviewer, domain, decision, rule))
        records = services.audit.records(quality_checks=quality_checks, after=after, wanted=wanted)
        if not sees_all(acting.principal, acting.reviewer):
            records = map(masked_record, records)
        return records if mine is None else (each for each in records if mine(each.domain, each.submitted_by))

    def verify(self, heads: Sequence[SignedHead] = (), public_key: str | None = None) -> Verification:
        """Verify the whole ledger and its tables.

        Any edit, deletion, reordering, duplicate or truncation is found, and every entry that was not sealed by this
        ledger; with signed heads, oldest first, also a return to an earlier state. `public_key` is the key to trust;
        by default the one that the heads name.
        """
        return self._gate.to(Verb.VERIFY).services.audit.verify(heads, public_key)

    def rotate_key(self, new_key: "SealKey | Sequence[SealKey] | None" = None) -> KeyChange:
        """Retire the key that seals the ledger, and make another one valid from the next entry on.

        A store with its own key file gets a new key in it, before the old one, which still verifies older entries. A
        store that was opened with `seal_key` takes `new_key`; then open it with both, the new key first.

        Raises:
            InvalidKey: there is no other key, it was retired before, or the key file cannot be written.
        """
        services, acting = self._gate.to(Verb.ROTATE_KEY)
        return services.audit.rotate_key(new_key, acting)

    def sign_head(self) -> SignedHead:
        """Sign the current head of the ledger, and append it to the head file where there is one.

        Raises:
            LedgerDamaged: the ledger differs from the last signed head.
            InvalidKey, HeadFileUnavailable: the head cannot be signed or stored.
        """
        return self._gate.to(Verb.SIGN_HEAD).services.audit.sign_head()

    def prove(self, case_id: str | None = None, *, task_id: str | None = None) -> CaseProof:
        """Return a self-contained proof of all entries of one case.

        Raises:
            UnknownCase: there is no such case.
            CaseUnfinished: it is undecided, and a proof would show what is hidden from this principal.
            LedgerDamaged, InvalidKey, HeadFileUnavailable: as `sign_head`.
        """
        services, acting, key = self._gate.to_case(Verb.PROVE, case_id, task_id)
        services.masking.check_provable(services.reader.get(key), acting)
        return services.audit.prove(key)

"""The audit trail: records, histories, verification, signed heads and proofs."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.audit import AuditRecord, Event
from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.domain.enums import FINAL, GOVERNED_CHANGES, OWN_QUESTIONS, EventKind, FinalDecision
from hitl_orchestrator.domain.input.parsing import did_you_mean
from hitl_orchestrator.errors import HeadFileUnavailable, HitlError, InvalidInput, InvalidKey, StoreUnavailable
from hitl_orchestrator.ledger.events.builders import SYSTEM
from hitl_orchestrator.ledger.events.ledger_builders import KeyChange
from hitl_orchestrator.ledger.keys.files import SealKey, macs_of
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.records import ALL_RECORDS, RecordFilter
from hitl_orchestrator.ledger.verification.chain_check import Verification
from hitl_orchestrator.ledger.verification.proofs import CaseProof
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead
from hitl_orchestrator.services.acting import Acting, CaseKey
from hitl_orchestrator.services.authorization import Filter
from hitl_orchestrator.services.case_reader import CaseReader

if TYPE_CHECKING:
    from hitl_orchestrator.insights.feedback import Feedback

__all__ = ["AuditTrail", "checked_filter"]

_log = logging.getLogger(__name__)
_DECISIONS = tuple(word.value for word in (*FINAL, *FinalDecision))


def checked_filter(wanted: RecordFilter) -> RecordFilter:
    """Return a filter. Raises `InvalidInput` for a time without a zone, or an unknown decision."""
    since, until, decision = wanted.since, wanted.until, wanted.decision
    problems = [
        f"records: {name}: {at.isoformat()} has no time zone; give a time with one, such as UTC"
        for name, at in (("since", since), ("until", until))
        if at is not None and at.utcoffset() is None
    ]
    if decision is not None and decision not in _DECISIONS:
        known = f"the decisions are {', '.join(_DECISIONS)}{did_you_mean(decision, _DECISIONS)}"
        problems.append(f"records: decision (--decision): {decision!r}; {known}")
    if problems:
        raise InvalidInput(problems)
    return wanted._replace(decision=None if decision is None else str(decision))


_MOST_ENTRIES = 16
"""More entries than one run of a case writes."""


class AuditTrail:
    """Reads, verifies, signs and proves the ledger."""

    def __init__(self, ledger: Ledger, reader: CaseReader, signer: LedgerSigner, *, sign_every: int = 1000) -> None:
        """With a head file, the head is signed after about `sign_every` entries."""
        self._ledger, self._reader, self._signer, self._sign_every = ledger, reader, signer, sign_every
        self._has_warned, self._runs, self._look_every = False, count(), max(1, sign_every // _MOST_ENTRIES)

    def history(self, case: Case) -> list[Event]:
        """Return the events of one case, in order, and the jumps of the clock among them.

        For a change of policy or people also the entries that name it.
        """
        events = list(self._ledger.events(case.case_id))
        if case.submission.task.task_type in GOVERNED_CHANGES:
            # Entries about policies and people belong to no case; some name the case in which a change was decided.
            events += [event for event in self._ledger.governance_events() if event.body.get("case_id") == case.case_id]
        jumps = (event for event in self._ledger.own_events() if event.kind is EventKind.CLOCK_MOVED_BACK)
        # Times of the case before and after a jump of the clock do not compare.
        events += [jump for jump in jumps if events and events[0].seq < jump.seq < events[-1].seq]
        return sorted(events, key=lambda event: event.seq)

    def records(
        self, *, quality_checks: bool = False, after: str | None = None, wanted: RecordFilter = ALL_RECORDS
    ) -> Iterator[AuditRecord]:
        """Yield the wanted audit records of cases that finished after this one, in the order in which they finished.

        Cases that measure reviewers are left out; with `quality_checks` only these are yielded.
        """
        return (
            record
            for record in self._ledger.records(after=after, wanted=wanted)
            if (record.quality_check is not None) is quality_checks
        )

    def feedback(self, mine: Filter | None = None) -> "Iterator[Feedback]":
        """Yield what agents can learn from each case that a reviewer decided, of those that the filter reaches."""
        from hitl_orchestrator.insights.feedback import feedback_of  # noqa: PLC0415 - rarely needed

        of_agents = (
            record
            for record in self.records()
            if record.task_type not in OWN_QUESTIONS and (mine is None or mine(record.domain, record.submitted_by))
        )
        return (feedback for feedback in map(feedback_of, of_agents) if feedback is not None)

    def verify(self, heads: Sequence[SignedHead] = (), public_key: str | None = None) -> Verification:
        """Verify the whole ledger and its tables."""
        return self._signer.verify(heads, public_key)

    def rotate_key(self, new_key: SealKey | Sequence[SealKey] | None, acting: Acting) -> KeyChange:
        """Retire the key that seals the ledger, and make the next one valid. Raises `InvalidKey`."""
        macs = () if new_key is None else macs_of(new_key)
        actor = SYSTEM.model_copy(update={"channel": acting.channel, "os_user": acting.os_user})
        return self._ledger.rotate_key(actor, self._reader.now(), macs)

    def sign_head(self) -> SignedHead:
        """Sign the current head of the ledger. Raises `LedgerDamaged`, `InvalidKey` or `HeadFileUnavailable`."""
        return self._signer.sign_now()

    def prove(self, key: CaseKey) -> CaseProof:
        """Return a self-contained proof of all entries of one case. Raises as `sign_head`, and `UnknownCase`."""
        return self._signer.prove(self._reader.get(key).case_id)

    def sign_if_due(self) -> None:
        """Sign the head into the head file, if there is one and enough entries were written since the last head.

        Called after each run, of which a few together write far fewer entries. An error is logged: the entries are
        recorded in any case, and closing signs again.
        """
        if self._signer.head_file is not None and next(self._runs) % self._look_every == 0:
            with self._warning(HitlError):
                if self._signer.unsigned() >= self._sign_every:
                    self._signer.sign(only_new=True)

    def sign_new(self) -> None:
        """Sign the head into the head file, if there is one and entries were written since the last head.

        A file or key that cannot be used is logged: it must not cost a caller the receipt of what was recorded.

        Raises:
            LedgerDamaged: the ledger differs from the last signed head.
        """
        if self._signer.head_file is not None:
            with self._warning(HeadFileUnavailable, InvalidInput, InvalidKey, StoreUnavailable):
                self._signer.sign(only_new=True)

    @contextmanager
    def _warning(self, *errors: type[HitlError]) -> Iterator[None]:
        """Log the first of these errors, and ignore them."""
        try:
            yield
        except errors as exc:
            if not self._has_warned:
                about = {"case_id": None, "event": "head_not_signed"}
                _log.warning("everything was recorded, but the head of the ledger was not signed: %s", exc, extra=about)
            self._has_warned = True

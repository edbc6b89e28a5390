"""Redaction of a case: texts and key are deleted, an entry records it, and copies of deleted rows are erased."""

import logging
from collections.abc import Sequence
from datetime import datetime

from hitl_orchestrator.domain.audit import Actor
from hitl_orchestrator.errors import LedgerDamaged, StoreUnavailable, UnknownCase
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, retried
from hitl_orchestrator.ledger.events import redaction
from hitl_orchestrator.ledger.events.redaction import Redaction, ReviewTexts
from hitl_orchestrator.ledger.store.delivery.wakeups import erase_error
from hitl_orchestrator.ledger.store.event_log import EventLog, contents_of
from hitl_orchestrator.ledger.store.sql import cases, events, reviews

_log = logging.getLogger(__name__)
SCRUB_SEAL = "scrub"
"""The label of the seal of a scrub: its case, and 1 while it is due."""


class RedactionRepository:
    """Redactions, and the copies of erased texts that the database may still hold."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self._database, self._log = database, log

    @retried
    def redact(self, case_id: str, reason: str, actor: Actor, at: datetime) -> Redaction:
        """Erase the texts of a case, once, and note that copies of them may remain."""
        with self._database.write() as transaction:
            receipt = redact(transaction, self._log, Redaction(case_id=case_id, reason=reason, actor=actor, at=at))
        return receipt.model_copy(update={"scrub_due": case_id in self.scrubs_due()})

    @retried
    def copies(self, case_id: str) -> list[tuple[str, str]]:
        """Return the id and the stage of each case that repeats the texts of this one."""
        pattern = f'%"of":"{case_id}"%'
        with self._database.read() as transaction:
            rows = transaction.run(cases.COPIES, wanted_case=case_id, wanted_text=pattern)
            return [(row["case_id"], row["stage"]) for row in rows]

    @retried
    def scrubs_due(self) -> list[str]:
        """Return the redacted cases of which copies may remain."""
        with self._database.read() as transaction:
            return [row["case_id"] for row in transaction.run(cases.SCRUBS_DUE)]

    def scrub(self) -> Sequence[str]:
        """Erase the copies of erased texts, and return the cases of which some may remain."""
        due = self.scrubs_due()
        if not due:
            return due
        try:
            self._database.scrub()
        except StoreUnavailable as exc:
            where, why = self._database.url, exc.cause
            text = "store %r may hold copies of redacted texts: %s; 'hitl recover' erases them"
            _log.warning(text, where, why, extra={"case_id": None, "event": "copies_remain"})
            return due
        seals = self._log.sealing
        done = [{"wanted_case": name, "new_seal": seals.columns(SCRUB_SEAL, name, 0)} for name in due]
        with self._database.write() as transaction:
            transaction.run_each(cases.SCRUBBED, done)
        return self.scrubs_due()


def redact(transaction: StoreTransaction, log: EventLog, request: Redaction) -> Redaction:
    """Erase the texts of a case with their key, once, and return the receipt."""
    case_id = request.case_id
    recorded = transaction.first(events.REDACTION_OF_CASE, wanted_case=case_id)
    if recorded is not None:
        return redaction.receipt_of(log.event_of(recorded))
    case = transaction.first(cases.STAGE, wanted_case=case_id)
    if case is None:
        raise UnknownCase(case_id)
    redaction.check_finished(case_id, case["stage"])
    row = transaction.first(events.CONTENTS, wanted_case=case_id)
    contents = None if row is None else contents_of(row["key"], row["body"])
    if contents is None:
        raise LedgerDamaged(f"the contents of case {case_id!r} are missing, and no entry records that they were erased")
    receipt = request.model_copy(update={"destroyed": len(contents)})
    log.append(transaction, redaction.redacted(receipt, _erase_reviews(transaction, case_id)))
    transaction.run(events.DELETE_CONTENTS, wanted_case=case_id)
    transaction.run(events.DELETE_PAYLOADS, wanted_case=case_id)
    transaction.run(cases.ERASE_OUTCOME, wanted_case=case_id)
    transaction.run(cases.DELETE_SPOT_CHECK, wanted_case=case_id)
    transaction.run(cases.DELETE_TALLIES, wanted_case=case_id)
    erase_error(transaction, case_id, log.sealing)
    transaction.run(cases.ADD_SCRUB, case_id=case_id, due=1, seal=log.sealing.columns(SCRUB_SEAL, case_id, 1))
    return receipt


def _erase_reviews(transaction: StoreTransaction, case_id: str) -> dict[str, ReviewTexts]:
    """Erase the texts of a case's reviews and return the remainder of each."""
    remaining: dict[str, ReviewTexts] = {}
    for row in list(transaction.run(reviews.REVIEWS_OF_CASE, wanted_case=case_id)):
        texts = redaction.erased_texts(ReviewTexts(row["shown"], row["verdict"]))
        remaining[row["review_id"]] = texts
        transaction.run(reviews.ERASE_REVIEW, wanted_review=row["review_id"], **texts._asdict())
    return remaining

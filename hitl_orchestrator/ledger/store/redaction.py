"""Redaction of a case within a transaction: texts and key are deleted, and an entry records it."""

from hitl_orchestrator.errors import LedgerDamaged, UnknownCase
from hitl_orchestrator.ledger.database.ports import StoreTransaction
from hitl_orchestrator.ledger.events import redaction
from hitl_orchestrator.ledger.events.chain import event_of
from hitl_orchestrator.ledger.events.redaction import Redaction, ReviewTexts
from hitl_orchestrator.ledger.store.event_log import append, contents_of
from hitl_orchestrator.ledger.store.statements import cases, events, reviews


def redact(transaction: StoreTransaction, request: Redaction) -> Redaction:
    """Erase the texts of a case with their key, once, and return the receipt."""
    case_id = request.case_id
    recorded = transaction.first(events.REDACTION_OF_CASE, wanted_case=case_id)
    if recorded is not None:
        return redaction.receipt_of(event_of(recorded["entry"], recorded["digest"]))
    case = transaction.first(cases.STAGE, wanted_case=case_id)
    if case is None:
        raise UnknownCase(case_id)
    redaction.check_finished(case_id, case["stage"])
    row = transaction.first(events.CONTENTS, wanted_case=case_id)
    contents = None if row is None else contents_of(row["key"], row["body"])
    if contents is None:
        raise LedgerDamaged(f"the contents of case {case_id!r} are missing, and no entry records that they were erased")
    receipt = request.model_copy(update={"destroyed": len(contents)})
    append(transaction, redaction.redacted(receipt, _erase_reviews(transaction, case_id)))
    transaction.run(events.DELETE_CONTENTS, wanted_case=case_id)
    transaction.run(events.DELETE_PAYLOADS, wanted_case=case_id)
    return receipt


def _erase_reviews(transaction: StoreTransaction, case_id: str) -> dict[str, ReviewTexts]:
    """Erase the texts of a case's reviews and return the remainder of each."""
    remaining: dict[str, ReviewTexts] = {}
    for row in list(transaction.run(reviews.REVIEWS_OF_CASE, wanted_case=case_id)):
        texts = redaction.erased_texts(ReviewTexts(row["shown"], row["verdict"]))
        remaining[row["review_id"]] = texts
        transaction.run(reviews.ERASE_REVIEW, wanted_review=row["review_id"], **texts._asdict())
    return remaining

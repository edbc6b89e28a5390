"""Finished cases in the order of the ledger, for callers who ask what was decided."""

import logging
from collections.abc import Sequence

from hitl_orchestrator.domain.case import Case
from hitl_orchestrator.errors import StoreClosed, StoreUnavailable
from hitl_orchestrator.ledger.database.ports import Database, TransientStoreError, retried
from hitl_orchestrator.ledger.database.statement import batches
from hitl_orchestrator.ledger.ports.claims import OnUnreadable
from hitl_orchestrator.ledger.ports.wakeups import FinishedCase
from hitl_orchestrator.ledger.store.cases import CaseRepository
from hitl_orchestrator.ledger.store.sql import wakeups as statements
from hitl_orchestrator.ledger.store.sql.cases import TOUCH_CASE

_log = logging.getLogger(__name__)


class DecidedRepository:
    """Finished cases, found by their ids or in the order of the ledger."""

    def __init__(self, database: Database, cases: CaseRepository) -> None:
        self._database, self._cases = database, cases

    @retried
    def finished_among(self, case_ids: Sequence[str]) -> Sequence[str]:
        """Return those of these cases that are finished."""
        with self._database.read() as transaction:
            return [
                str(row["case_id"])
                for ids in batches(case_ids)
                for row in transaction.run(statements.FINISHED_AMONG, **ids)
            ]

    @retried
    def finished_since(self, seq: int, limit: int) -> Sequence[FinishedCase]:
        """Return the first cases that finished after this entry."""
        with self._database.read() as transaction:
            rows = list(transaction.run(statements.FINISHED_SINCE, after=seq, most=limit))
        return [
            FinishedCase(row["finished_seq"], row["case_id"], row["domain"], row["submitter"] or None) for row in rows
        ]

    def finished_cases(
        self, listed: Sequence[FinishedCase], on_unreadable: OnUnreadable | None = None
    ) -> Sequence[tuple[int, Case]]:
        """Return these cases, each with its number."""
        found = self._cases.some([each.case_id for each in listed], on_unreadable)
        return [(each.seq, found[each.case_id]) for each in listed if each.case_id in found]

    @retried
    def flush(self, case_id: str) -> None:
        """Write a case unchanged, so that the commit flushes earlier ones. An outcome is written without flushing."""
        try:
            with self._database.write() as transaction:
                transaction.run(TOUCH_CASE, wanted_case=case_id)
        except (StoreClosed, TransientStoreError):
            raise
        except StoreUnavailable as exc:
            event = {"case_id": case_id, "event": "not_flushed"}
            _log.debug("earlier writes were not flushed: %s", exc, extra=event)

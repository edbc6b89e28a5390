"""Cases that are to be looked at afterwards, in a SQL store."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, insert, select

from hitl_orchestrator.domain.audit import AuditRecord, is_spot_checked
from hitl_orchestrator.ledger.database.ports import Transaction, resolved
from hitl_orchestrator.ledger.database.tables import spot_checks
from hitl_orchestrator.ledger.store.leased_work import SqlWork

_ADD = insert(spot_checks)
_DUE = select(spot_checks.c.case_id).order_by(spot_checks.c.finished_seq).limit(bindparam("most"))
_OPENED = delete(spot_checks).where(spot_checks.c.case_id == bindparam("wanted_case"))


class SqlSpotChecks(SqlWork):
    """The `SpotChecks` of a store."""

    @resolved
    def spot_checks_due(self, limit: int = 1000) -> Sequence[str]:
        """Return the cases of which no review was opened yet."""
        with self._database.read() as conn:
            return [row["case_id"] for row in conn.run(_DUE, most=limit)]

    @resolved
    def spot_check_opened(self, case_id: str) -> None:
        """Take note that the review of a case was opened. Should the power fail, it is opened again, as the same."""
        with self._database.write(flush=False) as conn:
            conn.run(_OPENED, wanted_case=case_id)


def note_if_drawn(conn: Transaction, record: AuditRecord, seq: int) -> None:
    """Note a case that is finished by this entry, if it is to be looked at afterwards."""
    if is_spot_checked(record):
        conn.run(_ADD, case_id=record.case_id, finished_seq=seq)

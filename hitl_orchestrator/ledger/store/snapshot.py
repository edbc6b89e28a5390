"""The books of a SQL store: its rows as they are stored, in the order in which a verification needs them."""

from collections.abc import Generator, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.sql.expression import ClauseElement

from hitl_orchestrator.ledger.database.ports import Transaction
from hitl_orchestrator.ledger.database.tables import cases, contents, events, policies, refusals, reviews, spot_checks
from hitl_orchestrator.ledger.events.chain import Entry
from hitl_orchestrator.ledger.ports.snapshot import Account, CaseRow, ReviewTableRow, StoredContents, StoredPolicy, Told

_ENTRY_COLUMNS = [events.c[name] for name in Entry._fields]
_ENTRIES = select(*_ENTRY_COLUMNS).where(events.c.seq > bindparam("behind")).order_by(events.c.seq)
_DIGESTS = select(events.c.digest).where(events.c.seq <= bindparam("up_to")).order_by(events.c.seq)
_OF_CASE = select(*_ENTRY_COLUMNS).where(events.c.case_id == bindparam("wanted_case")).order_by(events.c.seq)
_POLICIES = select(*[policies.c[name] for name in StoredPolicy._fields])

# Cases with all that is told of each. All four are in the order of the same column, whatever the database's order is.
_TOLD = (
    select(*[cases.c[name] for name in CaseRow._fields], *[events.c[name] for name in Told._fields])
    .join(events, events.c.case_id == cases.c.case_id, isouter=True)
    .order_by(cases.c.case_id, events.c.seq)
)
_REVIEWS = (
    select(*[reviews.c[name] for name in ReviewTableRow._fields])
    .join(cases, cases.c.case_id == reviews.c.case_id)
    .order_by(cases.c.case_id, reviews.c.level)
)
_REFUSALS = select(refusals).join(cases, cases.c.case_id == refusals.c.case_id).order_by(cases.c.case_id)
_CONTENTS = select(contents).join(cases, cases.c.case_id == contents.c.case_id).order_by(cases.c.case_id)
_CONTENTS_OF_CASE = select(contents).where(contents.c.case_id == bindparam("wanted_case"))


_SPOT_CHECKS = select(spot_checks.c.case_id)
_STRAYS = {
    table.name: select(table.c.case_id)
    .join(cases, cases.c.case_id == table.c.case_id, isouter=True)
    .where(table.c.case_id.is_not(None), cases.c.case_id.is_(None))
    for table in (events, reviews, refusals, contents, spot_checks)
}
_BELOW_ALL = -(2**31)

# A row is read by names, whatever the driver makes of it.
_entry, _review = itemgetter(*Entry._fields), itemgetter(*ReviewTableRow._fields)
_case, _told, _policy = itemgetter(*CaseRow._fields), itemgetter(*Told._fields), itemgetter(*StoredPolicy._fields)


class SqlBooks:
    """The `LedgerSnapshot` of one transaction that reads."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._open: list[Generator[Any]] = []

    def close(self) -> None:
        """Stop reading, wherever it stands: what is still open would hold the transaction."""
        for rows in self._open:
            rows.close()

    def entries(self, behind: int = 0) -> Iterator[Entry]:
        """Yield entries in the order of their numbers; with all of them those whose number is none of ours."""
        for row in self._rows(_ENTRIES, behind=behind or _BELOW_ALL):
            yield Entry._make(_entry(row))

    def digests(self, up_to: int) -> Iterator[str]:
        """Yield the stored digests, in order."""
        for row in self._rows(_DIGESTS, up_to=up_to):
            yield row["digest"]

    def of_case(self, case_id: str) -> Iterator[Entry]:
        """Yield the entries of one case, in order."""
        for row in self._rows(_OF_CASE, wanted_case=case_id):
            yield Entry._make(_entry(row))

    def contents(self, case_id: str) -> StoredContents | None:
        """Return what was said in one case."""
        return next((_said(row) for row in self._rows(_CONTENTS_OF_CASE, wanted_case=case_id)), None)

    def accounts(self) -> Iterator[Account]:
        """Yield every case of the table, joined with what belongs to it."""
        reviews_of, refusals_of = _Following(self._rows(_REVIEWS)), _Following(self._rows(_REFUSALS))
        contents_of = _Following(self._rows(_CONTENTS))
        for case_id, group in groupby(self._rows(_TOLD), key=itemgetter("case_id")):
            rows = list(group)
            yield Account(
                row=CaseRow._make(_case(rows[0])),
                told=[Told._make(_told(row)) for row in rows if row["seq"] is not None],
                reviews=[ReviewTableRow._make(_review(row)) for row in reviews_of.next_of(case_id)],
                refusals={row["attempt"]: row["refused_seq"] for row in refusals_of.next_of(case_id)},
                contents=next(iter([_said(row) for row in contents_of.next_of(case_id)]), None),
            )

    def strays(self) -> Iterator[tuple[str, str]]:
        """Yield what belongs to no case."""
        for table, statement in _STRAYS.items():
            for row in self._rows(statement):
                yield table, row["case_id"]

    def policies(self) -> Iterator[StoredPolicy]:
        """Yield the rows of the policies."""
        for row in self._rows(_POLICIES):
            yield StoredPolicy._make(_policy(row))

    def spot_checks(self) -> Iterator[str]:
        """Yield the cases that are to be looked at."""
        return (row["case_id"] for row in self._rows(_SPOT_CHECKS))

    def faults(self) -> Iterator[str]:
        """Yield what the database itself finds broken."""
        return self._transaction.faults()

    def _rows(self, statement: ClauseElement, **values: Any) -> Iterator[Any]:
        rows = (row for row in self._transaction.stream(statement, **values))
        self._open.append(rows)
        return rows


def _said(row: Any) -> StoredContents:
    return StoredContents(row["key"], row["body"])


class _Following:
    """Rows that belong to cases, in the order of the cases."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def next_of(self, case_id: str) -> Iterator[Any]:
        """Yield the rows of this case, whose turn it is."""
        while self._next is not None and self._next["case_id"] == case_id:
            yield self._next
            self._next = next(self._rows, None)

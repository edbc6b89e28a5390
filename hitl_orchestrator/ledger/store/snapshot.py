"""The rows of a store as they are stored, read in one transaction in the order that a verification needs."""

from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, TypeVar

from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.database.ports import SchemaDefect, StoreTransaction
from hitl_orchestrator.ledger.database.statement import Statement
from hitl_orchestrator.ledger.events.chain import Entry, HeadRow
from hitl_orchestrator.ledger.events.outcomes import Outcome
from hitl_orchestrator.ledger.ports.snapshot import (
    ALL_CASES,
    CaseEntry,
    CaseRange,
    CaseRow,
    CaseRows,
    ExecutionRow,
    ReviewTableRow,
    StoredContents,
    StoredMeasure,
    StoredPayload,
    StoredPolicy,
    StoredScrub,
    StoredWakeup,
    TallyRow,
)
from hitl_orchestrator.ledger.store.sql import snapshot as statements
from hitl_orchestrator.ledger.store.sql.cases import SCRUBS_DUE

_Row = TypeVar("_Row")


_BEFORE_ALL, _AFTER_ALL = -(2**63), 2**63 - 1
MOST_ROWS = 100_000
"""The number of rows of one kind that one case may have: more are not read, so that memory is bounded."""

_CASE_WIDTH = len(CaseRow._fields)


def _too_many(case_id: object) -> str:
    return f"case {str(case_id)[:200]!r} has more than {MOST_ROWS:,} rows of one kind, which no use of it leaves"


class StoreSnapshot:
    """The `LedgerSnapshot` of one transaction."""

    def __init__(self, transaction: StoreTransaction) -> None:
        self._transaction = transaction
        self._open: list[Generator[Any]] = []

    def close(self) -> None:
        """Close all open results, which would block the end of the transaction."""
        for rows in self._open:
            rows.close()

    def entries(self, after: int = 0, up_to: int | None = None) -> Iterator[Entry]:
        """Yield entries in the order of their numbers. Without `after`, forged numbers below 1 are included."""
        last = _AFTER_ALL if up_to is None else up_to
        return map(Entry._make, self._rows(statements.ENTRIES, after=after or _BEFORE_ALL, up_to=last))

    def governing(self) -> Iterator[Entry]:
        """Yield the entries that concern all cases, in order."""
        return map(Entry._make, self._rows(statements.GOVERNING_ENTRIES))

    def head_rows(self) -> Iterator[HeadRow]:
        """Yield the rows of `ledger_head`."""
        return map(HeadRow._make, self._rows(statements.HEAD_ROWS))

    def digests(self, up_to: int) -> Iterator[str]:
        """Yield the stored digests, in order."""
        return (digest for (digest,) in self._rows(statements.DIGESTS, up_to=up_to))

    def of_case(self, case_id: str) -> Iterator[Entry]:
        """Yield the entries of one case, in order."""
        return map(Entry._make, self._rows(statements.OF_CASE, wanted_case=case_id))

    def contents(self, case_id: str) -> StoredContents | None:
        """Return the contents of one case."""
        return next(map(StoredContents._make, self._rows(statements.CONTENTS_OF_CASE, wanted_case=case_id)), None)

    def case_starts(self, size: int) -> list[str]:
        """Return the ids of the first case and of every further one after `size` others."""
        starts, skipped, first = list[str](), 0, ""
        while (row := next(self._rows(statements.NEXT_CASE, first_case=first, skipped=skipped), None)) is not None:
            (first,), skipped = row, size
            starts.append(first)
        return starts

    def counts(self) -> tuple[int, int]:
        """Return the numbers of rows of `events` and of `cases`."""
        counting = statements.COUNT_ENTRIES, statements.COUNT_CASES
        entries, of_cases = (next(number for (number,) in self._rows(statement)) for statement in counting)
        return entries, of_cases

    def cases(self, within: CaseRange = ALL_CASES) -> Iterator[CaseRows]:
        """Yield every case of a range with all of its rows."""
        merge = partial(self._merge, within.first)
        of_reviews, of_refusals = merge(statements.REVIEWS, ReviewTableRow._make), merge(statements.REFUSALS, tuple)
        of_contents = merge(statements.CONTENTS, StoredContents._make)
        of_outcomes = merge(statements.OUTCOMES, Outcome._make)
        of_executions = merge(statements.EXECUTIONS, ExecutionRow._make)
        of_tallies = merge(statements.TALLIES, TallyRow._make)
        for case_id, group in groupby(self._rows(statements.CASES, first_case=within.first), key=itemgetter(0)):
            if case_id == within.end:
                return
            rows = list(islice(group, MOST_ROWS + 1))
            if len(rows) > MOST_ROWS:
                raise LedgerDamaged(_too_many(case_id))
            yield CaseRows(
                case=CaseRow._make(rows[0][:_CASE_WIDTH]),
                entries=[CaseEntry._make(row[_CASE_WIDTH:]) for row in rows if row[_CASE_WIDTH] is not None],
                reviews=of_reviews(case_id),
                refusals=dict(of_refusals(case_id)),
                contents=next(iter(of_contents(case_id)), None),
                outcomes=of_outcomes(case_id),
                executions=of_executions(case_id),
                tallies=of_tallies(case_id),
            )

    def orphans(self) -> Iterator[tuple[str, str]]:
        """Yield rows without a case."""
        return (
            (table, case_id) for table, statement in statements.ORPHANS.items() for (case_id,) in self._rows(statement)
        )

    def policies(self) -> Iterator[StoredPolicy]:
        """Yield the rows of `policies`."""
        return map(StoredPolicy._make, self._rows(statements.POLICIES))

    def stray_head_rows(self) -> int:
        """Return the number of rows of `ledger_head` under another key."""
        return int(next(number for (number,) in self._rows(statements.STRAY_HEAD_ROWS)))

    def spot_checks(self) -> Iterator[tuple[str, int]]:
        """Yield the cases that are due for a spot check."""
        return ((case_id, seq) for case_id, seq in self._rows(statements.SPOT_CHECKS))

    def scrubs(self) -> Iterator[StoredScrub]:
        """Yield the rows of `scrubs`."""
        return map(StoredScrub._make, self._rows(statements.SCRUBS))

    def scrubs_due(self) -> Iterator[str]:
        """Yield the redacted cases of which copies may remain."""
        return (case_id for (case_id,) in self._rows(SCRUBS_DUE))

    def wakeups(self) -> Iterator[StoredWakeup]:
        """Yield the rows of `wakeups`."""
        return map(StoredWakeup._make, self._rows(statements.WAKEUPS))

    def payloads(self) -> Iterator[StoredPayload]:
        """Yield the large payloads."""
        return map(StoredPayload._make, self._rows(statements.PAYLOADS))

    def measures(self) -> Iterator[StoredMeasure]:
        """Yield the measures under which earlier cases were counted."""
        return map(StoredMeasure._make, self._rows(statements.MEASURES))

    def schema_defects(self) -> Iterator[SchemaDefect]:
        """Yield the differences between the schema and the one that the migrations make."""
        return self._transaction.schema_defects()

    def integrity_errors(self) -> Iterator[str]:
        """Yield the defects that the database reports."""
        return self._transaction.integrity_errors()

    def _rows(self, statement: Statement, **values: Any) -> Iterator[tuple[Any, ...]]:
        rows = self._transaction.stream(statement, **values)
        self._open.append(rows)
        return rows

    def _merge(
        self, first: str, statement: Statement, make: Callable[[tuple[Any, ...]], _Row]
    ) -> Callable[[str], list[_Row]]:
        """Return a function for the rows of a case, to be called with the cases in order, from the first one on."""
        rows = self._rows(statement, first_case=first)
        pending = next(rows, None)

        def of_case(case_id: str) -> list[_Row]:
            nonlocal pending
            result = []
            while pending is not None and pending[0] == case_id:
                result.append(make(pending[1:]))
                if len(result) > MOST_ROWS:
                    raise LedgerDamaged(_too_many(case_id))
                pending = next(rows, None)
            return result

        return of_case

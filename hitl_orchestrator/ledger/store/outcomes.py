"""Outcomes in a store: written once per case, with the row that analyses read, and sampled for spot checks."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.counting.counters import Counted, values_of
from hitl_orchestrator.domain.decision import Routing
from hitl_orchestrator.domain.enums import CaseStage, EventKind
from hitl_orchestrator.errors import CaseUnfinished, IncompleteOutcome, LedgerDamaged
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, resumed, retried
from hitl_orchestrator.ledger.events import builders
from hitl_orchestrator.ledger.events.chain import Draft, body_of
from hitl_orchestrator.ledger.events.contents import text_under
from hitl_orchestrator.ledger.events.outcomes import Outcome, outcome_of
from hitl_orchestrator.ledger.ports.claims import OnUnreadable
from hitl_orchestrator.ledger.ports.records import ALL_RECORDS, OutcomeSpan, OutcomeText, RecordFilter, RecordWithTask
from hitl_orchestrator.ledger.ports.runs import Counting, Ending
from hitl_orchestrator.ledger.store.cases import recorded_outcome
from hitl_orchestrator.ledger.store.counting.tallies import again
from hitl_orchestrator.ledger.store.event_log import EntryRow, EventLog
from hitl_orchestrator.ledger.store.leased_work import LeasedWork, Moved, stage_in
from hitl_orchestrator.ledger.store.queries.outcomes import outcomes_as_text, outcomes_of
from hitl_orchestrator.ledger.store.queries.records import records_matching
from hitl_orchestrator.ledger.store.rows import readable
from hitl_orchestrator.ledger.store.sql import cases as statements
from hitl_orchestrator.ledger.store.sql.events import FINISHED_SEQ, RECORDS_AFTER, RECORDS_WITH_OUTCOME
from hitl_orchestrator.ledger.store.sql.text_rows import SPAN

# The names of the proposal and of the history in the entry of a routing, which holds no free text.
_PROPOSAL, _HISTORY = (
    re.compile(rf'"{field}":\{{"content":"([0-9a-f]{{64}})"\}}') for field in ("agent_output", "history")
)


class OutcomeRepository:
    """Outcomes of cases, and the spot checks of those that were approved without review."""

    def __init__(self, database: Database, work: LeasedWork, log: EventLog) -> None:
        self._database, self._work, self._log = database, work, log

    @retried
    def finish(
        self,
        record: AuditRecord,
        routing: Routing,
        at: datetime,
        seen: int | None = None,
        counting: Counting | None = None,
    ) -> AuditRecord:
        """Record the outcome of a case, once."""
        before = builders.stage_before_finish(record)
        # A decision is flushed already, and its outcome can be written again from it.
        with self._database.write(flush=before is not CaseStage.DECIDED) as transaction:
            moved = self._work.move(transaction, record.case_id, before, EventKind.FINISHED)
            if moved is None:
                return recorded_outcome(transaction, record.case_id, self._log)
            self._log.check_seen(moved.end, seen)
            now, ending = datetime.fromisoformat(moved.end["now"]), Ending(record, routing, at)
            record, routing, at = again(transaction, ending, counting, now, self._log.sealing)
            finished = builders.finished(record, at)
            seq = 1 + self._log.append(transaction, _entry_before(moved, record, routing, at), finished, end=moved.end)
            add_outcome(transaction, record, outcome_of(seq, finished.body, body_of(moved.intake)))
        return record

    @resumed
    def records(
        self,
        on_unreadable: OnUnreadable | None = None,
        after: str | None = None,
        wanted: RecordFilter = ALL_RECORDS,
    ) -> Iterator[AuditRecord]:
        """Yield audit records in the order in which the cases finished."""
        seq = 0 if after is None else self._finished_seq(after)
        is_all = wanted == ALL_RECORDS
        statement, values = (RECORDS_AFTER, {}) if is_all else records_matching(wanted)
        rows = map(EntryRow._make, self._database.stream(statement, after=seq, **values))
        found = readable(rows, self._log.record_in, on_unreadable)
        return found if is_all else filter(wanted.matches, found)

    @resumed
    def records_with_task(self, on_unreadable: OnUnreadable | None = None) -> Iterator[RecordWithTask]:
        """Yield audit records, each with facts of its case that it lacks."""
        return readable(self._database.stream(RECORDS_WITH_OUTCOME), self._record_with_task, on_unreadable)

    @resumed
    def outcomes(self, *columns: str, metadata: bool = False, routing: bool = False) -> Iterator[tuple[Any, ...]]:
        """Yield columns of the outcomes in the order in which the cases finished."""
        rows = self._database.stream(outcomes_of(columns, with_contents=metadata, with_routing=routing))
        if routing:
            return map(_with_routing, rows)
        return map(_with_metadata, rows) if metadata else rows

    @retried
    def outcome_span(self) -> OutcomeSpan:
        """Return the number of outcomes, and the entries of the first and the last one."""
        with self._database.read() as transaction:
            row = transaction.first(SPAN)
        return OutcomeSpan(row["rows"], row["first"] or 0, row["last"] or 0)

    @retried
    def outcome_text(self, columns: tuple[str, ...], after: int, up_to: int, most: int) -> OutcomeText:
        """Return the next outcomes as one text."""
        with self._database.read() as transaction:
            row = transaction.first(outcomes_as_text(columns), after=after, up_to=up_to, most=most)
        return OutcomeText(row["rows"], row["last"] or up_to, row["text"] or "")

    @retried
    def spot_checks_due(self, limit: int = 1000) -> Sequence[str]:
        """Return the sampled cases whose spot check is not opened yet."""
        with self._database.read() as transaction:
            return [row["case_id"] for row in transaction.run(statements.SPOT_CHECKS, most=limit)]

    @retried
    def spot_check_opened(self, case_id: str) -> None:
        """Remove a case from the due spot checks. After a power failure the same spot check is opened again."""
        with self._database.write(flush=False) as transaction:
            transaction.run(statements.DELETE_SPOT_CHECK, wanted_case=case_id)

    def _finished_seq(self, case_id: str) -> int:
        """Return the number of the final entry of a case. Raises `CaseUnfinished` or `UnknownCase`."""
        with self._database.read() as transaction:
            row = transaction.first(FINISHED_SEQ, wanted_case=case_id)
            if row is None:
                raise CaseUnfinished(case_id, stage_in(transaction, case_id), "the begin of a list of records")
        return int(row["seq"])

    def _record_with_task(self, row: tuple[Any, ...]) -> RecordWithTask:
        """Return an audit record with facts of its case. Raises `LedgerDamaged`."""
        *columns, case_id, timestamp, digest, routed = row
        entry = EntryRow._make(columns)
        record = self._log.record_in(entry)
        if case_id is None:
            raise LedgerDamaged(f"case {entry.case_id!r} is finished and has no row in table outcomes")
        metadata, is_erased, _, history = _with_routing((digest, entry.body, routed))
        if (metadata is None and not is_erased) or not isinstance(timestamp, str):
            raise LedgerDamaged(f"the row of case {entry.case_id!r} in table outcomes names content that is not stored")
        return RecordWithTask(record, timestamp, metadata, is_erased, history)


def add_outcome(transaction: StoreTransaction, record: AuditRecord, outcome: Outcome) -> None:
    """Add the row of the outcome of a case. A sampled case is added to the due spot checks."""
    transaction.run(statements.ADD_OUTCOME, **outcome._asdict())
    if record.drawn:
        transaction.run(statements.ADD_SPOT_CHECK, case_id=record.case_id, finished_seq=outcome.finished_seq)


def add_outcomes(transaction: StoreTransaction, endings: Sequence[tuple[AuditRecord, Outcome]]) -> None:
    """Add the rows of outcomes. Sampled cases are added to the due spot checks."""
    transaction.insert_many(statements.ADD_OUTCOME, [outcome._asdict() for _, outcome in endings])
    sampled = [(record.case_id, outcome.finished_seq) for record, outcome in endings if record.drawn]
    transaction.insert_many(
        statements.ADD_SPOT_CHECK, [{"case_id": case, "finished_seq": seq} for case, seq in sampled]
    )


def _entry_before(moved: Moved, record: AuditRecord, routing: Routing, at: datetime) -> Draft:
    """Return the entry that precedes an outcome: the routing of an agent's case, else the resumption."""
    if builders.stage_before_finish(record) is CaseStage.RECEIVED:
        return builders.routed(record.case_id, routing, at)
    if moved.settled_by is None:
        raise IncompleteOutcome(record.case_id, "no reviewer's decision is recorded for it")
    return builders.resumed(record.case_id, moved.settled_by, at)


def _with_routing(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row with the metadata, whether it was erased, the proposal, and the history by which it was routed."""
    *columns, contents, entry = row
    proposal, history = None, None
    if isinstance(entry, str) and isinstance(contents, str):
        texts = (name.search(entry) for name in (_PROPOSAL, _HISTORY))
        proposal, history = (None if named is None else text_under(contents, named[1]) for named in texts)
    return (*_with_metadata((*columns, contents)), proposal, None if history is None else _values_in(history))


def _values_in(history: str) -> str:
    """Return the known values of counters as a JSON object, by the keys of their counters. Raises `LedgerDamaged`."""
    try:
        return json.dumps(values_of(map(Counted.model_validate, json.loads(history))))
    except (ValueError, TypeError) as exc:
        raise LedgerDamaged("the history by which a case was routed cannot be read") from exc


def _with_metadata(row: tuple[Any, ...]) -> tuple[Any, ...]:
    *columns, digest, contents = row
    if digest is None:
        return (*columns, "{}", contents is None)
    stored = isinstance(digest, str) and isinstance(contents, str)
    text = text_under(contents, digest) if stored else None
    return (*columns, text, contents is None)

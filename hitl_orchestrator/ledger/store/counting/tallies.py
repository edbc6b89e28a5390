"""What policies count: the values of counters, and the rows by which a case counts, within a transaction."""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.case import Submission
from hitl_orchestrator.domain.counting.counters import HALF, Counted, Counter, Measure, amounts_of, is_counted
from hitl_orchestrator.domain.decision import NOT_ROUTED, Routing
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.errors import UnknownLedgerKey
from hitl_orchestrator.ledger.database.ports import Database, StoreTransaction, retried
from hitl_orchestrator.ledger.database.statement import Statement, batches, joined
from hitl_orchestrator.ledger.events.chain import instant_text
from hitl_orchestrator.ledger.events.contents import restored
from hitl_orchestrator.ledger.keys.mac import TALLY, Seals
from hitl_orchestrator.ledger.ports.runs import Counting, Ending, FirstRun, GovernanceChanged, Opening
from hitl_orchestrator.ledger.store.event_log import EventLog, contents_of
from hitl_orchestrator.ledger.store.sql import cases as statements

_Result = TypeVar("_Result", Opening, Ending)

MEASURE_SEAL = "measure"
"""The label of the seal of a measure: its text, and the last entry up to which cases were counted under it."""

_COVERED_AT_ONCE = 5000
"""The number of entries that one transaction looks through for earlier cases."""

_AT_ONCE = 16
"""The number of names that one statement counts. Few policies have more counters, few ledgers several keys."""


class TallyRepository:
    """Counts cases that were routed before, and notes those that are routed."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self._database, self._log = database, log

    @retried
    def count(self, submission: Submission, counters: Sequence[Counter], at: datetime) -> tuple[Counted, ...]:
        """Return the values of counters for a case at a time. Others may be routed before it is."""
        with self._database.read() as transaction:
            now = datetime.fromisoformat(transaction.first(statements.CLOCK)["now"])
            return counted(transaction, submission, counters, (at, now), self._log.sealing)

    @retried
    def cover(self, measures: Iterable[Measure], seen: int) -> None:
        """Count earlier cases under measures, once: those that were routed up to the entry `seen`.

        The later ones count when they are routed. Raises `LedgerDamaged` for an entry that this ledger did not write.
        """
        wanted = {measure.text: measure for measure in measures}
        while self._covers_more(wanted, seen):
            pass

    def _covers_more(self, wanted: Mapping[str, Measure], seen: int) -> bool:
        """Count some earlier cases, and return whether there are more. Others can write in between."""
        with self._database.write(flush=False) as transaction:
            seals, stored = self._log.sealing, {row["measure"]: row for row in transaction.run(statements.MEASURES)}
            # A row that was altered says nothing: cases that it hides are counted now.
            known = {text: row["covered_seq"] for text, row in stored.items() if _is_sealed(row, seals)}
            behind = {text: known.get(text, 0) for text in wanted if known.get(text, -1) < seen}
            if not behind:
                return False
            after = min(behind.values())
            up_to = min(seen, after + _COVERED_AT_ONCE)
            rows = self._missing_rows(transaction, after, up_to, [wanted[text] for text in behind])
            transaction.insert_many(statements.ADD_TALLY, rows)
            for text, covered in behind.items():
                now = max(covered, up_to)
                row = {"measure": text, "covered_seq": now, "seal": seals.columns(MEASURE_SEAL, text, now)}
                transaction.run(statements.COVER_MEASURE if text in stored else statements.ADD_MEASURE, **row)
        return True

    def _missing_rows(
        self, transaction: StoreTransaction, after: int, up_to: int, measures: Sequence[Measure]
    ) -> list[dict[str, Any]]:
        """Return the rows by which the cases that were routed after an entry, and up to one, do not count yet."""
        seals, found = self._log.sealing, list[tuple[Event, Submission]]()
        for row in list(transaction.run(statements.ROUTED_CASES, after=after, up_to=up_to)):
            routed = self._log.event_of(row)
            contents = contents_of(row["key"], row["body"])
            first = {name: row[f"intake_{name}"] for name in ("seq", "entry", "digest", "mac")}
            intake = restored(EventKind.SUBMITTED, self._log.event_of(first).body, contents)
            found.append((routed, Submission.model_validate({**intake, "case_id": routed.case_id})))
        used = dict[str, set[str]]()
        for ids in batches([submission.case_id for _, submission in found]):
            for row in transaction.run(statements.TALLIES_OF_CASES, **ids):
                used.setdefault(row["case_id"], set()).add(row["name"])
        missing = list[dict[str, Any]]()
        for routed, submission in found:
            if routed.body["decision"]["rule_id"] != NOT_ROUTED:
                names, action = used.get(submission.case_id, set()), routed.body["decision"]["action"]
                missing += [
                    row
                    for key, row in _rows(measures, submission, action, routed.at, seals).items()
                    if names.isdisjoint(seals.names_of(key, TALLY))
                ]
        return missing


def _is_sealed(row: Any, seals: Seals) -> bool:
    return seals.is_of_columns(row["seal"], MEASURE_SEAL, row["measure"], row["covered_seq"])


def result_in(transaction: StoreTransaction, run: FirstRun, now: datetime, seals: Seals) -> Opening | Ending:
    """Return the result of a run, decided by what is counted in this transaction, and note the case.

    The transaction excludes all other writers, so that each case is decided by exactly those before it. `now` is the
    time of the database.
    """
    counting = run.counting
    if counting is None:
        return run.result
    return _decided(transaction, counting, (run.result.at, now), seals)


def again(
    transaction: StoreTransaction, routed: _Result, counting: Counting | None, now: datetime, seals: Seals
) -> _Result:
    """Return the result of a routing decided again in this transaction, as `result_in`.

    Raises:
        GovernanceChanged: the counts have changed since, so that the case would take another way.
    """
    if counting is None:
        return routed
    result = _decided(transaction, counting, (routed.at, now), seals)
    if not isinstance(result, type(routed)):
        raise GovernanceChanged("the counts by which the case was routed have changed")
    return result


def _decided(
    transaction: StoreTransaction, counting: Counting, clocks: tuple[datetime, datetime], seals: Seals
) -> Opening | Ending:
    submission, at = counting.submission, clocks[0]
    result = counting.decide(counted(transaction, submission, counting.counters, clocks, seals))
    routing = result.routing if isinstance(result, Ending) else result.shown.routing
    transaction.insert_many(statements.ADD_TALLY, rows_of(submission, routing, at, seals))
    return result


def counted(
    transaction: StoreTransaction,
    submission: Submission,
    counters: Sequence[Counter],
    clocks: tuple[datetime, datetime],
    seals: Seals,
) -> tuple[Counted, ...]:
    """Return the values of counters for a case, by one statement for some sixteen of them.

    `clocks` are the time of the case, by the clock of its process, and that of the database. A window ends by
    the earlier one, so that a clock that is ahead leaves no earlier case out.
    """
    at = min(clocks)
    names = [(counter, name) for counter in counters for name in _names_of(counter, submission, seals)]
    cases, readable, micros = Tally[str](), Tally[str](), Tally[str]()
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        values: dict[str, Any] = {}
        for place, (counter, name) in enumerate(some):
            values |= {f"name_{place}": name, f"since_{place}": instant_text(at - counter.within)}
            values[f"of_{place}"] = counter.of or ""
        for row in transaction.run(_counting(len(some)), **values):
            key = some[row["place"]][0].key
            cases[key] += row["cases"]
            readable[key] += row["readable"]
            micros[key] += (int(row["high"] or 0) << HALF) + int(row["low"] or 0)
    known = {counter.key for counter, _ in names if cases[counter.key] == readable[counter.key]}
    return tuple(
        Counted(
            counter=each,
            value=each.measure.value(cases[each.key], micros[each.key]) if each.key in known else None,
        )
        for each in counters
    )


def rows_of(submission: Submission, routing: Routing, at: datetime, seals: Seals) -> list[dict[str, Any]]:
    """Return the rows by which a routed case counts."""
    measures = {each.counter.measure for each in routing.history}
    return list(_rows(measures, submission, routing.decision.action.value, at, seals).values())


def _rows(
    measures: Iterable[Measure], submission: Submission, action: str, at: datetime, seals: Seals
) -> dict[str, dict[str, Any]]:
    """Return the rows by which a case counts under measures, by the texts that their names stand for."""
    task = submission.task
    counts = is_counted(replayed=submission.replayed, quality_check=submission.quality_check, task_type=task.task_type)
    amounts = amounts_of(measures, task.metadata) if counts else {}
    rest = {"case_id": submission.case_id, "at": instant_text(at), "action": action}
    return {key: {"name": seals.name_of(key, TALLY), "amount": micros, **rest} for key, micros in amounts.items()}


def _names_of(counter: Counter, submission: Submission, seals: Seals) -> Iterable[str]:
    """Return the names under which cases count for a counter; none if its value cannot be known."""
    key = counter.measure.key(submission.task.metadata)
    if key is None:
        return ()
    try:
        return seals.names_of(key, TALLY)
    except UnknownLedgerKey:
        return ()


@cache
def _counting(number: int) -> Statement:
    """Return the statement that counts under a number of names."""
    return joined(" UNION ALL ", (statements.COUNT.filled(place=str(place)) for place in range(number)))

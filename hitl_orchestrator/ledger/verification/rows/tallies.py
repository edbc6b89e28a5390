"""Reconciliation of tallies: the rows by which a case counts are those that its first entry and its routing explain."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hitl_orchestrator.domain.counting.counters import Measure, amounts_of, is_counted
from hitl_orchestrator.domain.decision import NOT_ROUTED
from hitl_orchestrator.domain.value import read_canonical
from hitl_orchestrator.errors import UnknownLedgerKey
from hitl_orchestrator.ledger.events.contents import Contents
from hitl_orchestrator.ledger.keys.mac import TALLY, Seals
from hitl_orchestrator.ledger.ports.snapshot import StoredMeasure, TallyRow
from hitl_orchestrator.ledger.store.counting.tallies import MEASURE_SEAL

Measures = Mapping[str, int]
"""The measures under which earlier cases were counted, each with the last entry up to which all were."""


class TallyFacts:
    """The facts about the tallies of a case that its entries record."""

    def __init__(self, texts: Contents | None) -> None:
        """`texts` are those of the case; None once they were erased, and with them its tallies."""
        self._texts = texts
        self._intake: Mapping[str, Any] = {}
        self._routed: Mapping[str, Any] | None = None

    def add_intake(self, body: Mapping[str, Any]) -> None:
        """Add the body of the first entry of the case."""
        self._intake = body

    def add_routing(self, entry: Mapping[str, Any]) -> None:
        """Add the entry of its routing."""
        self._routed = entry

    def problem(self, rows: Sequence[TallyRow], seals: Seals | None, measures: Measures) -> str | None:
        """Return the difference between the rows of the case and its entries; None if there is none."""
        if self._texts is None or self._routed is None:
            return "it has rows in the tallies, and it has no texts or no routing" if rows else None
        history = self._routed["body"].get("history")
        if not rows and not history and not measures:
            return None
        body, at = self._routed["body"], self._routed["at"]
        used = [each["counter"] for each in _text_of(history, self._texts, [])]
        recorded = {Measure(each["sum"], each["same"]) for each in used}
        before = {_measure(text): covered for text, covered in measures.items()}
        if unknown := recorded - before.keys():
            named = min(each.text for each in unknown)
            return f"it was routed by what counts under {named}, which has no row in the measures"
        recorded |= {measure for measure, covered in before.items() if covered >= self._routed["seq"]}
        possible = self._amounts({*recorded, *before}, body)
        remaining, required = list(rows), self._amounts(recorded, body)
        for key, amount in possible.items():
            names = None if seals is None else _names_of(key, seals)
            found = next((row for row in remaining if names is None or row.name in names), None)
            if found is not None:
                remaining.remove(found)
                if (found.at, found.action, found.amount) != (at, body["decision"]["action"], amount):
                    return "a row of it in the tallies has another at, action or amount"
            elif key in required:
                return "a row by which it counts is missing in the tallies"
        return "it has a row in the tallies that no entry records" if remaining else None

    def _amounts(self, measures: Iterable[Measure], routed: Mapping[str, Any]) -> dict[str, int | None]:
        """Return the amounts of the case by the texts under which it counts."""
        intake, task = self._intake, self._intake["task"]
        counts = is_counted(
            replayed=intake["replayed"], quality_check=intake["quality_check"], task_type=task["task_type"]
        )
        if not counts or routed["decision"]["rule_id"] == NOT_ROUTED:
            return {}
        return amounts_of(measures, _text_of(task["metadata"], self._texts, {}))


def measure_problem(rows: Iterable[StoredMeasure], last: int, seals: Seals | None) -> str | None:
    """Return the problem with the measures under which earlier cases were counted."""
    for row in rows:
        named = f"measures: the row of {str(row.measure)[:80]!r}"
        if not is_measure(row) or row.covered_seq > last:
            return f"{named} is invalid"
        if seals is not None and not seals.is_of_columns(row.seal, MEASURE_SEAL, row.measure, row.covered_seq):
            return f"{named} was altered, or not written by this ledger"
    return None


def is_measure(row: StoredMeasure) -> bool:
    """Whether a row can be read: one that cannot is reported, and explains no tally."""
    try:
        return _measure(row.measure).text == row.measure and isinstance(row.covered_seq, int)
    except (ValueError, TypeError, AttributeError):
        return False


def _measure(text: str) -> Measure:
    return Measure(*read_canonical(text))


def _names_of(key: str, seals: Seals) -> list[str] | None:
    """Return the names of a text under all keys; None if one of them is not configured."""
    try:
        return seals.names_of(key, TALLY)
    except UnknownLedgerKey:
        return None


def _text_of(mark: Any, texts: Contents | None, otherwise: Any) -> Any:
    """Return the value of a mark, whose text was verified before; `otherwise` for an empty value."""
    if not mark or texts is None:
        return otherwise
    return read_canonical(texts.texts([mark["content"]])[mark["content"]])

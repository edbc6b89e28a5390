"""Reconciliation of spot checks: every sampled case is either due or was opened for a reviewer."""

from collections.abc import Iterable

from hitl_orchestrator.domain.audit import AuditRecord, is_spot_checked
from hitl_orchestrator.domain.enums import EventKind, QualityCheckKind
from hitl_orchestrator.domain.value import read_canonical
from hitl_orchestrator.ledger.events.chain import Entry
from hitl_orchestrator.ledger.events.contents import restored


class SpotCheckReconciler:
    """Collects sampled cases whose spot check was not submitted, and compares them with the table."""

    def __init__(self) -> None:
        self._sampled: dict[str, int] = {}

    def add(self, entry: Entry) -> None:
        """Add the next entry. The text of most shows without parsing that they are unrelated to spot checks."""
        text = entry.entry
        if entry.kind == EventKind.FINISHED and '"review_probability":0,' not in text:
            if '"decision_source":"agent"' in text and _is_sampled(entry):
                self._sampled[str(entry.case_id)] = entry.seq
        elif entry.kind == EventKind.SUBMITTED and f'"kind":"{QualityCheckKind.SPOT_CHECK}"' in text:
            self._sampled.pop(str((read_canonical(text)["body"]["quality_check"] or {}).get("of")), None)
        elif entry.kind == EventKind.REDACTED:
            self._sampled.pop(str(entry.case_id), None)

    def problem(self, due: Iterable[str]) -> tuple[int | None, str] | None:
        """Return the first sampled case that is not due, with the entry of its outcome; None if there is none."""
        rows = set(due)
        for case_id, seq in self._sampled.items():
            if case_id not in rows:
                return seq, f"case {case_id!r} was sampled for a spot check, and has no row in the due spot checks"
        return None


def _is_sampled(entry: Entry) -> bool:
    body = restored(EventKind.FINISHED, read_canonical(entry.entry)["body"], None)
    return is_spot_checked(AuditRecord.model_validate(body))

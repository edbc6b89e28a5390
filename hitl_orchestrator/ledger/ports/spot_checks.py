"""What is asked of a ledger about cases that are to be looked at afterwards, and whether it forgets none."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from hitl_orchestrator.domain.audit import AuditRecord
from hitl_orchestrator.domain.enums import EventKind, QualityCheckKind
from hitl_orchestrator.domain.sampling import is_spot_checked
from hitl_orchestrator.domain.value import read_canonical
from hitl_orchestrator.ledger.events.chain import Entry
from hitl_orchestrator.ledger.events.contents import restored


class SpotChecks(Protocol):
    """Cases that went ahead by themselves, were drawn, and are still to be put before a person."""

    def spot_checks_due(self, limit: int = 1000) -> Sequence[str]:
        """Return the cases of which no review was opened yet, the longest first. `finish` notes each that is drawn."""

    def spot_check_opened(self, case_id: str) -> None:
        """Take note that the review of a case was opened. Again it changes nothing."""


class SpotCheckAccounts:
    """The outcomes and intakes, heard of one by one: each case that was drawn is either due or was put to a person."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}

    def hear(self, entry: Entry) -> None:
        """Take note of an entry. Most are seen from their text to be neither drawn nor a spot check."""
        text = entry.entry
        if entry.kind == EventKind.FINISHED and '"review_probability":0,' not in text:
            if '"decision_source":"agent"' in text and _is_drawn(entry):
                self._open[str(entry.case_id)] = entry.seq
        elif entry.kind == EventKind.SUBMITTED and f'"kind":"{QualityCheckKind.SPOT_CHECK}"' in text:
            self._open.pop(str((read_canonical(text)["body"]["quality_check"] or {}).get("of")), None)
        elif entry.kind == EventKind.REDACTED:
            self._open.pop(str(entry.case_id), None)

    def problem(self, due: Iterable[str]) -> tuple[int | None, str] | None:
        """Say which case does not stand as it should among those that are due; None where all do."""
        left = set(due)
        for case_id, seq in self._open.items():
            if case_id not in left:
                return seq, f"case {case_id!r} was drawn to be looked at afterwards, and nobody is to be asked about it"
        return None


def _is_drawn(entry: Entry) -> bool:
    body = restored(EventKind.FINISHED, read_canonical(entry.entry)["body"], None)
    return is_spot_checked(AuditRecord.model_validate(body))

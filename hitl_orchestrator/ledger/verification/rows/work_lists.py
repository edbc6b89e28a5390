"""Reconciliation of the work lists: due spot checks, scrubs of redacted cases, wake-ups, and large payloads."""

from collections.abc import Iterable

from hitl_orchestrator.domain.enums import EventKind, QualityCheckKind
from hitl_orchestrator.domain.value import read_canonical
from hitl_orchestrator.ledger.events.chain import Entry
from hitl_orchestrator.ledger.events.contents import is_payload
from hitl_orchestrator.ledger.keys.mac import Seals
from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot, StoredPayload, StoredScrub, StoredWakeup
from hitl_orchestrator.ledger.store.cases import PAYLOAD_SEAL
from hitl_orchestrator.ledger.store.delivery.wakeups import is_sealed
from hitl_orchestrator.ledger.store.redaction import SCRUB_SEAL

_Problem = tuple[int | None, str]


class WorkListReconciler:
    """Collects sampled cases whose spot check was not submitted, and redacted ones, and compares them with the rows."""

    def __init__(self) -> None:
        self._sampled: dict[str, int] = {}
        self._redacted: dict[str, int] = {}

    def add(self, entry: Entry) -> None:
        """Add the next entry."""
        text = entry.entry
        if entry.kind == EventKind.FINISHED and is_sampled(text):
            self._sampled[str(entry.case_id)] = entry.seq
        elif entry.kind == EventKind.SUBMITTED and is_spot_check(text):
            self._sampled.pop(str((read_canonical(text)["body"]["quality_check"] or {}).get("of")), None)
        elif entry.kind == EventKind.REDACTED:
            self._sampled.pop(str(entry.case_id), None)
            self._redacted[str(entry.case_id)] = entry.seq

    def problem(self, snapshot: LedgerSnapshot, seals: Seals | None) -> _Problem | None:
        """Return the first row that is missing, or that nothing explains; None if there is none."""
        problem = self._spot_check_problem(snapshot.spot_checks()) or self._scrub_problem(snapshot.scrubs(), seals)
        problem = problem or next((each for row in snapshot.wakeups() if (each := _wakeup_problem(row, seals))), None)
        return problem or next((each for row in snapshot.payloads() if (each := _payload_problem(row, seals))), None)

    def _spot_check_problem(self, rows: Iterable[tuple[str, int]]) -> _Problem | None:
        remaining = dict(self._sampled)
        for case_id, seq in rows:
            if remaining.pop(case_id, None) != seq:
                return None, f"spot_checks: no entry explains the row of case {case_id!r} with finished_seq {seq!r}"
        for case_id, seq in remaining.items():
            return seq, f"case {case_id!r} was sampled for a spot check, and has no row in the due spot checks"
        return None

    def _scrub_problem(self, rows: Iterable[StoredScrub], seals: Seals | None) -> _Problem | None:
        remaining = dict(self._redacted)
        for row in rows:
            seq = remaining.pop(row.case_id, None)
            if seq is None:
                return None, f"scrubs: case {row.case_id!r} has a row, and no entry records that it was redacted"
            if row.due not in {0, 1}:
                return seq, f"scrubs: the row of case {row.case_id!r} has the invalid due {row.due!r}"
            if seals is not None and not seals.is_of_columns(row.seal, SCRUB_SEAL, row.case_id, row.due):
                return seq, f"scrubs: the due or the seal of case {row.case_id!r} was altered"
        return next(((seq, f"scrubs: redacted case {name!r} has no row") for name, seq in remaining.items()), None)


def _wakeup_problem(row: StoredWakeup, seals: Seals | None) -> _Problem | None:
    """Return the problem with a wake-up. A missing one only delays its caller, who finds the decision by asking."""
    if seals is None or is_sealed(row, seals):
        return None
    return None, f"wakeups: the row of case {row.case_id!r} was altered, or not written by this ledger"


def _payload_problem(row: StoredPayload, seals: Seals | None) -> _Problem | None:
    """Return the problem with a large payload. Running its case again repairs it."""
    named = f"payloads: the text {str(row.digest)[:12]!r} of case {row.case_id!r}"
    if not is_payload(row.body, row.digest):
        return None, f"{named} was altered; 'hitl recover' repairs it if the case needs it"
    if seals is not None and not seals.is_of_columns(row.seal, PAYLOAD_SEAL, row.case_id, row.digest):
        return None, f"{named} was not written by this ledger, or its seal was altered"
    return None


def may_be_sampled(finished: str) -> bool:
    """Whether a final entry may be that of a sampled case. The text of most shows without parsing that it is not."""
    return '"drawn":true' in finished


def is_sampled(finished: str) -> bool:
    """Whether a final entry is that of a case which was drawn for a spot check."""
    return may_be_sampled(finished) and read_canonical(finished)["body"]["drawn"] is True


def is_spot_check(submitted: str) -> bool:
    """Whether a first entry may be that of a spot check. Only parsing shows whether it is."""
    return f'"kind":"{QualityCheckKind.SPOT_CHECK}"' in submitted

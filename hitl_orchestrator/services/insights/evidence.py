"""How a report gets at a store, or at an exported file."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.errors import StoreUnavailable
from hitl_orchestrator.insights.frame import empty, polars, prepared, read_export
from hitl_orchestrator.insights.metrics.model import Looks, Mark, StakeField
from hitl_orchestrator.insights.report.controls import drills_in
from hitl_orchestrator.insights.report.periods import Span
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.verification.head_file import read_heads
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.policies.analysis.automatic_from import AutomaticFrom, automatic_from
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.review.governance.history import PeopleHistory
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.authorization import Filter
from hitl_orchestrator.services.config_files import read_file
from hitl_orchestrator.services.insights.compliance import derive
from hitl_orchestrator.services.insights.drills import switches_in
from hitl_orchestrator.services.insights.frames import (
    OnLeftOut,
    amount_fields,
    amount_in,
    cases_in,
    fields_in,
    looks_in,
    policy_in_force,
    rules_in_force,
)
from hitl_orchestrator.services.insights.report import Asked, Evidence, FullReport, OnNumber, full_report

if TYPE_CHECKING:
    import polars as pl

    from hitl_orchestrator.insights.report.model import Compliance
    from hitl_orchestrator.ledger.verification.chain_check import Verification

__all__ = ["evidence_in_file", "evidence_in_store", "no_evidence", "report_on_store", "verified_with_heads"]

EVERY_DOMAIN = "*"
_SHORT = 12


def report_on_store(
    store: str,
    signer: LedgerSigner,
    ledger: Ledger,
    asked: Asked,
    now: datetime,
    *,
    people: Callable[[Ledger], People | None] | None = None,
    head_file: Path | None = None,
    on_progress: OnNumber = lambda number: None,
) -> FullReport:
    """Return the report on a store, all of whose figures are of the one state that is verified.

    The ledger is compared with the heads of `head_file`, or of the file to which the signer writes. `people` returns
    those in force, by default those that the ledger records.

    Raises:
        StoreUnavailable: the store cannot be read at all, or was changed twice meanwhile.
        InvalidInput: polars, which comes with the extra `lab`, is not installed.
    """

    def made() -> FullReport:
        with ledger.at_one_state() as state:
            verify = partial(verified_with_heads, signer.of(state), head_file=head_file)
            evidence = evidence_in_store(
                store, state, now, verify=verify, people=partial(people or _recorded_people, state)
            )
            return full_report(evidence, asked, on_progress)

    try:
        return made()
    except StoreUnavailable:
        # Another process began to write to a file that none had open; beside it, a reader keeps its state.
        return made()


def evidence_in_store(
    store: str,
    ledger: Ledger,
    now: datetime,
    *,
    verify: "Callable[[OnNumber], Verification]",
    people: Callable[[], People | None],
    mine: Filter | None = None,
) -> Evidence:
    """Return the evidence in a store, of the cases that `mine` reaches. `people` returns those in force."""

    def derived(span: Span, cases: "pl.DataFrame", on_number: OnNumber) -> "Compliance":
        return derive(ledger, since=span.since, until=span.until, cases=cases, on_cases=on_number)

    return Evidence(
        store=store,
        now=now,
        frame=lambda stake, on_number, on_left_out: cases_in(
            ledger, mine=mine, stake=stake, on_cases=on_number, on_left_out=on_left_out
        ),
        looks=lambda cases: looks_in(ledger, cases, mine),
        rules=lambda: rules_in_force(ledger),
        drills=lambda cases: drills_in(cases, switches_in(ledger)),
        bounds=lambda: bounds_in(ledger),
        verify=verify,
        amounts=lambda: amount_fields(ledger),
        oldest=lambda: next((event.at for event in ledger.governance_events()), None),
        derive=derived,
        marks=lambda: marks_in(ledger),
        is_staffed=lambda: staffed_by(people()),
    )


def evidence_in_file(path: str, now: datetime) -> Evidence:
    """Return the evidence in a file of exported records. Raises `InvalidInput`."""
    frame = prepared(read_export(path))

    def cases(stake: StakeField | None, on_number: OnNumber, on_left_out: OnLeftOut) -> "pl.DataFrame":
        return frame if stake is None else _with_stake(frame, stake)

    return Evidence(
        store=path,
        now=now,
        frame=cases,
        amounts=lambda: fields_in(frame["metadata"]),
        drills=drills_in,
        looks=lambda cases: Looks(now=now),
        not_verified="a file of exported records: its integrity and its policies were not checked",
    )


def no_evidence(store: str, now: datetime, problem: str) -> Evidence:
    """Return what there is of a store that is too damaged to be opened."""
    return Evidence(
        store=store,
        now=now,
        frame=lambda stake, on_number, on_left_out: prepared(empty()),
        looks=lambda cases: Looks(now=now),
        problem=f"the store is too damaged to be read: {problem}",
    )


def _with_stake(frame: "pl.DataFrame", stake: StakeField) -> "pl.DataFrame":
    """Return the cases of an export with the amount in a field of their tasks' metadata."""
    pl = polars()
    amounts = [amount_in(text, stake.field) for text in frame["metadata"]]
    return frame.with_columns(stake=pl.Series(amounts, dtype=pl.Float64), stake_unit=pl.lit(stake.unit, pl.String))


def verified_with_heads(signer: LedgerSigner, on_entries: OnNumber, head_file: Path | None = None) -> "Verification":
    """Verify a ledger, and compare it with signed heads: those of a file, or else those that its signer wrote.

    Without the signer's key they are compared, and not authenticated. Raises as `LedgerSigner.verify`.
    """
    own = None if signer.head_file is None else signer.head_file.path
    file = head_file or own
    heads = [] if file is None or not file.exists() else read_heads(read_file(str(file)), str(file))
    return signer.verify(heads, signer.trusted_key() if heads else None, on_entries)


def _recorded_people(ledger: Ledger) -> People | None:
    return PeopleHistory().after(ledger.governance_events()).in_force()


def marks_in(ledger: Ledger) -> Sequence[Mark]:
    """Return the activations of policies that the ledger records."""
    events = list(ledger.governance_events())
    versions = PolicyHistory().after(events).versions
    marks = []
    for event in events:
        if event.kind in (EventKind.POLICY_ACTIVATED, EventKind.POLICY_UNDONE):
            policy = str(event.body["policy_hash"])
            known = versions.get(policy)
            label = policy[:_SHORT] if known is None else f"{known.policy_id} ({policy[:_SHORT]})"
            marks.append(Mark(at=event.at, kind="policy", label=label))
    return marks


def bounds_in(ledger: Ledger) -> Sequence[AutomaticFrom]:
    """Return the confidence from which the active policy approves automatically, for each risk."""
    policy = policy_in_force(ledger)
    return () if policy is None else automatic_from(policy)


def staffed_by(people: People | None) -> Callable[[str], bool] | None:
    """Return whether a person may decide in a domain; None where no people are known."""
    if people is None:
        return None
    covered = {domain for person in people for domain in person.domains}
    return lambda domain: EVERY_DOMAIN in covered or domain in covered

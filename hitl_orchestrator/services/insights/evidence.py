"""How a report gets at a store, or at an exported file."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.insights.frame import empty, polars, prepared, read_export
from hitl_orchestrator.insights.metrics.model import Looks, Mark, StakeField
from hitl_orchestrator.insights.report.controls import drills_in
from hitl_orchestrator.insights.report.periods import Span
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.verification.head_file import read_heads
from hitl_orchestrator.ledger.verification.signer import LedgerSigner
from hitl_orchestrator.policies.analysis.automatic_from import AutomaticFrom, automatic_from
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.review.people import People
from hitl_orchestrator.services.authorization import Filter
from hitl_orchestrator.services.config_files import read_file
from hitl_orchestrator.services.insights.compliance import derive
from hitl_orchestrator.services.insights.drills import switches_in
from hitl_orchestrator.services.insights.frames import (
    amount_fields,
    amount_in,
    cases_in,
    fields_in,
    looks_in,
    policy_in_force,
    rules_in_force,
)
from hitl_orchestrator.services.insights.report import Evidence, OnNumber

if TYPE_CHECKING:
    import polars as pl

    from hitl_orchestrator.insights.report.model import Compliance
    from hitl_orchestrator.ledger.verification.chain_check import Verification

__all__ = ["evidence_in_file", "evidence_in_store", "no_evidence", "verified_with_heads"]

EVERY_DOMAIN = "*"
_SHORT = 12


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
        frame=lambda stake, on_number: cases_in(ledger, mine=mine, stake=stake, on_cases=on_number),
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

    def cases(stake: StakeField | None, on_number: OnNumber) -> "pl.DataFrame":
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
        frame=lambda stake, on_number: prepared(empty()),
        looks=lambda cases: Looks(now=now),
        problem=f"the store is too damaged to be read: {problem}",
    )


def _with_stake(frame: "pl.DataFrame", stake: StakeField) -> "pl.DataFrame":
    """Return the cases of an export with the amount in a field of their tasks' metadata."""
    pl = polars()
    amounts = [amount_in(text, stake.field) for text in frame["metadata"]]
    return frame.with_columns(stake=pl.Series(amounts, dtype=pl.Float64), stake_unit=pl.lit(stake.unit, pl.String))


def verified_with_heads(signer: LedgerSigner, on_entries: OnNumber) -> "Verification":
    """Verify a ledger, and compare it with the heads that its signer wrote. Raises as `LedgerSigner.verify`."""
    file = None if signer.head_file is None else signer.head_file.path
    heads = [] if file is None or not file.exists() else read_heads(read_file(str(file)), str(file))
    return signer.verify(heads, signer.key.public if heads else None, on_entries)


def marks_in(ledger: Ledger) -> Sequence[Mark]:
    """Return the activations of policies that the ledger records."""
    events = list(ledger.governance_events())
    versions = PolicyHistory().after(events).versions
    marks = []
    for event in events:
        if event.kind is EventKind.POLICY_ACTIVATED:
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

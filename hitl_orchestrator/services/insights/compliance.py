"""Derive every decision of a store again: which policies, chains and people decided it, and the cases, in frames."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from hitl_orchestrator.backtest.compliance import COLUMNS, FROM_TEXTS, MOST_LISTED, TEXT_COLUMNS, compliance
from hitl_orchestrator.backtest.in_force import Chain, InForce, Term
from hitl_orchestrator.backtest.stored import ROWS_AT_A_TIME, in_background, stored_frames
from hitl_orchestrator.backtest.vectorized import polars
from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.roles import DEFAULT_CHAIN
from hitl_orchestrator.errors import HitlError, InvalidInput, LedgerDamaged, PolicyUnreadable, TamperedPolicy
from hitl_orchestrator.insights.frame import from_rows
from hitl_orchestrator.insights.report.model import Compliance
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.policies.language.model import Policy
from hitl_orchestrator.policies.lifecycle.history import PolicyHistory
from hitl_orchestrator.policies.lifecycle.in_force import recorded_policy
from hitl_orchestrator.review.governance.history import PeopleHistory

if TYPE_CHECKING:
    import polars as pl

__all__ = ["derive", "policy_terms"]

_PEOPLE = (EventKind.PEOPLE_RECORDED, EventKind.PEOPLE_ACTIVATED)


def derive(
    ledger: Ledger,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    most: int = MOST_LISTED,
    cases: "pl.DataFrame | None" = None,
    on_cases: Callable[[int], None] = lambda number: None,
) -> Compliance:
    """Derive the decision on every finished case again, of those decided from `since` to before `until`.

    `cases` are all of them as a prepared frame, if it was read before; they are read again only if a policy reads the
    metadata of tasks. At most `most` violations are listed. `on_cases` receives the number of cases read each time.

    Raises:
        LedgerDamaged: the entries about policies and people, or the outcomes, cannot be read.
        TamperedPolicy, TamperedPeople: an entry about them does not have the fields of its kind.
        InvalidInput: polars is not installed.
    """
    in_force = _in_force(ledger)
    with_texts = bool(in_force.needs() & FROM_TEXTS)
    if cases is None or with_texts:
        frames = _frames(ledger, on_cases, with_texts=with_texts)
    else:
        frames = _parts_of(cases, on_cases)
    return compliance(_within(frames, since, until), in_force, most)


def _in_force(ledger: Ledger) -> InForce:
    """Return what decided the cases of a store."""
    events = ledger.governance_events()
    terms = policy_terms(events)
    named = {event.body["policy_hash"] for event in events if event.kind is EventKind.POLICY_VERSION} | terms.keys()
    recorded = {name: each for name in sorted(named) if (each := _policy(ledger, name)) is not None}
    history = PeopleHistory().after(events)
    person_of = str if history.current is None else history.people(history.current).human
    return InForce(recorded, terms, _chains(events), ledger.lot, person_of, partial(_intake_of, ledger))


def policy_terms(events: Sequence[Event]) -> dict[str, list[Term]]:
    """Return when each policy was in force, as the active one or as a canary."""
    terms: dict[str, list[Term]] = {}
    history, running = PolicyHistory(), dict[tuple[str, float | None], Term]()
    for event in events:
        history = history.after([event])
        canary = history.canary
        now: set[tuple[str, float | None]] = set() if history.active is None else {(history.active, None)}
        now |= set() if canary is None else {(canary.policy_hash, canary.share)}
        for key in running.keys() - now:
            ended = running.pop(key)._replace(until=event.seq, until_at=event.at)
            terms[key[0]] = [each if each.since != ended.since else ended for each in terms[key[0]]]
        for key in now - running.keys():
            running[key] = Term(event.seq, event.at, share=key[1])
            terms.setdefault(key[0], []).append(running[key])
    return terms


def _intake_of(ledger: Ledger, case_id: str) -> int | None:
    """Return the number of the ledger entry that received a case, or None if it cannot be read."""
    try:
        return next((event.seq for event in ledger.events(case_id) if event.kind is EventKind.SUBMITTED), None)
    except HitlError:
        return None


def _policy(ledger: Ledger, name: str) -> Policy | str | None:
    """Return a policy by its hash, why this version cannot use it, or None if no entry records what its row holds."""
    try:
        return recorded_policy(name, ledger.policy)
    except PolicyUnreadable:
        return "this version cannot read its policy"
    except TamperedPolicy:
        return None


def _chains(events: Sequence[Event]) -> list[Chain]:
    """Return the escalation chains that were in force, oldest first."""
    chains, history = [Chain(DEFAULT_CHAIN)], PeopleHistory()
    for event in events:
        history = history.after([event])
        if event.kind not in _PEOPLE or history.current is None:
            continue
        chain = history.people(history.current).chain
        if len(chains) == 1 and chains[0].since == 0:
            chains = [Chain(chain, event.seq)]
        elif chain != chains[-1].roles:
            chains[-1] = chains[-1]._replace(until=event.at)
            chains.append(Chain(chain, event.seq))
    return chains


def _frames(ledger: Ledger, on_cases: Callable[[int], None], *, with_texts: bool) -> "Iterator[pl.DataFrame]":
    """Yield the columns that a derivation reads; with the texts of the cases it takes much longer."""
    if not with_texts:
        yield from stored_frames(ledger, COLUMNS, on_cases)
        return
    rows = ledger.outcomes(*COLUMNS, metadata=True, routing=True)
    for frame in in_background(_frame_of, iter(lambda: list(islice(rows, ROWS_AT_A_TIME)), [])):
        yield frame
        on_cases(frame.height)


def _parts_of(cases: "pl.DataFrame", on_cases: Callable[[int], None]) -> "Iterator[pl.DataFrame]":
    """Yield the columns of a prepared frame that a derivation reads, in parts."""
    for part in cases.select(COLUMNS).iter_slices(ROWS_AT_A_TIME):
        yield part
        on_cases(part.height)


def _frame_of(rows: list[tuple[Any, ...]]) -> "pl.DataFrame":
    pl = polars()
    try:
        frame = from_rows([row[: len(COLUMNS)] for row in rows], COLUMNS)
    except InvalidInput as exc:
        raise LedgerDamaged(str(exc)) from exc
    types = dict.fromkeys(TEXT_COLUMNS, pl.String) | {"redacted": pl.Boolean}
    texts = zip(*(row[len(COLUMNS) :] for row in rows), strict=True)
    return frame.with_columns(
        pl.Series(name, values, types[name]) for name, values in zip(TEXT_COLUMNS, texts, strict=True)
    )


def _within(
    frames: "Iterable[pl.DataFrame]", since: datetime | None, until: datetime | None
) -> "Iterator[pl.DataFrame]":
    """Yield the cases of a period."""
    at = polars().col("timestamp")
    for frame in frames:
        part = frame if since is None else frame.filter(at >= since)
        yield part if until is None else part.filter(at < until)

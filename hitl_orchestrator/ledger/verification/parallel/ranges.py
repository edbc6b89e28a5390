"""The parts of a verification that need no other part: ranges of entries, and ranges of cases.

Each is verified as if what is before it were sound, which the process that joins the parts makes sure of.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from hitl_orchestrator.ledger.events.chain import Entry, Head
from hitl_orchestrator.ledger.keys.mac import SealCheck, Seals
from hitl_orchestrator.ledger.ports.snapshot import CaseRange, LedgerSnapshot
from hitl_orchestrator.ledger.verification.chain_check import COUNTED_AT_ONCE, START, counted, walk
from hitl_orchestrator.ledger.verification.merkle import Tree
from hitl_orchestrator.ledger.verification.reconcile import case_problem, concerns_tables
from hitl_orchestrator.ledger.verification.rows.tallies import Measures

OnEntries = Callable[[int], None]


class ChainRange(NamedTuple):
    """The entries after number `after` and up to one, the last one if that is None.

    `marks` are the numbers in it at which heads were signed, if any were; None if no tree is needed.
    """

    after: int
    up_to: int | None
    marks: Sequence[int] | None = None


class Mark(NamedTuple):
    """The digest of the entry with this number, and the peaks of the tree over the range up to it."""

    seq: int
    digest: str
    peaks: Sequence[str]


class SoundChain(NamedTuple):
    """What the entries of a sound range are: its ends, and what other parts need of it.

    `periods` are those of the keys after it; `concerning` are the entries that concern more than their own case.
    """

    start: Head
    end: Head
    of_cases: int
    concerning: Sequence[Entry]
    last: Entry | None
    periods: Sequence[tuple[int, str]]
    peaks: Sequence[str]
    marks: Sequence[Mark]


class SoundCases(NamedTuple):
    """The numbers of cases and of their entries in a sound range, and the cases whose execution was never started."""

    cases: int
    entries: int
    unexecuted: Sequence[str]


def sound_chain(
    snapshot: LedgerSnapshot, part: ChainRange, seals: Seals | None, proposed: Collection[str], on_entries: OnEntries
) -> SoundChain | None:
    """Return what a range of entries is, None if it is not sound. `seals` are those after the entries before it."""
    start, of_cases, last = START, 0, None
    concerning, marks, tree = list[Entry](), list[Mark](), Tree()
    wanted = frozenset(part.marks or ())
    entries = snapshot.entries(max(part.after - 1, 0), part.up_to)
    if part.after:
        before = next(entries, None)
        if before is None or before.seq != part.after:
            return None
        start = Head(before.seq, before.digest)

    def add(entry: Entry) -> None:
        nonlocal of_cases, last
        last = entry
        of_cases += entry.case_id is not None
        if concerns_tables(entry, proposed):
            concerning.append(entry)
        if part.marks is not None:
            tree.append(bytes.fromhex(entry.digest))
            if entry.seq in wanted:
                marks.append(Mark(entry.seq, entry.digest, _hex(tree.peaks)))

    check = None if seals is None else SealCheck(seals, from_start=False)
    walked = walk(counted(entries, on_entries), on_entry=add, start=start, seals=check)
    if walked.problem is not None:
        return None
    periods = () if check is None else check.seals_for("").periods
    return SoundChain(start, walked.head, of_cases, concerning, last, periods, _hex(tree.peaks), marks)


def sound_cases(
    snapshot: LedgerSnapshot,
    part: CaseRange,
    seals: Seals | None,
    on_entries: OnEntries,
    *,
    jumps: Collection[int],
    measures: Measures,
) -> SoundCases | None:
    """Return what a range of cases is, None if one of them differs from its entries."""
    cases, entries, unexecuted, new = 0, 0, list[str](), 0
    for rows in snapshot.cases(part):
        if case_problem(rows, seals, jumps, unexecuted.append, measures) is not None:
            return None
        cases, entries, new = cases + 1, entries + len(rows.entries), new + len(rows.entries)
        if new >= COUNTED_AT_ONCE:
            on_entries(new)
            new = 0
    on_entries(new)
    return SoundCases(cases, entries, unexecuted)


def _hex(peaks: Iterable[bytes]) -> list[str]:
    return [peak.hex() for peak in peaks]

"""Whether a large ledger is sound, found by several processes that read one state of it.

The answer is either that it is sound, or that this is not known: then one process verifies it alone, and says what is
wrong. So no part needs to know what is found first, and a process that ends or hangs costs time alone.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.errors import HitlError
from hitl_orchestrator.ledger.events.chain import Entry, Head, body_of, event_of
from hitl_orchestrator.ledger.events.ledger_builders import key_change_in
from hitl_orchestrator.ledger.keys.mac import Period, SealCheck, Seals, key_in
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.snapshot import CaseRange, LedgerSnapshot
from hitl_orchestrator.ledger.verification.chain_check import START
from hitl_orchestrator.ledger.verification.merkle import node_hash, root_of
from hitl_orchestrator.ledger.verification.parallel.processes import Workers, WorkersFailed, can_start
from hitl_orchestrator.ledger.verification.parallel.ranges import ChainRange, Mark, SoundCases, SoundChain
from hitl_orchestrator.ledger.verification.parallel.worker import Facts
from hitl_orchestrator.ledger.verification.reconcile import PROPOSING, TableReconciler, covered_in
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead, foreign_problem, heads_problem


class Parallel(NamedTuple):
    """How a verification is divided. `entries` is the size of a range of entries, a power of two.

    Ledgers with fewer than `least` entries are not divided. A process may be silent for `patience` seconds.
    """

    processes: int = 2
    entries: int = 2**16
    cases: int = 20_000
    least: int = 60_000
    patience: float = 120
    start: Callable[[int, Mapping[str, Any], float], Workers] = Workers


class Sound(NamedTuple):
    """A sound ledger: the facts that `Verification` states."""

    ledger_id: str
    tables: TableReconciler
    scrub_due: tuple[str, ...]


class _Unknown(Exception):
    """Something is not as it is in a sound ledger."""


_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError, MemoryError)
_NOT_SOUND = (HitlError, WorkersFailed, _Unknown, *_MALFORMED)


def usual() -> Parallel:
    """Return the division for this machine."""
    return Parallel(processes=min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, 4))


def find_sound(
    ledger: Ledger,
    heads: Sequence[SignedHead],
    public: str | None,
    on_entries: Callable[[int], None],
    how: Parallel | None = None,
) -> Sound | None:
    """Return the facts of a ledger that is sound and agrees with these heads; None if that is not known."""
    how = how or usual()
    place = ledger.shared_place
    if place is None or how.processes < 2 or not can_start():  # noqa: PLR2004 - one gains nothing
        return None
    try:
        with ledger.snapshot() as snapshot:
            defect = next(snapshot.schema_defects(), None)
            if defect is not None or _size(snapshot) < how.least:
                return None
        with how.start(how.processes, place, how.patience) as workers:
            workers.await_all()
            with ledger.shared_snapshot(lambda name: workers.tell({"begin": name})) as snapshot:
                if snapshot is None:
                    return None
                return _Check(ledger, snapshot, heads, public, how).run(workers, on_entries)
    except _NOT_SOUND:
        return None


class _Check:
    """The verification of one state."""

    def __init__(
        self, ledger: Ledger, snapshot: LedgerSnapshot, heads: Sequence[SignedHead], public: str | None, how: Parallel
    ) -> None:
        self._ledger, self._snapshot, self._heads, self._public, self._how = ledger, snapshot, heads, public, how
        self._seals, self._cases = ledger.seals, 0

    def run(self, workers: Workers, on_entries: Callable[[int], None]) -> Sound:
        """Return the facts of the ledger. Raises one of `_NOT_SOUND`."""
        snapshot, ledger_id = self._snapshot, self._ledger.ledger_id
        _require(next(snapshot.schema_defects(), None) is None)
        entries, self._cases = snapshot.counts()
        _require(entries == _size(snapshot))
        scrub_due, facts = tuple(snapshot.scrubs_due()), _facts_of(snapshot, ledger_id, self._seals)
        chains, cases = self._chains(), self._case_ranges()
        parts: list[dict[str, Any]] = [
            {"orphans": []},
            *({"chain": each} for each in chains),
            *({"cases": each} for each in cases),
        ]
        joined, found = _Joined(self._how.entries), dict[int, SoundCases]()
        with _integrity_beside(snapshot):
            workers.tell({"facts": facts})
            for place, result in workers.run(parts, on_entries):
                if 0 < place <= len(chains):
                    joined.add(place - 1, _sound_chain(result))
                elif place:
                    found[place] = SoundCases(*result)
        self._compare(facts, joined, [found[place] for place in sorted(found)])
        return Sound(ledger_id, joined.tables, scrub_due)

    def _chains(self) -> list[ChainRange]:
        size, most = _size(self._snapshot), self._how.entries
        ends = [*range(most, size, most), None]
        marks = sorted({head.size for head in self._heads})
        return [
            ChainRange(after, end, [mark for mark in marks if after < mark <= (end or mark)] if marks else None)
            for after, end in zip(range(0, max(size, 1), most), ends, strict=True)
        ]

    def _case_ranges(self) -> list[CaseRange]:
        ids = self._snapshot.case_starts(self._how.cases)
        _require(all(isinstance(each, str) for each in ids))
        return [CaseRange(first, end) for first, end in zip(["", *ids[1:]], [*ids[1:], None], strict=True)]

    def _compare(self, facts: Facts, joined: "_Joined", cases: Sequence[SoundCases]) -> None:
        """Compare what the parts assumed with what they are, and the rows that concern no single case."""
        snapshot, tables, heads = self._snapshot, joined.tables, self._heads
        seals = None if self._seals is None else self._seals.in_periods([Period(*each) for each in facts.periods])
        _require(joined.periods == list(facts.periods))
        _require(tables.head.noted[EventKind.CLOCK_MOVED_BACK] == facts.jumps)
        _require(tables.proposed == set(facts.proposed))
        _require(all(joined.agrees(head) for head in heads))
        _require(foreign_problem(heads, facts.ledger_id) is None and heads_problem(heads, self._public) is None)
        check = None if seals is None else SealCheck(seals, from_start=False)
        _require(tables.head.problem(snapshot, joined.end, check) is None)
        _require(sum(part.cases for part in cases) == self._cases)
        _require(sum(part.entries for part in cases) == tables.entries_of_cases)
        _require(tables.problem_beside_cases(snapshot, seals) is None)
        tables.unexecuted += [case_id for part in cases for case_id in part.unexecuted]


class _Joined:
    """The sound ranges of entries, joined in their order as soon as the ones before are there."""

    def __init__(self, size: int) -> None:
        self.tables, self.end, self.periods = TableReconciler(), START, list[tuple[int, str]]()
        self._size, self._number = size, 0
        self._waiting: dict[int, SoundChain] = {}
        self._peaks: list[bytes] = []
        self._roots: dict[int, tuple[str, str]] = {}

    def add(self, number: int, part: SoundChain) -> None:
        """Add the range with this number, counted from 0."""
        self._waiting[number] = part
        while (following := self._waiting.pop(self._number, None)) is not None:
            self._append(following)
            self._number += 1

    def agrees(self, head: SignedHead) -> bool:
        """Whether a signed head is one of this ledger, whose entries up to it are the signed ones."""
        return not head.size or self._roots.get(head.size) == (head.chain, head.root)

    def _append(self, part: SoundChain) -> None:
        # Each range begins where the one before ends, in number and in digest; the first one begins the ledger.
        _require(part.start == self.end and part.start.seq == self._number * self._size)
        for mark in part.marks:
            root = root_of([*self._peaks, *map(bytes.fromhex, mark.peaks)])
            self._roots[mark.seq] = mark.digest, root.hex()
        self.end, self.periods = part.end, [(since, key) for since, key in part.periods]
        self._add_to_tree(part)
        tables = self.tables
        for entry in part.concerning:
            tables.add_concerning(entry)
        tables.entries_of_cases += part.of_cases
        tables.last = part.last or tables.last

    def _add_to_tree(self, part: SoundChain) -> None:
        """Merge the root of a full range with those before it. None follows one that is not full."""
        if len(part.peaks) != 1 or part.end.seq - part.start.seq != self._size:
            return
        node, merges = bytes.fromhex(part.peaks[0]), self._number
        while merges & 1:
            node, merges = node_hash(self._peaks.pop(), node), merges >> 1
        self._peaks.append(node)


def _facts_of(snapshot: LedgerSnapshot, ledger_id: str, seals: Seals | None) -> Facts:
    """Return the facts that the entries state, before any of them was verified."""
    governing = list(snapshot.governing())
    first = next(snapshot.entries(0, 1))
    changes = (event_of(entry.entry, entry.digest) for entry in governing if entry.kind == EventKind.KEY_CHANGED)
    later = [(event.seq + 1, key_change_in(event).new_key) for event in changes]
    return Facts(
        ledger_id=ledger_id,
        keys=None if seals is None else seals.derived(),
        periods=[] if seals is None else [(1, key_in(first.mac)), *later],
        proposed=[body_of(entry.entry)["case_id"] for entry in governing if entry.kind in PROPOSING],
        jumps=[entry.seq for entry in governing if entry.kind == EventKind.CLOCK_MOVED_BACK],
        measures=covered_in(snapshot),
    )


@contextmanager
def _integrity_beside(snapshot: LedgerSnapshot) -> Iterator[None]:
    """Let the database check its own storage in a thread, which nothing else in the snapshot may interrupt."""
    with ThreadPoolExecutor(1, thread_name_prefix="hitl-verify-integrity") as pool:
        first_defect = pool.submit(next, snapshot.integrity_errors(), None)
        yield
    _require(first_defect.result() is None)


def _size(snapshot: LedgerSnapshot) -> int:
    """Return the number of entries, as far as the head row states it."""
    stated = next((row.seq for row in snapshot.head_rows()), 0)
    return stated if isinstance(stated, int) else 0


def _sound_chain(result: Sequence[Any]) -> SoundChain:
    """Return a result as it was before it was sent."""
    part = SoundChain(*result)
    return part._replace(
        start=Head(*part.start),
        end=Head(*part.end),
        concerning=[Entry(*each) for each in part.concerning],
        last=None if part.last is None else Entry(*part.last),
        marks=[Mark(*each) for each in part.marks],
    )


def _require(condition: bool) -> None:
    if not condition:
        raise _Unknown

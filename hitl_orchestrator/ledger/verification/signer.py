"""Verification, signing and proofs of a ledger."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.errors import InvalidInput, InvalidKey, LedgerDamaged, StoreUnavailable, UnknownCase
from hitl_orchestrator.ledger.database.ports import SchemaDefect
from hitl_orchestrator.ledger.events.chain import GENESIS, Entry, Head, event_of
from hitl_orchestrator.ledger.keys.mac import SealCheck, Seals
from hitl_orchestrator.ledger.keys.recorded import check_end
from hitl_orchestrator.ledger.keys.signing import SigningKey, is_public_key
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot
from hitl_orchestrator.ledger.verification.chain_check import START, Verification, counted, entry_problem, walk
from hitl_orchestrator.ledger.verification.head_file import HeadFile
from hitl_orchestrator.ledger.verification.merkle import Tree, consistency_proof
from hitl_orchestrator.ledger.verification.parallel.sound import Parallel, Sound, find_sound
from hitl_orchestrator.ledger.verification.proofs import CaseProof, case_proof, proof_problem
from hitl_orchestrator.ledger.verification.reconcile import Problem, TableReconciler
from hitl_orchestrator.ledger.verification.tree_heads import (
    SignedHead,
    foreign_problem,
    heads_problem,
    sign_head,
    tree_of,
)

Clock = Callable[[], datetime]
# What texts that were made to do harm raise, where they are read: too deep, of another form, or too large.
_MALFORMED = (RecursionError, MemoryError, ValueError, TypeError, KeyError, AttributeError)


class LedgerSigner:
    """Verifies a ledger, signs its head, and proves its cases. Safe to share between threads."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        find_key: Callable[[], SigningKey],
        head_file: HeadFile | None = None,
        *,
        own_key: Callable[[], SigningKey] | None = None,
        has_signed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`find_key` is called at the first signature. Heads are appended to `head_file`, if there is one.

        `own_key` finds the same key and makes none, to verify heads. `has_signed` tells whether heads were in that file
        before: if it is gone then, a warning is logged.
        """
        self._ledger, self._clock, self._find_key, self.head_file = ledger, clock, find_key, head_file
        self._own_key, self._has_signed = own_key or find_key, has_signed
        self._signing = Lock()
        self._last: SignedHead | None = None

    def of(self, ledger: Ledger) -> "LedgerSigner":
        """Return the signer of the same ledger in another state."""
        return LedgerSigner(
            ledger,
            self._clock,
            self._find_key,
            self.head_file,
            own_key=self._own_key,
            has_signed=self._has_signed,
        )

    def trusted_key(self) -> str | None:
        """Return the public key to verify heads with, that of this signer; None if there is none yet."""
        known: SigningKey | None = self.__dict__.get("key")
        try:
            return (known or self._own_key()).public
        except InvalidKey:
            return None

    @cached_property
    def key(self) -> SigningKey:
        """The signing key. Raises `InvalidKey`."""
        return self._find_key()

    def verify(
        self,
        heads: Sequence[SignedHead] = (),
        public: str | None = None,
        on_entries: Callable[[int], None] = lambda count: None,
        how: Parallel | None = None,
    ) -> Verification:
        """Verify the chain, the tables against it, and signed heads, the oldest first.

        Heads are verified with `public`, or with the keys that they name. `on_entries` is called with numbers of
        entries, as they are read and as they are compared. Problems are returned, not raised. A large ledger is
        verified by several processes, divided as `how` says; by this one alone if they find that it is not sound.

        Raises:
            InvalidInput: `public` is no key.
        """
        if public is not None and not is_public_key(public):
            raise InvalidInput([f"verify: public_key: {public!r} is no key, which has 64 hexadecimal digits"])
        sound = find_sound(self._ledger, heads, public, on_entries, how)
        if sound is not None:
            return self._answer_of(sound, heads, public)
        return self._verified_alone(heads, public, on_entries)

    def _answer_of(self, sound: Sound, heads: Sequence[SignedHead], public: str | None) -> Verification:
        """Return the result for a ledger that several processes found to be sound."""
        found = _Found(sound.ledger_id, seals_checked=self._ledger.seals is not None, has_trusted=public is not None)
        found.heads_given = found.heads = len(heads)
        found.scrub_due = sound.scrub_due
        found.add(sound.tables)
        return found.answer()

    def _verified_alone(
        self, heads: Sequence[SignedHead], public: str | None, on_entries: Callable[[int], None]
    ) -> Verification:
        defects = self._schema_defects()
        if any(each.is_unreadable for each in defects):
            return _Found(None, seals_checked=False, heads_given=len(heads), problem=_of_schema(defects)).answer()
        ledger_id, seals = self._identity()
        checked = None if seals is None else SealCheck(seals)
        found = _Found(ledger_id, seals is not None, has_trusted=public is not None, heads_given=len(heads))
        tables, opened = TableReconciler(), False
        try:
            with self._ledger.snapshot() as snapshot:
                opened, found.scrub_due = True, tuple(snapshot.scrubs_due())
                walked = walk(counted(snapshot.entries(), on_entries), heads, tables.add, seals=checked)
                found.heads = walked.heads
                problem = _of_heads(foreign_problem(heads, ledger_id)) or walked.problem
                problem = problem or _of_heads(heads_problem(heads, public))
                problem = problem or tables.head.problem(snapshot, walked.head, checked)
                latest = None if checked is None else checked.seals_for("")
                problem = problem or tables.problem(snapshot, on_entries, latest)
                problem = problem or _of_file(next(snapshot.integrity_errors(), None))
                found.problem = problem or _of_schema(defects)
        except StoreUnavailable as exc:
            if not opened:
                raise
            found.problem = _after(tables.last, f"reading failed: {exc.cause}")
        except LedgerDamaged as exc:
            found.problem = _after(tables.last, exc.problem)
        except _MALFORMED as exc:
            why = f"a row or an entry has a form that no version writes ({type(exc).__name__})"
            found.problem = _after(tables.last, why)
        found.add(tables)
        return found.answer()

    def _schema_defects(self) -> list[SchemaDefect]:
        """Return the defects of the schema, which are known before any table is read."""
        with self._ledger.snapshot() as snapshot:
            return list(snapshot.schema_defects())

    def sign(self, *, only_new: bool = False) -> SignedHead | None:
        """Sign the head of the ledger and append it to the head file, after verifying the entries since the last head.

        With `only_new` an unchanged ledger is not signed, and None is returned.

        Raises:
            LedgerDamaged: the ledger differs from the last head, or its chain is broken since.
            InvalidKey, HeadFileUnavailable, InvalidInput: the head cannot be signed or stored.
        """
        with self._signing:
            if self.head_file is None:
                head = self._next_head(self._last, only_new=only_new)
            else:
                head = self.head_file.add(lambda last: self._next_head(last, only_new=only_new))
            self._last = head or self._last
            return head

    def sign_now(self) -> SignedHead:
        """Sign the head of the ledger, changed or not. Raises as `sign`."""
        head = self.sign()
        if head is None:
            raise AssertionError("sign() returns a head unless only_new is set")
        return head

    def size(self) -> int:
        """Return the number of entries, as far as the head row states it."""
        with self._ledger.snapshot() as snapshot:
            stated = next((row.seq for row in snapshot.head_rows()), 0)
        return stated if isinstance(stated, int) else 0

    def _identity(self) -> tuple[str | None, Seals | None]:
        """Return the id and the seals of the ledger, as far as its head row states it."""
        try:
            return self._ledger.ledger_id, self._ledger.seals
        except LedgerDamaged:
            return None, None

    def unsigned(self) -> int:
        """Return the number of entries since the last head of this process."""
        return self._ledger.head().seq - (0 if self._last is None else self._last.size)

    def prove(self, name: str) -> CaseProof:
        """Return a proof of all entries of a case, or of a task's latest attempt. Raises as `sign`; `UnknownCase`."""
        case_id = self._ledger.find(name).case_id
        head = self.sign_now()
        with self._ledger.snapshot() as snapshot:
            entries = [entry for entry in snapshot.of_case(case_id) if entry.seq <= head.size]
            if not entries:
                raise UnknownCase(case_id)
            contents = snapshot.contents(case_id)
            paths: dict[int, list[bytes]] = {entry.seq: [] for entry in entries}
            tree = Tree()
            for seq, digest in enumerate(snapshot.digests(head.size), start=1):
                tree.append(bytes.fromhex(digest), path=paths.get(seq))
        if tree.finish().hex() != head.root:
            raise LedgerDamaged("its entries do not have the signed root")
        proof = case_proof(entries, list(paths.values()), head, contents, self.key)
        problem = proof_problem(proof, self.key.public)
        if problem is not None:
            raise LedgerDamaged(f"case {case_id!r} cannot be proven: {problem}")
        return proof

    def _next_head(self, last: SignedHead | None, *, only_new: bool) -> SignedHead | None:
        ledger_id = self._ledger.ledger_id
        if last is None and self.head_file is not None and self._has_signed():
            _log.warning(_HEADS_GONE, self.head_file.path, extra={"case_id": None, "event": "heads_gone"})
        if last is not None and last.ledger_id != ledger_id:
            where = "" if self.head_file is None else f" in {str(self.head_file.path)!r}"
            why = f"the last signed head{where} is of ledger {last.ledger_id}, and this is ledger {ledger_id}"
            raise LedgerDamaged(f"{why}: name another file, or open the store that it belongs to")
        with self._ledger.snapshot() as snapshot:
            new = _NewEntries(snapshot, last, self._ledger.current_seals())
            before = tree_of(last)
            extends, tree = consistency_proof(before.size, before.peaks, new.digests())
            new.check_end(ledger_id)
        if only_new and last is not None and tree.size == last.size:
            return None
        return sign_head(tree, (ledger_id, new.head.digest), extends, before=last, at=self._clock(), key=self.key)


@dataclass
class _Found:
    """What a verification has found so far."""

    ledger_id: str | None
    seals_checked: bool
    has_trusted: bool = False
    heads_given: int = 0
    heads: int = 0
    last: Entry | None = None
    problem: Problem | None = None
    scrub_due: tuple[str, ...] = ()
    noted: Mapping[str, Sequence[int]] = field(default_factory=dict)
    unexecuted: Sequence[str] = ()

    def add(self, tables: TableReconciler) -> None:
        """Add what the comparison of the tables has found."""
        self.last, self.noted, self.unexecuted = tables.last, tables.head.noted, tables.unexecuted

    def answer(self) -> Verification:
        """Return the result of the verification."""
        try:
            last = None if self.last is None else event_of(self.last.entry, self.last.digest)
        except LedgerDamaged as exc:  # without the seals an entry may hold anything under its digest
            last, self.problem = None, self.problem or _after(None, exc.problem)
        bad_entry, sentence = self.problem or (None, None)
        return Verification(
            ledger_id=self.ledger_id,
            seals_checked=self.seals_checked,
            entries=0 if last is None else last.seq,
            until=None if last is None else last.at,
            chain=GENESIS if last is None else last.digest,
            heads=self.heads,
            heads_authenticated=self.has_trusted and self.heads > 0,
            heads_given=self.heads_given,
            bad_entry=bad_entry,
            problem=sentence,
            scrub_due=self.scrub_due,
            key_changes=tuple(self.noted.get(EventKind.KEY_CHANGED, ())),
            clock_jumps=tuple(self.noted.get(EventKind.CLOCK_MOVED_BACK, ())),
            unexecuted=len(self.unexecuted),
            unexecuted_cases=tuple(self.unexecuted[:_MOST_NAMED]),
        )


_log = logging.getLogger(__name__)
_MOST_NAMED = 20
_HEADS_GONE = (
    "the signed heads in %s are gone, so that a return to an earlier state before now would not be noticed; a new file "
    "begins: if you did not move the old one away, compare the store with a backup"
)
_RESTORED = "if a backup was restored on purpose, move the file of heads away as evidence"


class _NewEntries:
    """The entries after a head, verified as they are read."""

    def __init__(self, snapshot: LedgerSnapshot, last: SignedHead | None, seals: Seals | None) -> None:
        self._snapshot, self._last = snapshot, last
        self._seals = None if seals is None else SealCheck(seals, from_start=False)
        self.head = START if last is None else Head(last.size, last.chain)

    def digests(self) -> Iterator[bytes]:
        """Yield the digests of the entries after the head. Raises `LedgerDamaged` at the first bad entry."""
        entries = self._snapshot.entries(max(self.head.seq - 1, 0))
        if self.head.seq:
            signed = next(entries, None)
            if signed is None or (signed.seq, signed.digest) != self.head:
                raise LedgerDamaged(f"entry {self.head.seq} is not the last entry of the last signed head; {_RESTORED}")
        for entry in entries:
            problem = entry_problem(entry, self.head, self._seals)
            if problem is not None:
                raise LedgerDamaged(problem)
            self.head = Head(entry.seq, entry.digest)
            yield bytes.fromhex(entry.digest)

    def check_end(self, ledger_id: str) -> None:
        """Raise `LedgerDamaged` if the head row states another end than that of the entries read."""
        row = next(self._snapshot.head_rows(), None)
        seals = None if self._seals is None or row is None else self._seals.seals_for(row.mac)
        check_end(row, self.head, ledger_id, seals)


def _of_heads(problem: str | None) -> Problem | None:
    return None if problem is None else (None, f"the signed heads: {problem}")


def _of_schema(defects: Sequence[SchemaDefect]) -> Problem | None:
    return (None, f"the schema: {defects[0].sentence}") if defects else None


def _after(last: Entry | None, why: str) -> Problem:
    good = 0 if last is None else last.seq
    return good + 1, f"after entry {good}, the last good one, {why}"


def _of_file(defect: str | None) -> Problem | None:
    return None if defect is None else (None, f"the file of the database is damaged: {defect}")

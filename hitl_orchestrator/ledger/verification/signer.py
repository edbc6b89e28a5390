"""The notary of a ledger: verifies it, signs where it ends, and proves what it says of a case."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import NamedTuple

from hitl_orchestrator.errors import LedgerDamaged, StoreUnavailable, UnknownCase
from hitl_orchestrator.ledger.events.chain import GENESIS, Entry, Head, event_of
from hitl_orchestrator.ledger.keys.signing import SigningKey
from hitl_orchestrator.ledger.ports.ledger import Ledger
from hitl_orchestrator.ledger.ports.snapshot import LedgerSnapshot
from hitl_orchestrator.ledger.verification.chain_check import START, Verification, entry_problem, walk
from hitl_orchestrator.ledger.verification.head_file import Headbook
from hitl_orchestrator.ledger.verification.merkle import Tree, consistency_proof
from hitl_orchestrator.ledger.verification.proofs import CaseProof, case_proof
from hitl_orchestrator.ledger.verification.reconcile import Problem, TableReconciler
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead, heads_problem, sign_head, tree_of

Clock = Callable[[], datetime]
_STEP = 1000


class LedgerSigner:
    """Verifies, signs and proves. Safe to share between threads."""

    def __init__(
        self, ledger: Ledger, clock: Clock, find_key: Callable[[], SigningKey], headbook: Headbook | None = None
    ) -> None:
        """`find_key` is called when something is first signed. `headbook` is where heads are kept, if anywhere."""
        self._ledger, self._clock, self._find_key, self.headbook = ledger, clock, find_key, headbook
        self._signing = Lock()
        self._last: SignedHead | None = None

    @cached_property
    def key(self) -> SigningKey:
        """The key that signs. Raises `InvalidKey`."""
        return self._find_key()

    def verify(
        self,
        heads: Sequence[SignedHead] = (),
        public: str | None = None,
        on_entries: Callable[[int], None] = lambda count: None,
    ) -> Verification:
        """Look through the whole ledger, hold the tables against it, and it against signed heads, the oldest first.

        Heads are checked with `public`, or without it with the key that they name. `on_entries` hears how many entries
        were read, and how many then compared. Nothing is written, and nothing is raised for what is found.
        """
        tables, agreed, opened = TableReconciler(), 0, False
        try:
            with self._ledger.books() as books:
                opened = True
                walked = walk(_counted(books.entries(), on_entries), heads, tables.hear)
                agreed = walked.heads
                found = walked.found or _about_heads(heads_problem(heads, public)) or tables.problem(books, on_entries)
                found = found or _about_file(next(books.faults(), None))
        except StoreUnavailable as exc:
            if not opened:
                raise
            good = 0 if tables.last is None else tables.last.seq
            found = good + 1, f"behind entry {good}, the last that was found good, reading failed: {exc.cause}"
        last = None if tables.last is None else event_of(tables.last.entry, tables.last.digest)
        bad_entry, sentence = found or (None, None)
        return Verification(
            entries=0 if last is None else last.seq,
            until=None if last is None else last.at,
            chain=GENESIS if last is None else last.digest,
            heads=agreed,
            bad_entry=bad_entry,
            problem=sentence,
        )

    def sign(self, *, only_new: bool = False) -> SignedHead | None:
        """Sign where the ledger ends, behind the last head, and add it to the headbook where there is one.

        What was written since the last head is looked through first. With `only_new` nothing is signed, and None
        returned, where nothing was written since.

        Raises:
            LedgerDamaged: the ledger is not what was signed last, or broken since.
            InvalidKey, HeadFileUnavailable, InvalidInput: nothing can be signed.
        """
        with self._signing:
            if self.headbook is None:
                made = self._made(self._last, only_new=only_new)
            else:
                made = self.headbook.add(lambda last: self._made(last, only_new=only_new))
            self._last = made or self._last
            return made

    def sign_now(self) -> SignedHead:
        """Sign where the ledger ends. Raises as `sign` does."""
        made = self.sign()
        if made is None:
            raise AssertionError("a head is always signed where it is not asked whether there is something new")
        return made

    def size(self) -> int:
        """Return how many entries there are."""
        return self._ledger.head().seq

    def unsigned(self) -> int:
        """Return how many entries were written since the last head of this process."""
        return self._ledger.head().seq - (0 if self._last is None else self._last.size)

    def prove(self, given_id: str) -> CaseProof:
        """Return a proof of all entries of a case, or of the latest attempt at a task, which stands alone.

        Raises as `sign` does, and `UnknownCase`.
        """
        case_id = self._ledger.find(given_id).case_id
        head = self.sign_now()
        with self._ledger.books() as books:
            entries = [entry for entry in books.of_case(case_id) if entry.seq <= head.size]
            if not entries:
                raise UnknownCase(case_id)
            said = books.contents(case_id)
            paths: dict[int, list[bytes]] = {entry.seq: [] for entry in entries}
            tree = Tree()
            for seq, digest in enumerate(books.digests(head.size), start=1):
                tree.append(bytes.fromhex(digest), path=paths.get(seq))
        if tree.finish().hex() != head.root:
            raise LedgerDamaged("its entries do not make the root that was signed")
        return case_proof(entries, list(paths.values()), head, said)

    def _made(self, last: SignedHead | None, *, only_new: bool) -> SignedHead | None:
        with self._ledger.books() as books:
            new = _Continuation(books, last)
            before = tree_of(last)
            extends, tree = consistency_proof(before.size, before.peaks, new.digests())
        if only_new and last is not None and tree.size == last.size:
            return None
        return sign_head(tree, new.head.digest, extends, before=last, at=self._clock(), key=self.key)


class Signing(NamedTuple):
    """Who signs the head of the ledger, and after how many entries, where there is a file of heads."""

    notary: LedgerSigner
    every: int = 1000


class _Continuation:
    """The entries behind a head, looked through while they are read."""

    def __init__(self, books: LedgerSnapshot, last: SignedHead | None) -> None:
        self._books, self._last = books, last
        self.head = START if last is None else Head(last.size, last.chain)

    def digests(self) -> Iterator[bytes]:
        """Yield the digests of the entries behind the head. Raises `LedgerDamaged` at the first bad one."""
        entries = self._books.entries(max(self.head.seq - 1, 0))
        if self.head.seq:
            signed = next(entries, None)
            if signed is None or (signed.seq, signed.digest) != self.head:
                raise LedgerDamaged(f"entry {self.head.seq} is not the one that the last signed head ends with")
        for entry in entries:
            problem = entry_problem(entry, self.head)
            if problem is not None:
                raise LedgerDamaged(problem)
            self.head = Head(entry.seq, entry.digest)
            yield bytes.fromhex(entry.digest)


def _about_heads(problem: str | None) -> Problem | None:
    return None if problem is None else (None, f"the signed heads: {problem}")


def _about_file(fault: str | None) -> Problem | None:
    return None if fault is None else (None, f"the file of the database is damaged: {fault}")


def _counted(entries: Iterator[Entry], on_entries: Callable[[int], None]) -> Iterator[Entry]:
    number = 0
    for number, entry in enumerate(entries, start=1):
        yield entry
        if number % _STEP == 0:
            on_entries(_STEP)
    on_entries(number % _STEP)

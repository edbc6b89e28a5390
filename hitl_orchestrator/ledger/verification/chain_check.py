"""Verification of the hash chain, entry by entry, in one pass and in constant memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import UtcDatetime, Value, canonical_json, read_canonical
from hitl_orchestrator.errors import LedgerDamaged
from hitl_orchestrator.ledger.events.chain import GENESIS, Entry, Head, event_of
from hitl_orchestrator.ledger.keys.mac import SealCheck
from hitl_orchestrator.ledger.verification.merkle import Tree
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead

_Item = TypeVar("_Item")

START = Head(0, GENESIS)
COUNTED_AT_ONCE = 1000
"""The number of items after which a progress is reported."""
_KINDS = frozenset(kind.value for kind in EventKind)
_KEY_CHANGED = EventKind.KEY_CHANGED.value


class Verification(Value):
    """The result of a verification. `problem` names the first bad entry or row; None means that there is none.

    `ledger_id` is None if the head row does not state it. `seals_checked` tells whether there was a key to verify seals
    with. `entries` is the number of good entries, the last of them written at `until`; `heads` is the number of signed
    heads that agree with them, of `heads_given`, and `heads_authenticated` whether there was a key to trust to verify
    them with; else any key may have signed them. `scrub_due` are the redacted cases of which the database may still
    hold copies.
    `unexecuted` is the number of calls that were approved and never carried out, which need not be wrong; some of their
    cases are `unexecuted_cases`.
    `key_changes` and `clock_jumps` are the numbers of the entries at which the key changed, or the clock moved back.
    """

    ledger_id: str | None
    seals_checked: bool
    entries: int
    until: UtcDatetime | None
    chain: str
    heads: int = 0
    heads_given: int = 0
    heads_authenticated: bool = False
    bad_entry: int | None = None
    problem: str | None = None
    scrub_due: tuple[str, ...] = ()
    key_changes: tuple[int, ...] = ()
    clock_jumps: tuple[int, ...] = ()
    unexecuted: int = 0
    unexecuted_cases: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether there is no problem."""
        return self.problem is None


class Walk(NamedTuple):
    """The end of the unbroken chain, the number of agreeing heads, and the first bad entry with the reason."""

    head: Head
    heads: int
    problem: tuple[int | None, str] | None = None


def walk(
    entries: Iterable[Entry],
    heads: Sequence[SignedHead] = (),
    on_entry: Callable[[Entry], None] | None = None,
    start: Head = START,
    seals: SealCheck | None = None,
) -> Walk:
    """Follow the chain from `start` to its end or its first break, and compare it with signed heads.

    Heads require the chain from its beginning. `on_entry` is called with every good entry. With `seals`, a good entry
    has the seal of the key that was valid for it.
    """
    head, tree = start, Tree() if heads else None
    agreed = [mark for mark in heads if not mark.size]
    marks = sorted((mark for mark in heads if mark.size), key=lambda mark: mark.size, reverse=True)
    for entry in entries:
        problem = entry_problem(entry, head, seals)
        if problem is not None:
            return Walk(head, len(agreed), (_number(entry, head), problem))
        head = Head(entry.seq, entry.digest)
        if tree is not None:
            tree.append(bytes.fromhex(entry.digest))
            while marks and marks[-1].size == head.seq:
                mark = marks.pop()
                if (mark.chain, mark.root) != (head.digest, tree.root.hex()):
                    return Walk(head, len(agreed), (head.seq, _other_history(mark, agreed)))
                agreed.append(mark)
        if on_entry is not None:
            on_entry(entry)
    if marks:
        return Walk(head, len(agreed), (head.seq + 1, _cut_off(marks[0], head)))
    return Walk(head, len(agreed))


def entry_problem(entry: Entry, before: Head, seals: SealCheck | None = None) -> str | None:
    """Return the problem with an entry after `before`; None for a valid one, whose seal is verified with `seals`.

    The canonical text ends with the values of the columns, so that a good entry need not be parsed.
    """
    seq, case_id, kind, text, stored, _ = entry
    case = "null" if case_id is None else f'"{case_id}"'
    end = f',"case_id":{case},"kind":"{kind}","previous":"{before.digest}","seq":{before.seq + 1}}}'
    if (
        seq == before.seq + 1
        and isinstance(text, str)
        and text.endswith(end)
        and sha256(text.encode(errors="replace")).hexdigest() == stored
        and kind in _KINDS
    ):
        if seals is None or (kind != _KEY_CHANGED and seals.accepts(seq, stored, entry.mac)):
            return None
        return _seal_problem(entry, seals)
    return next(_defects(entry, before), f"entry {entry.seq} does not have the form of a ledger entry")


def _seal_problem(entry: Entry, seals: SealCheck) -> str | None:
    try:
        change = event_of(entry.entry, entry.digest) if entry.kind == EventKind.KEY_CHANGED else None
        seals.check(entry.seq, entry.digest, entry.mac, change)
    except LedgerDamaged as exc:
        return exc.problem
    return None


def _defects(entry: Entry, before: Head) -> Iterator[str]:
    """Yield the defects of an entry, the most informative first."""
    seq, expected = entry.seq, before.seq + 1
    if not isinstance(seq, int) or seq < 1:
        yield f"the row after entry {before.seq} has the invalid number {seq!r}"
    elif seq != expected:
        yield _wrong_number(seq, before.seq)
    if not isinstance(entry.entry, str):
        yield f"entry {seq} has no text"
    content = _read(entry.entry)
    if content is None:
        yield f"entry {seq}: its text was altered: it is not canonical JSON"
        return
    if content.get("seq") != seq:
        yield f"entry {seq}: it has the text of entry {content.get('seq')}"
    digest = sha256(entry.entry.encode(errors="replace")).hexdigest()
    if digest != entry.digest:
        yield f"entry {seq}: its text or its digest was altered: they no longer match"
    if content.get("previous") != before.digest:
        yield f"entry {seq} does not follow entry {before.seq}: it was written after a different entry"
    for column, value in (("case_id", entry.case_id), ("kind", entry.kind)):
        if content.get(column) != value:
            yield f"entry {seq}: its {column} is {value!r} in the table and {content.get(column)!r} in its text"
    if entry.kind not in _KINDS:
        yield f"entry {seq} has a kind unknown to this version: {entry.kind!r}"


def _wrong_number(seq: int, last: int) -> str:
    if seq == last:
        return f"entry {seq} exists twice"
    if seq < last:
        return f"entry {seq} comes after entry {last}: the order was changed"
    return f"entry {last + 1} is missing: entry {seq} comes after entry {last}"


def _read(text: Any) -> dict[str, Any] | None:
    """Return the value of a canonical JSON object, None for any other text."""
    try:
        value = read_canonical(text)
        return value if isinstance(value, dict) and canonical_json(value) == text else None
    except (ValueError, TypeError, RecursionError):
        return None


def _number(entry: Entry, head: Head) -> int:
    """Return the number to report for a bad entry: its own, or the expected one."""
    return entry.seq if isinstance(entry.seq, int) and 0 < entry.seq <= head.seq else head.seq + 1


def _other_history(mark: SignedHead, agreed: Sequence[SignedHead]) -> str:
    since = max((head.size for head in agreed), default=0)
    return (
        f"entries {since + 1} to {mark.size} are not those of the head that was signed at {mark.at.isoformat()}: "
        "the ledger was rewritten, or is another one"
    )


def _cut_off(mark: SignedHead, head: Head) -> str:
    return (
        f"entry {head.seq + 1} is missing: the ledger ends with entry {head.seq}, and the head that was signed at "
        f"{mark.at.isoformat()} covers {mark.size} entries: the end was truncated"
    )


def counted(items: Iterable[_Item], on_items: Callable[[int], None]) -> Iterator[_Item]:
    """Yield items, and report their number from time to time."""
    number = 0
    for number, item in enumerate(items, start=1):
        yield item
        if number % COUNTED_AT_ONCE == 0:
            on_items(COUNTED_AT_ONCE)
    on_items(number % COUNTED_AT_ONCE)

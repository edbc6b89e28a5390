"""Whether the ledger is what was written, entry by entry, in one pass and in constant memory. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import UtcDatetime, Value, canonical_json, read_canonical
from hitl_orchestrator.ledger.events.chain import GENESIS, Entry, Head
from hitl_orchestrator.ledger.verification.merkle import Tree
from hitl_orchestrator.ledger.verification.tree_heads import SignedHead

START = Head(0, GENESIS)
_KINDS = frozenset(kind.value for kind in EventKind)


class Verification(Value):
    """What a verification found. `problem` names the first bad entry or row; None says that all is as it was written.

    `entries` are those that were found good, the last of them written at `until`; `heads` is how many signed heads
    agree with them.
    """

    entries: int
    until: UtcDatetime | None
    chain: str
    heads: int = 0
    bad_entry: int | None = None
    problem: str | None = None

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return self.problem is None


class Walk(NamedTuple):
    """How far an unbroken chain goes, how many heads agree with it, and what was found behind: an entry and why."""

    head: Head
    heads: int
    found: tuple[int | None, str] | None = None


def walk(
    entries: Iterable[Entry],
    heads: Sequence[SignedHead] = (),
    on_entry: Callable[[Entry], None] | None = None,
    start: Head = START,
) -> Walk:
    """Follow the chain from `start` to its end or its first break, holding it against signed heads on the way.

    Heads need the chain from its beginning. `on_entry` hears of every good entry.
    """
    head, tree = start, Tree() if heads else None
    agreed = [mark for mark in heads if not mark.size]
    marks = sorted((mark for mark in heads if mark.size), key=lambda mark: mark.size, reverse=True)
    for entry in entries:
        problem = entry_problem(entry, head)
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


def entry_problem(entry: Entry, before: Head) -> str | None:
    """Say what is wrong with an entry behind `before`; None where it is as it was written.

    The canonical text ends with what the columns repeat, so that a good entry is known without being read.
    """
    seq, case_id, kind, text, stored = entry
    whose = "null" if case_id is None else f'"{case_id}"'
    end = f',"case_id":{whose},"kind":"{kind}","previous":"{before.digest}","seq":{before.seq + 1}}}'
    if (
        seq == before.seq + 1
        and isinstance(text, str)
        and text.endswith(end)
        and sha256(text.encode(errors="replace")).hexdigest() == stored
        and kind in _KINDS
    ):
        return None
    return _what_is_wrong(entry, before)


def _what_is_wrong(entry: Entry, before: Head) -> str:
    return next(_faults(entry, before), f"entry {entry.seq} is not as this ledger writes entries")


def _faults(entry: Entry, before: Head) -> Iterator[str]:
    """Yield what is wrong with an entry, what tells most about what was done to it first."""
    seq, expected = entry.seq, before.seq + 1
    if not isinstance(seq, int) or seq < 1:
        yield f"a row behind entry {before.seq} has the number {seq!r}, which no entry has"
    elif seq != expected:
        yield _out_of_place(seq, before.seq)
    if not isinstance(entry.entry, str):
        yield f"entry {seq} has no text"
    said = _read(entry.entry)
    if said is None:
        yield f"entry {seq}: its text was changed: it is not canonical JSON"
        return
    if said.get("seq") != seq:
        yield f"entry {seq}: its place is taken by the text of entry {said.get('seq')}"
    digest = sha256(entry.entry.encode(errors="replace")).hexdigest()
    if digest != entry.digest:
        yield f"entry {seq}: its text was changed, or its digest: the text no longer has the digest that is stored"
    if said.get("previous") != before.digest:
        yield f"entry {seq} does not follow entry {before.seq}: the entry that it was written behind was another"
    for column, value in (("case_id", entry.case_id), ("kind", entry.kind)):
        if said.get(column) != value:
            yield f"entry {seq}: its {column} is {value!r} in the table and {said.get(column)!r} in its text"
    if entry.kind not in _KINDS:
        yield f"entry {seq} is of a kind that this version does not know: {entry.kind!r}"


def _out_of_place(seq: int, last: int) -> str:
    if seq == last:
        return f"entry {seq} stands there twice"
    if seq < last:
        return f"entry {seq} stands behind entry {last}: the order was changed"
    return f"entry {last + 1} is missing: entry {seq} stands behind entry {last}"


def _read(text: Any) -> dict[str, Any] | None:
    """Return what a text says if it is a canonical object."""
    try:
        said = read_canonical(text)
        return said if isinstance(said, dict) and canonical_json(said) == text else None
    except (ValueError, TypeError, RecursionError):
        return None


def _number(entry: Entry, head: Head) -> int:
    """Return the number that a bad entry is known by: its own, or that of the entry which should stand there."""
    return entry.seq if isinstance(entry.seq, int) and 0 < entry.seq <= head.seq else head.seq + 1


def _other_history(mark: SignedHead, agreed: Sequence[SignedHead]) -> str:
    since = max((one.size for one in agreed), default=0)
    return (
        f"entries {since + 1} to {mark.size} are not those of the head that was signed at {mark.at.isoformat()}: "
        "the ledger was written anew, or this is another one"
    )


def _cut_off(mark: SignedHead, head: Head) -> str:
    return (
        f"entry {head.seq + 1} is missing: the ledger ends with entry {head.seq}, and the head that was signed at "
        f"{mark.at.isoformat()} speaks of {mark.size} entries: its end was cut off"
    )

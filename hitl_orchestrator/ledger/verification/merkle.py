"""Merkle trees as RFC 9162 defines them: a root over entries, and proofs that fit on a page. Pure.

A tree grows leaf by leaf and keeps only its peaks, the roots of its perfect subtrees, so that a million leaves take
twenty digests of memory. What is asked to be proven is said before the leaves come.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf. Its prefix keeps a leaf from passing for a node."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that only grows. `size` is how many leaves it has."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Go on with a tree of that size, whose peaks these are, the largest first."""
        if len(peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(peaks)}")
        self.size = size
        self._peaks = list(peaks)
        # The paths that are being written, by the peak they have come to.
        self._paths: list[list[list[bytes]]] = [[] for _ in peaks]

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The roots of the perfect subtrees, the largest first."""
        return tuple(self._peaks)

    @property
    def root(self) -> bytes:
        """The Merkle tree hash of all leaves."""
        return root_of(self._peaks)

    def append(self, data: bytes, *, path: list[bytes] | None = None) -> None:
        """Add a leaf. `path`, where given, becomes its inclusion proof when `finish` is called."""
        peak, paths = sha256(b"\x00" + data).digest(), [] if path is None else [path]
        merges = self.size
        self.size += 1
        while merges & 1:
            left, lefts = self._peaks.pop(), self._paths.pop()
            if paths or lefts:
                _grow(lefts, peak)
                _grow(paths, left)
                paths = lefts + paths
            peak = sha256(b"\x01" + left + peak).digest()
            merges >>= 1
        self._peaks.append(peak)
        self._paths.append(paths)

    def follow_last_peak(self, path: list[bytes]) -> None:
        """Let `path` become the way from the smallest peak to the root: what a consistency proof is made of."""
        self._paths[-1].append(path)

    def finish(self) -> bytes:
        """Complete every path up to the root, and return the root. The tree does not grow after that."""
        if not self._peaks:
            return EMPTY
        right, paths = self._peaks[-1], self._paths[-1]
        for left, lefts in zip(reversed(self._peaks[:-1]), reversed(self._paths[:-1]), strict=True):
            _grow(lefts, right)
            _grow(paths, left)
            right, paths = node_hash(left, right), lefts + paths
        return right


def _grow(paths: Iterable[list[bytes]], sibling: bytes) -> None:
    for path in paths:
        path.append(sibling)


def root_of(peaks: Sequence[bytes]) -> bytes:
    """Return the root of a tree with these peaks, the largest first."""
    if not peaks:
        return EMPTY
    root = peaks[-1]
    for left in reversed(peaks[:-1]):
        root = node_hash(left, root)
    return root


def consistency_proof(size: int, peaks: Sequence[bytes], added: Iterable[bytes]) -> tuple[list[bytes], Tree]:
    """Return the proof that a tree of this size and these peaks was only added to, and the grown tree."""
    tree = Tree(size, peaks)
    path: list[bytes] = []
    # A whole tree needs no first node: whoever checks has its root.
    if size:
        tree.follow_last_peak(path)
    for data in added:
        tree.append(data)
    if tree.size == size or not size:
        return [], tree
    tree.finish()
    first = [] if size.bit_count() == 1 else [peaks[-1]]
    return first + path, tree


def is_included(data: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` proves that leaf number `index`, counted from 0, of a tree is `data` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last = index, size - 1
    found = leaf_hash(data)
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def is_extended(old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes]) -> bool:
    """Whether `path` proves that the tree `new` begins with the tree `old`, each size and root (RFC 9162, 2.1.4.2)."""
    (first, first_root), (second, second_root) = old, new
    if not 0 <= first <= second:
        return False
    if first in (0, second):
        # Every tree begins with the empty one, and with itself.
        return not path and (first_root == EMPTY if first == 0 else first_root == second_root)
    nodes = [first_root, *path] if first.bit_count() == 1 else list(path)
    if not nodes:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    begins = ends = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            begins, ends = node_hash(sibling, begins), node_hash(sibling, ends)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            ends = node_hash(ends, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and (begins, ends) == (first_root, second_root)

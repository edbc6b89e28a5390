"""Merkle trees of RFC 9162, with inclusion and consistency proofs.

A tree grows leaf by leaf and stores only its peaks, the roots of its perfect subtrees: a million leaves take twenty
digests of memory. A proof must therefore be requested before its leaves are appended.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf. Its prefix distinguishes it from a node."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """An append-only tree. `size` is the number of leaves."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Continue a tree of this size and with these peaks, the largest first."""
        if len(peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(peaks)}")
        self.size = size
        self._peaks = list(peaks)
        # The unfinished paths, by the peak that they have reached.
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
        """Append a leaf. `finish` completes `path` to its inclusion proof."""
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
        """Make `path` the path from the smallest peak to the root, from which a consistency proof is built."""
        self._paths[-1].append(path)

    def finish(self) -> bytes:
        """Complete every path and return the root. The tree must not grow afterwards."""
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
    """Return the grown tree, with the proof that it extends the tree of this size and these peaks."""
    tree = Tree(size, peaks)
    path: list[bytes] = []
    # A perfect tree needs no first node: the verifier has its root.
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
    node, last = index, size - 1
    result = leaf_hash(data)
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and result == root


def is_extended(old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes]) -> bool:
    """Whether `path` proves that the tree `new` extends the tree `old`, each size and root (RFC 9162, 2.1.4.2)."""
    (first, first_root), (second, second_root) = old, new
    if not 0 <= first <= second:
        return False
    if first in (0, second):
        # Every tree extends the empty one and itself.
        return not path and (first_root == EMPTY if first == 0 else first_root == second_root)
    nodes = [first_root, *path] if first.bit_count() == 1 else list(path)
    if not nodes:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_root = new_root = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_root, new_root = node_hash(sibling, old_root), node_hash(sibling, new_root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new_root = node_hash(new_root, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and (old_root, new_root) == (first_root, second_root)

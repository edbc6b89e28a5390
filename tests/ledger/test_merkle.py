"""Roots and proofs are those of RFC 9162: held to its definition, and to the vectors of Certificate Transparency."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_orchestrator.ledger.verification.merkle import (
    EMPTY,
    Tree,
    consistency_proof,
    is_extended,
    is_included,
    root_of,
)

# RFC 9162, section 2.1, word for word and as slow as it is written.


def split(size):
    return 1 << (size - 1).bit_length() - 1


def mth(leaves):
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def inclusion(m, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*inclusion(m, leaves[:k]), mth(leaves[k:])]
    return [*inclusion(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m, leaves, complete):
    if m == len(leaves):
        return [] if complete else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], complete), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def grown(leaves):
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree


def paths_of(leaves):
    tree, paths = Tree(), []
    for leaf in leaves:
        paths.append([])
        tree.append(leaf, path=paths[-1])
    tree.finish()
    return paths


some_leaves = st.lists(st.binary(max_size=3), min_size=1, max_size=40)

# The tree of the test vectors of Certificate Transparency, and its roots.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size):
    assert grown(CT_LEAVES[:size]).root.hex() == CT_ROOTS[size - 1]


def test_the_empty_tree_has_the_root_of_the_rfc():
    assert Tree().root == Tree().finish() == EMPTY == mth([])


@given(some_leaves)
def test_the_root_is_the_merkle_tree_hash(leaves):
    tree = grown(leaves)

    assert tree.root == tree.finish() == root_of(tree.peaks) == mth(leaves)


@given(some_leaves)
def test_every_leaf_has_the_inclusion_path_of_the_rfc(leaves):
    root, size = mth(leaves), len(leaves)

    for index, path in enumerate(paths_of(leaves)):
        assert path == inclusion(index, leaves)
        assert is_included(leaves[index], index, size, path, root)
        assert not is_included(leaves[index] + b"!", index, size, path, root)
        assert not is_included(leaves[index], index, size, [*path, root], root)
        assert not is_included(leaves[index], index, size, path, EMPTY)
        if path:
            assert not is_included(leaves[index], index, size, path[:-1], root)
            assert not is_included(leaves[index], index, size, [path[0][::-1], *path[1:]], root)


@given(st.lists(st.binary(min_size=2, max_size=2), min_size=2, max_size=40, unique=True), st.data())
def test_a_path_proves_no_other_index(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(-1, len(leaves) + 1).filter(lambda place: place != index))

    assert not is_included(leaves[index], other, len(leaves), paths_of(leaves)[index], mth(leaves))


@given(some_leaves, st.data())
def test_a_grown_tree_has_the_consistency_proof_of_the_rfc(leaves, data):
    first = data.draw(st.integers(1, len(leaves)))
    old = grown(leaves[:first])

    proof, tree = consistency_proof(first, old.peaks, leaves[first:])

    assert proof == subproof(first, leaves, True)
    assert (tree.size, tree.root) == (len(leaves), mth(leaves))
    assert is_extended((first, old.root), (len(leaves), tree.root), proof)


@given(some_leaves, st.data())
def test_an_altered_tree_has_no_consistency_proof(leaves, data):
    first = data.draw(st.integers(1, len(leaves)))
    changed = data.draw(st.integers(0, first - 1))
    old, other = mth(leaves[:first]), [*leaves]
    other[changed] += b"!"
    forged, tree = consistency_proof(first, grown(other[:first]).peaks, other[first:])

    assert not is_extended((first, old), (len(other), tree.root), forged)
    honest = subproof(first, leaves, True)
    assert not is_extended((first, old), (len(other), tree.root), honest)
    for spoiled in (honest[:-1], [*honest, old], [node[::-1] for node in honest]):
        if spoiled != honest:
            assert not is_extended((first, old), (len(leaves), mth(leaves)), spoiled)


def test_every_tree_extends_the_empty_one_and_none_a_larger_one():
    root = mth(CT_LEAVES)

    assert consistency_proof(0, (), CT_LEAVES)[0] == []
    assert is_extended((0, EMPTY), (8, root), [])
    assert is_extended((8, root), (8, root), [])
    assert not is_extended((0, root), (8, root), [])
    assert not is_extended((9, root), (8, root), [])
    assert not is_extended((3, mth(CT_LEAVES[:3])), (8, root), [])


def test_peaks_that_do_not_match_the_size_are_rejected():
    with pytest.raises(ValueError, match="a tree of 3 leaves has 2 peaks, not 1"):
        Tree(3, [EMPTY])

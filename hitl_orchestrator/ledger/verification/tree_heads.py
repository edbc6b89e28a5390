"""Signed heads: how far the ledger had come when, put where whoever holds the database cannot reach. Pure.

A head says how many entries there were, the digest of the last, and the Merkle root over the digests of all. It holds
the digest of the head before, and the proof that the ledger was only added to since then.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hitl_orchestrator.domain.value import UtcDatetime, Value, canonical_json, digest
from hitl_orchestrator.ledger.events.chain import GENESIS
from hitl_orchestrator.ledger.keys.signing import SigningKey, is_signed
from hitl_orchestrator.ledger.verification.merkle import Tree, is_extended, root_of

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class SignedHead(Value):
    """The state of a ledger, signed. `peaks` are the roots of the perfect subtrees, from which the tree can grow on."""

    form: Literal["hitl-ledger-head/1"] = "hitl-ledger-head/1"
    size: int = Field(ge=0)
    root: Digest
    chain: Digest
    at: UtcDatetime
    previous: Digest
    extends: tuple[Digest, ...]
    peaks: tuple[Digest, ...]
    key: Digest
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]

    @property
    def line(self) -> str:
        """The head as one line of a file."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """What the next head holds of this one."""
        return digest(self.model_dump(mode="json"))

    @property
    def signed_text(self) -> str:
        """What the signature is of: all but itself."""
        return canonical_json(self.model_dump(mode="json", exclude={"signature"}))


def sign_head(
    tree: Tree, chain: str, extends: Sequence[bytes], *, before: SignedHead | None, at: datetime, key: SigningKey
) -> SignedHead:
    """Return the signed head of a tree whose last entry has the digest `chain`."""
    draft = SignedHead(
        size=tree.size,
        root=tree.root.hex(),
        chain=chain,
        at=at,
        previous=GENESIS if before is None else before.digest,
        extends=tuple(node.hex() for node in extends),
        peaks=tuple(peak.hex() for peak in tree.peaks),
        key=key.public,
        signature="0" * 128,
    )
    return draft.model_copy(update={"signature": key.sign(draft.signed_text)})


def tree_of(head: SignedHead | None) -> Tree:
    """Return the tree that a head speaks of, to grow on; an empty one where there is none."""
    return Tree() if head is None else Tree(head.size, [bytes.fromhex(peak) for peak in head.peaks])


def head_problem(head: SignedHead, public: str | None) -> str | None:
    """Say why a head is not to be trusted; None where it is. Without a public key its own is believed."""
    if public is not None and head.key != public:
        return f"it is signed with the key {head.key[:12]}, and the one to trust is {public[:12]}"
    if not is_signed(head.signed_text, head.signature, head.key):
        return "its signature is not that of its key over what it says: it was changed, or forged"
    if len(head.peaks) != head.size.bit_count() or root_of(_nodes(head.peaks)).hex() != head.root:
        return "its peaks do not make its root"
    return None


def heads_problem(heads: Iterable[SignedHead], public: str | None) -> str | None:
    """Say what is wrong with the heads of a file, the oldest first; None where each extends the one before.

    The file may begin anywhere: of what stood before its first head only that head's word is known.
    """
    before: SignedHead | None = None
    for number, head in enumerate(heads, start=1):
        problem = head_problem(head, public)
        if problem is None and before is not None:
            problem = _break_between(before, head)
        if problem is not None:
            return f"head {number}, of {head.size} entries: {problem}"
        before = head
    return None


def _break_between(before: SignedHead, head: SignedHead) -> str | None:
    if head.previous != before.digest:
        return "it does not follow the head before it: one is missing, or there are two histories"
    old, new = (before.size, bytes.fromhex(before.root)), (head.size, bytes.fromhex(head.root))
    if not is_extended(old, new, _nodes(head.extends)):
        return "the ledger it speaks of does not begin with the one of the head before it"
    return None


def _nodes(texts: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]

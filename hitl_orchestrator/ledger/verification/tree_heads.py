"""Signed tree heads: the size of the ledger at a time, stored out of reach of the owner of the database.

A head has the number of entries, the digest of the last one, and the Merkle root over all digests. It contains the
digest of the previous head, and a proof that the ledger was only appended to since then.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hitl_orchestrator.domain.value import UtcDatetime, Value, canonical_json, digest
from hitl_orchestrator.errors import InvalidKey
from hitl_orchestrator.ledger.events.chain import GENESIS
from hitl_orchestrator.ledger.keys.signing import SigningKey, is_signed
from hitl_orchestrator.ledger.verification.merkle import Tree, is_extended, root_of

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
LedgerId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Signature = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class SignedHead(Value):
    """The signed state of a ledger. `peaks` are the roots of the perfect subtrees, from which the tree can grow.

    The first head under a new key has an `endorsement`: the signature of the same text with the previous key.
    """

    form: Literal["hitl-ledger-head/1"] = "hitl-ledger-head/1"
    ledger_id: LedgerId
    size: int = Field(ge=0)
    root: Digest
    chain: Digest
    at: UtcDatetime
    previous: Digest
    extends: tuple[Digest, ...]
    peaks: tuple[Digest, ...]
    key: Digest
    signature: Signature
    endorsement: Signature | None = None

    @property
    def line(self) -> str:
        """The head as one line of a file."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """The digest that the next head contains."""
        return digest(self.model_dump(mode="json"))

    @property
    def signed_text(self) -> str:
        """The signed text: all fields but the signatures."""
        return canonical_json(self.model_dump(mode="json", exclude={"signature", "endorsement"}))


def sign_head(
    tree: Tree,
    of: tuple[str, str],
    extends: Sequence[bytes],
    *,
    before: SignedHead | None,
    at: datetime,
    key: SigningKey,
) -> SignedHead:
    """Return the signed head of a tree, `of` the ledger with this id and this digest of the last entry.

    Raises:
        InvalidKey: the head `before` was signed with a key that is not among the retired ones of this key.
    """
    ledger_id, chain = of
    endorser = None if before is None or before.key == key.public else _endorser(before.key, key)
    draft = SignedHead(
        ledger_id=ledger_id,
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
    endorsement = None if endorser is None else endorser.sign(draft.signed_text)
    return draft.model_copy(update={"signature": key.sign(draft.signed_text), "endorsement": endorsement})


def _endorser(public: str, key: SigningKey) -> SigningKey:
    endorser = next((retired for retired in key.retired if retired.public == public), None)
    if endorser is None:
        why = f"the last head is signed with key {public[:12]}, and the first key here is {key.public[:12]}"
        raise InvalidKey("HITL_HEAD_KEY", f"{why}; put the retired key after it, which endorses the new one")
    return endorser


def tree_of(head: SignedHead | None) -> Tree:
    """Return the tree of a head, to append to; an empty one without a head."""
    return Tree() if head is None else Tree(head.size, [bytes.fromhex(peak) for peak in head.peaks])


def head_problem(head: SignedHead, public: str | None) -> str | None:
    """Return why a head cannot be trusted; None if it can. Without a public key its own is trusted."""
    if public is not None and head.key != public:
        return f"it is signed with the key {head.key[:12]}, and the trusted key is {public[:12]}"
    if not is_signed(head.signed_text, head.signature, head.key):
        return "its signature does not verify: it was altered or forged"
    if len(head.peaks) != head.size.bit_count() or root_of(_nodes(head.peaks)).hex() != head.root:
        return "its peaks do not add up to its root"
    return None


def foreign_problem(heads: Iterable[SignedHead], ledger_id: str | None) -> str | None:
    """Return the problem with heads that are not all of the ledger with this id; None if they are."""
    for number, head in enumerate(heads, start=1):
        if ledger_id is not None and head.ledger_id != ledger_id:
            return f"head {number} is of ledger {head.ledger_id}, and this is ledger {ledger_id}"
    return None


def heads_problem(heads: Iterable[SignedHead], public: str | None) -> str | None:
    """Return the problem with a sequence of heads, the oldest first; None if each extends the previous one.

    The file may begin with any head: it cannot prove what came before that one. The trusted key is that of any head:
    each earlier one is part of the next, and a new key is endorsed by the one before.
    """
    before: SignedHead | None = None
    heads = list(heads)
    trusted = None if any(head.key == public for head in heads) else public
    for number, head in enumerate(heads, start=1):
        problem = head_problem(head, trusted)
        if problem is None and before is not None:
            problem = _break_between(before, head)
        if problem is not None:
            return f"head {number}, of {head.size} entries: {problem}"
        before = head
    return None


def _break_between(before: SignedHead, head: SignedHead) -> str | None:
    if head.ledger_id != before.ledger_id:
        return f"it is of ledger {head.ledger_id}, and the previous head of ledger {before.ledger_id}"
    if head.key != before.key and not is_signed(head.signed_text, head.endorsement or "", before.key):
        return f"it is signed with the key {head.key[:12]}, which the key of the previous head does not endorse"
    if head.previous != before.digest:
        return "it does not follow the previous head: one is missing, or there are two histories"
    old, new = (before.size, bytes.fromhex(before.root)), (head.size, bytes.fromhex(head.root))
    if not is_extended(old, new, _nodes(head.extends)):
        return "its ledger does not extend the ledger of the previous head"
    return None


def _nodes(texts: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]

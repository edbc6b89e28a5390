"""Inclusion proofs of cases, verifiable with the proof itself and a public key."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal

from pydantic import Field

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import Identifier, Value, canonical_json, read_canonical
from hitl_orchestrator.ledger.events.chain import Entry
from hitl_orchestrator.ledger.events.contents import Contents, contents_of_values, named_in
from hitl_orchestrator.ledger.keys.signing import SigningKey, is_signed
from hitl_orchestrator.ledger.ports.snapshot import StoredContents
from hitl_orchestrator.ledger.verification.merkle import is_included
from hitl_orchestrator.ledger.verification.tree_heads import Digest, Signature, SignedHead, head_problem


class ProvenEntry(Value):
    """The text of an entry and its inclusion path (RFC 9162). The digest of the text is the leaf."""

    seq: int = Field(ge=1)
    entry: str
    path: tuple[Digest, ...]


class ProvenContents(Value):
    """The texts of a case: canonical JSON by digest, and the key of the digests."""

    key: Digest
    values: dict[Digest, str]


class CaseProof(Value):
    """All entries of a case up to a signed head, each with its inclusion path.

    `complete` is a signature under the key of the head: it says that these are all entries of the case up to the head.
    `contents` also prove the texts; they are None if the case was redacted or its texts are not disclosed.
    """

    form: Literal["hitl-case-proof/1"] = "hitl-case-proof/1"
    case_id: Identifier
    entries: tuple[ProvenEntry, ...] = Field(min_length=1)
    head: SignedHead
    complete: Signature
    contents: ProvenContents | None = None

    @property
    def claim(self) -> str:
        """The text that `complete` signs: the case, the head, and the number of every entry of the case."""
        numbers = [proven.seq for proven in self.entries]
        return canonical_json(
            {"form": "hitl-case-complete/1", "case_id": self.case_id, "head": self.head.digest, "entries": numbers}
        )


def case_proof(
    entries: Sequence[Entry],
    paths: Sequence[Sequence[bytes]],
    head: SignedHead,
    stored: StoredContents | None,
    key: SigningKey,
) -> CaseProof:
    """Assemble a proof under the key of the head, with the texts of the case if they exist."""
    proven = [
        ProvenEntry(seq=entry.seq, entry=entry.entry, path=tuple(node.hex() for node in path))
        for entry, path in zip(entries, paths, strict=True)
    ]
    contents = None
    if stored is not None:
        digests = [name for entry in entries for name in named_in(entry.entry)]
        contents = ProvenContents(key=stored.key, values=Contents(*stored).texts(digests))
    proof = CaseProof(
        case_id=entries[0].case_id or "", entries=tuple(proven), head=head, complete="0" * 128, contents=contents
    )
    return proof.model_copy(update={"complete": key.sign(proof.claim)})


def proof_problem(proof: CaseProof, public: str | None) -> str | None:
    """Return why a proof is invalid; None if its entries are those of the case in the ledger of its head.

    That there are no others is the signed word of the key's holder. Without a public key the one in the proof is used:
    the proof is then consistent, and may come from any person.
    """
    problem = head_problem(proof.head, public)
    if problem is not None:
        return f"its signed head: {problem}"
    if not is_signed(proof.claim, proof.complete, proof.head.key):
        return "an entry of the case was left out of it, or added: the signature of its list of entries does not verify"
    return _entries_problem(proof) or _contents_problem(proof)


def _entries_problem(proof: CaseProof) -> str | None:
    root, before = bytes.fromhex(proof.head.root), 0
    for proven in proof.entries:
        content = _read(proven.entry)
        if content is None or content.get("case_id") != proof.case_id or content.get("seq") != proven.seq:
            return f"entry {proven.seq} is not about case {proof.case_id!r}, or has another number"
        if proven.seq <= before:
            return f"entry {proven.seq} comes after entry {before}: the order was changed"
        leaf, path = sha256(proven.entry.encode()).digest(), [bytes.fromhex(node) for node in proven.path]
        if not is_included(leaf, proven.seq - 1, proof.head.size, path, root):
            return f"entry {proven.seq} is not part of the tree of the signed head: it was altered, or never recorded"
        before = proven.seq
    if _read(proof.entries[0].entry).get("kind") != EventKind.SUBMITTED:
        return f"entry {proof.entries[0].seq} is not the first of a case: the entry of its submission is missing"
    return None


def _contents_problem(proof: CaseProof) -> str | None:
    if proof.contents is None:
        return None
    return contents_of_values(proof.contents.key, proof.contents.values).problem(
        name for proven in proof.entries for name in named_in(proven.entry)
    )


def _read(text: str) -> Any:
    try:
        value = read_canonical(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None

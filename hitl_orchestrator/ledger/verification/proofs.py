"""Inclusion proofs of cases, verifiable with the proof itself and a public key."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal

from pydantic import Field

from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.value import Identifier, Value, read_canonical
from hitl_orchestrator.ledger.events.chain import Entry
from hitl_orchestrator.ledger.events.contents import Contents, named_in
from hitl_orchestrator.ledger.ports.snapshot import StoredContents
from hitl_orchestrator.ledger.verification.merkle import is_included
from hitl_orchestrator.ledger.verification.tree_heads import Digest, SignedHead, head_problem


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

    `contents` also prove the texts; they are None if the case was redacted or its texts are not disclosed.
    """

    form: Literal["hitl-case-proof/1"] = "hitl-case-proof/1"
    case_id: Identifier
    entries: tuple[ProvenEntry, ...] = Field(min_length=1)
    head: SignedHead
    contents: ProvenContents | None = None


def case_proof(
    entries: Sequence[Entry], paths: Sequence[Sequence[bytes]], head: SignedHead, stored: StoredContents | None
) -> CaseProof:
    """Assemble a proof, with the texts of the case if they exist."""
    proven = [
        ProvenEntry(seq=entry.seq, entry=entry.entry, path=tuple(node.hex() for node in path))
        for entry, path in zip(entries, paths, strict=True)
    ]
    contents = None
    if stored is not None:
        digests = [name for entry in entries for name in named_in(entry.entry)]
        contents = ProvenContents(key=stored.key, values=Contents(*stored).texts(digests))
    return CaseProof(case_id=entries[0].case_id or "", entries=tuple(proven), head=head, contents=contents)


def proof_problem(proof: CaseProof, public: str | None) -> str | None:
    """Return why a proof is invalid; None if it proves that the ledger of its head contains each of its entries.

    It does not prove that the case has no other entries. Without a public key the one in the proof is trusted.
    """
    problem = head_problem(proof.head, public)
    if problem is not None:
        return f"its signed head: {problem}"
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
    return _contents_problem(proof)


def _contents_problem(proof: CaseProof) -> str | None:
    if proof.contents is None:
        return None
    body = "\n".join(name + text for name, text in proof.contents.values.items())
    return Contents(proof.contents.key, body).problem(
        name for proven in proof.entries for name in named_in(proven.entry)
    )


def _read(text: str) -> Any:
    try:
        value = read_canonical(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None

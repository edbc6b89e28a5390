"""A proof that a case stands in a ledger, which can be checked with nothing but itself and a public key. Pure."""

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
    """The text of an entry, and the way from it to the root (RFC 9162): the digest of the text is the leaf."""

    seq: int = Field(ge=1)
    entry: str
    path: tuple[Digest, ...]


class ProvenContents(Value):
    """What was said in a case: the canonical JSON of each value by its digest, and the key of these digests."""

    key: Digest
    values: dict[Digest, str]


class CaseProof(Value):
    """All entries of a case up to a signed head, each with its way to the root of that head.

    With the `contents` it also proves what was said; there are none where that was erased, or is not to be told.
    """

    form: Literal["hitl-case-proof/1"] = "hitl-case-proof/1"
    case_id: Identifier
    entries: tuple[ProvenEntry, ...] = Field(min_length=1)
    head: SignedHead
    contents: ProvenContents | None = None


def case_proof(
    entries: Sequence[Entry], paths: Sequence[Sequence[bytes]], head: SignedHead, said: StoredContents | None
) -> CaseProof:
    """Put a proof together, with what was said if it is still there."""
    proven = [
        ProvenEntry(seq=entry.seq, entry=entry.entry, path=tuple(node.hex() for node in path))
        for entry, path in zip(entries, paths, strict=True)
    ]
    contents = None
    if said is not None:
        named = [name for entry in entries for name in named_in(entry.entry)]
        contents = ProvenContents(key=said.key, values=Contents(*said).texts(named))
    return CaseProof(case_id=entries[0].case_id or "", entries=tuple(proven), head=head, contents=contents)


def proof_problem(proof: CaseProof, public: str | None) -> str | None:
    """Say why a proof proves nothing; None where it proves that each of its entries stands in the ledger of its head.

    That a case has no other entries is the word of whoever made the proof. Without a public key the one that the proof
    names is believed.
    """
    problem = head_problem(proof.head, public)
    if problem is not None:
        return f"its signed head: {problem}"
    root, before = bytes.fromhex(proof.head.root), 0
    for proven in proof.entries:
        said = _read(proven.entry)
        if said is None or said.get("case_id") != proof.case_id or said.get("seq") != proven.seq:
            return f"entry {proven.seq} is not about case {proof.case_id!r}, or says another number"
        if proven.seq <= before:
            return f"entry {proven.seq} stands behind entry {before}: the order was changed"
        leaf, path = sha256(proven.entry.encode()).digest(), [bytes.fromhex(node) for node in proven.path]
        if not is_included(leaf, proven.seq - 1, proof.head.size, path, root):
            return f"entry {proven.seq} does not lead to the root of the signed head: it was changed, or never there"
        before = proven.seq
    if _read(proof.entries[0].entry).get("kind") != EventKind.SUBMITTED:
        return f"entry {proof.entries[0].seq} is not the first of a case: the one that says what came in is missing"
    return _contents_problem(proof)


def _contents_problem(proof: CaseProof) -> str | None:
    if proof.contents is None:
        return None
    body = "\n".join(name + text for name, text in proof.contents.values.items())
    return Contents(proof.contents.key, body).problem(name for one in proof.entries for name in named_in(one.entry))


def _read(text: str) -> Any:
    try:
        said = read_canonical(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None

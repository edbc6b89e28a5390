"""The texts that seals are computed from, each kind with its own first line."""

from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.ledger.events.chain import HeadRow

_ROW_PREFIX = b"review 1\n"
_CLAIM = {"claimed_by", "claimed_since", "claimed_until", "delegated_by"}


def entry_message(seq: int, digest: str) -> bytes:
    """Return the text of an entry."""
    return f"entry 1\n{seq}\n{digest}".encode(errors="replace")


def head_message(row: HeadRow) -> bytes:
    """Return the text of the head row."""
    return f"head 1\n{row.seq}\n{row.digest}\n{row.governed}\n{row.latest}".encode(errors="replace")


def columns_message(what: str, values: tuple[object, ...]) -> bytes:
    """Return the text of some columns of a row."""
    return f"{what} 1\n{canonical_json(list(values))}".encode(errors="replace")


def review_message(row: StoredReview) -> bytes:
    """Return the canonical text of a row. Defaults are omitted, so that adding a field later changes no seal."""
    return (
        _ROW_PREFIX
        + canonical_json(row.model_dump(mode="json", exclude={"seal", *_CLAIM}, exclude_defaults=True)).encode()
    )

"""Authentication of review rows: a MAC over the whole row, under a key that is not in the database.

An attacker who can write the tables can write a decision, but cannot compute its seal: `KEY.MAC`, the id of the key
and the MAC of the row. For key rotation there may be several keys: the first one seals, all of them are accepted.
"""

import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from hashlib import sha256

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.lifecycle import ANSWERED
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import TamperedReview, UnknownSealKey

Mac = Callable[[bytes], bytes]
"""A message authentication code under one key, which cannot be computed without that key."""

_ROW_PREFIX = b"hitl-orchestrator review 1\n"
_KEY_ID_PREFIX = b"hitl-orchestrator name of this key 1\n"
_AFFINITY_PREFIX = b"hitl-orchestrator affinity 1\n"
_ANSWERS = tuple(EventKind(status.value) for status in ANSWERED)
_CLAIM = {"claimed_by", "claimed_since", "claimed_until", "delegated_by"}


def hmac_under(key: bytes) -> Mac:
    """Return HMAC-SHA256 under a key."""
    return lambda message: hmac.digest(key, message, "sha256")


def ephemeral_authenticator() -> "RowAuthenticator":
    """Return an authenticator under a new key that is not stored, for a store that ends with its process."""
    mac = hmac_under(secrets.token_bytes(32))
    return RowAuthenticator(lambda: (mac,))


class RowAuthenticator:
    """Seals rows with the first of its keys, and verifies rows that were sealed with any of them."""

    def __init__(self, keys: Callable[[], Sequence[Mac]]) -> None:
        """`keys` is called when a row is first sealed or verified: reading the ledger requires no key."""
        self._keys = keys

    def of(self, row: StoredReview) -> str:
        """Return the seal of a row, over every column but those of the claim."""
        name, mac = next(iter(self._named.items()))
        return f"{name}.{mac(_message(row)).hex()}"

    def sealed(self, row: StoredReview) -> StoredReview:
        """Return the row with its seal."""
        return row.model_copy(update={"seal": self.of(row)})

    def name_of(self, text: str) -> str:
        """Return a keyed digest of a text, which reveals nothing without the key."""
        return next(iter(self._named.values()))(_AFFINITY_PREFIX + text.encode()).hex()

    def check(self, row: StoredReview) -> None:
        """Verify the seal of a row.

        Raises:
            TamperedReview: the row was altered.
            UnknownSealKey: it was sealed with a key that is not configured.
        """
        name, _, expected = row.seal.partition(".")
        mac = self._named.get(name)
        if not expected:
            raise TamperedReview(row.review_id, "it has no seal")
        if mac is None:
            raise UnknownSealKey(row.review_id, name)
        if not hmac.compare_digest(mac(_message(row)).hex(), expected):
            raise TamperedReview(row.review_id, "its seal does not match the row")

    @cached_property
    def _named(self) -> dict[str, Mac]:
        return {sha256(mac(_KEY_ID_PREFIX)).hexdigest()[:16]: mac for mac in self._keys()}


def _message(row: StoredReview) -> bytes:
    """Return the canonical text of a row. Defaults are omitted, so that adding a field later changes no seal."""
    return (
        _ROW_PREFIX
        + canonical_json(row.model_dump(mode="json", exclude={"seal", *_CLAIM}, exclude_defaults=True)).encode()
    )


def check_recorded(row: StoredReview, events: Iterable[Event]) -> None:
    """Compare a row with the ledger: opened once, and answered once or not at all.

    This detects a row that was rolled back to an earlier state together with its seal.

    Raises:
        TamperedReview: the row and the ledger differ.
    """
    about = [event for event in events if event.body.get("review_id") == row.review_id]
    opened = [event.body["digest"] for event in about if event.kind is EventKind.REVIEW_OPENED]
    answered = [event.body.get("seal") for event in about if event.kind in _ANSWERS]
    if opened != [row.digest]:
        raise TamperedReview(row.review_id, "the ledger records another opening of it")
    if row.verdict is None and answered:
        raise TamperedReview(row.review_id, "the ledger records an answer to it, and the row has none")
    if row.verdict is not None and answered != [row.seal]:
        raise TamperedReview(row.review_id, "the ledger records another answer to it, or none")

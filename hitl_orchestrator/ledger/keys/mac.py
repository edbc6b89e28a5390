"""What makes a review ours: a keyed digest over the whole row, with a key that is not in the database. Pure.

Whoever can write the tables can write a decision, but cannot seal it. A seal is `KEY.MAC`: the id of the key, which
tells nothing about it, and the MAC of everything in the row. Several keys may be known, so that one can be replaced:
the first seals, and all of them are recognized.
"""

import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from hashlib import sha256

from hitl_orchestrator.domain.audit import Event
from hitl_orchestrator.domain.enums import EventKind
from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import TamperedReview

Mac = Callable[[bytes], bytes]
"""A message authentication code under one key: equal for equal messages, and beyond everybody without the key."""

_ABOUT = b"hitl-orchestrator review 1\n"
_NAME = b"hitl-orchestrator name of this key 1\n"
_AFFINITY = b"hitl-orchestrator affinity 1\n"
_ANSWERS = (
    EventKind.DECIDED,
    EventKind.VOTED,
    EventKind.ESCALATED,
    EventKind.EXPIRED,
    EventKind.CANCELED,
    EventKind.SUPERSEDED,
)
_CLAIM = {"claimed_by", "claimed_until", "delegated_by"}


def hmac_under(key: bytes) -> Mac:
    """Return HMAC-SHA256 under a key."""
    return lambda message: hmac.digest(key, message, "sha256")


def ephemeral_seals() -> "RowAuthenticator":
    """Return seals under a new key that nobody keeps: for a store that ends with its process."""
    mac = hmac_under(secrets.token_bytes(32))
    return RowAuthenticator(lambda: (mac,))


class RowAuthenticator:
    """RowAuthenticator rows with the first of its keys, and recognizes rows that were sealed with any."""

    def __init__(self, keys: Callable[[], Sequence[Mac]]) -> None:
        """`keys` is asked when a row is first sealed or checked: who only reads the ledger needs no key."""
        self._keys = keys

    def of(self, row: StoredReview) -> str:
        """Return the seal of a row: over every column, and all that is shown."""
        name, mac = next(iter(self._named.items()))
        return f"{name}.{mac(_message(row)).hex()}"

    def sealed(self, row: StoredReview) -> StoredReview:
        """Return the row with its seal."""
        return row.model_copy(update={"seal": self.of(row)})

    def name_of(self, text: str) -> str:
        """Return what names a text to whoever has the key, and tells nobody else what it is."""
        return next(iter(self._named.values()))(_AFFINITY + text.encode()).hex()

    def check(self, row: StoredReview) -> None:
        """Pass a row that is exactly as it was sealed.

        Raises:
            TamperedReview: it is not, or nobody here has the key it names.
        """
        name, _, given = row.seal.partition(".")
        mac = self._named.get(name)
        if not given:
            raise TamperedReview(row.review_id, "it bears no seal")
        if mac is None:
            raise TamperedReview(
                row.review_id, f"its key {name!r} is not known here; give the key that sealed it as well"
            )
        if not hmac.compare_digest(mac(_message(row)).hex(), given):
            raise TamperedReview(row.review_id, "its seal does not fit it")

    @cached_property
    def _named(self) -> dict[str, Mac]:
        return {sha256(mac(_NAME)).hexdigest()[:16]: mac for mac in self._keys()}


def _message(row: StoredReview) -> bytes:
    """Return the one text of a row. Defaults are left out, so that a field which is new later changes no seal."""
    return (
        _ABOUT + canonical_json(row.model_dump(mode="json", exclude={"seal", *_CLAIM}, exclude_defaults=True)).encode()
    )


def check_told(row: StoredReview, events: Iterable[Event]) -> None:
    """Pass a row of which the ledger tells just what it says itself: opened once, and answered once or not at all.

    This finds a row that was taken back to what it once was, seal and all.

    Raises:
        TamperedReview: the row and the ledger say different things.
    """
    about = [event for event in events if event.body.get("review_id") == row.review_id]
    opened = [event.body["digest"] for event in about if event.kind is EventKind.REVIEW_OPENED]
    answered = [event.body.get("seal") for event in about if event.kind in _ANSWERS]
    if opened != [row.digest]:
        raise TamperedReview(row.review_id, "the ledger tells of another opening of it")
    if row.verdict is None and answered:
        raise TamperedReview(row.review_id, "the ledger tells of an answer to it, and the answer is gone")
    if row.verdict is not None and answered != [row.seal]:
        raise TamperedReview(row.review_id, "the ledger tells of another answer to it, or of none")

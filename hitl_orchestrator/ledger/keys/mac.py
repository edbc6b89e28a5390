"""Seals of a ledger: MACs over its entries, its head row and its review rows, under keys that are not in the database.

An attacker who can write the tables can write an entry or a decision, but cannot compute its seal, the text
`hmac-sha256:KEY:MAC`, which names the key. Each ledger has its own keys, derived from the seal keys and its id, so that
no row of another ledger passes. For key rotation there may be several seal keys: the first one seals, all are accepted.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple
from uuid import uuid4

from hitl_orchestrator.domain.review import StoredReview
from hitl_orchestrator.domain.value import canonical_json
from hitl_orchestrator.errors import LedgerDamaged, TamperedReview, UnknownLedgerKey, UnknownSealKey
from hitl_orchestrator.ledger.events.chain import GENESIS, HeadRow

Mac = Callable[[bytes], bytes]
"""A message authentication code under one key, which cannot be computed without that key."""

_ALGORITHM = "hmac-sha256"
_KEY_ID_PREFIX = b"hitl-orchestrator name of this key 1\n"
_LEDGER_PREFIX = b"hitl-orchestrator key of ledger 1\n"
_ROW_PREFIX = b"review 1\n"
_AFFINITY_PREFIX = b"affinity 1\n"
_CLAIM = {"claimed_by", "claimed_since", "claimed_until", "delegated_by"}


def hmac_under(key: bytes) -> Mac:
    """Return HMAC-SHA256 under a key."""
    return lambda message: hmac.digest(key, message, "sha256")


def ephemeral_keys() -> "SealKeys":
    """Return a new key that is not stored, for a store that ends with its process."""
    mac = hmac_under(secrets.token_bytes(32))
    return SealKeys(lambda: (mac,))


class SealKeys:
    """The seal keys of an installation, the newest first. Several ledgers may share them."""

    def __init__(self, keys: Callable[[], Sequence[Mac]]) -> None:
        """`keys` is called when a row is first sealed or verified."""
        self._keys = keys

    @cached_property
    def named(self) -> dict[str, Mac]:
        """The keys by their ids. Raises `InvalidKey`."""
        return {sha256(mac(_KEY_ID_PREFIX)).hexdigest()[:16]: mac for mac in self._keys()}

    def new_ledger(self) -> HeadRow:
        """Return the sealed head row of a new ledger."""
        row = HeadRow(str(uuid4()), 0, GENESIS, GENESIS)
        return row._replace(mac=Seals(self, row.ledger_id).head(row))


class _Fault(NamedTuple):
    """Why a seal is not accepted. `key` is the id of a key that is not configured, if that is the reason."""

    why: str
    key: str | None = None


class Seals:
    """Seals the rows of one ledger with the first of its keys, and verifies rows that were sealed with any of them."""

    def __init__(self, keys: SealKeys, ledger_id: str) -> None:
        self._keys, self.ledger_id = keys, ledger_id

    def entry(self, seq: int, digest: str) -> str:
        """Return the seal of an entry. The digest of its text covers the text and the digest of the previous entry."""
        return self._seal(_entry_message(seq, digest))

    def check_entry(self, seq: int, digest: str, seal: object) -> None:
        """Verify the seal of an entry; `digest` is that of its text.

        Raises:
            LedgerDamaged: this ledger did not write the entry under this number.
            UnknownLedgerKey: it was sealed with a key that is not configured.
        """
        self._check(f"entry {seq!r}", _entry_message(seq, digest), seal)

    def head(self, row: HeadRow) -> str:
        """Return the seal of a head row."""
        return self._seal(_head_message(row))

    def check_head(self, row: HeadRow) -> None:
        """Verify the seal of a head row. Raises as `check_entry`."""
        self._check("the head row", _head_message(row), row.mac)

    def sealed(self, row: StoredReview) -> StoredReview:
        """Return a review row with its seal, over every column but those of the claim."""
        return row.model_copy(update={"seal": self._seal(_review_message(row))})

    def check_review(self, row: StoredReview) -> None:
        """Verify the seal of a review row.

        Raises:
            TamperedReview: the row was altered.
            UnknownSealKey: it was sealed with a key that is not configured.
        """
        fault = self._fault(_review_message(row), row.seal)
        if fault is not None and fault.key is not None:
            raise UnknownSealKey(row.review_id, fault.key)
        if fault is not None:
            raise TamperedReview(row.review_id, fault.why)

    def columns(self, what: str, *values: object) -> str:
        """Return the seal of some columns of a row that no entry records, such as those of a lease."""
        return self._seal(_columns_message(what, values))

    def is_of_columns(self, seal: object, what: str, *values: object) -> bool:
        """Whether this is the seal of these columns, under any of the keys."""
        # A value of another type than any column has, such as bytes, was not sealed.
        known = all(value is None or isinstance(value, str | int) for value in values)
        return known and self._fault(_columns_message(what, values), seal) is None

    def name_of(self, text: str) -> str:
        """Return a keyed digest of a text, which reveals nothing without the key."""
        return self._mac(self._newest, _AFFINITY_PREFIX + text.encode())

    def names_of(self, text: str) -> list[str]:
        """Return the digests of a text under all keys: that of `name_of` may be of an earlier one."""
        return [self._mac(name, _AFFINITY_PREFIX + text.encode()) for name in self._hashes]

    def _seal(self, message: bytes) -> str:
        return f"{_ALGORITHM}:{self._newest}:{self._mac(self._newest, message)}"

    def _check(self, what: str, message: bytes, seal: object) -> None:
        fault = self._fault(message, seal)
        if fault is not None and fault.key is not None:
            raise UnknownLedgerKey(what, fault.key)
        if fault is not None:
            raise LedgerDamaged(f"{what} was not written by this ledger: {fault.why}")

    def _fault(self, message: bytes, seal: object) -> _Fault | None:
        algorithm, _, rest = seal.partition(":") if isinstance(seal, str) else ("", "", "")
        name, _, expected = rest.partition(":")
        if algorithm != _ALGORITHM or not expected:
            return _Fault("it has no seal")
        if name not in self._hashes:
            return _Fault("its key is unknown", name)
        if not hmac.compare_digest(self._mac(name, message).encode(), expected.encode(errors="replace")):
            return _Fault("its seal does not match the row")
        return None

    def _mac(self, name: str, message: bytes) -> str:
        # Copying a keyed hash is cheaper than keying a new one.
        keyed = self._hashes[name].copy()
        keyed.update(message)
        return keyed.hexdigest()

    @cached_property
    def _newest(self) -> str:
        return next(iter(self._hashes))

    @cached_property
    def _hashes(self) -> dict[str, hmac.HMAC]:
        label = _LEDGER_PREFIX + self.ledger_id.encode(errors="replace")
        return {name: hmac.new(mac(label), digestmod="sha256") for name, mac in self._keys.named.items()}


def _entry_message(seq: int, digest: str) -> bytes:
    return f"entry 1\n{seq}\n{digest}".encode(errors="replace")


def _head_message(row: HeadRow) -> bytes:
    return f"head 1\n{row.seq}\n{row.digest}\n{row.governed}".encode(errors="replace")


def _columns_message(what: str, values: tuple[object, ...]) -> bytes:
    return f"{what} 1\n{canonical_json(list(values))}".encode(errors="replace")


def _review_message(row: StoredReview) -> bytes:
    """Return the canonical text of a row. Defaults are omitted, so that adding a field later changes no seal."""
    return (
        _ROW_PREFIX
        + canonical_json(row.model_dump(mode="json", exclude={"seal", *_CLAIM}, exclude_defaults=True)).encode()
    )
